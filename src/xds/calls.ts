import type { Buffer } from 'node:buffer';
import { constants, type ServerHttp2Stream } from 'node:http2';
import {
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { CertifiedNames } from '../snapshot/board.ts';
import { certifiedNames, type PeerNames } from './certified-names.ts';
import type { PacedAnswer } from './client-status.ts';
import type { Unary } from './fetch.ts';

/** What the service needs of gRPC calls, whatever is called. */

export interface EndableCall {
  end(): unknown;
  emit(event: 'error', error: object): unknown;
}
export type UnaryHandler<Message> = (call: ServerUnaryCall<Buffer, Message>, done: sendUnaryData<Message>) => void;

/**
 * Refuses compressed requests: no client of ours compresses them, and a few thousand that inflate to the longest message
 * at the same time would take all memory (P24). grpc-js keeps the encoding to itself, which the tests watch.
 */
export const uncompressedOnly: ServerInterceptor = (_method, call) => {
  const { incomingEncoding: encoding = 'identity' } = call as { readonly incomingEncoding?: string };
  if (encoding !== 'identity') {
    const details = `requests compressed as ${encoding.slice(0, 32)} are not accepted: send them as they are`;
    // Once the call has begun.
    process.nextTick(() => call.sendStatus({ code: status.UNIMPLEMENTED, details }));
  }
  return new ServerInterceptingCall(call);
};

/** A fault of ours in one call must neither reach the others nor end the process. */
export function guarded<Message>(answer: (request: Buffer) => Unary<Message>): typeof answer {
  return request => {
    try {
      return answer(request);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: 'refused', code: 'INTERNAL', why: `a fault of the control plane: ${reason}` };
    }
  };
}

export function unary<Message>(
  answer: (request: Buffer, certificate: CertifiedNames | undefined) => Unary<Message>,
): UnaryHandler<Message> {
  return (call, done) => {
    const outcome = guarded((request: Buffer) => answer(request, certificateOf(call)))(call.request);
    if (outcome.kind === 'answer') done(null, outcome.message);
    else done({ code: status[outcome.code], details: detailsOf(outcome.why) });
  };
}

/** Milliseconds that the other side may take to read an answer, before its call is broken off. */
export const answerLimit = 120_000;

/** @param limit milliseconds until a call is broken off whose answer is not read. */
export function pacedUnary(
  answer: (request: Buffer, certificate: CertifiedNames | undefined) => Promise<PacedAnswer>,
  limit = answerLimit,
): UnaryHandler<Buffer> {
  return (call, done) => {
    // Rejects never.
    void answer(call.request, certificateOf(call)).then(({ outcome, left }) => {
      const read = unreadAfter(limit, call);
      const ended = (): void => {
        read();
        left();
      };
      // Comes at the end of every call that has been answered, unless the caller had gone before it was read.
      if (call.cancelled) ended();
      else call.once('cancelled', ended);
      if (outcome.kind === 'answer') done(null, outcome.message);
      else done({ code: status[outcome.code], details: detailsOf(outcome.why) });
    });
  };
}

export function endCall(call: EndableCall, code: keyof typeof status, message: string): void {
  const details = detailsOf(message);
  if (code === 'OK') call.end();
  else call.emit('error', { code: status[code], details, message: details });
}

/** Characters of a reason: a longer one would end the connection, for which headers are too long. */
const MAX_DETAILS = 4096;

/** What a status of gRPC can say. Halves of characters, such as what was cut off at a length leaves, are no text. */
function detailsOf(text: string): string {
  const shown = text.length > MAX_DETAILS ? `${text.slice(0, MAX_DETAILS)}…` : text;
  return shown.toWellFormed();
}

/** Of grpc-js, which keeps these to itself; the tests watch them. */
interface Inner {
  readonly call?: Inner;
  readonly nextCall?: Inner;
  readonly stream?: Pick<ServerHttp2Stream, 'close'>;
}

/** Breaks a call off after `limit` milliseconds. @returns what to call when its answer has been read before. */
export function unreadAfter(limit: number, call: object): () => void {
  const timer = setTimeout(() => breakOff(call), limit).unref();
  return () => clearTimeout(timer);
}

/** Breaks a call off at once, with what is on its way: a status would wait behind what the other side does not read. */
function breakOff(call: object): void {
  for (let inner: Inner | undefined = call; inner; inner = inner.call ?? inner.nextCall) {
    inner.stream?.close(constants.NGHTTP2_CANCEL);
  }
}

/** Address and port of the other side; undefined if that is unknown. */
export function peerOf(call: { getPeer(): string }): string | undefined {
  const peer = call.getPeer();
  return peer === 'unknown' ? undefined : peer;
}

/** Whom the certificate names that a call's connection was made with, if it was verified. */
export function certificateOf(call: {
  getAuthContext(): { sslPeerCertificate?: PeerNames };
}): CertifiedNames | undefined {
  const { sslPeerCertificate: certificate } = call.getAuthContext();
  return certificate && certifiedNames(certificate);
}

/** Says what to do when an address cannot be had. */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const remedies: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process listens there; end it or choose another address',
    EADDRNOTAVAIL: 'this machine has no such address; choose another',
    EACCES: 'this user may not listen there; choose a port from 1024',
  };
  const remedy = remedies[error.code ?? ''] ?? error.message;
  return new Error(`cannot listen for xDS on ${host}:${port}: ${remedy}`, { cause: error });
}

export function abort(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}
