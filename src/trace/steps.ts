/** Work that can be left between two steps and gone on with later. Each step says how many looks the next one takes. */
export type Steps<R> = Generator<number, R, void>;

/** All of it at once. */
export function finished<R>(steps: Steps<R>): R {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
