import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { CertifiedNames } from '../snapshot/board.ts';
import type { EndCode, Outgoing } from './client-driver.ts';
import type { PacedAnswer } from './client-status.ts';
import { faultWords } from './fault.ts';
import type { Unary } from './fetch.ts';
import type { Intake } from './intake.ts';
import type { XdsLimits } from './limits.ts';

/** What services and transports need of each other: neither side knows more of the other than this. */

/** A message out: a response that many share, or bytes as they are. */
export type Message = Outgoing | Buffer;

/** A status of gRPC with which a call ends. */
export type RpcCode = EndCode | 'NOT_FOUND' | 'DEADLINE_EXCEEDED' | 'UNIMPLEMENTED';

/** Who calls. */
export interface Caller {
  /** Of the connection, such as `10.0.0.1:40312`; undefined if it is unknown. */
  readonly peer: string | undefined;
  /** Whom the client's certificate names; undefined without TLS. */
  readonly certificate: CertifiedNames | undefined;
}

/** A stream of a client, as services see it. */
export interface RpcStream extends Caller {
  /**
   * Messages leave in this order; `done` is called when the bytes have left the process, never before this has returned.
   * Of what will never leave it may not be called: then the end of the stream says so.
   */
  write(message: Message, done?: () => void): void;
  /** Holds up reading, so that the other side must wait by flow control. What has been read may still be received. */
  pause(): void;
  resume(): void;
  /** Ends it with a status, after all that was written. Does nothing when it has ended. */
  end(code: RpcCode, message: string): void;
  /** Ends it at once, with what is on its way: a status would wait behind what the other side does not read. */
  breakOff(): void;
}

/** What a service hears of a stream. A stream that is opened for one request hears that, and that nothing follows. */
export interface StreamListener {
  /** Not after the stream has been ended or broken off. */
  received(message: Buffer): void;
  /** The other side says no more; it may be answered still. */
  finished(): void;
  /** The stream has ended, whoever ended it, and what was written has been read or never will be. Comes once, and nothing after it. */
  closed(reason: string): void;
}

/** @returns undefined for a stream that has been ended at once. */
export type Serve = (stream: RpcStream) => StreamListener | undefined;

/** @throws when it is our fault, unless it promises an answer: then it never rejects. */
export type Answer = (request: Buffer, caller: Pick<Caller, 'certificate'>) => Unary<Message> | Promise<PacedAnswer>;

export interface RpcService {
  /** Full name, such as `grpc.health.v1.Health`. */
  readonly name: string;
  /** By their names in the API, which says whether they are streams. */
  readonly streams: Readonly<Record<string, Serve>>;
  readonly unary: Readonly<Record<string, Answer>>;
}

export const transportNames = ['grpc-js', 'http2'] as const;
export type TransportName = (typeof transportNames)[number];

export interface TransportSettings {
  readonly limits: Pick<XdsLimits, 'message' | 'connectionStreams'>;
  /** Bounds what has come of messages, of all streams together. Left out, nothing does. */
  readonly intake?: Intake;
  /** Milliseconds between pings, and until a connection without an answer to one is given up (P8). */
  readonly keepaliveTime: number;
  readonly keepaliveTimeout: number;
  /** Milliseconds that the other side may take to read what was written before the end of a call (P7). */
  readonly answerLimit?: number;
}

/** Speaks HTTP/2 and gRPC on connections that it is given. Whoever gives them closes them at last. */
export interface Transport {
  /** Takes a connection, with TLS after its handshake. */
  inject(socket: Socket): void;
  /** Says GOAWAY and takes no more streams; connections end when their streams have ended. */
  shutdown(): void;
  /** Ends all that there is, at once. */
  destroy(): void;
}

/** Does something for a call. A fault of ours in it ends the call, and neither reaches others nor ends the process. */
export function attempt(stream: Pick<RpcStream, 'end'>, act: () => void): void {
  try {
    act();
  } catch (error) {
    stream.end('INTERNAL', faultWords(error));
  }
}

/** The same where there is no call to say it to: the process warns of a fault, and `failed` follows. */
export function warned(act: () => void, failed: () => void = () => {}): void {
  try {
    act();
  } catch (error) {
    process.emitWarning(faultWords(error), { detail: error instanceof Error ? (error.stack ?? '') : '' });
    failed();
  }
}

/** The same of what answers. */
export function guarded<Arguments extends readonly unknown[], Result>(
  answer: (...given: Arguments) => Result,
): (...given: Arguments) => Result | Extract<Unary<never>, { readonly kind: 'refused' }> {
  return (...given) => {
    try {
      return answer(...given);
    } catch (error) {
      return { kind: 'refused', code: 'INTERNAL', why: faultWords(error) };
    }
  };
}

/** Milliseconds that the other side may take to read an answer, before its call is broken off. */
export const usualAnswerLimit = 120_000;

/** Breaks a call off after `limit` milliseconds. @returns what to call when its answer has been read before. */
export function unreadAfter(limit: number, call: Pick<RpcStream, 'breakOff'>): () => void {
  const timer = setTimeout(() => call.breakOff(), limit).unref();
  return () => clearTimeout(timer);
}

/** Bytes of a message that a transport takes: somewhat more than is allowed, so that we can say what is wrong. */
export function longestMessage({ message }: Pick<XdsLimits, 'message'>): number {
  return Math.ceil(message * 1.25);
}

/**
 * Why compressed requests are refused: no client of ours compresses them, and a few thousand that inflate to the longest
 * message at the same time would take all memory (P24).
 */
export function compressedWhy(encoding: string): string {
  return `requests compressed as ${encoding.slice(0, 32)} are not accepted: send them as they are`;
}

/** Characters of a reason: a longer one would end the connection, for which headers are too long. */
const MAX_DETAILS = 4096;

/** What a status of gRPC can say. Halves of characters, such as what was cut off at a length leaves, are no text. */
export function detailsOf(text: string): string {
  const shown = text.length > MAX_DETAILS ? `${text.slice(0, MAX_DETAILS)}…` : text;
  return shown.toWellFormed();
}
