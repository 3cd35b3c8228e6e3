import { createServer, type Server } from 'node:net';

/** Below what Linux hands out for outgoing connections, and away from the ports that programs usually have. */
const lowest = 20_000;
const highest = 31_999;
/**
 * Processes take ports by the block, and hold the first one of each as long as they live: what one is about to listen on
 * would otherwise look free to another that runs beside it.
 */
const perBlock = 100;
const blocks = (highest - lowest + 1) / perBlock;
/** Processes begin at different places, so that nobody still calls at a port when its next owner listens. */
let nextBlock = (process.pid * 37) % blocks;
let ports: readonly number[] = [];
const held: Server[] = [];
let turn: Promise<unknown> = Promise.resolve();

/** A port that nobody listens on, on any address. Never the same twice in a process, nor in two that run side by side. */
export function freePort(): Promise<number> {
  const port = turn.then(takePort);
  turn = port.catch(() => {});
  return port;
}

async function takePort(): Promise<number> {
  for (;;) {
    const [port, ...more] = ports.length > 0 ? ports : await takeBlock();
    ports = more;
    if (port === undefined) continue;
    const server = await listen(port);
    if (server === undefined) continue;
    await new Promise(resolve => server.close(resolve));
    return port;
  }
}

/** The ports of a block that no other process has. */
async function takeBlock(): Promise<readonly number[]> {
  for (let tries = 0; tries < blocks; tries++) {
    const first = lowest + nextBlock * perBlock;
    nextBlock = (nextBlock + 1) % blocks;
    const server = await listen(first);
    if (server === undefined) continue;
    held.push(server.unref());
    return Array.from({ length: perBlock - 1 }, (_, index) => first + 1 + index);
  }
  throw new Error(`no block of ${perBlock} ports from ${lowest} to ${highest} is free`);
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    // Somebody who tries an old port again must not hold it up.
    server.on('connection', socket => socket.destroy());
    server.listen({ host: '0.0.0.0', port, exclusive: true }, () => resolve(server));
  });
}
