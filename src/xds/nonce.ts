import type { Answers } from './machine.ts';

/** Every nonce has as many ASCII characters, so that all streams' responses have the same length. */
export const NONCE_LENGTH = 16;

const PREFIX_LENGTH = NONCE_LENGTH - 8;

/**
 * Start of the nonces of one type on one stream (R6). Neither another type of the stream (R13) nor another stream of
 * this process, nor one of an earlier process with another salt, has the same.
 *
 * @param salt chosen once per process; @param typeIndex below 256.
 */
export function noncePrefix(salt: number, streamId: number, typeIndex: number): string {
  const stream = ((salt + streamId) % 0x1000000).toString(16).padStart(6, '0');
  return stream + (typeIndex % 0x100).toString(16).padStart(2, '0');
}

/** The nonce of the `count`th response. */
export function nonceOf(prefix: string, count: number): string {
  return prefix.padStart(PREFIX_LENGTH, '0') + (count % 0x100000000).toString(16).padStart(8, '0');
}

/** The nonces of one type on one stream. */
export class Nonces {
  readonly #prefix: string;
  #sent = 0;
  #newest = '';

  constructor(prefix: string) {
    this.#prefix = prefix.padStart(PREFIX_LENGTH, '0');
  }

  /** Of the next response. */
  next(): string {
    this.#sent += 1;
    this.#newest = nonceOf(this.#prefix, this.#sent);
    return this.#newest;
  }

  /** @param unanswered how many of the responses are, which are the last ones. */
  answers(nonce: string, unanswered: number): Answers {
    // Before the first response a nonce says nothing: it is of an earlier stream (R6).
    if (this.#sent === 0) return 'newest';
    if (nonce === this.#newest) return unanswered > 0 ? unanswered - 1 : 'newest';
    for (let back = 1; back < unanswered; back++) {
      if (nonce === nonceOf(this.#prefix, this.#sent - back)) return unanswered - 1 - back;
    }
    return 'none';
  }
}
