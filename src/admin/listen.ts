import { createHash } from 'node:crypto';
import { lstat, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import { resolve as absolute } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { TlsOptions } from 'node:tls';

/** A port, 0 for any free one; or a socket of this machine, with the rights of its file. */
export type AdminAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string; readonly mode: number };

/** How to listen with TLS. */
export interface SecureListening {
  readonly options: TlsOptions;
  /** Lets new connections have what the certificate is by then. */
  follow(server: SecureServer): void;
}

/** As a flag says it. */
export function addressText(address: AdminAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  const { host, port } = address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Listens. @returns the port, 0 for a socket. @throws Error that names the address and the remedy when it cannot. */
export async function listen(server: Server | SecureServer, address: AdminAddress): Promise<number> {
  if (!('path' in address)) return listening(server, address);
  // Two that find the same dead socket would each take the other's away.
  using _turn = await turnAt(address.path);
  await makeWay(address.path);
  return await listening(server, address);
}

function listening(server: Server | SecureServer, address: AdminAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', cause => {
      const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
      reject(refusal(address, taken ? 'taken' : cause.message, cause));
    });
    const done = () => resolve('path' in address ? 0 : (server.address() as AddressInfo).port);
    if ('path' in address) listenOn(server, address, done);
    else server.listen(address.port, address.host, done);
  });
}

/** The file has its rights from the first moment on: they are what the mask leaves. */
function listenOn(server: Server, { path, mode }: { path: string; mode: number }, listening: () => void): void {
  const usual = process.umask(0o777 & ~mode);
  try {
    server.listen({ path }, listening);
  } finally {
    process.umask(usual);
  }
}

/** Milliseconds; and how often it is tried within them. */
const [longestTurn, between] = [2000, 10];

/**
 * One at a time on this machine: an abstract socket, a name of Linux without a file, which ends with its process. Nobody is
 * waited for longer than a moment, since any user may hold a name; elsewhere nobody is.
 */
async function turnAt(path: string): Promise<Disposable> {
  const nobody = { [Symbol.dispose]: () => {} };
  if (process.platform !== 'linux') return nobody;
  const until = performance.now() + longestTurn;
  for (;;) {
    const held = await hold(`\0switchyard ${createHash('sha256').update(absolute(path)).digest('hex')}`);
    if (held) return held;
    if (performance.now() >= until) return nobody;
    await pause(between);
  }
}

function hold(name: string): Promise<Disposable | undefined> {
  const holder = createServer(socket => socket.destroy());
  return new Promise(resolve => {
    holder.once('error', () => resolve(undefined));
    holder.listen({ path: name }, () => resolve({ [Symbol.dispose]: () => void holder.close() }));
  });
}

/** Takes away the socket of a server that is dead, and nothing else. */
async function makeWay(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  const address = { path, mode: 0 };
  if (!found.isSocket()) throw refusal(address, 'it is there, and no socket');
  if (await answers(path)) throw refusal(address, 'taken');
  await rm(path, { force: true });
}

/** Whether somebody listens; one that cannot be asked counts as somebody. */
function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}

function refusal(address: AdminAddress, why: string, cause?: Error): Error {
  const where = addressText(address);
  const remedy = `choose another with --admin ${'path' in address ? 'unix:PATH' : 'HOST:PORT'}`;
  const what =
    why === 'taken' ? `the admin address ${where} is taken` : `cannot listen on the admin address ${where} (${why})`;
  return new Error(`${what}: ${remedy}`, cause && { cause });
}
