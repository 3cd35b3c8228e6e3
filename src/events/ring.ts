/** The newest things of a sequence whose ids grow; at most so many. */
export class Ring<T extends { readonly id: number }> {
  readonly #most: number;
  readonly #items: T[] = [];
  /** Where the oldest stands, once it is full. */
  #start = 0;
  #lost = 0;

  constructor(most: number) {
    this.#most = most;
  }

  push(item: T): void {
    if (this.#items.length < this.#most) {
      this.#items.push(item);
      return;
    }
    this.#lost = this.#items[this.#start]?.id ?? 0;
    this.#items[this.#start] = item;
    this.#start = (this.#start + 1) % this.#most;
  }

  get length(): number {
    return this.#items.length;
  }

  /** Id of the newest that has been dropped; 0 for none. */
  get lost(): number {
    return this.#lost;
  }

  /** From the oldest, which has the number 0. */
  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items[(this.#start + index) % this.#items.length];
  }

  /** Number of the first whose id is greater; `length` where there is none. */
  indexAfter(id: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at(middle)?.id ?? 0) > id) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
