import type { Quarantine } from '../policy/operational-state.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { quarantineId, type Store } from '../store/store.ts';
import type { QuarantineChange } from './control.ts';
import { Ended } from './ended.ts';
import { FormerContents } from './former-contents.ts';
import type { Build } from './pipeline.ts';
import { decideQuarantine, type QuarantineDecision } from './quarantines.ts';

/** Of fleets that are not there; those that began first are forgotten first. */
const MOST_DORMANT = 256;

/** The quarantines that every build is given, those of fleets that are not there among them, and what they are made of. */
export class QuarantineKeeper {
  readonly #store: Store;
  readonly #ended: Ended<Quarantine>;
  readonly #former = new FormerContents();
  #all: readonly Quarantine[] = [];

  constructor(store: Store, report: (message: string, error: unknown) => void) {
    this.#store = store;
    const take = (each: Quarantine) => void store.deleteQuarantine(each);
    this.#ended = new Ended({ idOf: quarantineId, delete: take, report, what: 'a quarantine' });
  }

  get all(): readonly Quarantine[] {
    return this.#all;
  }

  /** Takes what the store has. */
  start(): void {
    this.#all = this.#store.quarantines();
  }

  /** @param now milliseconds since the epoch. */
  decide(change: QuarantineChange, made: ReadonlyMap<string, Snapshot>, now: number): QuarantineDecision {
    return decideQuarantine(change, { made, quarantines: this.#all, former: this.#former, now });
  }

  /**
   * Stores a change after a build with it, so that what cannot be built does not come back at the next start. What
   * `rebuild` or the store throws is passed on, and nothing has changed then.
   */
  carryOut(change: Extract<QuarantineDecision, { readonly kind: 'change' }>, rebuild: () => Build): Build {
    const before = this.#all;
    this.#all = change.quarantines;
    try {
      const build = rebuild();
      if (change.put) this.#store.putQuarantine(change.put);
      if (change.end) this.#store.deleteQuarantine(change.end);
      return build;
    } catch (error) {
      this.#all = before;
      throw error;
    }
  }

  /** This is in force from now on; the quarantines that it has no more are over. */
  published(build: Build, before: Build | undefined): void {
    if (before) this.#former.replace(before.snapshots, build.snapshots);
    const dormant = build.dormant.toSorted((a, b) => b.since - a.since).slice(0, MOST_DORMANT);
    const left = [...build.quarantines, ...dormant];
    const over = this.#all.filter(each => !left.includes(each));
    this.#all = left;
    this.#ended.keep(left);
    this.#ended.remove(over);
  }
}
