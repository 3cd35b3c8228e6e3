import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type OpenDatabase, openDatabase } from '../../../src/store/database.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { StoreError } from '../../../src/store/store.ts';
import { drainOf, put, revisionOf } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const reports: string[] = [];
const open = (directory: string, given: { readonly openDatabase?: OpenDatabase } = {}) =>
  openSqliteStore({ directory, now: () => 1000, report: text => reports.push(text), ...given });

/** As Node tells of a failure of SQLite. */
const failure = (errcode: number, message: string) =>
  Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode });

/** Databases of which a statement fails when it is run, or answers as given. */
const failing =
  (statement: RegExp, outcome: Error | Record<string, string>): OpenDatabase =>
  path => {
    const database = openDatabase(path);
    const prepare = database.prepare.bind(database);
    database.prepare = (...given: Parameters<typeof prepare>) => {
      const prepared = prepare(...given);
      if (!statement.test(given[0])) return prepared;
      const run = () => {
        if (outcome instanceof Error) throw outcome;
        return [outcome];
      };
      return Object.assign(prepared, { all: run, get: run });
    };
    return database;
  };

describe('a store that cannot be read just now', () => {
  for (const [what, statement, outcome] of [
    ['the disk fails within the check', /integrity_check/, failure(266, 'disk I/O error')],
    [
      'the check tells of a failure of the disk',
      /integrity_check/,
      { integrity_check: 'Tree 5 page 7: unable to get the page. error code=266' },
    ],
    ['a table cannot be read', /FROM overrides/, failure(10, 'disk I/O error')],
    ['a text cannot be read', /FROM texts/, failure(10, 'disk I/O error')],
    ['the count of writes cannot be read', /FROM meta/, failure(14, 'unable to open database file')],
    ['there is no memory', /FROM revisions/, failure(7, 'out of memory')],
  ] as const) {
    it(`is refused, and left as it is: ${what}`, () => {
      const directory = temporaryDirectory();
      const store = open(directory);
      store.acceptRevision(revisionOf('first'));
      put(store, drainOf('10.0.0.1:80'));
      store.close();
      const files = readdirSync(directory);
      reports.length = 0;
      assert.throws(
        () => open(directory, { openDatabase: failing(statement, outcome) }),
        (error: unknown) =>
          error instanceof StoreError &&
          error.kind === 'io' &&
          /cannot be read .* nothing .* was changed/.test(error.message),
      );
      assert.deepEqual(readdirSync(directory), files);
      const again = open(directory);
      assert.equal(again.overrides().length, 1);
      assert.deepEqual(reports, []);
      again.close();
    });
  }

  it('is mended when the check finds damage of it', () => {
    const directory = temporaryDirectory();
    const store = open(directory);
    store.acceptRevision(revisionOf('first'));
    store.close();
    let [first, checks] = [true, 0];
    const openOnce: OpenDatabase = path => {
      checks += 1;
      const damaged = { integrity_check: 'Tree 5 page 7: btreeInitPage() returns error code 11' };
      const opened = first ? failing(/integrity_check/, damaged)(path) : openDatabase(path);
      first = false;
      return opened;
    };
    open(directory, { openDatabase: openOnce }).close();
    assert.ok(checks > 1);
    assert.match(reports.join(), /the store is damaged: the tables: Tree 5/);
  });
});
