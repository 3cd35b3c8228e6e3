import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type OpenDatabase, openDatabase } from '../../../src/store/database.ts';
import { lastGoodFiles } from '../../../src/store/last-good.ts';
import { checksum, textHash } from '../../../src/store/record.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../../src/store/sqlite.ts';
import { overrideId, type Store, type StoredDocument, StoreError } from '../../../src/store/store.ts';
import {
  drainOf,
  publicationOf,
  put as putOverride,
  quarantineOf,
  revisionOf,
  shiftOf,
  storeContract,
} from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const reports: string[] = [];
const open = (directory: string, more: Partial<SqliteStoreOptions> = {}) => {
  reports.length = 0;
  return openSqliteStore({ directory, now: () => 1000, report: text => reports.push(text), ...more });
};

storeContract('sqlite', () => open(temporaryDirectory(), { retention: { revisions: 3, publications: 4 } }));

/** What is in force, in one comparable value. */
const stateOf = (store: Store) => ({
  revision: store.latestRevision(),
  overrides: store.overrides(),
  quarantines: store.quarantines(),
  names: [...store.resolvedNames()],
  last: store.lastNumber(),
});

/** What is known of the past, the same way. */
const pastOf = (store: Store) => ({
  revisions: store.revisions({ limit: 99 }).map(each => ({ ...each, whole: store.revision(each.number) })),
  publications: store.publications(),
});

function filled(directory: string): ReturnType<typeof stateOf> {
  const store = open(directory);
  for (let n = 1; n <= 3; n++) store.acceptRevision(revisionOf(`text of revision ${n}\n`.repeat(60)));
  putOverride(store, shiftOf({ 'catalog@v1': 9, 'catalog@v2': 1 }));
  putOverride(store, drainOf('10.0.0.1:80'));
  store.addPublications([publicationOf(1, { edge: 'a' })]);
  store.pin(2, { by: 'ada', at: 7 });
  store.putQuarantine(quarantineOf('catalog'));
  store.changeResolvedNames(new Map([['a.internal', ['10.0.0.1', '10.0.0.2']]]));
  const state = stateOf(store);
  store.close();
  return state;
}

const copyFiles = ['last-good.json', 'last-good-policy.json'];
const asides = (directory: string) => readdirSync(directory).filter(name => name.includes('.damaged-'));

describe('sqlite: over restarts', () => {
  it('holds the same after it was opened anew', () => {
    const directory = temporaryDirectory();
    const before = filled(directory);
    const store = open(directory);
    assert.deepEqual(stateOf(store), before);
    assert.deepEqual(reports, []);
    assert.equal(store.acceptRevision(revisionOf('next')).number, 6);
    store.close();
  });

  it('is readable by its owner only', () => {
    const directory = join(temporaryDirectory(), 'data');
    open(directory).close();
    assert.equal(statSync(directory).mode & 0o777, 0o700);
  });

  it('refuses a second process and names the first', () => {
    const directory = temporaryDirectory();
    const store = open(directory);
    assert.throws(
      () => open(directory),
      (error: unknown) =>
        error instanceof StoreError && error.kind === 'locked' && error.message.includes(`process ${process.pid}`),
    );
    store.close();
    open(directory).close();
  });

  it('brings databases of the first two versions up to date, with their revisions', () => {
    for (const version of [1, 2]) {
      const directory = temporaryDirectory();
      writeOld(directory, version);
      const store = open(directory);
      assert.deepEqual(reports, []);
      assert.equal(store.latestRevision()?.number, 3);
      assert.deepEqual(
        [1, 2, 3].map(n => store.revision(n)?.documents.map(each => each.text)),
        [1, 2, 3].map(n => ['shared: true', `n: ${n}`]),
      );
      assert.deepEqual(store.overrides(), [drainOf('10.0.0.1:80')]);
      assert.equal(store.revisions({ limit: 9 })[0]?.kind, 'declared');
      assert.equal(putOverride(store, drainOf('10.0.0.2:80'))?.number, 4);
      store.putQuarantine(quarantineOf('web'));
      store.close();
      assert.deepEqual(asides(directory), []);
      const again = open(directory);
      assert.deepEqual(reports, []);
      assert.equal(again.revision(4)?.overrides.length, 2);
      again.close();
    }
  });

  it('names a revision of an older version that is damaged, and goes on with the others', () => {
    const directory = temporaryDirectory();
    writeOld(directory, 2);
    replaceBytes(join(directory, 'switchyard.db'), 'n: 2', 'n: 7');
    const store = open(directory);
    assert.match(reports[0] ?? '', /revision 2/);
    assert.equal(store.latestRevision()?.number, 3);
    assert.equal(store.revision(2), undefined);
    store.close();
  });

  it('refuses a database of a newer version and leaves it alone', () => {
    const directory = temporaryDirectory();
    filled(directory);
    const database = openDatabase(join(directory, 'switchyard.db'));
    database
      .prepare("UPDATE meta SET record = '5', checksum = ? WHERE key = 'schema'")
      .run(checksum('meta/schema', '5'));
    database.close();
    assert.throws(() => open(directory), /written by a newer Switchyard \(schema 5, this one knows 4\)/);
    assert.deepEqual(asides(directory), []);
  });
});

