import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { methodsOf } from '../methods.ts';
import {
  compressedWhy,
  longestMessage,
  type RpcService,
  type Serve,
  type Transport,
  type TransportSettings,
  usualAnswerLimit,
  warned,
} from '../rpc.ts';
import { type CallLimits, Http2Call } from './call.ts';
import { Connection } from './connection.ts';
import { timeoutOf } from './status.ts';

/** The transport over `node:http2`, with the little of gRPC that xDS needs. */
export function http2Transport(services: readonly RpcService[], settings: TransportSettings): Transport {
  return new Http2Transport(services, settings);
}

class Http2Transport implements Transport {
  readonly #settings: TransportSettings;
  /** By their paths. */
  readonly #methods: ReadonlyMap<string, Serve>;
  readonly #limits: CallLimits;
  readonly #connections = new Map<ServerHttp2Session, Connection>();
  /** Never listens: it is given its connections. */
  readonly #server;
  #closing = false;

  constructor(services: readonly RpcService[], settings: TransportSettings) {
    this.#settings = settings;
    const { limits, intake, answerLimit = usualAnswerLimit } = settings;
    this.#limits = { longest: longestMessage(limits), limit: answerLimit, intake };
    const methods = services.flatMap(service => methodsOf(service, answerLimit));
    this.#methods = new Map(methods.map(({ definition, serve }) => [definition.path, serve]));
    this.#server = createServer(optionsOf(limits));
    this.#server.on('session', session =>
      warned(
        () => this.#begin(session),
        () => session.destroy(undefined, constants.NGHTTP2_INTERNAL_ERROR),
      ),
    );
    this.#server.on('stream', (http, headers) =>
      warned(
        () => this.#serve(http, headers),
        () => http.close(constants.NGHTTP2_INTERNAL_ERROR),
      ),
    );
    // The connection is closed then, which is all that there is to do.
    this.#server.on('sessionError', () => {});
  }

  inject(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  shutdown(): void {
    this.#closing = true;
    for (const session of this.#connections.keys()) if (!session.closed) session.close();
  }

  destroy(): void {
    this.#closing = true;
    for (const session of this.#connections.keys()) session.destroy();
  }

  #begin(session: ServerHttp2Session): void {
    this.#connections.set(session, new Connection(session, this.#settings));
    session.once('close', () => this.#connections.delete(session));
    if (this.#closing) session.close();
  }

  #serve(http: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // The end that follows an error says all.
    http.on('error', () => {});
    const connection = http.session && this.#connections.get(http.session as ServerHttp2Session);
    const { 'content-type': type = '', 'grpc-encoding': encoding = 'identity', 'grpc-timeout': timeout } = headers;
    const isPost = headers[':method'] === 'POST';
    if (!connection || !isPost || !type.startsWith('application/grpc')) {
      http.respond({ ':status': isPost ? 415 : 405 }, { endStream: true });
      http.close();
      return;
    }
    const call = new Http2Call(http, connection, this.#limits);
    const path = headers[':path'] ?? '';
    const serve = this.#methods.get(path);
    const patience = typeof timeout === 'string' ? timeoutOf(timeout) : undefined;
    if (!serve) call.end('UNIMPLEMENTED', `there is no method ${path.slice(0, 256)}`);
    else if (encoding !== 'identity') call.end('UNIMPLEMENTED', compressedWhy(String(encoding)));
    else if (Number.isNaN(patience))
      call.end('INTERNAL', `grpc-timeout is not a time: ${String(timeout).slice(0, 32)}`);
    else {
      if (patience !== undefined) call.limit(patience);
      const listener = serve(call);
      if (listener) call.open(listener);
    }
  }
}

/**
 * What a client may do on a connection (P24). Where there is nothing here, nghttp2 has a bound of its own: of CONTINUATION
 * frames of one header block, and of answers to pings and settings that nobody reads.
 */
function optionsOf({ connectionStreams }: TransportSettings['limits']): ServerOptions {
  return {
    settings: {
      // A first request with its node is some 60 KB.
      initialWindowSize: 256 * 1024,
      maxConcurrentStreams: connectionStreams,
      maxHeaderListSize: 16 * 1024,
    },
    maxHeaderListPairs: 64,
    maxSessionInvalidFrames: 100,
    // A proxy with a stream for each cluster resets all of them when it no longer needs them.
    streamResetBurst: Math.max(1000, connectionStreams),
    streamResetRate: 100,
    // Streams, windows and what drivers write bound it; reaching it, Node would refuse streams and end them without a word.
    maxSessionMemory: 1_000_000,
  };
}
