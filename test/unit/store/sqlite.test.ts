import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../../src/store/database.ts';
import { checksum } from '../../../src/store/record.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../../src/store/sqlite.ts';
import { type Store, StoreError } from '../../../src/store/store.ts';
import { drainOf, quarantineOf, revisionOf, shiftOf, storeContract } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const reports: string[] = [];
const open = (directory: string, more: Partial<SqliteStoreOptions> = {}) => {
  reports.length = 0;
  return openSqliteStore({ directory, now: () => 1000, report: text => reports.push(text), ...more });
};

storeContract('sqlite', () => open(temporaryDirectory(), { keepRevisions: 3 }));

/** What is in force, in one comparable value. */
const stateOf = (store: Store) => ({
  revision: store.latestRevision(),
  overrides: store.overrides(),
  quarantines: store.quarantines(),
  names: [...store.resolvedNames()],
});

function filled(directory: string): ReturnType<typeof stateOf> {
  const store = open(directory);
  for (let n = 1; n <= 3; n++) store.acceptRevision(revisionOf(`text of revision ${n}\n`.repeat(60)));
  store.putOverride(shiftOf({ 'catalog@v1': 9, 'catalog@v2': 1 }));
  store.putOverride(drainOf('10.0.0.1:80'));
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
    assert.equal(store.acceptRevision(revisionOf('next')).number, 4);
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

  it('brings a database of the first version up to date', () => {
    const directory = temporaryDirectory();
    const state = filled(directory);
    const database = openDatabase(join(directory, 'switchyard.db'));
    database.exec('DROP TABLE quarantines');
    database
      .prepare("UPDATE meta SET record = '1', checksum = ? WHERE key = 'schema'")
      .run(checksum('meta/schema', '1'));
    database.close();
    const store = open(directory);
    assert.deepEqual(stateOf(store), { ...state, quarantines: [] });
    store.putQuarantine(quarantineOf('web'));
    store.close();
    assert.deepEqual(asides(directory), []);
  });

  it('refuses a database of a newer version and leaves it alone', () => {
    const directory = temporaryDirectory();
    filled(directory);
    const database = openDatabase(join(directory, 'switchyard.db'));
    database
      .prepare("UPDATE meta SET record = '3', checksum = ? WHERE key = 'schema'")
      .run(checksum('meta/schema', '3'));
    database.close();
    assert.throws(() => open(directory), /written by a newer Switchyard \(schema 3, this one knows 2\)/);
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
      const latest = store.latestRevision()?.number ?? 0;
      assert.ok(latest >= acknowledged.revision, `revision ${latest} after ${acknowledged.revision} was acknowledged`);
      assert.equal(store.latestRevision()?.documents[0]?.text, `n: ${latest}`);
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

  it('names a damaged override and takes it from the copy', () => {
    const { directory, before } = damaged(path => replaceBytes(path, '"catalog@v1":9', '"catalog@v1":8'));
    const store = open(directory);
    assert.deepEqual(stateOf(store), before);
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
