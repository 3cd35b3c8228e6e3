import { DatabaseSync } from 'node:sqlite';
import type { Override, Quarantine } from '../policy/operational-state.ts';
import type { StoredState } from './memory.ts';
import {
  checksum,
  parseAddresses,
  parseOverride,
  parseQuarantine,
  parseRevision,
  revisionRecord,
  textHash,
} from './record.ts';
import {
  type NameChanges,
  type OverrideChange,
  type OverrideKey,
  overrideId,
  type QuarantineKey,
  quarantineId,
  type Revision,
  StoreError,
} from './store.ts';

/** The tables and what is done with them. Each function is one transaction; failures throw SQLite's own errors. */

const schemaVersion = 2;

const quarantinesTable = `
  CREATE TABLE quarantines (id TEXT PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
`;

const schema = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
  CREATE TABLE revisions (number INTEGER PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
  CREATE TABLE documents (hash TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
  CREATE TABLE uses (
    number INTEGER NOT NULL REFERENCES revisions ON DELETE CASCADE,
    hash TEXT NOT NULL REFERENCES documents,
    PRIMARY KEY (number, hash)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX uses_by_hash ON uses (hash);
  CREATE TABLE overrides (id TEXT PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
  CREATE TABLE resolved_names (id TEXT PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
  ${quarantinesTable}
`;

/** Steps from one schema version to the next: `migrations[0]` leads from 1 to 2. */
const migrations: readonly string[] = [quarantinesTable];

export type OpenDatabase = (path: string) => DatabaseSync;

/** Opens a database file durably: what a transaction has committed survives a crash of the machine (P3). */
export const openDatabase: OpenDatabase = path => {
  const database = new DatabaseSync(path, { timeout: 1000, allowExtension: false });
  try {
    // Exclusive, before the journal is touched: then SQLite needs no shared-memory file, and reading needs no disk space.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    database.exec('PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
};

/** What a database holds, and what of it could not be trusted. */
export interface Loaded {
  readonly sequence: number | undefined;
  readonly state: StoredState;
  /** Undamaged revisions, oldest first; the latest is also in `state`. */
  readonly revisions: readonly Revision[];
  /** One sentence per damage. */
  readonly damage: readonly string[];
}

/** Makes the tables of an empty database, or brings older ones up to date. @throws StoreError when they are newer. */
export function prepareSchema(database: DatabaseSync): void {
  const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_master').get()?.n);
  transaction(database, () => {
    if (tables === 0) {
      database.exec(schema);
      putMeta(database, 'schema', schemaVersion);
      putMeta(database, 'sequence', 0);
      return;
    }
    const version = getMeta(database, 'schema');
    if (version === undefined || version === schemaVersion) return;
    if (version > schemaVersion) {
      throw new StoreError(
        'io',
        `it was written by a newer Switchyard (schema ${version}, this one knows ${schemaVersion}): start that version, or choose another --data`,
      );
    }
    for (const step of migrations.slice(version - 1)) database.exec(step);
    putMeta(database, 'schema', schemaVersion);
  });
}

/** Reads and checks everything that is in force, and every kept revision. */
export function load(database: DatabaseSync): Loaded {
  const damage: string[] = [];
  attempt(damage, 'the tables', () => {
    for (const row of database.prepare('PRAGMA quick_check(1)').all()) {
      const found = String(Object.values(row)[0]);
      if (found !== 'ok') damage.push(`the tables: ${found}`);
    }
  });
  const sequence = attempt(damage, 'the count of writes', () => getMeta(database, 'sequence'));
  const head = attempt(damage, 'the number of the latest revision', () => getMeta(database, 'head'));
  if (sequence === undefined && damage.length === 0) damage.push('the count of writes is missing');
  const revisions = loadRevisions(database, damage);
  const latest = revisions.at(-1);
  if (head !== undefined && head !== latest?.number) damage.push(`revision ${head}, the latest, cannot be read`);
  if (head === undefined && latest !== undefined) damage.push('the number of the latest revision is missing');
  const overrides = loadRecords(database, 'overrides', parseOverride, damage);
  const quarantines = loadRecords(database, 'quarantines', parseQuarantine, damage);
  const names = loadRecords(database, 'resolved_names', parseAddresses, damage);
  const state = {
    revision: latest,
    overrides: overrides.map(([, override]) => override),
    quarantines: quarantines.map(([, quarantine]) => quarantine),
    resolvedNames: new Map(names),
  };
  return { sequence, state, revisions, damage };
}

export function insertRevision(database: DatabaseSync, revision: Revision, keep: number, sequence: number): void {
  const text = JSON.stringify(revisionRecord(revision));
  transaction(database, () => {
    database
      .prepare('INSERT INTO revisions (number, record, checksum) VALUES (?, ?, ?)')
      .run(revision.number, text, checksum(`revisions/${revision.number}`, text));
    const document = database.prepare('INSERT OR IGNORE INTO documents (hash, text) VALUES (?, ?)');
    const use = database.prepare('INSERT OR IGNORE INTO uses (number, hash) VALUES (?, ?)');
    for (const each of revision.documents) {
      const hash = textHash(each.text);
      document.run(hash, each.text);
      use.run(revision.number, hash);
    }
    putMeta(database, 'head', revision.number);
    putMeta(database, 'sequence', sequence);
    database.prepare('DELETE FROM revisions WHERE number <= ?').run(revision.number - keep);
    database.exec('DELETE FROM documents WHERE hash NOT IN (SELECT hash FROM uses)');
  });
}

export function upsertOverride(database: DatabaseSync, override: Override, sequence: number): void {
  counted(database, sequence, () => upsert(database, 'overrides', overrideId(override), JSON.stringify(override)));
}

export function removeOverride(database: DatabaseSync, key: OverrideKey, sequence: number): void {
  counted(database, sequence, () => remove(database, 'overrides', overrideId(key)));
}

export function changeOverrides(database: DatabaseSync, { put, end }: OverrideChange, sequence: number): void {
  counted(database, sequence, () => {
    for (const each of put) upsert(database, 'overrides', overrideId(each), JSON.stringify(each));
    for (const each of end) remove(database, 'overrides', overrideId(each));
  });
}

export function upsertQuarantine(database: DatabaseSync, quarantine: Quarantine, sequence: number): void {
  const text = JSON.stringify(quarantine);
  counted(database, sequence, () => upsert(database, 'quarantines', quarantineId(quarantine), text));
}

export function removeQuarantine(database: DatabaseSync, key: QuarantineKey, sequence: number): void {
  counted(database, sequence, () => remove(database, 'quarantines', quarantineId(key)));
}

export function changeNames(database: DatabaseSync, changes: NameChanges, sequence: number): void {
  counted(database, sequence, () => {
    for (const [host, addresses] of changes) {
      if (addresses) upsert(database, 'resolved_names', host, JSON.stringify(addresses));
      else remove(database, 'resolved_names', host);
    }
  });
}

/** @returns undefined when there is none. @throws Error when it is damaged. */
export function readRevision(database: DatabaseSync, number: number): Revision | undefined {
  const row = database.prepare('SELECT record, checksum FROM revisions WHERE number = ?').get(number);
  if (!row) return undefined;
  const record = parseRevision(verified(`revisions/${number}`, row));
  if (record.number !== number) throw new Error(`it says that it is revision ${record.number}`);
  const document = database.prepare('SELECT text FROM documents WHERE hash = ?');
  const documents = record.documents.map(({ file, format, hash }) => {
    const text = document.get(hash)?.text;
    if (typeof text !== 'string') throw new Error(`its document ${file} is missing`);
    if (textHash(text) !== hash) throw new Error(`its document ${file} does not have the text that was written`);
    return { file, format, text };
  });
  return { ...record, documents };
}

function loadRevisions(database: DatabaseSync, damage: string[]): Revision[] {
  const numbers = attempt(damage, 'the list of revisions', () =>
    database.prepare('SELECT number FROM revisions ORDER BY number').all(),
  );
  return (numbers ?? []).flatMap(row => {
    const number = Number(row.number);
    return attempt(damage, `revision ${number}`, () => readRevision(database, number)) ?? [];
  });
}

function loadRecords<T>(
  database: DatabaseSync,
  table: 'overrides' | 'quarantines' | 'resolved_names',
  parse: (text: string) => T,
  damage: string[],
): (readonly [string, T])[] {
  const rows = attempt(damage, `the table ${table}`, () =>
    database.prepare(`SELECT id, record, checksum FROM ${table} ORDER BY rowid`).all(),
  );
  return (rows ?? []).flatMap(row => {
    const id = String(row.id);
    const record = attempt(damage, `the record ${id} in ${table}`, () => parse(verified(`${table}/${id}`, row)));
    return record === undefined ? [] : [[id, record] as const];
  });
}

function upsert(database: DatabaseSync, table: string, id: string, text: string): void {
  database
    .prepare(
      `INSERT INTO ${table} (id, record, checksum) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET record = excluded.record, checksum = excluded.checksum`,
    )
    .run(id, text, checksum(`${table}/${id}`, text));
}

function remove(database: DatabaseSync, table: string, id: string): void {
  database.prepare(`DELETE FROM ${table} WHERE id = ?`).run(id);
}

/** One transaction, and one more in the count of writes. */
function counted(database: DatabaseSync, sequence: number, write: () => void): void {
  transaction(database, () => {
    write();
    putMeta(database, 'sequence', sequence);
  });
}

function putMeta(database: DatabaseSync, key: string, value: number): void {
  database
    .prepare('INSERT OR REPLACE INTO meta (key, record, checksum) VALUES (?, ?, ?)')
    .run(key, String(value), checksum(`meta/${key}`, String(value)));
}

function getMeta(database: DatabaseSync, key: string): number | undefined {
  const row = database.prepare('SELECT record, checksum FROM meta WHERE key = ?').get(key);
  return row && Number(verified(`meta/${key}`, row));
}

function verified(place: string, row: Record<string, unknown>): string {
  const text = String(row.record);
  if (row.checksum !== checksum(place, text)) throw new Error('it does not match its checksum');
  return text;
}

/** Runs a step of reading; what fails is written down, and the rest is read all the same. */
function attempt<T>(damage: string[], what: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    damage.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function transaction(database: DatabaseSync, write: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    write();
    database.exec('COMMIT');
  } catch (error) {
    // SQLite has already rolled back by itself after some errors, a full disk among them.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
