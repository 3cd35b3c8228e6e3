import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { freePort } from './ports.ts';

/** Values of `grpc-status` that are used here. */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
};

/** A gRPC server: answers every unary call with its name, and health checks as told. */
export interface GrpcBackend extends AsyncDisposable {
  readonly name: string;
  readonly address: string;
  /** Calls since the start, health checks apart. */
  readonly calls: number;
  /** Service names that health checks asked for. */
  readonly checked: readonly string[];
  /** Headers of the last health check. */
  readonly checkHeaders: Readonly<IncomingHttpHeaders>;
  /** Whether it says SERVING, by the service that is asked for. */
  serving(is: (service: string) => boolean): void;
  /** Status of the answers to calls. */
  fail(status: number): void;
}

const serving = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
const notServing = Buffer.from([0, 0, 0, 0, 2, 8, 2]);

export async function startGrpcBackend(name: string): Promise<GrpcBackend> {
  const port = await freePort();
  const server: Http2Server = createServer();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => {});
  let calls = 0;
  let isServing: (service: string) => boolean = () => true;
  let status = grpcStatus.ok;
  const checked: string[] = [];
  let checkHeaders: IncomingHttpHeaders = {};
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      if (headers[':path'] !== '/grpc.health.v1.Health/Check') {
        calls += 1;
        answer(stream, status === grpcStatus.ok ? Buffer.from([0, 0, 0, 0, 0]) : undefined, status, name);
        return;
      }
      const service = serviceOf(Buffer.concat(chunks));
      checked.push(service);
      checkHeaders = headers;
      answer(stream, isServing(service) ? serving : notServing, grpcStatus.ok, name);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    name,
    address: `127.0.0.1:${port}`,
    get calls() {
      return calls;
    },
    checked,
    get checkHeaders() {
      return checkHeaders;
    },
    serving: is => {
      isServing = is;
    },
    fail: code => {
      status = code;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise(resolve => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** `HealthCheckRequest { string service = 1 }` after the five bytes of the frame. */
function serviceOf(body: Buffer): string {
  return body[5] === 10 ? body.subarray(7, 7 + (body[6] ?? 0)).toString() : '';
}

function answer(stream: ServerHttp2Stream, message: Buffer | undefined, status: number, name: string): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc', 'x-backend': name };
  if (message === undefined) {
    stream.respond({ ...headers, 'grpc-status': String(status) }, { endStream: true });
    return;
  }
  stream.respond(headers, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(status) }));
  stream.end(message);
}

/** An answer over HTTP/2. */
export interface Http2Answer {
  readonly status: number;
  readonly by: string;
  readonly text: string;
  /** From headers or trailers. */
  readonly grpcStatus: number | undefined;
}

/** A connection of HTTP/2 without TLS. */
export interface Http2Client extends Disposable {
  ask(path: string, headers?: Readonly<Record<string, string | string[]>>, body?: Buffer): Promise<Http2Answer>;
  /** A unary gRPC call with an empty message. */
  call(path: string, headers?: Readonly<Record<string, string>>): Promise<Http2Answer>;
}

export function connectHttp2(port: number, host = '127.0.0.1'): Http2Client {
  const session = connect(`http://${host}:${port}`);
  session.on('error', () => {});
  const ask: Http2Client['ask'] = (path, headers = {}, body) => send(session, path, headers, body);
  return {
    ask,
    call: (path, headers) =>
      ask(
        path,
        { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ...headers },
        Buffer.from([0, 0, 0, 0, 0]),
      ),
    [Symbol.dispose]: () => session.destroy(),
  };
}

function send(
  session: ClientHttp2Session,
  path: string,
  headers: Readonly<Record<string, string | string[]>>,
  body: Buffer | undefined,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path, ...headers }, { endStream: body === undefined });
    let seen: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    stream.on('response', got => {
      seen = { ...seen, ...got };
    });
    stream.on('trailers', got => {
      seen = { ...seen, ...got };
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      const code = seen['grpc-status'];
      resolve({
        status: Number(seen[':status']),
        by: String(seen['x-backend'] ?? '-'),
        text: Buffer.concat(chunks).toString(),
        grpcStatus: code === undefined ? undefined : Number(code),
      });
    });
    if (body) stream.end(body);
  });
}
