/** A time in which a process that measures did not get to run. */
export interface Stall {
  /** Its end, in milliseconds of {@link now}. */
  readonly at: number;
  /** How long it was, in milliseconds. */
  readonly ms: number;
}

/** Milliseconds since the epoch, steady while a process lives and alike in all processes. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

const tickMs = 10;
/** Shorter ones are of no interest. */
const shortestMs = 50;

/** Calls back after each stall of this process's event loop. The watch keeps no process alive. */
export function watchStalls(onStall: (stall: Stall) => void): void {
  let last = now();
  setInterval(() => {
    const at = now();
    const ms = at - last - tickMs;
    last = at;
    if (ms > shortestMs) onStall({ at, ms });
  }, tickMs).unref();
}

/** The longest stall of those that lie between two times at least in part, in milliseconds. */
export function longestStall(stalls: readonly Stall[], from: number, to: number): number {
  return Math.max(0, ...stalls.filter(({ at, ms }) => at >= from && at - ms <= to).map(({ ms }) => ms));
}
