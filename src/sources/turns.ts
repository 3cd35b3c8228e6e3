/** Lets so many of the things that are waited for happen at a time; the others wait in order. */
export class Turns {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  async take<T>(act: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#most) await new Promise<void>(turn => this.#waiting.push(turn));
    else this.#taken++;
    try {
      return await act();
    } finally {
      // A turn is handed on, not given back, so that nobody slips in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#taken--;
    }
  }
}
