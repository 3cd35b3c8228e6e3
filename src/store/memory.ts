import type { Override, Quarantine } from '../policy/operational-state.ts';
import { PublicationHistory } from './publications.ts';
import { infoOf, RevisionIndex } from './revision-index.ts';
import {
  type Change,
  type DeclaredChange,
  type Freeze,
  type KeptAnswer,
  type ListedRevision,
  type NameChanges,
  type OverrideChange,
  overrideId,
  type Pin,
  type PublicationRecord,
  type QuarantineKey,
  quarantineId,
  type Retention,
  type Revision,
  type RevisionQuery,
  type Store,
  type StoreContents,
  sameDocuments,
  usualRetention,
} from './store.ts';

/** What a store starts from. */
export interface StoredState {
  /** The newest declared one. */
  readonly revision: Revision | undefined;
  /** Number of the newest revision of either kind. */
  readonly last: number;
  readonly overrides: readonly Override[];
  readonly quarantines: readonly Quarantine[];
  readonly resolvedNames: ReadonlyMap<string, readonly string[]>;
  readonly freeze?: Freeze;
}

/** Keeps everything in memory and nothing over a restart: for tests and for trying things out. */
export class MemoryStore implements Store {
  readonly #retention: Retention;
  readonly #revisions = new Map<number, Revision>();
  #index: RevisionIndex;
  #overrides: ReadonlyMap<string, Override> = new Map();
  #publications: PublicationHistory;
  readonly #quarantines = new Map<string, Quarantine>();
  readonly #resolved = new Map<string, readonly string[]>();
  readonly #answers = new Map<string, KeptAnswer>();
  #latest: Revision | undefined;
  #freeze: Freeze | undefined;

  constructor(options: { readonly retention?: Partial<Retention> } = {}) {
    this.#retention = { ...usualRetention, ...options.retention };
    this.#index = new RevisionIndex(this.#retention);
    this.#publications = new PublicationHistory(this.#retention.publications);
  }

  latestRevision(): Revision | undefined {
    return this.#latest;
  }

  lastNumber(): number {
    return this.#index.last;
  }

  acceptRevision(change: DeclaredChange): Revision {
    const made = declared(change, this.#latest, this.#index.last, this.overrides());
    if (made === this.#latest) return made;
    this.#latest = made;
    this.#overrides = byId(made.overrides);
    this.#add(made);
    return made;
  }

  revision(number: number): Revision | undefined {
    return this.#revisions.get(number);
  }

  revisions(query: RevisionQuery): readonly ListedRevision[] {
    return this.#index.list(query);
  }

  pin(number: number, pin: Pin | undefined): boolean {
    const known = this.#index.has(number);
    if (known) this.#index.setPin(number, pin);
    return known;
  }

  overrides(): readonly Override[] {
    return [...this.#overrides.values()];
  }

  changeOverrides(change: OverrideChange, about: Change): Revision | undefined {
    const overrides = changed(this.#overrides, change);
    if (overrides === this.#overrides) return undefined;
    const made = operational(about, this.#latest, this.#index.last, [...overrides.values()]);
    this.#overrides = overrides;
    this.#add(made);
    return made;
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

  freeze(): Freeze | undefined {
    return this.#freeze;
  }

  setFreeze(freeze: Freeze | undefined): void {
    this.#freeze = freeze;
  }

  publications(): readonly PublicationRecord[] {
    return this.#publications.all;
  }

  addPublications(records: readonly PublicationRecord[]): void {
    this.#publications.add(records);
  }

  answers(): readonly KeptAnswer[] {
    return [...this.#answers.values()];
  }

  keepAnswer(answer: KeptAnswer, over: readonly string[]): void {
    this.#answers.set(answer.key, answer);
    for (const key of over) this.#answers.delete(key);
  }

  contents(): StoreContents {
    return {
      last: this.lastNumber(),
      revisions: [...this.#revisions.values()],
      pins: new Map(this.#index.pins),
      overrides: this.overrides(),
      quarantines: this.quarantines(),
      resolvedNames: this.resolvedNames(),
      publications: this.publications(),
    };
  }

  restore(contents: StoreContents): void {
    const revisions = [...contents.revisions];
    const last = Math.max(this.lastNumber(), contents.last);
    this.#index = new RevisionIndex(this.#retention);
    this.#revisions.clear();
    for (const each of revisions) {
      this.#revisions.set(each.number, each);
      this.#index.add(infoOf(each));
    }
    for (const [number, pin] of contents.pins) this.#index.setPin(number, pin);
    this.#index.reached(last);
    this.#latest = revisions.findLast(each => each.kind === 'declared');
    this.#overrides = byId(contents.overrides);
    this.#quarantines.clear();
    for (const each of contents.quarantines) this.putQuarantine(each);
    this.#resolved.clear();
    this.changeResolvedNames(contents.resolvedNames);
    this.#freeze = undefined;
    this.#publications = new PublicationHistory(this.#retention.publications);
    this.#publications.add(contents.publications);
  }

  close(): void {}

  #add(revision: Revision): void {
    const info = infoOf(revision);
    const over = this.#index.over(info, [this.#latest?.number, this.#freeze?.revision]);
    this.#index.drop(over);
    for (const number of over) this.#revisions.delete(number);
    this.#revisions.set(revision.number, revision);
    this.#index.add(info);
  }
}

/** The revision that a change of the declared policy makes: the latest one itself when nothing would change. */
export function declared(
  change: DeclaredChange,
  latest: Revision | undefined,
  last: number,
  overrides: readonly Override[],
): Revision {
  const same = latest && sameDocuments(latest.documents, change.documents) && latest.heldFiles === change.heldFiles;
  if (same && change.overrides === undefined) return latest;
  return { what: '', overrides, ...change, kind: 'declared', number: last + 1 };
}

/** The revision that a change of overrides makes. */
export function operational(
  about: Change,
  latest: Revision | undefined,
  last: number,
  overrides: readonly Override[],
): Revision {
  const held = latest?.heldFiles === undefined ? {} : { heldFiles: latest.heldFiles };
  return { ...about, ...held, kind: 'operational', number: last + 1, documents: latest?.documents ?? [], overrides };
}

/** The overrides after a change; the same object if there is none. */
export function changed(
  before: ReadonlyMap<string, Override>,
  { put, end }: OverrideChange,
): ReadonlyMap<string, Override> {
  if (put.length === 0 && !end.some(each => before.has(overrideId(each)))) return before;
  const after = new Map(before);
  for (const each of put) after.set(overrideId(each), each);
  for (const each of end) after.delete(overrideId(each));
  return after;
}

export function byId(overrides: readonly Override[]): ReadonlyMap<string, Override> {
  return new Map(overrides.map(each => [overrideId(each), each]));
}
