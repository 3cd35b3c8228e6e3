import type { Buffer } from 'node:buffer';
import type { Board, CertifiedNames } from '../snapshot/board.ts';
import type { Outgoing } from './client-driver.ts';
import type { FrameEncoder } from './frame.ts';
import { codeOf, LimitError, type XdsLimits } from './limits.ts';
import { nonceOf } from './nonce.ts';
import { answerPoll } from './poll.ts';
import { RequestReader } from './request.ts';

/** What a unary call ends with: a message, or a status of gRPC with its reason. */
export type Unary<Message> =
  | { readonly kind: 'answer'; readonly message: Message }
  | {
      readonly kind: 'refused';
      readonly code:
        | 'INVALID_ARGUMENT'
        | 'NOT_FOUND'
        | 'PERMISSION_DENIED'
        | 'UNAVAILABLE'
        | 'RESOURCE_EXHAUSTED'
        | 'INTERNAL';
      readonly why: string;
    };

/** No acknowledgement follows, so one will do for all. */
const nonce = nonceOf('', 1);

/** The unary `Fetch…` methods of the discovery services (R53), over the same sets and frames as the streams. */
export class Fetches {
  readonly #board: Board;
  readonly #frames: FrameEncoder;
  readonly #limits: XdsLimits;
  readonly #limited: (error: LimitError) => void;
  readonly #reader: RequestReader;

  /** @param limited is told of requests that are more than the limits allow. */
  constructor(board: Board, frames: FrameEncoder, limits: XdsLimits, limited: (error: LimitError) => void) {
    this.#board = board;
    this.#frames = frames;
    this.#limits = limits;
    this.#limited = limited;
    this.#reader = new RequestReader(limits);
  }

  /** @throws when it is our fault. */
  answer(impliedType: string, bytes: Buffer, certificate: CertifiedNames | undefined): Unary<Outgoing> {
    try {
      const request = this.#read(bytes);
      if (typeof request === 'string') return { kind: 'refused', code: 'INVALID_ARGUMENT', why: request };
      const answer = answerPoll(this.#board.current, impliedType, request, certificate, this.#limits);
      if (answer.kind === 'refused') return answer;
      return { kind: 'answer', message: { frame: this.#frames.frame('sotw', answer.body), nonce } };
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      this.#limited(error);
      return { kind: 'refused', code: codeOf(error.limit), why: error.message };
    }
  }

  /** @returns why it is no request, if it is none. */
  #read(bytes: Buffer): ReturnType<RequestReader['sotw']> | string {
    try {
      return this.#reader.sotw(bytes);
    } catch (error) {
      if (error instanceof LimitError) throw error;
      return `the message is no DiscoveryRequest: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}
