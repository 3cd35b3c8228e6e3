import type { Buffer } from 'node:buffer';
import type { PacedAnswer } from './client-status.ts';
import type { Unary } from './fetch.ts';
import { guarded, type RpcStream, type StreamListener, unreadAfter, usualAnswerLimit } from './rpc.ts';

/**
 * Streams on which each request has an answer, and the next is read when that has left. One whose answer nobody reads
 * is broken off, since it would keep room from others.
 */
export class AnswerStreams {
  readonly #streams = new Set<RpcStream>();
  readonly #limit: number;

  /** @param limit milliseconds that the other side may take to read an answer. */
  constructor(limit = usualAnswerLimit) {
    this.#limit = limit;
  }

  serve(stream: RpcStream, answer: (bytes: Buffer) => Unary<Buffer> | Promise<PacedAnswer>): StreamListener {
    /** Of the answer that is on its way. */
    let left = (): void => {};
    let read = (): void => {};
    const ended = (): void => {
      this.#streams.delete(stream);
      read();
      left();
    };
    const send = (paced: PacedAnswer): void => {
      const { outcome } = paced;
      left = () => paced.left();
      if (!this.#streams.has(stream)) {
        left();
      } else if (outcome.kind === 'refused') {
        ended();
        stream.end(outcome.code, outcome.why);
      } else {
        read = unreadAfter(this.#limit, stream);
        stream.write(outcome.message, () => {
          read();
          left();
          stream.resume();
        });
      }
    };
    this.#streams.add(stream);
    return {
      received: bytes => {
        if (!this.#streams.has(stream)) return;
        stream.pause();
        const outcome = guarded(answer)(bytes);
        if ('kind' in outcome) send({ outcome, left: () => {} });
        // Rejects never.
        else void outcome.then(send);
      },
      finished: () => stream.end('OK', ''),
      closed: ended,
    };
  }

  /** Ends all of them. */
  close(): void {
    for (const stream of this.#streams) stream.end('OK', '');
    this.#streams.clear();
  }
}
