import type { Buffer } from 'node:buffer';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServiceDefinition,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import type { CertifiedNames } from '../snapshot/board.ts';
import { certifiedNames, type PeerNames } from './certified-names.ts';
import { breakOff, endOn, leave, writeMessage } from './http2-stream.ts';
import type { Intake } from './intake.ts';
import { methodsOf } from './methods.ts';
import {
  compressedWhy,
  detailsOf,
  longestMessage,
  type Message,
  type RpcCode,
  type RpcService,
  type RpcStream,
  type Serve,
  type Transport,
  type TransportSettings,
  unreadAfter,
  usualAnswerLimit,
} from './rpc.ts';

/** The transport over `@grpc/grpc-js`. */
export function grpcTransport(
  services: readonly RpcService[],
  { limits, intake, keepaliveTime, keepaliveTimeout, answerLimit = usualAnswerLimit }: TransportSettings,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Transport {
  const server = new Server({
    'grpc.max_receive_message_length': longestMessage(limits),
    'grpc.max_concurrent_streams': limits.connectionStreams,
    interceptors: [strict(intake, answerLimit)],
    'grpc.max_send_message_length': -1,
    // Nobody is served what it would count of each message.
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': keepaliveTime,
    'grpc.keepalive_timeout_ms': keepaliveTimeout,
  });
  addServices(server, services, answerLimit);
  const injector = server.createConnectionInjector(credentials);
  let closing = false;
  return {
    inject: (socket: Socket) => {
      if (closing) socket.destroy();
      else injector.injectConnection(socket);
    },
    shutdown: () => {
      closing = true;
      server.tryShutdown(() => {});
    },
    destroy: () => {
      closing = true;
      server.forceShutdown();
    },
  };
}

/**
 * Adds services to a server of whoever made it. Throws when it has one of them already.
 *
 * @param limit milliseconds that the other side may take to read what was written before the end of a call.
 */
export function addServices(server: Server, services: readonly RpcService[], limit = usualAnswerLimit): void {
  for (const service of services) {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, UntypedHandleCall> = {};
    for (const { name, definition: bytes, serve } of methodsOf(service, limit)) {
      // How many messages there may be is known to who serves it.
      definition[name] = { ...bytes, requestStream: true, responseStream: true, responseSerialize: serialized };
      handlers[name] = (call: Streaming) => open(new GrpcCall(call, limit), call, serve);
    }
    server.addService(definition, handlers);
  }
}

/** Sent at once after this returns, so all can share the frame's memory. */
function serialized(message: Message): Buffer {
  return 'frame' in message ? message.frame.withNonce(message.nonce) : message;
}

/** Of grpc-js, which keeps these to itself; the tests watch them. */
interface Inner {
  readonly call?: Inner;
  readonly nextCall?: Inner;
  readonly stream?: ServerHttp2Stream;
  readonly incomingEncoding?: string;
  readonly decoder?: Decoder;
}

/** How far it is with a message. */
interface Decoder {
  readonly readState: number;
  readonly readMessageSize: number;
  readonly readMessageRemaining: number;
}

/** Values of `readState`. */
const [atHead, inMessage] = [0, 2];

/** The part of a call that has its stream of HTTP/2. */
function innermost(call: object): Inner {
  let inner: Inner = call;
  for (let next: Inner | undefined = inner; next; next = inner.call ?? inner.nextCall) inner = next;
  return inner;
}

/** Refuses compressed requests and those that end within a message, and bounds what has come of messages. */
function strict(intake: Intake | undefined, limit: number): ServerInterceptor {
  return (_method, call) => {
    const { stream, decoder, incomingEncoding: encoding = 'identity' } = innermost(call);
    const refuse = (code: RpcCode, details: string): void => {
      call.sendStatus({ code: status[code], details });
      // Until that has been read, what comes still would be kept.
      if (stream) stream.once('close', unreadAfter(limit, { breakOff: () => breakOff(stream) }));
    };
    // Once the call has begun.
    if (encoding !== 'identity') process.nextTick(refuse, 'UNIMPLEMENTED', compressedWhy(encoding));
    else if (stream && decoder) {
      const { session = stream } = stream;
      const holding = intake?.stream(session, ({ message }) => refuse('RESOURCE_EXHAUSTED', message));
      stream.on('data', () => {
        const { readState, readMessageSize, readMessageRemaining } = decoder;
        holding?.holds(readState === inMessage ? readMessageSize - readMessageRemaining : 0);
      });
      stream.once('close', () => holding?.holds(0));
      stream.prependOnceListener('end', () => {
        if (decoder.readState !== atHead) refuse('INTERNAL', 'the stream ended within a message');
      });
    }
    return new StrictCall(call, stream);
  };
}

/**
 * Says first which encoding it understands, and writes messages itself: grpc-js would copy each. Passes everything else on,
 * of which grpc-js would make closures for each message.
 */
class StrictCall extends ServerInterceptingCall {
  readonly #call: ServerInterceptingCallInterface;
  readonly #http: ServerHttp2Stream | undefined;
  #begun = false;

  constructor(call: ServerInterceptingCallInterface, http: ServerHttp2Stream | undefined) {
    super(call);
    this.#call = call;
    this.#http = http;
  }

  override start(listener: Parameters<ServerInterceptingCallInterface['start']>[0]): void {
    this.#call.start(listener);
  }

  override sendMetadata(metadata: Metadata): void {
    this.#begun = true;
    metadata.set('grpc-accept-encoding', 'identity');
    this.#call.sendMetadata(metadata);
  }

  override sendMessage(message: Message, done: () => void): void {
    if (!this.#begun) this.sendMetadata(new Metadata());
    const http = this.#http;
    if (!http) this.#call.sendMessage(message, done);
    // It may have ended the stream for a status of its own, which is then the last that it says.
    else if (!http.destroyed && !http.closed && !http.writableEnded)
      writeMessage(http, message, error => (error ? breakOff(http) : done()));
  }

  override sendStatus(ending: Parameters<ServerInterceptingCallInterface['sendStatus']>[0]): void {
    this.#call.sendStatus(ending);
  }
}

type Streaming = ServerDuplexStream<Buffer, Message>;

function open(stream: GrpcCall, call: Streaming, serve: Serve): void {
  const listener = serve(stream);
  if (!listener) return;
  call.on('data', (bytes: Buffer) => {
    if (!stream.ended) listener.received(bytes);
  });
  call.on('end', () => {
    if (!stream.ended) listener.finished();
  });
  stream.onClosed(reason => listener.closed(reason));
}

/** One call. Of each, grpc-js says `cancelled` once: when its status has left, or never will. */
class GrpcCall implements RpcStream {
  readonly peer: string | undefined;
  readonly certificate: CertifiedNames | undefined;
  readonly #call: Streaming;
  readonly #http: ServerHttp2Stream | undefined;
  readonly #limit: number;
  #unread: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(call: Streaming, limit: number) {
    this.#call = call;
    this.#http = innermost(call).stream;
    this.#limit = limit;
    this.peer = peerOf(call);
    this.certificate = certificateOf(call);
  }

  /** True when it has ended: what its other side has said until then is not heard any more. */
  get ended(): boolean {
    return this.#ended || this.#http?.closed === true || this.#http?.destroyed === true;
  }

  onClosed(closed: (reason: string) => void): void {
    const http = this.#http;
    const session = http?.session;
    this.#call.once('cancelled', () => {
      clearTimeout(this.#unread);
      this.#ended = true;
      if (http) leave(http);
      closed(endOn(session));
    });
  }

  write(message: Message, done?: () => void): void {
    if (this.#ended) return;
    if (done) this.#call.write(message, done);
    else this.#call.write(message);
  }

  pause(): void {
    if (!this.#ended) this.#call.pause();
  }

  resume(): void {
    if (!this.#ended) this.#call.resume();
  }

  end(code: RpcCode, message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unread = setTimeout(() => this.breakOff(), this.#limit).unref();
    const details = detailsOf(message);
    // An error that it ends with may be none.
    this.#call.emit('error', { code: status[code], details, message: details });
  }

  breakOff(): void {
    this.#ended = true;
    if (this.#http) breakOff(this.#http);
  }
}

function peerOf(call: { getPeer(): string }): string | undefined {
  const peer = call.getPeer();
  return peer === 'unknown' ? undefined : peer;
}

/** Whom the certificate names that a call's connection was made with, if it was verified. */
function certificateOf(call: { getAuthContext(): { sslPeerCertificate?: PeerNames } }): CertifiedNames | undefined {
  const { sslPeerCertificate: certificate } = call.getAuthContext();
  return certificate && certifiedNames(certificate);
}
