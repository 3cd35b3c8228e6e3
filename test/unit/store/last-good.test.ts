import assert from 'node:assert/strict';
import fs, { rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, it, mock } from 'node:test';
import { LastGoodCopy } from '../../../src/store/last-good.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import type { Revision } from '../../../src/store/store.ts';
import { revisionOf } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

it('P3: a copy whose first write was cut off after any of its files can be read', () => {
  const revision: Revision = { ...revisionOf('first\n'), what: 'all', number: 1, kind: 'declared', overrides: [] };
  const state = { revision, last: 1, overrides: [], quarantines: [], resolvedNames: new Map() };
  let files = 0;
  for (let finished = false; !finished; files++) {
    const directory = temporaryDirectory();
    finished = cutOff(files, () => new LastGoodCopy(directory).write({ sequence: 1, at: 1000, state }));
    const found = new LastGoodCopy(directory).read();
    assert.ok(found !== 'damaged', `after ${files} files`);
    if (finished) assert.deepEqual(found?.state.revision?.documents, revision.documents);
  }
  assert.ok(files > 2, 'it is of several files');
});

/** Does something, and cuts it off once so many files are written. @returns whether it was done by then. */
function cutOff(files: number, act: () => void): boolean {
  const { renameSync } = fs;
  let left = files;
  const renaming = mock.method(fs, 'renameSync', (from: string, to: string) => {
    assert.ok(left-- > 0, 'cut off');
    renameSync(from, to);
  });
  syncBuiltinESMExports();
  try {
    act();
    return true;
  } catch (error) {
    assert.match(String(error), /cut off/);
    return false;
  } finally {
    renaming.mock.restore();
    syncBuiltinESMExports();
  }
}

const document = (file: string, text: string) => ({ file, format: 'yaml', text }) as const;
const { documents: _, ...about } = revisionOf('');
const documents = Array.from({ length: 30 }, (_, at) => document(`${at}.yaml`, 'a text of some length'));
const changedAt = (at: number) => ({ ...about, documents: documents.with(at, document(`${at}.yaml`, 'another')) });

/** A store of which the policy file, and then what has changed since, was written. */
function withChanges() {
  const directory = temporaryDirectory();
  const open = () => openSqliteStore({ directory, now: () => 1000, report: () => {} });
  const lose = (...files: readonly string[]) => {
    for (const each of files) rmSync(join(directory, each), { force: true });
  };
  const store = open();
  store.acceptRevision({ ...about, documents });
  store.acceptRevision(changedAt(1));
  return { store, open, lose };
}

const database = ['switchyard.db', 'switchyard.db-wal'];

describe('the copy of a large policy', () => {
  it('is written as a whole again when somebody has removed a part of it', () => {
    const { store, open, lose } = withChanges();
    lose('last-good-policy.json');
    const { number } = store.acceptRevision(changedAt(2));
    store.close();
    lose(...database);
    const again = open();
    assert.equal(again.latestRevision()?.number, number);
    again.close();
  });

  it('is not the policy of before a restored backup, when what has changed since is lost', () => {
    const { store, open, lose } = withChanges();
    const [first] = store.contents().revisions;
    assert.ok(first);
    store.close();
    const later = open();
    const kept = later.latestRevision()?.documents ?? [];
    later.restore({ ...later.contents(), revisions: [{ ...first, documents: kept.slice(1) }] });
    later.close();
    lose(...database, 'last-good-changes.json');
    assert.throws(open, /there is no good copy of it/);
  });

  it('does not begin anew beside what has changed since', () => {
    const { store, open, lose } = withChanges();
    store.close();
    lose(...database, 'last-good-policy.json', 'last-good.json');
    assert.throws(open, /there is no good copy of it/);
  });
});
