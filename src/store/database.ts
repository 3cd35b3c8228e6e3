import { DatabaseSync } from 'node:sqlite';
import type { Quarantine } from '../policy/operational-state.ts';
import type { StoredState } from './memory.ts';
import {
  asFreeze,
  asPin,
  asPublication,
  parseAddresses,
  parseAnswer,
  parseOverride,
  parseQuarantine,
  parseRevision,
  type RevisionRecord,
} from './record.ts';
import { attempt, counted, getMeta, putMeta, readAll, remove, transaction, upsert, verified } from './rows.ts';
import { damageOfSchema, prepareSchema } from './schema.ts';
import {
  type Freeze,
  type KeptAnswer,
  type NameChanges,
  type OverrideChange,
  overrideId,
  type Pin,
  type PublicationRecord,
  type QuarantineKey,
  quarantineId,
  type Revision,
  type RevisionInfo,
  type StoreContents,
} from './store.ts';
import { kindOf, messageOf, unreadable, unreadableIn } from './store-failure.ts';
import { documentsApart, insertTexts, releaseTexts, takeApart, textReader } from './texts.ts';

/** What is done with the tables. Each function is one transaction; failures throw SQLite's own errors. */

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
  /** Of undamaged revisions, oldest first. */
  readonly revisions: readonly RevisionInfo[];
  readonly pins: ReadonlyMap<number, Pin>;
  readonly publications: readonly PublicationRecord[];
  readonly answers: readonly KeptAnswer[];
  /** One sentence per damage. */
  readonly damage: readonly string[];
}

/**
 * Makes the tables or brings them up to date, then reads and checks everything that is in force, and every kept revision.
 *
 * @throws StoreError when a newer version wrote them, or `io` when they cannot be looked at.
 */
export function load(database: DatabaseSync): Loaded {
  const damage: string[] = [];
  try {
    prepareSchema(database);
  } catch (error) {
    if (kindOf(error) !== 'damaged') throw unreadable(error) ?? error;
    damage.push(`the tables: ${messageOf(error)}`);
  }
  attempt(damage, 'the tables', () => damage.push(...damageOfTables(database)));
  const sequence = attempt(damage, 'the count of writes', () => getMeta(database, 'sequence'));
  const head = attempt(damage, 'the number of the latest revision', () => getMeta(database, 'head'));
  const last = attempt(damage, 'the number of the last change', () => getMeta(database, 'last'));
  if (sequence === undefined && damage.length === 0) damage.push('the count of writes is missing');
  const revisions = loadRevisions(database, damage);
  const latest = revisions.findLast(each => each.kind === 'declared');
  if (head !== undefined && head !== latest?.number) damage.push(`revision ${head}, the latest, cannot be read`);
  if (head === undefined && latest !== undefined) damage.push('the number of the latest revision is missing');
  const overrides = readAll(database, 'overrides', parseOverride, damage);
  const quarantines = readAll(database, 'quarantines', parseQuarantine, damage);
  const names = readAll(database, 'resolved_names', parseAddresses, damage);
  const levers = readAll(database, 'levers', text => asFreeze(JSON.parse(text)), damage);
  const pins = readAll(database, 'pins', text => asPin(JSON.parse(text)), damage);
  const publications = readAll(database, 'publications', text => asPublication(JSON.parse(text)), damage);
  const answers = readAll(database, 'answers', parseAnswer, damage);
  const state = {
    revision: latest && attempt(damage, `revision ${latest.number}`, () => readRevision(database, latest.number)),
    last: Math.max(last ?? 0, revisions.at(-1)?.number ?? 0),
    overrides: overrides.map(([, override]) => override),
    quarantines: quarantines.map(([, quarantine]) => quarantine),
    resolvedNames: new Map(names),
    ...(levers[0] ? { freeze: levers[0][1] } : {}),
  };
  return {
    sequence,
    state,
    revisions,
    pins: new Map(pins.map(([number, pin]) => [Number(number), pin])),
    publications: publications.map(([, record]) => record),
    answers: answers.map(([, answer]) => answer),
    damage,
  };
}

/**
 * What of the tables is not as they were made. The whole check, for the quick one does not see an index that differs
 * from its table: all can be read then, and the next write fails (a third of a second for 130 MB).
 */
function damageOfTables(database: DatabaseSync): readonly string[] {
  const rows = database.prepare('PRAGMA integrity_check(1)').all();
  const found = rows.map(row => String(Object.values(row)[0])).filter(each => each !== 'ok');
  const refusal = unreadableIn(found);
  if (refusal) throw refusal;
  return [...found, ...damageOfSchema(database)].map(each => `the tables: ${each}`);
}

/** What a new revision comes with. */
export interface Around {
  /** Of the write. */
  readonly sequence: number;
  /** Numbers of those that are kept no longer. */
  readonly over: readonly number[];
  /** The declared one before it, which is stored. */
  readonly latest: Revision | undefined;
}

/** A new declared policy; where its overrides are to replace those that there are, these too. */
export function insertRevision(
  database: DatabaseSync,
  revision: Revision,
  { sequence, ...around }: Around,
  replaceOverrides = false,
): void {
  counted(database, sequence, () => {
    addRevision(database, revision, around);
    if (!replaceOverrides) return;
    database.exec('DELETE FROM overrides');
    for (const each of revision.overrides) upsert(database, 'overrides', overrideId(each), each);
  });
}

