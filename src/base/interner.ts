/** One object for all that are equal, by a key that says all of it. Keeps none of them alive. */
export class Interner<T extends object> {
  readonly #known = new Map<string, WeakRef<T>>();
  readonly #gone = new FinalizationRegistry<string>(key => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key);
  });

  /** The one object with this key; `make` makes it if there is none. */
  one(key: string, make: () => T): T {
    const found = this.#known.get(key)?.deref();
    if (found) return found;
    const made = make();
    this.#known.set(key, new WeakRef(made));
    this.#gone.register(made, key);
    return made;
  }
}

const numbers = new WeakMap<object, number>();
let count = 0;

/** A number that no other object has or will have, for keys that are made of identities. */
export function numberOf(object: object): number {
  const known = numbers.get(object);
  if (known !== undefined) return known;
  count += 1;
  numbers.set(object, count);
  return count;
}
