import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { it } from 'node:test';

const ports = new URL('../../support/ports.ts', import.meta.url).href;

/** Takes ports without listening on them, says which, and ends when it is told to. */
const script = `
  const { freePort } = await import(${JSON.stringify(ports)});
  const given = [];
  for (let count = 0; count < 150; count++) given.push(await freePort());
  console.log(JSON.stringify(given));
  process.stdin.resume();`;

it('no two tests that run side by side are given the same port', { timeout: 60_000 }, async () => {
  const running = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  try {
    const given = await Promise.all(
      running.map(async ({ stdout }) => {
        const [line] = await once(createInterface(stdout), 'line');
        return JSON.parse(line) as readonly number[];
      }),
    );
    assert.equal(new Set(given.flat()).size, 6 * 150);
  } finally {
    for (const { stdin } of running) stdin.end();
  }
});
