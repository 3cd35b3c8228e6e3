import type { Override } from '../policy/operational-state.ts';
import { type Change, overrideId, type Store } from '../store/store.ts';
import type { Clock } from './clock.ts';
import type { Decision } from './decide.ts';
import { Ended } from './ended.ts';
import { Expiries, isOver, type OnDue } from './expiries.ts';
import { type Author, byItself, changeOf, targetOf } from './what.ts';

export interface OverrideKeeperOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly report: (message: string, error: unknown) => void;
  /** Told when the time of one is up. */
  readonly due: OnDue;
}

/** The overrides that every build is given, their timers, and what the store has of them. */
export class OverrideKeeper {
  readonly #options: OverrideKeeperOptions;
  readonly #expiries: Expiries;
  readonly #ended: Ended<Override>;
  #all: readonly Override[] = [];

  constructor(options: OverrideKeeperOptions) {
    const { store, clock, report, due } = options;
    this.#options = options;
    this.#expiries = new Expiries(clock, due);
    const take = (each: Override) => {
      store.changeOverrides({ put: [], end: [each] }, byItself(clock.now(), `${targetOf(each)}: the override is over`));
    };
    this.#ended = new Ended({ idOf: overrideId, delete: take, report, what: 'an override' });
  }

  get all(): readonly Override[] {
    return this.#all;
  }

  /** Takes what the store has, without those whose time was up meanwhile. */
  start(): void {
    const { store, clock } = this.#options;
    const stored = store.overrides();
    const over = stored.filter(each => isOver(each, clock.now()));
    this.#ended.remove(over);
    this.set(stored.filter(each => !over.includes(each)));
  }

  stop(): void {
    this.#expiries.watch([]);
  }

  /** These are in force from now on. */
  set(overrides: readonly Override[]): void {
    this.#all = overrides;
    this.#expiries.watch(overrides);
    this.#ended.keep(overrides);
  }

  /** Takes out of the store what has ended, and what could not be taken out before. */
  end(gone: readonly Override[] = []): void {
    this.#ended.remove(gone);
  }

  /** Keeps what was decided over restarts. @throws StoreError when it cannot be stored; then nothing may come of it. */
  store(decision: Decision, author: Author): void {
    const { store, clock } = this.#options;
    const about = changeOf(decision, author, clock.now());
    if (!about) return;
    if (decision.kind === 'put') store.changeOverrides({ put: [decision.override], end: [] }, about);
    if (decision.kind === 'end') store.changeOverrides({ put: [], end: [decision.override] }, about);
    if (decision.kind === 'change') store.changeOverrides(decision, about);
    if (decision.kind === 'expire') this.#ended.remove([decision.override]);
    if (decision.kind === 'move') this.#storeMoved(decision.override, about);
  }

  /** What time brings comes whether or not it can be stored: what the store has comes to the same at the next start. */
  #storeMoved(override: Override, about: Change): void {
    try {
      this.#options.store.changeOverrides({ put: [override], end: [] }, about);
    } catch (error) {
      this.#options.report('the end of sessions was not stored', error);
    }
  }
}
