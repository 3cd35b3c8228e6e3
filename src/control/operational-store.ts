import type { Override } from '../policy/operational-state.ts';
import type { Store } from '../store/store.ts';
import type { Decision } from './decide.ts';
import type { Ended } from './ended.ts';

type Report = (message: string, error: unknown) => void;

/** Keeps what was decided about operational state over restarts. */
export class OperationalStore {
  readonly #store: Store;
  readonly #ended: Ended<Override>;
  readonly #report: Report;

  constructor(store: Store, ended: Ended<Override>, report: Report) {
    this.#store = store;
    this.#ended = ended;
    this.#report = report;
  }

  /** @throws StoreError when it cannot be stored; then nothing may come of it. */
  keep(decision: Decision): void {
    if (decision.kind === 'put') this.#store.putOverride(decision.override);
    if (decision.kind === 'end') this.#store.deleteOverride(decision.override);
    if (decision.kind === 'expire') this.#ended.remove([decision.override]);
    if (decision.kind === 'move') this.#keepMoved(decision.override);
  }

  /** What time brings comes whether or not it can be stored: what the store has comes to the same at the next start. */
  #keepMoved(override: Override): void {
    try {
      this.#store.putOverride(override);
    } catch (error) {
      this.#report('the end of sessions was not stored', error);
    }
  }
}
