import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { readBackup, writeBackup } from '../../../src/store/backup.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { restoreDirectory } from '../../../src/store/restore-directory.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { nextFiles, type Store, StoreError } from '../../../src/store/store.ts';
import { drainOf, publicationOf, put, quarantineOf, revisionOf } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const options = (directory: string) => ({ directory, now: () => 1000, report: () => {} });
const all = (store: Store) => {
  const { revisions, ...rest } = store.contents();
  return { ...rest, revisions: [...revisions] };
};

function filled(store: Store): Store {
  const shared = { file: 'shared.yaml', format: 'yaml', text: 'shared: "ü\\n"\n'.repeat(50) } as const;
  for (let n = 1; n <= 3; n++) {
    const own = { file: 'own.yaml', format: 'yaml', text: `n: ${n}` } as const;
    store.acceptRevision(revisionOf('', { documents: [shared, own] }));
  }
  put(store, drainOf('10.0.0.1:80'));
  store.pin(2, { by: 'ada', at: 7 });
  store.putQuarantine(quarantineOf('catalog'));
  store.changeResolvedNames(new Map([['a.internal', ['10.0.0.1', '10.0.0.2']]]));
  store.addPublications([publicationOf(1, { edge: 'a' })]);
  return store;
}

/** What there was before a revision. */
const before = ({ revisions, ...rest }: ReturnType<typeof all>, number: number) => {
  return { ...rest, last: number - 1, revisions: revisions.filter(each => each.number < number) };
};

const ada = { author: 'ada', reason: '' };

describe('a backup', () => {
  it('lets others have their turns while it is made', async () => {
    const { revisions, ...contents } = filled(new MemoryStore()).contents();
    const [one] = revisions;
    assert.ok(one);
    let turns = 0;
    let next = setImmediate(function count() {
      turns += 1;
      next = setImmediate(count);
    });
    const seen: number[] = [];
    function* slow() {
      for (let number = 1; number <= 5; number++) {
        const until = performance.now() + 50;
        while (performance.now() < until);
        seen.push(turns);
        yield { ...one!, number };
      }
    }
    await writeBackup({ ...contents, revisions: slow() }, 5);
    clearImmediate(next);
    assert.equal(new Set(seen).size, 5, `turns before each revision: ${seen}`);
  });

  it('holds all that a store holds, each text once', async () => {
    const store = filled(new MemoryStore());
    const bytes = await writeBackup(store.contents(), 5);
    const { at, contents } = await readBackup(bytes);
    assert.equal(at, 5);
    assert.deepEqual({ ...contents, revisions: [...contents.revisions] }, all(store));
    const text = gunzipSync(bytes).toString();
    assert.equal(text.split('shared: ').length - 1, 50);
  });

  it('is refused when a byte of it is another, or it was cut off', async () => {
    const bytes = await writeBackup(filled(new MemoryStore()).contents(), 5);
    const text = gunzipSync(bytes);
    for (let at = 0; at < text.length; at += 13) {
      const changed = Buffer.from(text);
      changed[at] = changed[at]! ^ 1;
      await assert.rejects(readBackup(gzipSync(changed)), Error, `byte ${at}`);
    }
    for (let length = 0; length < bytes.length; length += 37) {
      await assert.rejects(readBackup(bytes.subarray(0, length)), Error, `cut at ${length}`);
    }
    await assert.rejects(readBackup(Buffer.from('a letter to the editor')), /no backup of Switchyard/);
  });

  it('lets others have their turns while it is read, however much it holds', async () => {
    const { revisions, ...contents } = filled(new MemoryStore()).contents();
    const [one] = revisions;
    assert.ok(one);
    function* many() {
      for (let number = 1; number <= 20; number++) {
        const text = String(number).repeat(500_000);
        yield { ...one!, number, documents: [{ file: 'a.yaml', format: 'yaml', text } as const] };
      }
    }
    const bytes = await writeBackup({ ...contents, last: 20, revisions: many() }, 5);
    let turns = 0;
    let next = setImmediate(function count() {
      turns += 1;
      next = setImmediate(count);
    });
    const read = await readBackup(bytes);
    clearImmediate(next);
    assert.equal([...read.contents.revisions].length, 20);
    assert.ok(turns >= 20, `${turns} turns`);
  });

  it('is refused with the reason when it holds more than there is memory for, or a line without end', async () => {
    const bytes = await writeBackup(filled(new MemoryStore()).contents(), 5);
    await assert.rejects(readBackup(bytes, 1000), /it holds more than 0 MiB, for which this process has no memory/);
    await assert.rejects(readBackup(gzipSync(Buffer.alloc(65 * 1024 * 1024))), /a line that is too long/);
  });

  it('is restored to a data directory at rest, also to one that is damaged, and not to one in use', () => {
    const contents = all(filled(new MemoryStore()));
    const directory = temporaryDirectory();
    const store = openSqliteStore(options(directory));
    store.acceptRevision(revisionOf('other'));
    assert.throws(
      () => restoreDirectory(options(directory), contents, ada),
      (error: unknown) => error instanceof StoreError && error.kind === 'locked',
    );
    store.close();
    restoreDirectory(options(directory), contents, ada);
    const again = openSqliteStore(options(directory));
    const [newest] = again.revisions({ limit: 1 });
    assert.deepEqual([newest?.what, newest?.author, newest?.heldFiles], ['a backup was restored', 'ada', nextFiles]);
    assert.deepEqual(before(all(again), newest?.number ?? 0), contents);
    again.close();
    for (const file of ['switchyard.db', 'last-good.json', 'last-good-policy.json'])
      writeFileSync(join(directory, file), 'garbage'.repeat(1000));
    restoreDirectory(options(directory), contents, ada);
    const third = openSqliteStore(options(directory));
    assert.deepEqual(before(all(third), third.lastNumber()), contents);
    third.close();
  });
});
