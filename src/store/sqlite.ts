import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Override, Quarantine } from '../policy/operational-state.ts';
import {
  addPublications,
  changeNames,
  changeOverrides,
  insertRevision,
  type Loaded,
  type OpenDatabase,
  openDatabase,
  putAnswers,
  putFreeze,
  putPin,
  readRevision,
  removeQuarantine,
  replaceAll,
  upsertQuarantine,
} from './database.ts';
import { lockDirectory } from './directory-lock.ts';
import { LastGoodCopy } from './last-good.ts';
import { byId, changed, declared, operational } from './memory.ts';
import { openAndMend } from './mend.ts';
import { PublicationHistory } from './publications.ts';
import { infoOf, RevisionIndex } from './revision-index.ts';
import { sameFile } from './same-file.ts';
import {
  type Change,
  type DeclaredChange,
  type Freeze,
  type KeptAnswer,
  type ListedRevision,
  type NameChanges,
  type OverrideChange,
  type Pin,
  type PublicationRecord,
  type QuarantineKey,
  quarantineId,
  type Retention,
  type Revision,
  type RevisionQuery,
  type Store,
  type StoreContents,
  StoreError,
  usualRetention,
} from './store.ts';
import { messageOf, storeFailure } from './store-failure.ts';

const databaseName = 'switchyard.db';

export interface SqliteStoreOptions {
  /** Made when it is not there, for its owner only. Belongs to one process at a time. */
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told what an operator must know: damage and what was made of it, a copy that could not be written. */
  readonly report: (message: string) => void;
  readonly retention?: Partial<Retention>;
  readonly openDatabase?: OpenDatabase;
}

/**
 * Opens the store of a data directory. A damaged or lost database is rebuilt from what of it can be trusted and from
 * the copy beside it; the damaged one is kept aside and named (P4).
 *
 * @throws StoreError `locked` when another process has it; `damaged` when nothing in it can be trusted, rather than to
 *   start empty.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const { directory } = options;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw storeFailure(`the data directory ${directory} cannot be made`, cause);
  }
  const unlock = lockDirectory(directory);
  try {
    const copy = new LastGoodCopy(directory);
    const { database, loaded } = openAndMend(
      { database: join(directory, databaseName), copy },
      { open: options.openDatabase ?? openDatabase, now: options.now, report: options.report },
    );
    return new SqliteStore(options, database, copy, unlock, loaded);
  } catch (cause) {
    unlock();
    throw storeFailure(`the store in ${directory} cannot be opened`, cause);
  }
}

/** What is in force, answered from memory. */
interface InForce {
  readonly latest: Revision | undefined;
  readonly overrides: ReadonlyMap<string, Override>;
  readonly quarantines: ReadonlyMap<string, Quarantine>;
  readonly names: ReadonlyMap<string, readonly string[]>;
  readonly freeze: Freeze | undefined;
}

/**
 * Reads of what is in force and of which revisions there are are answered from memory, so that they go on when the disk
 * does not (P5); writes go to the disk first.
 */
class SqliteStore implements Store {
  readonly #options: SqliteStoreOptions;
  readonly #retention: Retention;
  readonly #database: DatabaseSync;
  readonly #copy: LastGoodCopy;
  readonly #unlock: () => void;
  readonly #checkPlace: () => void;
  #state: InForce;
  #index: RevisionIndex;
  #publications: PublicationHistory;
  readonly #answers: Map<string, KeptAnswer>;
  #sequence: number;
  #copyFails = false;
  #closed = false;

  constructor(
    options: SqliteStoreOptions,
    database: DatabaseSync,
    copy: LastGoodCopy,
    unlock: () => void,
    { state, revisions, pins, publications, answers, sequence }: Loaded,
  ) {
    this.#options = options;
    this.#retention = { ...usualRetention, ...options.retention };
    this.#database = database;
    this.#copy = copy;
    this.#unlock = unlock;
    this.#checkPlace = sameFile(join(options.directory, databaseName));
    this.#sequence = sequence ?? 0;
    this.#state = {
      latest: state.revision,
      overrides: byId(state.overrides),
      quarantines: quarantinesById(state.quarantines),
      names: new Map(state.resolvedNames),
      freeze: state.freeze,
    };
    this.#index = this.#indexOf(revisions, pins, state.last);
    this.#publications = new PublicationHistory(this.#retention.publications);
    this.#publications.add(publications);
    this.#answers = new Map(answers.map(each => [each.key, each]));
    if (this.#sequence > 0) this.#writeCopy();
  }

