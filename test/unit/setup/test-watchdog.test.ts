import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '../../support/temporary.ts';

const watchdog = new URL('../../../setup/test-watchdog.mjs', import.meta.url).href;

interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Runs a file of tests as the runner does, for `limit` milliseconds at most. */
function run(text: string, { minutes = 10, limit = 60_000 } = {}): Promise<Ran> {
  const file = join(temporaryDirectory(), 'some.test.mjs');
  writeFileSync(file, text);
  const env = { ...process.env, TEST_FILE_MINUTES: String(minutes), NODE_TEST_CONTEXT: '' };
  return new Promise(resolve => {
    const options = { env, timeout: limit, killSignal: 'SIGKILL' } as const;
    const child = execFile(process.execPath, ['--import', watchdog, file], options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, signal: child.signalCode, output: stdout + stderr }),
    );
  });
}

describe('the watchdog of a test file', () => {
  it('ends one whose hook never ends, and says what it still holds', async () => {
    const ran = await run(
      `import { spawn } from 'node:child_process';
       import { after, it } from 'node:test';
       after(() => new Promise(() => setInterval(() => {}, 1000)));
       it('passes', () => {
         const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
         process.once('exit', () => child.kill());
       });`,
      { minutes: 0.02 },
    );
    assert.equal(ran.code, 1);
    assert.match(ran.output, /✔ passes/);
    assert.match(ran.output, /some\.test\.mjs has not ended within 0\.02 minutes. It still holds: .*-e setInterval/);
  });

  it('ends one that waits before its first test', async () => {
    const { code, output } = await run('await new Promise(() => setInterval(() => {}, 1000));', { minutes: 0.02 });
    assert.equal(code, 1);
    assert.match(output, /has not ended/);
  });

  it('leaves the verdict as it is, after all hooks', async () => {
    const test = (assertion: string) => `import { after, it } from 'node:test';
      after(async () => { await new Promise(resolve => setTimeout(resolve, 100)); console.log('after'); });
      process.once('exit', () => console.log('exit'));
      it('is', () => { ${assertion} });`;
    const [passed, failed] = await Promise.all([run(test('')), run(test('throw new Error("no")'))]);
    assert.deepEqual([passed.code, failed.code], [0, 1]);
    for (const { output } of [passed, failed]) for (const seen of [/after/, /exit/]) assert.match(output, seen);
  });

  it('lets a file end that reset a connection while it was shut down', async () => {
    const { code, output } = await run(
      `import { once } from 'node:events';
       import { connect, createServer } from 'node:net';
       const server = createServer().listen(0, '127.0.0.1');
       await once(server, 'listening');
       const client = connect(server.address().port, '127.0.0.1').on('error', () => {});
       const [socket] = await once(server, 'connection');
       socket.on('error', error => console.log(error.message));
       socket.end();
       socket.resetAndDestroy();
       socket.destroy();
       server.close();
       client.destroy();`,
      { limit: 20_000 },
    );
    assert.deepEqual({ code, output }, { code: 0, output: 'reset EINVAL\n' });
  });
});
