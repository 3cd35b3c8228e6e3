import type { DatabaseSync } from 'node:sqlite';
import { checksum } from './record.ts';
import { StoreError } from './store.ts';
import { messageOf, unreadable } from './store-failure.ts';

/** What every table is read and written with: a record, and a checksum over its place and text (P4). */

/** Runs all of it or nothing. */
export function transaction(database: DatabaseSync, write: () => void): void {
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

/** One transaction, and one more in the count of writes. */
export function counted(database: DatabaseSync, sequence: number, write: () => void): void {
  transaction(database, () => {
    write();
    putMeta(database, 'sequence', sequence);
  });
}

type Table =
  | 'answers'
  | 'overrides'
  | 'quarantines'
  | 'resolved_names'
  | 'levers'
  | 'revisions'
  | 'pins'
  | 'publications';

/** Name of the column by which records of a table are found. */
const keyOf = (table: Table): 'id' | 'number' =>
  table === 'revisions' || table === 'pins' || table === 'publications' ? 'number' : 'id';

export function upsert(database: DatabaseSync, table: Table, id: string | number, value: unknown): void {
  const [key, text] = [keyOf(table), JSON.stringify(value)];
  database
    .prepare(
      `INSERT INTO ${table} (${key}, record, checksum) VALUES (?, ?, ?)
       ON CONFLICT (${key}) DO UPDATE SET record = excluded.record, checksum = excluded.checksum`,
    )
    .run(id, text, checksum(`${table}/${id}`, text));
}

export function remove(database: DatabaseSync, table: Table, id: string | number): void {
  database.prepare(`DELETE FROM ${table} WHERE ${keyOf(table)} = ?`).run(id);
}

/** Every record that is whole, by its key; what is not is written down in `damage`. */
export function readAll<T>(
  database: DatabaseSync,
  table: Table,
  parse: (text: string) => T,
  damage: string[],
): (readonly [string, T])[] {
  const key = keyOf(table);
  const order = key === 'id' ? 'rowid' : 'number';
  const rows = attempt(damage, `the table ${table}`, () =>
    database.prepare(`SELECT ${key} AS id, record, checksum FROM ${table} ORDER BY ${order}`).all(),
  );
  return (rows ?? []).flatMap(row => {
    const id = String(row.id);
    const what = table === 'revisions' ? `revision ${id}` : `the record ${id} in ${table}`;
    const record = attempt(damage, what, () => parse(verified(`${table}/${id}`, row)));
    return record === undefined ? [] : [[id, record] as const];
  });
}

export function putMeta(database: DatabaseSync, key: string, value: number): void {
  database
    .prepare('INSERT OR REPLACE INTO meta (key, record, checksum) VALUES (?, ?, ?)')
    .run(key, String(value), checksum(`meta/${key}`, String(value)));
}

export function getMeta(database: DatabaseSync, key: string): number | undefined {
  const row = database.prepare('SELECT record, checksum FROM meta WHERE key = ?').get(key);
  return row && Number(verified(`meta/${key}`, row));
}

/** @throws StoreError `damaged` when it is not what was written there. */
export function verified(place: string, row: Record<string, unknown>): string {
  const text = String(row.record);
  if (row.checksum !== checksum(place, text)) throw new StoreError('damaged', 'it does not match its checksum');
  return text;
}

/**
 * Runs a step of reading; what is damaged is written down, and the rest is read all the same.
 *
 * @throws StoreError `io` where it could not be looked at
 */
export function attempt<T>(damage: string[], what: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const refusal = unreadable(error);
    if (refusal) throw refusal;
    damage.push(`${what}: ${messageOf(error)}`);
    return undefined;
  }
}
