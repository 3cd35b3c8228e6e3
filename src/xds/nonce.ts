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
  return prefix.padStart(PREFIX_LENGTH, '0') + (count % ROUND).toString(16).padStart(8, '0');
}

/** The nonces of one type on one stream. Of those that were given out, only the number is kept. */
export class Nonces {
  readonly typeUrl: string;
  readonly #prefix: string;
  #sent = 0;

  constructor(typeUrl: string, prefix: string) {
    this.typeUrl = typeUrl;
    this.#prefix = prefix.padStart(PREFIX_LENGTH, '0');
  }

  /** Of the next response. */
  next(): string {
    this.#sent += 1;
    return nonceOf(this.#prefix, this.#sent);
  }

  /** @param unanswered how many of the responses are, which are the last ones. */
  answers(nonce: string, unanswered: number): Answers {
    // Before the first response a nonce says nothing: it is of an earlier stream (R6).
    if (this.#sent === 0) return 'newest';
    const back = this.#sent - this.#countIn(nonce);
    if (back === 0 && unanswered === 0) return 'newest';
    return back < unanswered ? unanswered - 1 - back : 'none';
  }

  /** Which response it was given to; one that was not is as of long ago. */
  #countIn(nonce: string): number {
    if (nonce.length !== NONCE_LENGTH || !nonce.startsWith(this.#prefix)) return Number.NEGATIVE_INFINITY;
    let low = 0;
    for (let at = PREFIX_LENGTH; at < NONCE_LENGTH; at++) {
      const digit = digitOf(nonce.charCodeAt(at));
      if (digit < 0) return Number.NEGATIVE_INFINITY;
      low = low * 16 + digit;
    }
    // Numbers go round, and it is one of those that were given out last.
    const round = this.#sent - (this.#sent % ROUND) + low;
    return round > this.#sent ? round - ROUND : round;
  }
}

/** So many nonces are different. */
const ROUND = 0x100000000;

/** Of a hexadecimal number as `toString` writes it; negative if it is none. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}
