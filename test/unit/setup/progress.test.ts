import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createProgress } from '../../../setup/progress.mjs';

function recorder(isTTY: boolean) {
  let text = '';
  return {
    out: { isTTY, write: (more: string) => (text += more) },
    read: () => text,
  };
}

test('a log gets one line per step, with its seconds', async () => {
  const { out, read } = recorder(false);
  assert.equal(await createProgress(out).step('a thing', async () => 7), 7);
  assert.match(read(), /^ {2}a thing: done in \d+\.\d s\n$/);
});

test('a log of a long step shows that it goes on', async () => {
  const { out, read } = recorder(false);
  const progress = createProgress(out, { everyMs: 5 });
  await progress.step('a thing', async () => {
    while (!read().includes('…')) await sleep(1);
  });
  assert.match(read(), /^( {2}a thing … \d+\.\d s\n)+ {2}a thing: done in \d+\.\d s\n$/);
});

test('a terminal keeps to one line per step', async () => {
  const { out, read } = recorder(true);
  const progress = createProgress(out, { everyMs: 1000 });
  await progress.step('a thing', async () => {});
  assert.equal(read().split('\n').length, 2);
  assert.ok(read().includes('a thing … 0.0 s\r\x1b[K  a thing: done'), JSON.stringify(read()));
});

test('a step that fails says so and passes the failure on', async () => {
  const { out, read } = recorder(false);
  const failing = createProgress(out).step('a thing', async () => {
    throw new Error('no');
  });
  await assert.rejects(failing, /^Error: no$/);
  assert.match(read(), /^ {2}a thing: FAILED after \d+\.\d s\n$/);
});
