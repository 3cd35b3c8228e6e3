import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { grpcTransport } from '../../src/xds/grpc-js.ts';
import { http2Transport } from '../../src/xds/http2/transport.ts';
import type { RpcService, Transport, TransportName, TransportSettings } from '../../src/xds/rpc.ts';
import { defaultXdsSettings } from '../../src/xds/service.ts';

/** Transports by themselves, without what xDS makes of them, and calls made by hand. */

export interface ServedRpc {
  readonly transport: Transport;
  readonly port: number;
  /** A connection of its own. @param window bytes that streams may be sent before they are read; Node's own if left out. */
  session(window?: number): Promise<ClientHttp2Session>;
}

export async function serveRpc(
  t: TestContext,
  name: TransportName,
  services: readonly RpcService[],
  settings: Partial<TransportSettings> = {},
): Promise<ServedRpc> {
  const made = name === 'http2' ? http2Transport : grpcTransport;
  const transport = made(services, { ...defaultXdsSettings, ...settings });
  const listener = createServer(socket => transport.inject(socket.on('error', () => {})));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  t.after(() => {
    transport.destroy();
    listener.close();
  });
  return {
    transport,
    port,
    async session(window) {
      const own = window === undefined ? {} : { settings: { initialWindowSize: window } };
      const session = connect(`http://127.0.0.1:${port}`, { ...own, maxSessionMemory: 100 });
      session.on('error', () => {});
      t.after(() => session.destroy());
      // What the server allows holds from when the client knows it.
      await once(session, 'remoteSettings');
      return session;
    },
  };
}

type Headers = Readonly<Record<string, string | undefined>>;

/** Opens a call of gRPC, or of what `more` makes of it. */
export function begin(session: ClientHttp2Session, path: string, more: Headers = {}): ClientHttp2Stream {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...more };
  const call = session.request(Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)));
  call.on('error', () => {});
  return call;
}

/** What a caller is told. */
export interface Outcome {
  /** Status of HTTP; 0 if the call was reset before. */
  readonly http: number;
  /** Status of gRPC; empty without one. */
  readonly status: string;
  readonly message: string;
  /** True if the status came in the headers of the response, as the only thing there is. */
  readonly alone: boolean;
  /** Code of HTTP/2 with which the stream has ended. */
  readonly reset: number;
  readonly bytes: Buffer;
}

/** What a call ends with, however it does. */
export async function ended(call: ClientHttp2Stream): Promise<Outcome> {
  const said = { http: 0, status: '', message: '', alone: false, bytes: Buffer.alloc(0) };
  const take = (headers: Readonly<Record<string, unknown>>): void => {
    said.http = Number(headers[':status'] ?? said.http);
    said.status = String(headers['grpc-status'] ?? said.status);
    said.message = decodeURI(String(headers['grpc-message'] ?? said.message));
  };
  call.on('response', (headers, flags) => {
    take(headers);
    said.alone = (flags & 1) === 1;
  });
  call.on('trailers', take);
  call.on('data', bytes => {
    said.bytes = Buffer.concat([said.bytes, bytes]);
  });
  if (!call.destroyed) await new Promise(resolve => call.once('close', resolve));
  return { ...said, reset: call.rstCode ?? 0 };
}
