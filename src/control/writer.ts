import type { OverrideOutcome, QuarantineChange, QuarantineOutcome, SubmitOutcome } from './control.ts';
import type { WriteOverride } from './override-calls.ts';
import type { Reading } from './reading.ts';

import { WriteQueue } from './write-queue.ts';
import type { ControllerWrite, Submission } from './writes.ts';

export interface WriterOptions {
  readonly reading: Reading;
  /** See {@link WriteQueue}. */
  readonly process: (batch: readonly ControllerWrite[]) => void;
  readonly holdOff?: (ms: number) => number;
}

/** Where writes queue, and what is waited for: each call settles when its write is done, or could not be. */
export class Writer {
  readonly #reading: Reading;
  readonly #queue: WriteQueue<ControllerWrite>;
  constructor({ reading, ...options }: WriterOptions) {
    this.#reading = reading;
    this.#queue = new WriteQueue(options);
  }

  add(write: ControllerWrite): void {
    this.#queue.add(write);
  }

  submit(submission: Submission): Promise<SubmitOutcome> {
    return this.#reading.read(submission.documents, read => {
      return this.#added<SubmitOutcome>((done, drop) => {
        return { ...submission, kind: 'submit', batchable: false, read, done, drop };
      });
    });
  }

  readonly override: WriteOverride = (subject, { by, reason }, decide, options = {}) => {
    const author = reason === undefined ? { by } : { by, reason };
    const about = { subject, author, duringFreeze: options.duringFreeze ?? false, decide };
    // What is asked by name is done alone, since it is decided upon what is frozen as well.
    const batchable = !about.duringFreeze;
    return this.#added<OverrideOutcome>((done, drop) => ({ kind: 'override', batchable, ...about, done, drop }));
  };

  quarantine(change: QuarantineChange): Promise<QuarantineOutcome> {
    return this.#added((done, drop) => ({ kind: 'quarantine', batchable: false, change, done, drop }));
  }

  /** Something that no other write may happen beside. */
  alone<T>(act: () => T): Promise<T> {
    return this.#added((done, drop) => ({ kind: 'task', batchable: false, run: () => done(act()), drop }));
  }

  /** What waits is dropped. */
  end(): void {
    this.#queue.end();
  }

  #added<T>(write: (done: (outcome: T) => void, drop: (error: Error) => void) => ControllerWrite): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#queue.add(write(resolve, reject));
    return promise;
  }
}
