export interface EndedOptions<T> {
  readonly idOf: (each: T) => string;
  /** Takes it out of the store. @throws when the store cannot be written. */
  readonly delete: (each: T) => void;
  readonly report: (message: string, error: unknown) => void;
  /** Such as `an override`. */
  readonly what: string;
}

/** Takes what has ended out of the store. An end holds whether or not it can be stored. */
export class Ended<T> {
  readonly #options: EndedOptions<T>;
  /** Those that are in the store still, because it could not be written; by id. */
  readonly #left = new Map<string, T>();

  constructor(options: EndedOptions<T>) {
    this.#options = options;
  }

  /** Those and any that are left over. What fails is reported, and made up for at the next call or the next start. */
  remove(ended: readonly T[]): void {
    for (const each of ended) this.#left.set(this.#options.idOf(each), each);
    for (const [id, each] of this.#left) {
      try {
        this.#options.delete(each);
        this.#left.delete(id);
      } catch (error) {
        if (ended.length > 0) this.#options.report(`the end of ${this.#options.what} was not stored`, error);
        return;
      }
    }
  }

  /** Those that are in force stay in the store, whatever ended before of the same things. */
  keep(inForce: readonly T[]): void {
    for (const each of inForce) this.#left.delete(this.#options.idOf(each));
  }
}
