/**
 * Bounds the bytes that all streams together have on their way (P7): a push of a megabyte to thousands would otherwise
 * be copied thousands of times before the first copy has left. Streams that find it full wait their turn, and then send
 * what is newest.
 *
 * A client that does not read must not take room from others, so a write counts for `patience` at most.
 */
export class Pacer {
  readonly #limit: number;
  readonly #patience: number;
  readonly #writes = new Map<object, number>();
  readonly #waiting = new Set<() => void>();
  #bytes = 0;
  #admitting = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param limit bytes; @param patience milliseconds. */
  constructor({ limit, patience }: { readonly limit: number; readonly patience: number }) {
    this.#limit = limit;
    this.#patience = patience;
  }

  get full(): boolean {
    return this.#bytes >= this.#limit;
  }

  /** Counts a write of so many bytes. */
  begin(write: object, bytes: number): void {
    // Small ones come and go too fast to matter.
    if (bytes < SMALL) return;
    this.#writes.set(write, bytes);
    this.#bytes += bytes;
  }

  /** It has left, or never will. Does nothing when it is not counted any more. */
  end(write: object): void {
    const bytes = this.#writes.size > 0 ? this.#writes.get(write) : undefined;
    if (bytes === undefined) return;
    this.#writes.delete(write);
    this.#bytes -= bytes;
    if (this.#admitting || this.#waiting.size === 0) return;
    this.#admitting = true;
    setImmediate(() => this.#admit());
  }

  /** Calls `resume`, once and not at once, when there is room. @returns how to give up waiting. */
  wait(resume: () => void): () => void {
    this.#waiting.add(resume);
    this.#watch();
    return () => this.#waiting.delete(resume);
  }

  /** Gives what is on its way now its time, and no more, while anyone waits. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    const writes = [...this.#writes.keys()];
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      for (const write of writes) this.end(write);
      if (this.#waiting.size > 0 && !this.#admitting) this.#watch();
    }, this.#patience).unref();
  }

  /** In a turn of its own: what is written leaves at once mostly, and a whole fleet would go on without any other getting one. */
  #admit(): void {
    let resumed = 0;
    for (const resume of this.#waiting) {
      if (this.full) break;
      if (resumed++ === AT_ONCE) {
        setImmediate(() => this.#admit());
        return;
      }
      this.#waiting.delete(resume);
      resume();
    }
    this.#admitting = false;
    if (this.#waiting.size > 0) this.#watch();
  }
}

const SMALL = 16 * 1024;
/** That go on in one turn: what they write may be too small to fill it. */
const AT_ONCE = 256;
