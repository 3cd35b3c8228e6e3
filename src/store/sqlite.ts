import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Override, Quarantine } from '../policy/operational-state.ts';
import {
  changeNames,
  changeOverrides,
  insertRevision,
  type Loaded,
  type OpenDatabase,
  openDatabase,
  readRevision,
  removeOverride,
  removeQuarantine,
  upsertOverride,
  upsertQuarantine,
} from './database.ts';
import { lockDirectory } from './directory-lock.ts';
import { LastGoodCopy } from './last-good.ts';
import { keptRevisions, MemoryStore, type StoredState } from './memory.ts';
import { openAndMend } from './mend.ts';
import { sameFile } from './same-file.ts';
import {
  type NameChanges,
  type OverrideChange,
  type OverrideKey,
  type QuarantineKey,
  type Revision,
  type Store,
  sameDocuments,
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
  readonly keepRevisions?: number;
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
      {
        open: options.openDatabase ?? openDatabase,
        keepRevisions: options.keepRevisions ?? keptRevisions,
        now: options.now,
        report: options.report,
      },
    );
    return new SqliteStore(options, database, copy, unlock, loaded);
  } catch (cause) {
    unlock();
    throw storeFailure(`the store in ${directory} cannot be opened`, cause);
  }
}

/** Reads are answered from memory, so that they go on when the disk does not (P5); writes go to the disk first. */
class SqliteStore implements Store {
  readonly #options: SqliteStoreOptions;
  readonly #keep: number;
  readonly #database: DatabaseSync;
  readonly #copy: LastGoodCopy;
  readonly #unlock: () => void;
  readonly #checkPlace: () => void;
  readonly #memory: MemoryStore;
  #sequence: number;
  #copyFails = false;
  #closed = false;

  constructor(
    options: SqliteStoreOptions,
    database: DatabaseSync,
    copy: LastGoodCopy,
    unlock: () => void,
    loaded: Loaded,
  ) {
    this.#options = options;
    this.#keep = options.keepRevisions ?? keptRevisions;
    this.#database = database;
    this.#copy = copy;
    this.#unlock = unlock;
    this.#checkPlace = sameFile(join(options.directory, databaseName));
    this.#sequence = loaded.sequence ?? 0;
    this.#memory = new MemoryStore({ keepRevisions: 1, state: loaded.state });
    if (this.#sequence > 0) this.#writeCopy();
  }

  latestRevision(): Revision | undefined {
    return this.#memory.latestRevision();
  }

  acceptRevision(revision: Omit<Revision, 'number'>): Revision {
    const latest = this.latestRevision();
    if (latest && sameDocuments(latest.documents, revision.documents)) return latest;
    const accepted: Revision = { ...revision, number: (latest?.number ?? 0) + 1 };
    this.#write(
      'the revision',
      sequence => insertRevision(this.#database, accepted, this.#keep, sequence),
      () => this.#memory.acceptRevision(revision),
    );
    return accepted;
  }

  revision(number: number): Revision | undefined {
    if (number === this.latestRevision()?.number) return this.latestRevision();
    try {
      return readRevision(this.#database, number);
    } catch (cause) {
      this.#options.report(`revision ${number} cannot be read: ${messageOf(cause)}`);
      return undefined;
    }
  }

  overrides(): readonly Override[] {
    return this.#memory.overrides();
  }

  putOverride(override: Override): void {
    this.#write(
      'the override',
      sequence => upsertOverride(this.#database, override, sequence),
      () => this.#memory.putOverride(override),
    );
  }

  deleteOverride(key: OverrideKey): boolean {
    return this.#write(
      'the end of the override',
      sequence => removeOverride(this.#database, key, sequence),
      () => this.#memory.deleteOverride(key),
    );
  }

  changeOverrides(change: OverrideChange): void {
    this.#write(
      `the change of ${change.put.length + change.end.length} overrides`,
      sequence => changeOverrides(this.#database, change, sequence),
      () => this.#memory.changeOverrides(change),
    );
  }

  quarantines(): readonly Quarantine[] {
    return this.#memory.quarantines();
  }

  putQuarantine(quarantine: Quarantine): void {
    this.#write(
      'the quarantine',
      sequence => upsertQuarantine(this.#database, quarantine, sequence),
      () => this.#memory.putQuarantine(quarantine),
    );
  }

  deleteQuarantine(key: QuarantineKey): boolean {
    return this.#write(
      'the end of the quarantine',
      sequence => removeQuarantine(this.#database, key, sequence),
      () => this.#memory.deleteQuarantine(key),
    );
  }

  resolvedNames(): ReadonlyMap<string, readonly string[]> {
    return this.#memory.resolvedNames();
  }

  changeResolvedNames(changes: NameChanges): void {
    const [host] = changes.keys();
    if (host === undefined) return;
    this.#write(
      `what is known of ${host}${changes.size > 1 ? ` and ${changes.size - 1} other names` : ''}`,
      sequence => changeNames(this.#database, changes, sequence),
      () => this.#memory.changeResolvedNames(changes),
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
    this.#unlock();
  }

  #write<T>(what: string, toDisk: (sequence: number) => void, toMemory: () => T): T {
    const sequence = this.#sequence + 1;
    try {
      this.#checkPlace();
      toDisk(sequence);
    } catch (cause) {
      throw storeFailure(`${what} was not stored, and nothing has changed`, cause);
    }
    this.#sequence = sequence;
    const result = toMemory();
    this.#writeCopy();
    return result;
  }

  /** The database has the write already, so a copy that fails harms nothing now: it is said once and made up for later. */
  #writeCopy(): void {
    const state: StoredState = {
      revision: this.latestRevision(),
      overrides: this.overrides(),
      quarantines: this.quarantines(),
      resolvedNames: this.resolvedNames(),
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