  latestRevision(): Revision | undefined {
    return this.#state.latest;
  }

  lastNumber(): number {
    return this.#index.last;
  }

  acceptRevision(change: DeclaredChange): Revision {
    const made = declared(change, this.#state.latest, this.#index.last, this.overrides());
    if (made === this.#state.latest) return made;
    const over = this.#over(made, made.number);
    const { latest } = this.#state;
    this.#write(
      'the revision',
      sequence => insertRevision(this.#database, made, { sequence, over, latest }, change.overrides !== undefined),
      () => this.#take(made, { latest: made, overrides: byId(made.overrides) }, over),
    );
    return made;
  }

  revision(number: number): Revision | undefined {
    if (number === this.#state.latest?.number) return this.#state.latest;
    if (!this.#index.has(number)) return undefined;
    try {
      return readRevision(this.#database, number);
    } catch (cause) {
      this.#options.report(`revision ${number} cannot be read: ${messageOf(cause)}`);
      return undefined;
    }
  }

  revisions(query: RevisionQuery): readonly ListedRevision[] {
    return this.#index.list(query);
  }

  pin(number: number, pin: Pin | undefined): boolean {
    if (!this.#index.has(number)) return false;
    this.#toDisk('the pin', () => putPin(this.#database, number, pin));
    this.#index.setPin(number, pin);
    return true;
  }

  overrides(): readonly Override[] {
    return [...this.#state.overrides.values()];
  }

  changeOverrides(change: OverrideChange, about: Change): Revision | undefined {
    const overrides = changed(this.#state.overrides, change);
    if (overrides === this.#state.overrides) return undefined;
    const { latest } = this.#state;
    const made = operational(about, latest, this.#index.last, [...overrides.values()]);
    const over = this.#over(made, latest?.number);
    this.#write(
      'the change of overrides',
      sequence => changeOverrides(this.#database, change, made, { sequence, over, latest }),
      () => this.#take(made, { overrides }, over),
    );
    return made;
  }

  quarantines(): readonly Quarantine[] {
    return [...this.#state.quarantines.values()];
  }

  putQuarantine(quarantine: Quarantine): void {
    const quarantines = new Map(this.#state.quarantines).set(quarantineId(quarantine), quarantine);
    this.#write(
      'the quarantine',
      sequence => upsertQuarantine(this.#database, quarantine, sequence),
      () => this.#set({ quarantines }),
    );
  }

  deleteQuarantine(key: QuarantineKey): boolean {
    const quarantines = new Map(this.#state.quarantines);
    const known = quarantines.delete(quarantineId(key));
    this.#write(
      'the end of the quarantine',
      sequence => removeQuarantine(this.#database, key, sequence),
      () => this.#set({ quarantines }),
    );
    return known;
  }

  resolvedNames(): ReadonlyMap<string, readonly string[]> {
    return this.#state.names;
  }

  changeResolvedNames(changes: NameChanges): void {
    const [host] = changes.keys();
    if (host === undefined) return;
    const names = new Map(this.#state.names);
    for (const [each, addresses] of changes) {
      if (addresses) names.set(each, addresses);
      else names.delete(each);
    }
    this.#write(
      `what is known of ${host}${changes.size > 1 ? ` and ${changes.size - 1} other names` : ''}`,
      sequence => changeNames(this.#database, changes, sequence),
      () => this.#set({ names }),
    );
  }

  freeze(): Freeze | undefined {
    return this.#state.freeze;
  }

  setFreeze(freeze: Freeze | undefined): void {
    this.#write(
      'the freeze',
      sequence => putFreeze(this.#database, freeze, sequence),
      () => this.#set({ freeze }),
    );
  }

  publications(): readonly PublicationRecord[] {
    return this.#publications.all;
  }

  addPublications(records: readonly PublicationRecord[]): void {
    const over = this.#publications.over(records);
    this.#toDisk('the history of publications', () => addPublications(this.#database, records, over));
    this.#publications.add(records, over);
  }

  answers(): readonly KeptAnswer[] {
    return [...this.#answers.values()];
  }

  keepAnswer(answer: KeptAnswer, over: readonly string[]): void {
    this.#toDisk('the answer', () => putAnswers(this.#database, [answer], over));
    this.#answers.set(answer.key, answer);
    for (const key of over) this.#answers.delete(key);
  }

  contents(): StoreContents {
    return {
      last: this.lastNumber(),
      revisions: this.#everyRevision(),
      pins: new Map(this.#index.pins),
      overrides: this.overrides(),
      quarantines: this.quarantines(),
      resolvedNames: this.resolvedNames(),
      publications: this.publications(),
    };
  }

  restore(given: StoreContents): void {
    const revisions = [...given.revisions];
    const contents = { ...given, revisions, last: Math.max(given.last, this.lastNumber()) };
    this.#write(
      'the backup',
      sequence => replaceAll(this.#database, contents, sequence),
      () => {
        this.#index = this.#indexOf(revisions.map(infoOf), contents.pins, contents.last);
        this.#publications = new PublicationHistory(this.#retention.publications);
        this.#publications.add(contents.publications);
        this.#state = {
          latest: revisions.findLast(each => each.kind === 'declared'),
          overrides: byId(contents.overrides),
          quarantines: quarantinesById(contents.quarantines),
          names: new Map(contents.resolvedNames),
          freeze: undefined,
        };
      },
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
    this.#unlock();
  }

  /** Whoever takes his time misses those that are kept no longer. @throws StoreError when others were restored meanwhile. */
  *#everyRevision(): Generator<Revision> {
    const index = this.#index;
    for (const number of index.numbers) {
      if (index !== this.#index) throw new StoreError('io', 'a backup was restored meanwhile; try again');
      const revision = this.revision(number);
      if (revision) yield revision;
    }
  }

  #indexOf(revisions: Loaded['revisions'], pins: ReadonlyMap<number, Pin>, last: number): RevisionIndex {
    const index = new RevisionIndex(this.#retention);
    for (const each of revisions) index.add(each);
    for (const [number, pin] of pins) index.setPin(number, pin);
    index.reached(last);
    return index;
  }

  #over(made: Revision, latest: number | undefined): readonly number[] {
    return this.#index.over(infoOf(made), [latest, this.#state.freeze?.revision]);
  }

  #take(made: Revision, state: Partial<InForce>, over: readonly number[]): void {
    this.#index.drop(over);
    this.#index.add(infoOf(made));
    this.#set(state);
  }

  #set(state: Partial<InForce>): void {
    this.#state = { ...this.#state, ...state };
  }

  #write(what: string, toDisk: (sequence: number) => void, toMemory: () => void): void {
    const sequence = this.#sequence + 1;
    this.#toDisk(what, () => toDisk(sequence));
    this.#sequence = sequence;
    toMemory();
    this.#writeCopy();
  }

  #toDisk(what: string, write: () => void): void {
    try {
      this.#checkPlace();
      write();
    } catch (cause) {
      throw storeFailure(`${what} was not stored, and nothing has changed`, cause);
    }
  }

  /** The database has the write already, so a copy that fails harms nothing now: it is said once and made up for later. */
  #writeCopy(): void {
    const { latest, overrides, quarantines, names, freeze } = this.#state;
    const state = {
      revision: latest,
      last: this.#index.last,
      overrides: [...overrides.values()],
      quarantines: [...quarantines.values()],
      resolvedNames: names,
      ...(freeze ? { freeze } : {}),
    };
    try {
      this.#copy.write({ sequence: this.#sequence, at: this.#options.now(), state });
      this.#copyFails = false;
    } catch (error) {
      if (!this.#copyFails)
        this.#options.report(`the copy ${this.#copy.stateFile} was not written: ${messageOf(error)}`);
      this.#copyFails = true;
    }
  }
}

function quarantinesById(quarantines: readonly Quarantine[]): ReadonlyMap<string, Quarantine> {
  return new Map(quarantines.map(each => [quarantineId(each), each]));
}
