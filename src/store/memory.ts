import type { Override, Quarantine } from '../policy/operational-state.ts';
import {
  type NameChanges,
  type OverrideChange,
  type OverrideKey,
  overrideId,
  type QuarantineKey,
  quarantineId,
  type Revision,
  type Store,
  sameDocuments,
} from './store.ts';

/** How many revisions a store keeps at least. */
export const keptRevisions = 100;

/** What a store starts from. */
export interface StoredState {
  readonly revision: Revision | undefined;
  readonly overrides: readonly Override[];
  readonly quarantines: readonly Quarantine[];
  readonly resolvedNames: ReadonlyMap<string, readonly string[]>;
}

const emptyState: StoredState = { revision: undefined, overrides: [], quarantines: [], resolvedNames: new Map() };

/** Keeps everything in memory and nothing over a restart: for tests and for trying things out. */
export class MemoryStore implements Store {
  readonly #keep: number;
  readonly #revisions = new Map<number, Revision>();
  readonly #overrides = new Map<string, Override>();
  readonly #quarantines = new Map<string, Quarantine>();
  readonly #resolved = new Map<string, readonly string[]>();
  #latest: Revision | undefined;

  constructor(options: { readonly keepRevisions?: number; readonly state?: StoredState } = {}) {
    this.#keep = options.keepRevisions ?? keptRevisions;
    const { revision, overrides, quarantines, resolvedNames } = options.state ?? emptyState;
    this.#latest = revision;
    if (revision) this.#revisions.set(revision.number, revision);
    for (const override of overrides) this.#overrides.set(overrideId(override), override);
    for (const each of quarantines) this.#quarantines.set(quarantineId(each), each);
    for (const [host, addresses] of resolvedNames) this.#resolved.set(host, addresses);
  }

  latestRevision(): Revision | undefined {
    return this.#latest;
  }

  acceptRevision(revision: Omit<Revision, 'number'>): Revision {
    const latest = this.#latest;
    if (latest && sameDocuments(latest.documents, revision.documents)) return latest;
    const accepted: Revision = { ...revision, number: (latest?.number ?? 0) + 1 };
    this.#latest = accepted;
    this.#revisions.set(accepted.number, accepted);
    this.#revisions.delete(accepted.number - this.#keep);
    return accepted;
  }

  revision(number: number): Revision | undefined {
    return this.#revisions.get(number);
  }

  overrides(): readonly Override[] {
    return [...this.#overrides.values()];
  }

  putOverride(override: Override): void {
    this.#overrides.set(overrideId(override), override);
  }

  deleteOverride(key: OverrideKey): boolean {
    return this.#overrides.delete(overrideId(key));
  }

  changeOverrides({ put, end }: OverrideChange): void {
    for (const each of put) this.#overrides.set(overrideId(each), each);
    for (const each of end) this.#overrides.delete(overrideId(each));
  }

  quarantines(): readonly Quarantine[] {
    return [...this.#quarantines.values()];
  }

  putQuarantine(quarantine: Quarantine): void {
    this.#quarantines.set(quarantineId(quarantine), quarantine);
  }

  deleteQuarantine(key: QuarantineKey): boolean {
    return this.#quarantines.delete(quarantineId(key));
  }

  resolvedNames(): ReadonlyMap<string, readonly string[]> {
    return new Map(this.#resolved);
  }

  changeResolvedNames(changes: NameChanges): void {
    for (const [host, addresses] of changes) {
      if (addresses) this.#resolved.set(host, addresses);
      else this.#resolved.delete(host);
    }
  }

  close(): void {}
}
