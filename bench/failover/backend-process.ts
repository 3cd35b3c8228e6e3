/**
 * A process of applications. It waits until it is told what to listen on, ends with its parent, answers requests after a
 * few milliseconds, and fails while it is told to.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { ToBackend } from './backends.ts';
import { watchStalls } from './stalls.ts';

/** Work that a request takes which does not say with `?work=MS`, so that a death meets some under way. */
const workMs = 25;

let status = 200;
let ending = false;

async function answer(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume();
  const work = /[?&]work=(\d+)/.exec(request.url ?? '')?.[1] ?? workMs;
  if (request.url !== '/health' && status === 200) await pause(Number(work));
  const connection = ending ? { connection: 'close' } : {};
  response.writeHead(status, { 'content-type': 'text/plain', 'x-backend': name, ...connection });
  response.end(`${name}\n`);
}

async function listen(name: string, port: number): Promise<Server> {
  const server = createServer((request, response) => void answer(name, request, response));
  // Whoever calls ends idle connections first.
  server.keepAliveTimeout = 120_000;
  server.on('connection', socket => socket.on('error', () => {}));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Short, so that it can be filled; long enough for what comes while the process is busy.
    server.listen({ host: '127.0.0.1', port, backlog: 64 }, resolve);
  });
  return server;
}

let servers: readonly Server[] = [];

async function serve({ listeners, startingMs }: Extract<ToBackend, { readonly kind: 'listen' }>): Promise<void> {
  if (startingMs > 0) status = 503;
  servers = await Promise.all(Object.entries(listeners).map(([name, port]) => listen(name, port)));
  process.send?.({ kind: 'listening' });
  if (startingMs === 0) return;
  await pause(startingMs);
  status = 200;
  process.send?.({ kind: 'ready' });
}

process.once('disconnect', () => process.exit());
process.on('message', (message: ToBackend) => {
  if (message.kind === 'listen') {
    void serve(message);
    return;
  }
  status = message.status;
  process.send?.({ kind: 'done' });
});
process.once('SIGTERM', () => {
  ending = true;
  for (const server of servers) server.close();
  // The channel to the parent is what keeps the process after its last answer.
  process.removeAllListeners('disconnect');
  process.disconnect();
});
watchStalls(stall => process.connected && process.send?.({ kind: 'stall', ...stall }));
process.send?.({ kind: 'waiting' });
