import type { Backend, Behaviour } from './backend.ts';
import { until } from './until.ts';

/**
 * Timing of checks by which a test waits for no longer than need be; but an answer of this process has the time that it
 * takes on a busy machine: it would count as a failure.
 */
export const quick = {
  interval: '100ms',
  timeout: '2s',
  edgeInterval: '40ms',
  unhealthyInterval: '100ms',
  idleInterval: '100ms',
  jitter: '0%',
};

/** Nothing but the active check takes an endpoint out, and nothing hides a failure. */
export const bare = {
  outlierDetection: 'off',
  retries: { attempts: 0 },
  loadBalancing: { policy: 'roundRobin' },
} as const;

/** The next checks get these answers, in order; later ones 200. */
export function answerChecks(backend: Backend, ...answers: readonly Behaviour[]): void {
  const left = [...answers];
  backend.behaveOnChecks(() => left.shift() ?? {});
}

/** Waits until a backend has been checked so many times more. */
export async function checksAfter(backend: Backend, count: number): Promise<void> {
  const goal = backend.checks.length + count;
  await until(`${count} more checks of ${backend.name}`, () => backend.checks.length >= goal);
}

/** Milliseconds between the checks from the one with this index on. */
export function gaps(backend: Backend, from: number): readonly number[] {
  const checks = backend.checks.slice(from);
  return checks.slice(1).map((check, index) => check.at - (checks[index]?.at ?? 0));
}
