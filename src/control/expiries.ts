import type { Override } from '../policy/operational-state.ts';
import type { Clock } from './clock.ts';

/** What time brings to an override: the `end` of it, or before that of the sessions with an endpoint that drains. */
export type Due = 'end' | 'sessions';

/** Milliseconds until it is said again where nothing could come of it. */
const retryAfter = 1000;

/** Does what time brings; rejects when it could not. */
export type OnDue = (override: Override, due: Due) => Promise<unknown>;

/** Says when the time of an override, or of the sessions that it spares, is up. */
export class Expiries {
  readonly #clock: Clock;
  readonly #due: OnDue;
  readonly #timers = new Map<Override, () => void>();

  constructor(clock: Clock, due: OnDue) {
    this.#clock = clock;
    this.#due = due;
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
      const next = nextOf(override);
      if (next === undefined || this.#timers.has(override)) continue;
      this.#arm(override, next.at - this.#clock.now(), next.due);
    }
  }

  #arm(override: Override, ms: number, due: Due): void {
    const again = () => {
      if (this.#timers.has(override)) this.#arm(override, retryAfter, due);
    };
    this.#timers.set(
      override,
      this.#clock.after(ms, () => void this.#due(override, due).catch(again)),
    );
  }
}

/** Whether the time of an override is up. */
export function isOver(override: Override, now: number): boolean {
  const end = endOf(override);
  return end !== undefined && end <= now;
}

/** What comes first; at once, if that should have been already. */
function nextOf(override: Override): { readonly at: number; readonly due: Due } | undefined {
  const end = endOf(override);
  const sessions = override.kind === 'endpoint' && override.state === 'draining' ? override.sessionsUntil : undefined;
  if (sessions !== undefined && (end === undefined || sessions < end)) return { at: sessions, due: 'sessions' };
  return end === undefined ? undefined : { at: end, due: 'end' };
}

function endOf(override: Override): number | undefined {
  return override.kind === 'shift' ? undefined : override.expiresAt;
}
