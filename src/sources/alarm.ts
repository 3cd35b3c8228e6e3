/** Pauses that whoever notices something ends early. */
export class Alarm {
  #woken = false;
  #wake: (() => void) | undefined;

  /** Ends the pause, or the next one before it begins. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** @param ms milliseconds. Does not begin once the signal has ended everything; whoever aborts it wakes as well. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#woken && !signal.aborted) {
      await new Promise<void>(done => {
        const timer = setTimeout(done, ms);
        this.#wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
    this.#wake = undefined;
    this.#woken = false;
  }
}
