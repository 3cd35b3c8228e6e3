import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

/** An address at which connections are neither accepted nor refused. */
export interface BlackHole extends AsyncDisposable {
  readonly address: string;
}

/**
 * A socket that listens and never accepts, with its queue full: the kernel then drops what asks for a connection, as a
 * machine that is gone would.
 */
export async function startBlackHole(): Promise<BlackHole> {
  const worker = new Worker(new URL(import.meta.url));
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const fillers: Socket[] = [];
  for (;;) {
    const filler = connect({ port, host: '127.0.0.1' });
    filler.on('error', () => {});
    fillers.push(filler);
    const connected = await Promise.race([
      new Promise(resolve => filler.once('connect', resolve)),
      pause(300, 'hangs'),
    ]);
    if (connected === 'hangs') break;
    if (fillers.length > 100) throw new Error('the queue of the listening socket does not fill');
  }
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const server = createServer();
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    const address = server.address();
    port.postMessage(typeof address === 'object' ? address?.port : undefined);
    // Nothing is accepted while this thread sleeps, which is until it is ended.
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
}
