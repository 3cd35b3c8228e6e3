import { remember } from '../base/remember.ts';

export interface Rate {
  /** What may be taken at once after a rest. */
  readonly burst: number;
  /** What comes back in a second. */
  readonly perSecond: number;
}

interface Bucket {
  readonly left: number;
  readonly at: number;
}

/** Callers that are told apart; the longest quiet is forgotten first, and begins anew. */
const mostKnown = 4096;

/** Bounds how often each of many may do something. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /**
   * @param now milliseconds of a clock that only goes forward
   * @returns 0 if it may be done, else the milliseconds to wait.
   */
  take(key: string, now: number): number {
    const { burst, perSecond } = this.#rate;
    const known = this.#buckets.get(key) ?? { left: burst, at: now };
    const left = Math.min(burst, known.left + (Math.max(0, now - known.at) / 1000) * perSecond);
    const may = left >= 1;
    remember(this.#buckets, key, { left: may ? left - 1 : left, at: now }, mostKnown);
    return may ? 0 : Math.ceil(((1 - left) / perSecond) * 1000);
  }
}
