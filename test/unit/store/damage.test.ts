import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { contentText } from '../../../src/base/content-text.ts';
import { openDatabase } from '../../../src/store/database.ts';
import { lastGoodFiles } from '../../../src/store/last-good.ts';
import { checksum, textHash } from '../../../src/store/record.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { type Store, StoreError } from '../../../src/store/store.ts';
import { seeded } from '../../protocol/seeded.ts';
import { Chance } from '../../support/chance.ts';
import { drainOf, publicationOf, put, quarantineOf, revisionOf, shiftOf } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** Places of a file that are damaged, spread over it: `RUNS=1000000` for every byte. */
const { seed, numRuns } = seeded(10);
const chance = new Chance(seed);

const reports: string[] = [];
const open = (directory: string) => {
  reports.length = 0;
  return openSqliteStore({ directory, now: () => 1000, report: text => reports.push(text) });
};

/** What is in force, in one comparable text. */
const stateOf = (store: Store) =>
  contentText([
    store.latestRevision(),
    store.overrides(),
    store.quarantines(),
    [...store.resolvedNames()],
    store.freeze(),
  ]);

const [database, log] = ['switchyard.db', 'switchyard.db-wal'];
const copies = lastGoodFiles;
const [state, policy, changes] = copies;

/** A store that was written to and not closed, as a crash leaves it: its directory, and the states it went through. */
function crashed() {
  const [directory, left] = [temporaryDirectory(), temporaryDirectory()];
  const store = open(directory);
  const states = [stateOf(store)];
  const step = (write: () => void) => {
    write();
    states.push(stateOf(store));
  };
  step(() => store.acceptRevision(revisionOf('first\n'.repeat(40))));
  step(() => put(store, shiftOf({ 'catalog@v1': 9, 'catalog@v2': 1 })));
  step(() => put(store, drainOf('10.0.0.1:80')));
  store.addPublications([publicationOf(1, { edge: 'a' })]);
  step(() => store.putQuarantine(quarantineOf('catalog')));
  step(() => store.changeResolvedNames(new Map([['a.internal', ['10.0.0.1', '10.0.0.2']]])));
  store.keepAnswer({ key: 'k', request: 'r', at: 1, status: 200, headers: {}, body: '{}' }, []);
  const second = revisionOf('second\n'.repeat(40));
  step(() => store.acceptRevision(second));
  const more = [...second.documents, { file: 'more.yaml', format: 'yaml', text: 'more' } as const];
  step(() => store.acceptRevision({ ...second, documents: more }));
  step(() => store.setFreeze({ by: 'ada', since: 1, revision: 6, overrides: [], quarantines: [], resolvedNames: {} }));
  cpSync(directory, left, { recursive: true });
  store.close();
  return { left, directory, states };
}

const { left, directory: ended, states } = crashed();
const newest = states.at(-1);

/** Spread over a file, with its beginning and its end. */
function places(path: string): readonly number[] {
  const { size } = statSync(path);
  const step = Math.max(1, size / numRuns);
  return [...new Set(Array.from({ length: Math.ceil(size / step) }, (_, n) => Math.floor(n * step)))].concat(size - 1);
}

function damaged(from: string, file: string, change: (path: string) => void, without: readonly string[] = []): string {
  const directory = temporaryDirectory();
  cpSync(from, directory, { recursive: true });
  for (const each of without) rmSync(join(directory, each));
  change(join(directory, file));
  return directory;
}

const flip = (offset: number) => (path: string) => {
  const content = readFileSync(path);
  content[offset] = (content[offset] ?? 0) ^ (1 << chance.below(8));
  writeFileSync(path, content);
};
const cut = (offset: number) => (path: string) => truncateSync(path, offset);

function occurrences(content: Buffer, text: string): readonly number[] {
  const found: number[] = [];
  for (let at = content.indexOf(text); at >= 0; at = content.indexOf(text, at + 1)) found.push(at);
  return found;
}