export function changeOverrides(
  database: DatabaseSync,
  { put, end }: OverrideChange,
  revision: Revision,
  { sequence, ...around }: Around,
): void {
  counted(database, sequence, () => {
    addRevision(database, revision, around);
    for (const each of put) upsert(database, 'overrides', overrideId(each), each);
    for (const each of end) remove(database, 'overrides', overrideId(each));
  });
}

/** Not counted: the copy knows nothing of the past, and is as new as before. */
export function putPin(database: DatabaseSync, number: number, pin: Pin | undefined): void {
  transaction(database, () => {
    if (pin) upsert(database, 'pins', number, pin);
    else remove(database, 'pins', number);
  });
}

export function putFreeze(database: DatabaseSync, freeze: Freeze | undefined, sequence: number): void {
  counted(database, sequence, () => {
    if (freeze) upsert(database, 'levers', 'freeze', freeze);
    else remove(database, 'levers', 'freeze');
  });
}

/** Not counted, as pins. */
export function addPublications(
  database: DatabaseSync,
  records: readonly PublicationRecord[],
  over: readonly number[],
): void {
  transaction(database, () => {
    for (const each of records) upsert(database, 'publications', each.number, each);
    for (const number of over) remove(database, 'publications', number);
  });
}

/** Not counted, as pins. */
export function putAnswers(database: DatabaseSync, answers: readonly KeptAnswer[], over: readonly string[]): void {
  transaction(database, () => {
    for (const each of answers) upsert(database, 'answers', each.key, each);
    for (const key of over) remove(database, 'answers', key);
  });
}

export function upsertQuarantine(database: DatabaseSync, quarantine: Quarantine, sequence: number): void {
  counted(database, sequence, () => upsert(database, 'quarantines', quarantineId(quarantine), quarantine));
}

export function removeQuarantine(database: DatabaseSync, key: QuarantineKey, sequence: number): void {
  counted(database, sequence, () => remove(database, 'quarantines', quarantineId(key)));
}

export function changeNames(database: DatabaseSync, changes: NameChanges, sequence: number): void {
  counted(database, sequence, () => putNames(database, changes));
}

/** Puts all of this in place of all that there is. */
export function replaceAll(
  database: DatabaseSync,
  contents: StoreContents & { readonly freeze?: Freeze },
  sequence: number,
): void {
  counted(database, sequence, () => {
    const tables = ['uses', 'texts', 'revisions', 'pins', 'publications', 'overrides', 'quarantines', 'resolved_names'];
    for (const each of [...tables, 'levers']) database.exec(`DELETE FROM ${each}`);
    database.exec("DELETE FROM meta WHERE key = 'head'");
    for (const each of contents.revisions) addRevision(database, each, { over: [], latest: undefined });
    for (const [number, pin] of contents.pins) upsert(database, 'pins', number, pin);
    for (const each of contents.overrides) upsert(database, 'overrides', overrideId(each), each);
    for (const each of contents.quarantines) upsert(database, 'quarantines', quarantineId(each), each);
    for (const each of contents.publications) upsert(database, 'publications', each.number, each);
    putNames(database, contents.resolvedNames);
    if (contents.freeze) upsert(database, 'levers', 'freeze', contents.freeze);
    putMeta(database, 'last', contents.last);
  });
}

/** @returns undefined when there is none. @throws Error when it is damaged. */
export function readRevision(database: DatabaseSync, number: number): Revision | undefined {
  const row = database.prepare('SELECT record, checksum FROM revisions WHERE number = ?').get(number);
  if (!row) return undefined;
  return textReader(database).putTogether(numbered(number, parseRevision(verified(`revisions/${number}`, row))));
}

function numbered(number: number, record: RevisionRecord): RevisionRecord {
  if (record.number !== number) throw new Error(`it says that it is revision ${record.number}`);
  return record;
}

/** Those whose records and texts are all whole. */
function loadRevisions(database: DatabaseSync, damage: string[]): readonly RevisionInfo[] {
  const reader = attempt(damage, 'the texts', () => textReader(database));
  if (!reader) return [];
  const records = readAll(database, 'revisions', parseRevision, damage);
  return records.flatMap(([id, record]) => {
    const sound = attempt(damage, `revision ${id}`, () => {
      reader.check(numbered(Number(id), record));
      return true;
    });
    const { chunks: _, overrides: __, ...info } = record;
    return sound ? [info as RevisionInfo] : [];
  });
}

function addRevision(database: DatabaseSync, revision: Revision, { over, latest }: Omit<Around, 'sequence'>): void {
  const apart = takeApart(revision);
  upsert(database, 'revisions', revision.number, apart.record);
  // Its documents alone: what was read of overrides may be written otherwise than it was.
  insertTexts(database, apart, latest && documentsApart(latest.documents));
  if (revision.kind === 'declared') putMeta(database, 'head', revision.number);
  putMeta(database, 'last', revision.number);
  for (const number of over) {
    remove(database, 'revisions', number);
    remove(database, 'pins', number);
    releaseTexts(database, number);
  }
}

function putNames(database: DatabaseSync, changes: NameChanges): void {
  for (const [host, addresses] of changes) {
    if (addresses) upsert(database, 'resolved_names', host, addresses);
    else remove(database, 'resolved_names', host);
  }
}
