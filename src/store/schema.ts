import { DatabaseSync } from 'node:sqlite';
import { checksum, parseFirstRevision, textHash } from './record.ts';
import { getMeta, putMeta, transaction, verified } from './rows.ts';
import { StoreError } from './store.ts';
import { insertTexts, takeApart } from './texts.ts';

/** The tables, and how those of older versions become them. */

const schemaVersion = 4;

const records = (name: string): string =>
  `CREATE TABLE ${name} (id TEXT PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;`;
const numbered = (name: string): string =>
  `CREATE TABLE ${name} (number INTEGER PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;`;

const uses = `
  CREATE TABLE uses (
    holder TEXT NOT NULL,
    hash TEXT NOT NULL REFERENCES texts,
    PRIMARY KEY (holder, hash)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX uses_by_hash ON uses (hash);
`;

const history = `${numbered('pins')} ${numbered('publications')} ${records('levers')} ${uses}`;

const schema = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
  CREATE TABLE texts (hash TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
  ${numbered('revisions')}
  ${records('overrides')}
  ${records('resolved_names')}
  ${records('quarantines')}
  ${records('answers')}
  ${history}
`;

/** Steps from one schema version to the next: `migrations[0]` leads from 1 to 2. */
const migrations: readonly ((database: DatabaseSync) => void)[] = [
  database => database.exec(records('quarantines')),
  withHistory,
  database => database.exec(records('answers')),
];

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
    for (const step of migrations.slice(version - 1)) step(database);
    putMeta(database, 'schema', schemaVersion);
  });
}

/** Definitions that are not those of this version: SQLite takes a name with a damaged letter for another name. */
export function damageOfSchema(database: DatabaseSync): readonly string[] {
  const sound = new DatabaseSync(':memory:');
  try {
    sound.exec(schema);
    const [expected, found] = [definitionsOf(sound), definitionsOf(database)];
    return [...expected].flatMap(([name, definition]) =>
      found.get(name) === definition ? [] : [`${name} is not defined as it was`],
    );
  } finally {
    sound.close();
  }
}

function definitionsOf(database: DatabaseSync): ReadonlyMap<string, string> {
  const rows = database.prepare('SELECT name, type, tbl_name, sql FROM sqlite_master').all();
  return new Map(rows.map(({ name, type, tbl_name, sql }) => [String(name), JSON.stringify([type, tbl_name, sql])]));
}

/** Revisions say what they were about, and have overrides. Damaged ones stay as they are, for the reading to find them. */
function withHistory(database: DatabaseSync): void {
  database.exec('CREATE TABLE texts (hash TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT');
  database.exec('INSERT INTO texts SELECT hash, text FROM documents');
  database.exec('DROP TABLE uses; DROP TABLE documents');
  database.exec(history);
  const text = database.prepare('SELECT text FROM texts WHERE hash = ?');
  const put = database.prepare('UPDATE revisions SET record = ?, checksum = ? WHERE number = ?');
  for (const row of database.prepare('SELECT number, record, checksum FROM revisions ORDER BY number').all()) {
    const place = `revisions/${row.number}`;
    try {
      const { documents, ...first } = parseFirstRevision(verified(place, row));
      const whole = documents.map(({ file, format, hash }) => {
        const found = String(text.get(hash)?.text);
        if (textHash(found) !== hash) throw new Error(`${file} is damaged`);
        return { file, format, text: found };
      });
      const apart = takeApart({ ...first, kind: 'declared', what: '', documents: whole, overrides: [] });
      const record = JSON.stringify(apart.record);
      insertTexts(database, apart);
      put.run(record, checksum(place, record), Number(row.number));
    } catch {
      // It is told of, and mended, when it is read.
    }
  }
  const head = getMeta(database, 'head');
  if (head !== undefined) putMeta(database, 'last', head);
}
