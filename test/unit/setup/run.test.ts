import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const entry = join(import.meta.dirname, '..', '..', '..', 'setup', 'run.mjs');

function start(t: TestContext, args: readonly string[], options: { cwd?: string } = {}) {
  const child = spawn(process.execPath, [entry, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', chunk => {
    stdout += chunk;
  });
  child.stderr.on('data', chunk => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]: unknown[]) => ({ code, stdout, stderr }));
  return { child, ended };
}

test('an unknown task gets the list of tasks, and no stack', async t => {
  for (const args of [[], ['nonsense'], ['constructor']]) {
    const { code, stdout, stderr } = await start(t, args).ended;
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^usage: node setup\/run\.mjs TASK .*\n( {2}\w+ +.+\n)+$/);
  }
});

test('the task gets the arguments as they are, in the folder of the caller, and its exit code is passed on', async t => {
  const script = 'console.log(JSON.stringify([process.cwd(), ...process.argv.slice(1)])); process.exitCode = 7;';
  const cwd = realpathSync(tmpdir());
  const { code, stdout } = await start(t, ['node', '-e', script, '--', 'a b', '', '$HOME', '*'], { cwd }).ended;
  assert.deepEqual(JSON.parse(stdout), [cwd, 'a b', '', '$HOME', '*']);
  assert.equal(code, 7);
});

test('a signal ends the task too', async t => {
  const script = "process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1000); console.log(process.pid);";
  const { child, ended } = start(t, ['node', '-e', script]);
  const [printed]: unknown[] = await once(child.stdout, 'data');
  child.kill('SIGTERM');
  assert.equal((await ended).code, 3);
  assert.throws(() => process.kill(Number(String(printed)), 0), { code: 'ESRCH' });
});
