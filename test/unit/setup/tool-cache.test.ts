import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { installTool, makeWorkFolder, requireSpace, toolFile, toolIsReady } from '../../../setup/tool-cache.mjs';

function toolFor(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'switchyard-tool-'));
  t.after(() => rmSync(root, { recursive: true }));
  return { root, name: 'thing', version: '1.2.3', file: 'thing' };
}

function source(content: string) {
  const calls: string[] = [];
  const fetch = async (folder: string): Promise<void> => {
    calls.push(folder);
    writeFileSync(join(folder, 'thing'), content);
  };
  return { calls, fetch };
}

test('a tool is fetched once', async t => {
  const tool = toolFor(t);
  const { calls, fetch } = source('program');
  assert.equal(toolIsReady(tool), false);
  await installTool(tool, fetch);
  assert.equal(toolIsReady(tool), true);
  assert.equal(readFileSync(toolFile(tool), 'utf8'), 'program');
  assert.equal(calls.length, 1);
});

test('a damaged one is seen and fetched again', async t => {
  const tool = toolFor(t);
  const { calls, fetch } = source('program');
  await installTool(tool, fetch);
  const damages = [
    () => truncateSync(toolFile(tool), 3),
    () => appendFileSync(toolFile(tool), '!'),
    () => {
      // Of the same size, as a bad disk or an interrupted copy leaves it.
      writeFileSync(toolFile(tool), 'PROGRAM');
      utimesSync(toolFile(tool), 1, 1);
    },
    () => rmSync(toolFile(tool)),
    () => rmSync(join(tool.root, '.tools', 'thing', '1.2.3'), { recursive: true }),
    () => writeFileSync(join(tool.root, '.tools', 'thing', '1.2.3', 'seal.json'), '{'),
  ];
  for (const [index, damage] of damages.entries()) {
    damage();
    assert.equal(toolIsReady(tool), false, damage.toString());
    await installTool(tool, fetch);
    assert.equal(toolIsReady(tool), true);
    assert.equal(readFileSync(toolFile(tool), 'utf8'), 'program');
    assert.equal(calls.length, index + 2, damage.toString());
  }
});

test('a copied checkout keeps its tools: their content is looked at, nothing is fetched', async t => {
  const tool = toolFor(t);
  const { calls, fetch } = source('program');
  await installTool(tool, fetch);
  const copy = { ...tool, root: join(tool.root, 'copy') };
  cpSync(join(tool.root, '.tools'), join(copy.root, '.tools'), { recursive: true });
  utimesSync(toolFile(copy), 1, 1);
  assert.equal(toolIsReady(copy), false);
  await installTool(copy, fetch);
  assert.equal(toolIsReady(copy), true);
  assert.equal(calls.length, 1);
});

test('a fetch that fails leaves nothing that could be taken for the tool', async t => {
  const tool = toolFor(t);
  const half = async (folder: string): Promise<void> => {
    writeFileSync(join(folder, 'thing'), 'prog');
    throw new Error('no network');
  };
  await assert.rejects(installTool(tool, half), /no network/);
  assert.equal(toolIsReady(tool), false);
  assert.equal(existsSync(toolFile(tool)), false);
  await assert.rejects(
    installTool(tool, async () => {}),
    /holds no thing/,
  );
  await installTool(tool, source('program').fetch);
  assert.equal(toolIsReady(tool), true);
});

test('too little disk is said before anything is fetched', t => {
  const { root } = toolFor(t);
  assert.throws(
    () => requireSpace(root, 1e12, 'A thing'),
    /^SetupFailure: A thing needs 1000000000000 MB of disk in .*, but \d+ MB are free: make room/,
  );
  requireSpace(root, 0, 'A thing');
});

test('a work folder is nobody else’s, and what was left in others is removed', t => {
  const { root } = toolFor(t);
  const of = (name: string) => readdirSync(join(root, '.tools', 'tmp')).filter(each => each.startsWith(`${name}.`));
  const left = makeWorkFolder(root, 'thing');
  const other = makeWorkFolder(root, 'thing-before');
  writeFileSync(join(left, 'half'), '');
  const mine = makeWorkFolder(root, 'thing');
  // Whoever is slow to end writes into what it knows.
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, 'late'), '');
  assert.deepEqual(readdirSync(mine), []);
  assert.equal(statSync(mine).mode & 0o777, 0o755);
  assert.equal(of('thing').length, 2);
  assert.ok(existsSync(other));
  makeWorkFolder(root, 'thing');
  assert.equal(of('thing').length, 1);
});