describe('sqlite: kill -9 (P3)', () => {
  it('loses nothing that it has acknowledged', async () => {
    const directory = temporaryDirectory();
    const writer = fileURLToPath(import.meta.resolve('./acknowledging-writer.ts'));
    for (let round = 0; round < 6; round++) {
      const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
      const acknowledged = { revision: 0, name: 0 };
      let lines = 0;
      for await (const line of createInterface(child.stdout)) {
        const [kind, number] = line.split(' ');
        acknowledged[kind as 'revision' | 'name'] = Number(number);
        // Killed at a different point of the loop in each round; lines still in the pipe count as acknowledged.
        if (++lines === 5 + round * 3) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      assert.equal(child.signalCode, 'SIGKILL');
      const store = open(directory);
      const latest = Number(store.latestRevision()?.documents[0]?.text.slice(3));
      assert.ok(latest >= acknowledged.revision, `revision ${latest} after ${acknowledged.revision} was acknowledged`);
      assert.ok(Number(store.resolvedNames().get('counter')?.[0]) >= acknowledged.name);
      assert.deepEqual(reports, []);
      store.close();
    }
  });
});

describe('sqlite: damage (P4)', () => {
  const damaged = (change: (path: string, directory: string) => void) => {
    const directory = temporaryDirectory();
    const before = filled(directory);
    change(join(directory, 'switchyard.db'), directory);
    return { directory, before };
  };

  for (const [what, change] of Object.entries<(path: string, directory: string) => void>({
    'no database any more': path => writeFileSync(path, 'this is no database, it is a letter to the editor'),
    empty: path => truncateSync(path, 0),
    'cut off': path => truncateSync(path, 4096),
    lost: path => rmSync(path),
  })) {
    it(`goes on from the copy when the database is ${what}, says so and keeps what was there`, () => {
      const { directory, before } = damaged(change);
      const store = open(directory);
      assert.deepEqual(stateOf(store), before);
      assert.equal(reports.length, 1);
      assert.match(reports[0]!, /the store is damaged: .* revision 3 from the copy of/);
      assert.equal(asides(directory).length, what === 'lost' ? 0 : 1);
      store.close();
      assert.deepEqual(stateOf(open(directory)), before);
      assert.deepEqual(reports, []);
    });
  }

  it('falls back to the revision before when the latest is damaged and there is no copy', () => {
    const { directory } = damaged((path, at) => {
      for (const file of copyFiles) rmSync(join(at, file));
      replaceBytes(path, 'text of revision 3', 'text of revision 7');
    });
    const store = open(directory);
    assert.equal(store.latestRevision()?.number, 2);
    assert.match(reports[0]!, /revision 3: its document switchyard.yaml does not have the text that was written/);
    assert.match(reports[0]!, /goes on with revision 2 from what of it is whole/);
    assert.deepEqual(store.overrides().length, 2);
    store.close();
  });

  it('writes of a large policy what changed, also in the copy, and has all of it from there', () => {
    const directory = temporaryDirectory();
    const store = open(directory);
    const document = (n: number, text: string) => ({ file: `${n}.yaml`, format: 'yaml' as const, text });
    const texts = Array.from({ length: 50 }, (_, n) => document(n, `text of ${n}\n`.repeat(100)));
    const accept = (documents: readonly StoredDocument[]) =>
      store.acceptRevision({ ...revisionOf('any'), documents }).documents;
    accept(texts);
    const [policy, changes] = ['last-good-policy.json', 'last-good-changes.json'].map(each => join(directory, each));
    assert.ok(policy && changes);
    const whole = readFileSync(policy, 'utf8');
    const lacking = (documents: readonly StoredDocument[]) => documents.filter((_, n) => n !== 30);
    let newest: readonly StoredDocument[] = texts;
    for (let n = 0; n < 4; n++) {
      newest = accept([...lacking(newest).with(n, document(n, `other ${n}\n`.repeat(50))), document(90 + n, 'new')]);
      assert.equal(readFileSync(policy, 'utf8'), whole);
      assert.ok(statSync(changes).size < 4000);
    }
    const state = stateOf(store);
    store.close();
    const bare = temporaryDirectory();
    for (const file of lastGoodFiles) cpSync(join(directory, file), join(bare, file));
    const mended = open(bare);
    assert.deepEqual(stateOf(mended), state);
    assert.deepEqual(mended.latestRevision()?.documents, newest);
    assert.deepEqual(
      readdirSync(bare)
        .filter(each => each.startsWith('last-good'))
        .sort(),
      ['last-good-policy.json', 'last-good.json'],
    );
    mended.close();
    // What has changed since cannot be read, so the policy of before is not taken for the newest.
    writeFileSync(changes, readFileSync(changes, 'utf8').replace('other 3', 'other 4'));
    rmSync(join(directory, 'switchyard.db'));
    assert.throws(() => open(directory), StoreError);
  });

  it('puts the texts that a change brings, and no others', () => {
    const put: string[] = [];
    const counting: OpenDatabase = path => {
      const database = openDatabase(path);
      const prepare = database.prepare.bind(database);
      database.prepare = sql => {
        const statement = prepare(sql);
        const run = statement.run.bind(statement);
        if (sql.includes('INTO texts')) {
          statement.run = (...given: unknown[]) => {
            put.push(String(given[1]));
            return run(...(given as string[]));
          };
        }
        return statement;
      };
      return database;
    };
    const store = open(temporaryDirectory(), { openDatabase: counting });
    const document = (n: number, text: string) => ({ file: `${n}.yaml`, format: 'yaml' as const, text });
    const documents = Array.from({ length: 300 }, (_, n) => document(n, `text ${n}`));
    const during = (act: () => unknown) => {
      put.length = 0;
      act();
      return put.filter(each => !each.startsWith('[['));
    };
    assert.equal(during(() => store.acceptRevision({ ...revisionOf('any'), documents })).length, 300);
    const next = documents.with(7, document(7, 'other'));
    assert.deepEqual(
      during(() => store.acceptRevision({ ...revisionOf('any'), documents: next })),
      ['other'],
    );
    assert.equal(put.length, 2, 'the text, and the list that it stands in');
    assert.equal(during(() => putOverride(store, drainOf('10.0.0.9:80'))).length, 1, 'the override');
    store.close();
  });

  it('names a damaged override and takes it from the copy', () => {
    const { directory, before } = damaged(path => replaceBytes(path, '"catalog@v1":9', '"catalog@v1":8'));
    const store = open(directory);
    assert.deepEqual(stateOf(store), before);
    assert.deepEqual(
      pastOf(store).revisions.map(each => [each.number, each.pin !== undefined, each.whole?.documents.length]),
      [3, 2, 1].map(number => [number, number === 2, 1]),
      'those with the override are damaged too',
    );
    assert.equal(pastOf(store).publications.length, 1);
    assert.match(reports[0]!, /the record \["shift","shop","everyone"\] in overrides: it does not match its checksum/);
    assert.deepEqual(store.revision(2)?.documents[0]?.text, 'text of revision 2\n'.repeat(60), 'history goes along');
    store.close();
  });

  it('refuses to start when database and copy are damaged, each time, and touches neither', () => {
    const { directory } = damaged((path, at) => {
      writeFileSync(path, 'garbage'.repeat(1000));
      for (const file of copyFiles) writeFileSync(join(at, file), 'garbage');
    });
    for (let time = 0; time < 2; time++) {
      assert.throws(
        () => open(directory),
        (error: unknown) =>
          error instanceof StoreError && error.kind === 'damaged' && /back from a backup/.test(error.message),
      );
    }
    assert.equal(readFileSync(join(directory, 'switchyard.db'), 'utf8'), 'garbage'.repeat(1000));
  });

  for (const file of copyFiles) {
    it(`writes a damaged copy anew (${file})`, () => {
      const { directory, before } = damaged((_, at) => truncateSync(join(at, file), 100));
      assert.deepEqual(stateOf(closed(open(directory))), before);
      assert.match(reports[0]!, /the copy .* is damaged and will be written anew/);
      rmSync(join(directory, 'switchyard.db'));
      assert.deepEqual(stateOf(closed(open(directory))), before);
    });

    it(`does not trust half a copy (without ${file})`, () => {
      const { directory } = damaged((path, at) => {
        rmSync(path);
        rmSync(join(at, file));
      });
      assert.throws(() => open(directory), /there is no good copy of it/);
    });
  }

  it('gives no wrong data whichever byte is flipped', () => {
    const source = temporaryDirectory();
    const before = filled(source);
    const size = statSync(join(source, 'switchyard.db')).size;
    let mended = 0;
    for (let offset = 0; offset < size; offset += 397) {
      const directory = temporaryDirectory();
      cpSync(source, directory, { recursive: true });
      const path = join(directory, 'switchyard.db');
      const content = readFileSync(path);
      content[offset] = content[offset]! ^ 0x41;
      writeFileSync(path, content);
      const store = open(directory);
      assert.deepEqual(stateOf(store), before, `byte ${offset}`);
      store.close();
      mended += reports.length;
    }
    assert.ok(mended > 10, 'at least the flips within records were noticed');
  });
});

describe('sqlite: a full disk (P5)', () => {
  it('refuses writes, goes on reading, and heals by itself', () => {
    let database: DatabaseSync | undefined;
    const store = open(temporaryDirectory(), {
      openDatabase: path => {
        database = openDatabase(path);
        return database;
      },
    });
    const first = store.acceptRevision(revisionOf('small'));
    const pages = Number(database?.prepare('PRAGMA page_count').get()?.page_count);
    database?.exec(`PRAGMA max_page_count = ${pages + 2}`);
    const full = (error: unknown) => error instanceof StoreError && error.kind === 'full';
    const large = revisionOf('large '.repeat(20_000));
    assert.throws(() => store.acceptRevision(large), full);
    assert.throws(() => store.acceptRevision(large), full);
    assert.deepEqual(store.latestRevision(), first);
    assert.deepEqual(store.revision(1), first);
    database?.exec('PRAGMA max_page_count = 100000');
    assert.equal(store.acceptRevision(large).number, 2);
    store.close();
  });
});

/** A database as older versions wrote it: three revisions, one override. */
function writeOld(directory: string, version: number): void {
  const database = openDatabase(join(directory, 'switchyard.db'));
  const sealed = (place: string, record: string) => [record, checksum(place, record)] as const;
  database.exec(`
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
  `);
  if (version > 1) {
    database.exec(
      'CREATE TABLE quarantines (id TEXT PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT',
    );
  }
  const meta = database.prepare('INSERT INTO meta (key, record, checksum) VALUES (?, ?, ?)');
  for (const [key, value] of [
    ['schema', version],
    ['sequence', 4],
    ['head', 3],
  ] as const)
    meta.run(key, ...sealed(`meta/${key}`, String(value)));
  const document = database.prepare('INSERT OR IGNORE INTO documents (hash, text) VALUES (?, ?)');
  const revision = database.prepare('INSERT INTO revisions (number, record, checksum) VALUES (?, ?, ?)');
  for (const number of [1, 2, 3]) {
    const documents = ['shared: true', `n: ${number}`].map((text, at) => {
      document.run(textHash(text), text);
      return { file: `${at}.yaml`, format: 'yaml', hash: textHash(text) };
    });
    const record = JSON.stringify({ number, at: number, author: 'ada', source: 'file', reason: 'saved', documents });
    revision.run(number, ...sealed(`revisions/${number}`, record));
  }
  const drain = drainOf('10.0.0.1:80');
  database
    .prepare('INSERT INTO overrides (id, record, checksum) VALUES (?, ?, ?)')
    .run(overrideId(drain), ...sealed(`overrides/${overrideId(drain)}`, JSON.stringify(drain)));
  database.close();
}

function closed(store: Store): Store {
  store.close();
  return store;
}

/** Puts other bytes of the same length in place of every occurrence in a file. */
function replaceBytes(path: string, from: string, to: string): void {
  const content = readFileSync(path);
  let found = content.indexOf(from);
  assert.notEqual(found, -1, `${from} stands in ${path}`);
  for (; found !== -1; found = content.indexOf(from, found + 1)) content.write(to, found);
  writeFileSync(path, content);
}
