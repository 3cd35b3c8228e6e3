/** Chance that a seed decides, so that what it led to can be had again. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1, without 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0, below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  of<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('there is nothing to choose from');
    return item;
  }

  /** Some of the items, in their order: at least `least`. */
  some<T>(items: readonly T[], least = 1): readonly T[] {
    const count = least + this.below(items.length - least + 1);
    const left = items.map((item, index) => ({ item, index, by: this.next() })).sort((a, b) => a.by - b.by);
    return left
      .slice(0, count)
      .sort((a, b) => a.index - b.index)
      .map(each => each.item);
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }
}