describe('a store of which a byte is another, or the end is missing (P4)', () => {
  for (const [what, from, file] of [
    ['the database', ended, database],
    ['the log of a database that was not closed', left, log],
    ['the copy of the state', ended, state],
    ['the copy of the policy', left, policy],
    ['the copy of what changed since', left, changes],
  ] as const) {
    for (const [how, change] of [
      ['a bit of it is another', flip],
      ['it is cut off', cut],
    ] as const) {
      it(`has all that was acknowledged: ${what}, where ${how}`, () => {
        for (const offset of places(join(from, file))) {
          const directory = damaged(from, file, change(offset));
          const store = open(directory);
          assert.equal(stateOf(store), newest, `byte ${offset}`);
          const next = store.acceptRevision(revisionOf('third')).number;
          assert.ok(next > store.lastNumber() - 1 && next >= 5, `byte ${offset}: revision ${next}`);
          store.close();
          rmSync(directory, { recursive: true });
        }
      });
    }
  }

  it('has all that was acknowledged where SQLite can read everything, and only the next write would fail', () => {
    const content = readFileSync(join(ended, database));
    const hash = textHash('second\n'.repeat(40));
    const ends = (text: string) => content.indexOf(text) + text.length - 1;
    const subtle = {
      'the name of a table that is referred to': ends('REFERENCES texts'),
      'the name of a column': ends('CREATE TABLE meta (key'),
      'the name of a table': ends('overridesoverrides'),
      'the version of the tables': ends(`schema4`),
      ...Object.fromEntries(
        occurrences(content, hash).map((offset, n) => [`a hash, in a table or an index (${n})`, offset + 1]),
      ),
    };
    for (const [what, offset] of Object.entries(subtle)) {
      assert.ok(offset > 0, what);
      const directory = damaged(ended, database, flip(offset));
      const store = open(directory);
      assert.equal(stateOf(store), newest, what);
      assert.match(reports.join(), /the store is damaged/, what);
      store.acceptRevision(revisionOf('third'));
      store.close();
    }
  });

  it('has one of the states that there were, or says that it has none, where there is no copy', () => {
    let [good, refused] = [0, 0];
    for (const [from, file] of [
      [ended, database],
      [left, log],
    ] as const) {
      for (const offset of places(join(from, file))) {
        for (const change of [flip, cut]) {
          const directory = damaged(from, file, change(offset), copies);
          try {
            const store = open(directory);
            const found = stateOf(store);
            store.close();
            if (reports.length === 0) assert.ok(states.includes(found), `byte ${offset} of ${file}: ${found}`);
            good += 1;
          } catch (error) {
            assert.ok(error instanceof StoreError && error.kind === 'damaged', String(error));
            refused += 1;
          }
          rmSync(directory, { recursive: true });
        }
      }
    }
    assert.ok(good > 10 && refused > 10, `${good} and ${refused}`);
  });
});

describe('a store with a record that is no such thing (P10)', () => {
  const poison = [
    'null',
    '[]',
    '{}',
    '"',
    '1e999',
    '{"kind":null}',
    '{"kind":"endpoint","service":null,"address":7,"by":"x","since":"y"}',
    '{"__proto__":{"kind":"shift"},"number":-1}',
    `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    JSON.stringify({ kind: 'shift', route: 'x'.repeat(2_000_000), rule: null }),
  ];
  const tables = [
    'revisions',
    'overrides',
    'quarantines',
    'resolved_names',
    'levers',
    'pins',
    'publications',
    'answers',
  ];

  for (const table of tables) {
    it(`names it and goes on with the rest, each time: ${table}`, () => {
      for (const record of poison) {
        const directory = damaged(ended, database, path => {
          const opened = openDatabase(path);
          const key = ['revisions', 'pins', 'publications'].includes(table) ? 'number' : 'id';
          const id = key === 'number' ? 99 : 'poison';
          opened
            .prepare(`INSERT INTO ${table} (${key}, record, checksum) VALUES (?, ?, ?)`)
            .run(id, record, checksum(`${table}/${id}`, record));
          opened.close();
        });
        const what = `${table}: ${record.slice(0, 40)}`;
        const store = open(directory);
        assert.equal(stateOf(store), newest, what);
        assert.equal(reports.length, 1, what);
        assert.match(reports[0] ?? '', /99|poison/, what);
        store.close();
        const again = open(directory);
        assert.deepEqual([stateOf(again), reports], [newest, []], `${what}: it is mended`);
        again.close();
        rmSync(directory, { recursive: true });
      }
    });
  }
});
