import { createServer } from 'node:net';

/** Below what Linux hands out for outgoing connections, and away from the ports that programs usually have. */
const lowest = 20_000;
const highest = 31_999;
/** Test processes that run side by side begin at different places. */
let next = lowest + ((process.pid * 101) % (highest - lowest));

/** A port that nobody listens on, on any address. Never the same twice in a process. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries <= highest - lowest; tries++) {
    next = next >= highest ? lowest : next + 1;
    const port = next;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${lowest} to ${highest} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    // Somebody who tries an old port again must not hold it up.
    server.on('connection', socket => socket.destroy());
    server.listen({ host: '0.0.0.0', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
