/**
 * Values of streams by the numbers of these, in their order. Never changes: what looks like a change is a copy, which is
 * that of a plain array and so costs next to nothing beside the step that needs it.
 */
export class ByStream<T> {
  readonly #ids: readonly number[];
  readonly #values: readonly T[];

  private constructor(ids: readonly number[], values: readonly T[]) {
    this.#ids = ids;
    this.#values = values;
  }

  static empty<T>(): ByStream<T> {
    return new ByStream<T>([], []);
  }

  get size(): number {
    return this.#ids.length;
  }

  get(streamId: number): T | undefined {
    return this.#values[placeOf(this.#ids, streamId)];
  }

  has(streamId: number): boolean {
    return placeOf(this.#ids, streamId) >= 0;
  }

  keys(): Iterable<number> {
    return this.#ids;
  }

  values(): Iterable<T> {
    return this.#values;
  }

  /** With these instead of, or beside, what it has. */
  with(...entries: readonly (readonly [number, T])[]): ByStream<T> {
    const [ids, values] = [[...this.#ids], [...this.#values]];
    for (const [streamId, value] of entries) {
      const at = placeOf(ids, streamId);
      if (at >= 0) values[at] = value;
      else {
        ids.splice(~at, 0, streamId);
        values.splice(~at, 0, value);
      }
    }
    return new ByStream(ids, values);
  }

  without(streamId: number): ByStream<T> {
    const at = placeOf(this.#ids, streamId);
    return at < 0 ? this : new ByStream(this.#ids.toSpliced(at, 1), this.#values.toSpliced(at, 1));
  }
}

function placeOf(ids: readonly number[], streamId: number): number {
  return search(ids.length, at => (ids[at] ?? 0) - streamId);
}

/** Index at which `compare` gives 0 in an order by it; if there is none, the complement of the first that is greater. */
export function search(length: number, compare: (index: number) => number): number {
  let [from, to] = [0, length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const side = compare(middle);
    if (side === 0) return middle;
    if (side < 0) from = middle + 1;
    else to = middle;
  }
  return ~from;
}
