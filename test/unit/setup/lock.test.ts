import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { withLock } from '../../../setup/lock.mjs';

const lockModule = new URL('../../../setup/lock.mjs', import.meta.url).href;

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-lock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A process that takes the lock, writes that it is in, does what `inside` says, and writes that it is out. */
function locker(t: TestContext, folder: string, name: string, inside: string): ChildProcess {
  const script = `
    import { appendFileSync } from 'node:fs';
    import { withLock } from ${JSON.stringify(lockModule)};
    const log = text => appendFileSync(${JSON.stringify(join(folder, 'log'))}, text + '\\n');
    const onWait = pid => log('${name} waits for ' + pid);
    await withLock(${JSON.stringify(join(folder, 'lock'))}, { onWait, pollMs: 10 }, async () => {
      log('${name} in');
      ${inside}
      log('${name} out');
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

function log(folder: string): readonly string[] {
  return existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8').trim().split('\n') : [];
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 10));
}

const untilInputEnds = "await new Promise(done => process.stdin.on('end', done).resume());";

test('a second process waits for the first, says for which, and comes after it', { timeout: 30_000 }, async t => {
  const folder = folderFor(t);
  const first = locker(t, folder, 'first', untilInputEnds);
  await until(() => log(folder).includes('first in'));
  const second = locker(t, folder, 'second', '');
  await until(() => log(folder).includes(`second waits for ${first.pid}`));
  first.stdin?.end();
  await once(second, 'exit');
  assert.deepEqual(log(folder), ['first in', `second waits for ${first.pid}`, 'first out', 'second in', 'second out']);
  assert.deepEqual(readdirSync(folder), ['log'], 'nothing of the lock is left');
});

test('several that contend for the lock of a killed process are in one at a time', { timeout: 60_000 }, async t => {
  const folder = folderFor(t);
  const killed = locker(t, folder, 'killed', untilInputEnds);
  await until(() => log(folder).includes('killed in'));
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  const names = ['a', 'b', 'c', 'd'];
  const pause = 'await new Promise(done => setTimeout(done, 20));';
  await Promise.all(names.map(name => once(locker(t, folder, name, pause), 'exit')));
  const entries = log(folder).filter(line => / (in|out)$/.test(line));
  assert.equal(entries.length, 1 + 2 * names.length);
  for (let i = 1; i < entries.length; i += 2) {
    assert.equal(entries[i]?.replace(/in$/, 'out'), entries[i + 1], `overlap in ${entries.join(', ')}`);
  }
});

test('the pid of an ended process that another has now does not hold the lock', async t => {
  const folder = folderFor(t);
  const path = join(folder, 'lock');
  mkdirSync(path);
  const owner = { pid: process.pid, host: hostname(), started: 'before this one', token: 'old' };
  writeFileSync(join(path, 'owner.json'), JSON.stringify(owner));
  const result = await withLock(path, { onWait: () => assert.fail('it waited') }, async () => 'done');
  assert.equal(result, 'done');
});

test("another machine's lock is not broken", async t => {
  const folder = folderFor(t);
  const path = join(folder, 'lock');
  mkdirSync(path);
  const owner = { pid: 1, host: `not-${hostname()}`, started: '1', token: 'far' };
  writeFileSync(join(path, 'owner.json'), JSON.stringify(owner));
  await assert.rejects(
    withLock(path, {}, async () => assert.fail('it got in')),
    /Another machine .* remove .*lock if it has ended/,
  );
});

test('work that throws releases the lock', async t => {
  const folder = folderFor(t);
  const path = join(folder, 'lock');
  await assert.rejects(
    withLock(path, {}, async () => {
      throw new Error('no');
    }),
    /^Error: no$/,
  );
  assert.equal(await withLock(path, {}, async () => 'next'), 'next');
});
