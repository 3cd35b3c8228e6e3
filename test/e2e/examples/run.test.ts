import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ask } from '../../support/client.ts';
import { until } from '../../support/until.ts';
import { testTransport } from '../../support/xds-transport.ts';

const root = path.join(import.meta.dirname, '..', '..', '..');

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, ['examples/run.ts', ...args], {
    cwd: root,
    env: { ...process.env, SWITCHYARD_XDS_TRANSPORT: testTransport },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const kill = () => child.kill('SIGTERM');
  process.once('exit', kill);
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve));
  void ended.then(() => process.off('exit', kill));
  return { ended, output: () => output, end: () => child.kill('SIGINT') };
}

describe('npm run example', () => {
  it('runs an example with all that belongs to it, and ends it', async () => {
    // All of its ports are then below those that tests take.
    const offset = 200 + (process.pid % 1700);
    const run = start('story', '--port-offset', String(offset));
    try {
      await until('all is there', () => run.output().includes('Ctrl-C ends everything'), 60_000);
      const answer = await until('an application answers', async () => {
        const found = await ask(8000 + offset, '/hello', { to: '127.0.0.2' });
        return found.status === 200 && found;
      });
      assert.match(answer.text, /^10\.0\.0\.1[123] GET \/hello$/m);
    } finally {
      run.end();
    }
    assert.equal(await run.ended, 0, run.output());
    await assert.rejects(ask(8080 + offset, '/', { to: '127.0.0.11' }), /ECONNREFUSED/);
  });

  it('says which examples there are', async () => {
    const run = start('nothing');
    assert.equal(await run.ended, 1);
    assert.match(run.output(), /story/);
  });
});
