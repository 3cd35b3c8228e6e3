import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { until } from '../../test/support/until.ts';
import type { DebianProgram } from './debian.ts';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  // Both give the signal to their workers; killed by force, they would leave them.
  for (const child of running) child.kill('SIGTERM');
});

/** Starts haproxy or nginx in the foreground, and waits until its port is open. @returns what ends it. */
export async function startProxy(
  { file, env }: DebianProgram,
  args: readonly string[],
  port: number,
): Promise<() => Promise<void>> {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-8192);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<void>(resolve => {
    child.once('error', error => {
      output += error.message;
      resolve();
    });
    child.once('exit', () => resolve());
  }).finally(() => running.delete(child));
  await Promise.race([
    until(`port ${port} is open`, () => isOpen(port)),
    ended.then(() => Promise.reject(new Error(`${file} ended:\n${output}`))),
  ]);
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
