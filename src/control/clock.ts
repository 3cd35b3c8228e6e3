import { longestTimer } from '../base/units.ts';

/** Time, injected so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `act` once, `ms` from now, whatever happens to the date meanwhile (P6). @returns how to call it off. */
  after(ms: number, act: () => void): () => void;
}

/** The machine's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, act) => {
    const deadline = performance.now() + ms;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const left = deadline - performance.now();
      timer = setTimeout(left > longestTimer ? arm : act, Math.min(Math.max(left, 0), longestTimer)).unref();
    };
    arm();
    return () => clearTimeout(timer);
  },
};
