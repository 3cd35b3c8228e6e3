import type { Override } from '../policy/operational-state.ts';
import { overrideId, type Store } from '../store/store.ts';

/** Takes overrides that have ended out of the store. An end holds whether or not it can be stored. */
export class EndedOverrides {
  readonly #store: Store;
  readonly #report: (message: string, error: unknown) => void;
  /** Those that are in the store still, because it could not be written; by id. */
  readonly #left = new Map<string, Override>();

  constructor(store: Store, report: (message: string, error: unknown) => void) {
    this.#store = store;
    this.#report = report;
  }

  /** Those and any that are left over. What fails is reported, and made up for at the next call or the next start. */
  remove(ended: readonly Override[]): void {
    for (const override of ended) this.#left.set(overrideId(override), override);
    for (const [id, override] of this.#left) {
      try {
        this.#store.deleteOverride(override);
        this.#left.delete(id);
      } catch (error) {
        if (ended.length > 0) this.#report('the end of an override was not stored', error);
        return;
      }
    }
  }

  /** Those that are in force stay in the store, whatever ended before of the same things. */
  keep(overrides: readonly Override[]): void {
    for (const override of overrides) this.#left.delete(overrideId(override));
  }
}
