/** Who is told of changes. One that fails is reported, and the others are told all the same. */
export class Listeners {
  readonly #report: (message: string, error: unknown) => void;
  readonly #all = new Set<() => void>();

  constructor(report: (message: string, error: unknown) => void) {
    this.#report = report;
  }

  /** @returns how to end it. */
  add(listener: () => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(): void {
    for (const listener of this.#all) {
      try {
        listener();
      } catch (error) {
        this.#report('a listener failed', error);
      }
    }
  }
}
