import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { StoreError } from '../../../src/store/store.ts';
import { put, revisionOf, shiftOf } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const open = (directory: string) => openSqliteStore({ directory, now: () => 1000, report: () => {} });
const failure = (kind: StoreError['kind'], words: RegExp) => (error: unknown) =>
  error instanceof StoreError && error.kind === kind && words.test(error.message);

describe('sqlite: the data directory', () => {
  it('P3: a write is not acknowledged into a directory that has gone, and is when it comes back', () => {
    const directory = join(temporaryDirectory(), 'data');
    const store = open(directory);
    const first = store.acceptRevision(revisionOf('first'));
    renameSync(directory, `${directory}.moved`);
    assert.throws(() => put(store, shiftOf({ 'catalog@v1': 1 })), failure('io', /moved away or deleted/));
    // Another one in its place is not ours.
    mkdirSync(directory);
    writeFileSync(join(directory, 'switchyard.db'), '');
    assert.throws(
      () => store.acceptRevision(revisionOf('second')),
      failure('io', /put the directory back, or restart/),
    );
    assert.deepEqual(store.latestRevision(), first);
    assert.deepEqual(store.overrides(), []);
    rmSync(directory, { recursive: true });
    renameSync(`${directory}.moved`, directory);
    assert.equal(store.acceptRevision(revisionOf('second')).number, 2);
    store.close();
    const again = open(directory);
    assert.equal(again.latestRevision()?.number, 2);
    again.close();
  });

  it('is rid of what a kill has left of a write, once nobody else has it', () => {
    const directory = temporaryDirectory();
    const left = join(directory, '.switchyard-0123456789abcdef.new');
    writeFileSync(left, '');
    const store = open(directory);
    assert.equal(existsSync(left), false);
    writeFileSync(left, '');
    assert.throws(() => open(directory), failure('locked', /in use by/));
    assert.equal(existsSync(left), true);
    store.close();
  });

  it('does not take a damaged lock for another process', () => {
    const directory = temporaryDirectory();
    open(directory).close();
    writeFileSync(join(directory, 'lock'), Buffer.alloc(5000, 9));
    assert.throws(
      () => open(directory),
      failure('damaged', /lock is damaged: if no other Switchyard runs on it, remove/),
    );
    rmSync(join(directory, 'lock'));
    open(directory).close();
  });

  it('says what to look at when the database cannot be opened', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'switchyard.db'));
    assert.throws(() => open(directory), failure('io', /may this user write there, is the disk read-only/));
  });
});
