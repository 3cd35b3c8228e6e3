import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { inTurns, limitSilentConnections } from './admin/connection-limit.ts';
import type { ServerTls } from './base/server-tls.ts';
import type { ListenAddress } from './settings.ts';
import type { Board } from './snapshot/board.ts';
import { answerRest, failure, isRestPath, type RestAnswer } from './xds/rest.ts';
import { followTls, namesOf, tlsOptions } from './xds/tls.ts';

/** A listener for Envoys that poll (R52). */
export interface RunningRest {
  readonly port: number;
  close(): Promise<void>;
}

/** A node lists its extensions, and a subscription its names. */
const MAX_BODY = 4 * 1024 * 1024;
/** Milliseconds. Polls of a proxy are seconds apart, and its connection should outlive that. */
const timeouts = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 300_000 };
/** A fleet, with a connection for each worker thread of its proxies. */
const MAX_SILENT = 16_384;

/** What it stands on. */
interface RestParts {
  readonly board: Board;
  /** Undefined: in plain text. */
  readonly tls: ServerTls | undefined;
  /** Is told of faults of ours. */
  readonly report: (message: string, error: unknown) => void;
}

/** Rejects with what to do when the address cannot be had. */
export async function startXdsRest(
  { host, port }: ListenAddress,
  { board, tls, report }: RestParts,
): Promise<RunningRest> {
  const listener: RequestListener = inTurns((request, response) => {
    answer(board, request, report).then(
      result => send(response, result),
      // The client went away while it spoke.
      () => response.destroy(),
    );
  });
  const server = tls
    ? createSecureServer({ ...timeouts, ...tlsOptions(tls, 'http/1.1') }, listener)
    : createServer(timeouts, listener);
  if (tls && 'setSecureContext' in server) followTls(server, tls);
  limitSilentConnections(server, MAX_SILENT);
  // Those in their handshake are none of the server's own yet.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', cause => {
      const remedy = 'choose another address with --xds-rest HOST:PORT';
      reject(new Error(`cannot listen for REST polls on ${host}:${port}: ${cause.message}; ${remedy}`, { cause }));
    });
    server.listen({ host, port }, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function answer(
  board: Board,
  request: IncomingMessage,
  report: (message: string, error: unknown) => void,
): Promise<RestAnswer> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  if (!isRestPath(path)) return failure(404, `there is no ${path.slice(0, 256)}; see /v3/discovery:clusters`);
  if (request.method !== 'POST') return failure(405, 'the method must be POST');
  // Web pages, which always say where they come from, have no business here (P28).
  if (request.headers.origin !== undefined) return failure(403, 'web pages are not answered');
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json\b/i.test(type)) return failure(415, 'the body must be application/json');
  const text = await bodyOf(request);
  if (text === undefined) return failure(413, `the body is longer than ${MAX_BODY} bytes`);
  try {
    const { headers, socket } = request;
    const certificate = socket instanceof TLSSocket ? namesOf(socket) : undefined;
    return answerRest(board, path, { host: headers.host, certificate, text });
  } catch (error) {
    report('a REST poll could not be answered', error);
    return failure(500, 'a fault of the control plane');
  }
}

/** Undefined when it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { status, body }: RestAnswer): void {
  if (response.destroyed) return;
  const close = status === 413 ? { connection: 'close' } : {};
  const allow = status === 405 ? { allow: 'POST' } : {};
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  response.writeHead(status, { ...type, ...close, ...allow });
  response.end(body);
}
