import type { Buffer } from 'node:buffer';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { serviceDefinition } from '../../proto/services.ts';
import type { CertifiedNames } from '../snapshot/board.ts';
import { certifiedNames, type PeerNames } from './certified-names.ts';
import type { Unary } from './fetch.ts';
import {
  type Answer,
  compressedWhy,
  detailsOf,
  guarded,
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
  { limits, keepaliveTime, keepaliveTimeout, answerLimit }: TransportSettings,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Transport {
  const server = new Server({
    'grpc.max_receive_message_length': longestMessage(limits),
    'grpc.max_concurrent_streams': limits.connectionStreams,
    interceptors: [uncompressedOnly],
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': keepaliveTime,
    'grpc.keepalive_timeout_ms': keepaliveTimeout,
  });
  addServices(server, services, answerLimit);
  const injector = server.createConnectionInjector(credentials);
  return {
    inject: (socket: Socket) => injector.injectConnection(socket),
    shutdown: () => server.tryShutdown(() => {}),
    destroy: () => server.forceShutdown(),
  };
}

/**
 * Adds services to a server of whoever made it. Throws when it has one of them already.
 *
 * @param limit milliseconds that a caller may take to read an answer that counts as under way until then.
 */
export function addServices(server: Server, services: readonly RpcService[], limit = usualAnswerLimit): void {
  for (const { name, streams, unary } of services) {
    const bytes = serviceDefinition(name);
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, UntypedHandleCall> = {};
    for (const method of [...Object.keys(streams), ...Object.keys(unary)]) {
      const found = bytes[method];
      if (!found) throw new Error(`${name} has no method ${method}`);
      definition[method] = { ...found, responseSerialize: serialized };
      const [serve, answer] = [streams[method], unary[method]];
      if (answer) handlers[method] = unaryHandler(answer, limit);
      else if (serve) handlers[method] = found.requestStream ? streamHandler(serve) : oneRequestHandler(serve);
    }
    server.addService(definition, handlers);
  }
}

/** Sent at once after this returns, so all can share the frame's memory. */
function serialized(message: Message): Buffer {
  return 'frame' in message ? message.frame.withNonce(message.nonce) : message;
}

/** Refuses compressed requests. grpc-js keeps the encoding to itself, which the tests watch. */
const uncompressedOnly: ServerInterceptor = (_method, call) => {
  const { incomingEncoding: encoding = 'identity' } = call as { readonly incomingEncoding?: string };
  if (encoding !== 'identity') {
    const details = compressedWhy(encoding);
    // Once the call has begun.
    process.nextTick(() => call.sendStatus({ code: status.UNIMPLEMENTED, details }));
  }
  return new ServerInterceptingCall(call);
};

function unaryHandler(answer: Answer, limit: number) {
  return (call: ServerUnaryCall<Buffer, Message>, done: sendUnaryData<Message>): void => {
    const outcome = guarded(answer)(call.request, { certificate: certificateOf(call) });
    if ('kind' in outcome) {
      finish(done, outcome);
      return;
    }
    // Rejects never.
    void outcome.then(({ outcome: answered, left }) => {
      const read = unreadAfter(limit, { breakOff: () => breakOff(call) });
      const ended = (): void => {
        read();
        left();
      };
      // Comes at the end of every call that has been answered, unless the caller had gone before it was read.
      if (call.cancelled) ended();
      else call.once('cancelled', ended);
      finish(done, answered);
    });
  };
}

function finish(done: sendUnaryData<Message>, outcome: Unary<Message>): void {
  if (outcome.kind === 'answer') done(null, outcome.message);
  else done({ code: status[outcome.code], details: detailsOf(outcome.why) });
}

type Streaming = ServerDuplexStream<Buffer, Message> | ServerWritableStream<Buffer, Message>;

function streamHandler(serve: Serve) {
  return (call: ServerDuplexStream<Buffer, Message>): void => {
    const listener = serve({ ...streamOf(call), pause: () => call.pause(), resume: () => call.resume() });
    if (!listener) return;
    call.on('data', (bytes: Buffer) => listener.received(bytes));
    call.on('end', () => listener.finished());
    onClosed(call, reason => listener.closed(reason));
  };
}

/** For a method whose only request has come when it begins. */
function oneRequestHandler(serve: Serve) {
  return (call: ServerWritableStream<Buffer, Message>): void => {
    const listener = serve({ ...streamOf(call), pause: () => {}, resume: () => {} });
    if (!listener) return;
    onClosed(call, reason => listener.closed(reason));
    listener.received(call.request);
    listener.finished();
  };
}

function streamOf(call: Streaming): Omit<RpcStream, 'pause' | 'resume'> {
  return {
    peer: peerOf(call),
    certificate: certificateOf(call),
    write: (message, done) => void (done ? call.write(message, done) : call.write(message)),
    end: (code, message) => endCall(call, code, message),
    breakOff: () => breakOff(call),
  };
}

function onClosed(call: Streaming, closed: (reason: string) => void): void {
  let told = false;
  const tell = (reason: string): void => {
    if (!told) closed(reason);
    told = true;
  };
  call.on('error', (error: Error) => tell(error.message));
  call.on('cancelled', () => tell('the connection ended'));
  call.on('close', () => tell('the stream ended'));
}

function endCall(call: Streaming, code: RpcCode, message: string): void {
  const details = detailsOf(message);
  if (code === 'OK') call.end();
  else call.emit('error', { code: status[code], details, message: details });
}

/** Of grpc-js, which keeps these to itself; the tests watch them. */
interface Inner {
  readonly call?: Inner;
  readonly nextCall?: Inner;
  readonly stream?: Pick<ServerHttp2Stream, 'close'>;
}

function breakOff(call: object): void {
  for (let inner: Inner | undefined = call; inner; inner = inner.call ?? inner.nextCall) {
    inner.stream?.close(constants.NGHTTP2_CANCEL);
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
