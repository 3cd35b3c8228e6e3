import type { Snapshot } from '../snapshot/snapshot.ts';
import type { DryRun } from './control.ts';
import type { FreezeStatus } from './gate.ts';
import type { Plan } from './plan.ts';
import type { Author } from './what.ts';

export type FreezeOutcome =
  | {
      readonly kind: 'done';
      /** Of a dry run: as it is now. */
      readonly status: FreezeStatus;
      /** Of a dry run. Absent: no policy has been published yet. */
      readonly plan?: Plan;
    }
  | { readonly kind: 'notFound'; readonly what: string; readonly hint?: string };

/** The levers for bad nights: they act at once, without waiting for other writes, and need no store (P18). */
export interface FreezeControl {
  readonly status: FreezeStatus;
  /**
   * From now on nothing is published but what is asked by name. What is accepted meanwhile waits.
   *
   * @param revision puts in force what was published at it, before that. Absent: what is published stays.
   */
  freeze(author: Author, revision?: number, options?: DryRun): FreezeOutcome;
  /** Publishes what was accepted meanwhile. */
  thaw(author: Author, options?: DryRun): FreezeOutcome;
  /** Told that all connected proxies hold these snapshots. */
  confirm(snapshots: ReadonlyMap<string, Snapshot>): void;
}
