import type { Buffer } from 'node:buffer';
import { answerLimit, unreadAfter } from './calls.ts';
import type { PacedAnswer } from './client-status.ts';
import type { Unary } from './fetch.ts';

/** What is needed of a gRPC call. */
interface Call {
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'end' | 'close' | 'error' | 'cancelled', listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
  write(bytes: Buffer, done: () => void): unknown;
  end(): unknown;
}

/**
 * Streams on which each request has an answer, and the next is read when that has left. One whose answer nobody reads
 * is broken off, since it would keep room from others.
 */
export class AnswerStreams {
  readonly #calls = new Set<Call>();
  readonly #limit: number;

  /** @param limit milliseconds that the other side may take to read an answer. */
  constructor(limit = answerLimit) {
    this.#limit = limit;
  }

  /** @param refuse ends the call with a status. */
  serve(
    call: Call,
    answer: (bytes: Buffer) => Unary<Buffer> | Promise<PacedAnswer>,
    refuse: (refusal: Extract<Unary<Buffer>, { readonly kind: 'refused' }>) => void,
  ): void {
    /** Of the answer that is on its way. */
    let left = (): void => {};
    let read = (): void => {};
    const ended = (): void => {
      this.#calls.delete(call);
      read();
      left();
    };
    const send = (paced: PacedAnswer): void => {
      const { outcome } = paced;
      left = () => paced.left();
      if (!this.#calls.has(call)) {
        left();
      } else if (outcome.kind === 'refused') {
        ended();
        refuse(outcome);
      } else {
        read = unreadAfter(this.#limit, call);
        call.write(outcome.message, () => {
          read();
          left();
          call.resume();
        });
      }
    };
    call.on('data', bytes => {
      if (!this.#calls.has(call)) return;
      call.pause();
      const outcome = answer(bytes);
      if ('kind' in outcome) send({ outcome, left: () => {} });
      // Rejects never.
      else void outcome.then(send);
    });
    call.on('end', () => call.end());
    for (const event of ['close', 'error', 'cancelled'] as const) call.on(event, ended);
    this.#calls.add(call);
  }

  /** Ends all of them. */
  close(): void {
    for (const call of this.#calls) call.end();
    this.#calls.clear();
  }
}
