import type { TimerRequest } from './order-state.ts';

/**
 * States count their timers anew once none runs. Whoever waits for one that was given up must not be taken for one that
 * was started since.
 */
export class OwnTimers {
  #count = 0;
  /** By id: which of the state it is. */
  readonly #waiting = new Map<number, number>();
  /** The newest of each of the state. */
  readonly #newest = new Map<number, number>();

  start(timers: readonly TimerRequest[]): readonly TimerRequest[] {
    return timers.map(timer => {
      this.#count += 1;
      this.#waiting.set(this.#count, timer.id);
      this.#newest.set(timer.id, this.#count);
      return { ...timer, id: this.#count };
    });
  }

  /** @returns which of the state's has run out; undefined if it has another meanwhile. */
  expire(id: number): number | undefined {
    const known = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (known === undefined || this.#newest.get(known) !== id) return undefined;
    this.#newest.delete(known);
    return known;
  }
}
