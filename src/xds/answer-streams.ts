import type { Buffer } from 'node:buffer';
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

/** Streams on which each request has an answer, and the next is read when that has left. */
export class AnswerStreams {
  readonly #calls = new Set<Call>();

  /** @param refuse ends the call with a status. */
  serve(
    call: Call,
    answer: (bytes: Buffer) => Unary<Buffer>,
    refuse: (refusal: Extract<Unary<Buffer>, { readonly kind: 'refused' }>) => void,
  ): void {
    const ended = (): void => void this.#calls.delete(call);
    call.on('data', bytes => {
      if (!this.#calls.has(call)) return;
      const outcome = answer(bytes);
      if (outcome.kind === 'refused') {
        ended();
        refuse(outcome);
        return;
      }
      call.pause();
      call.write(outcome.message, () => call.resume());
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
