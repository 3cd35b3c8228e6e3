import type { Override } from '../policy/operational-state.ts';
import type { Clock } from './clock.ts';

/** Says when the time of an override is up. */
export class Expiries {
  readonly #clock: Clock;
  readonly #expired: (override: Override) => void;
  readonly #timers = new Map<Override, () => void>();

  constructor(clock: Clock, expired: (override: Override) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** From now on watches these and no others. */
  watch(overrides: readonly Override[]): void {
    const wanted = new Set(overrides);
    for (const [override, cancel] of this.#timers) {
      if (wanted.has(override)) continue;
      cancel();
      this.#timers.delete(override);
    }
    for (const override of overrides) {
      const end = endOf(override);
      if (end === undefined || this.#timers.has(override)) continue;
      this.#timers.set(
        override,
        this.#clock.after(end - this.#clock.now(), () => this.#expired(override)),
      );
    }
  }
}

/** Whether the time of an override is up. */
export function isOver(override: Override, now: number): boolean {
  const end = endOf(override);
  return end !== undefined && end <= now;
}

function endOf(override: Override): number | undefined {
  return override.kind === 'endpoint' ? override.expiresAt : undefined;
}
