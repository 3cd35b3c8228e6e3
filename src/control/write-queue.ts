/** Something to be done by the single writer. */
export interface Write {
  /** Those of one batch are done together, at the cost of one build. */
  readonly batchable: boolean;
  /** Called instead of doing it when the queue ends first. */
  readonly drop: (error: Error) => void;
}

export interface WriteQueueOptions<W extends Write> {
  /** Does them, in order; returns when all are done. What fails is told to whoever waits for the write; what is thrown besides is a fault, of which all of the batch are told. */
  readonly process: (batch: readonly W[]) => void;
  /** How long in milliseconds to let writes gather after a batch that took `ms`. */
  readonly holdOff?: (ms: number) => number;
}

const mostWaiting = 10_000;

/** Between 5 and 20 ms: long enough for a burst to become one build, too short for anyone to notice. */
const usualHoldOff = (ms: number): number => Math.min(Math.max(ms, 5), 20);

/**
 * Lets writes happen one batch after the other. The first is done at once; what comes in shortly after it is gathered.
 */
export class WriteQueue<W extends Write> {
  readonly #options: WriteQueueOptions<W>;
  #waiting: W[] = [];
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: WriteQueueOptions<W>) {
    this.#options = options;
  }

  /** What does not fit any more, or comes after the end, is dropped. */
  add(write: W): void {
    if (this.#ended) write.drop(new Error('the server is ending'));
    else if (this.#waiting.length >= mostWaiting) write.drop(new Error('too many writes are waiting; try again'));
    else {
      this.#waiting.push(write);
      if (!this.#timer) this.#work();
    }
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const write of this.#waiting.splice(0)) write.drop(new Error('the server is ending'));
  }

  #work(): void {
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const single = this.#waiting.findIndex(each => !each.batchable);
    const batch = this.#waiting.splice(0, single === 0 ? 1 : single > 0 ? single : this.#waiting.length);
    const { process, holdOff = usualHoldOff } = this.#options;
    const begun = performance.now();
    // Armed before, so that a write that this one causes waits its turn.
    this.#timer = setTimeout(() => {}, 0);
    try {
      process(batch);
    } catch (fault) {
      for (const write of batch) write.drop(fault instanceof Error ? fault : new Error(String(fault)));
      throw fault;
    } finally {
      clearTimeout(this.#timer);
      if (!this.#ended) this.#timer = setTimeout(() => this.#work(), holdOff(performance.now() - begun));
    }
  }
}
