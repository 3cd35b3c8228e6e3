import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openDatabase } from '../../../src/store/database.ts';
import { textHash } from '../../../src/store/record.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import type { Revision, StoredDocument } from '../../../src/store/store.ts';
import { takeApart } from '../../../src/store/texts.ts';
import { revisionOf } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const document = (n: number, text = `text ${n}`): StoredDocument => ({
  file: `policy/${n}.yaml`,
  format: 'yaml',
  text,
});
const documents = Array.from({ length: 600 }, (_, n) => document(n));
const revision: Revision = { ...revisionOf(''), documents, number: 1, kind: 'declared', what: '', overrides: [] };

describe('the lists of documents that a revision is stored as', () => {
  // What the latest revision has is taken to be in the database under the hashes that are made of it now, and is not
  // written again. Lists that an older version cut elsewhere, or wrote in other words, are not there under those: the
  // database then refuses every further revision. A change of this rule needs a new schema, and a migration to it.
  it('are cut and written as they always were', () => {
    const { record, texts, chunks } = takeApart(revision);
    assert.deepEqual(
      record.chunks.map(each => chunks.get(each)?.length),
      [8, 8, 256, 166, 46, 116],
    );
    const opening =
      '[["policy/0.yaml","yaml","822beb0d1729878ad343b6c35b1d5e45e62f8e36b6543c2312b6f1cb6d00cdef"],["policy/1.yaml","yaml",';
    assert.ok(texts.get(record.chunks[0] ?? '')?.startsWith(opening));
    assert.equal(textHash(record.chunks.join()), 'f47064ee1e0d5839eae176db46630dfae78d14a0bdca024441b5f10588b4e3a2');
  });

  it('are found again by a server that was started anew', () => {
    const directory = temporaryDirectory();
    const whileOpen = (accepted: readonly StoredDocument[]): void => {
      const store = openSqliteStore({ directory, now: () => 1000, report: assert.fail });
      store.acceptRevision({ ...revisionOf('any'), documents: accepted });
      store.close();
    };
    const stored = (): readonly string[] => {
      const database = openDatabase(`${directory}/switchyard.db`);
      const texts = database.prepare('SELECT text FROM texts').all();
      database.close();
      return texts.map(each => String(each.text));
    };
    whileOpen(documents);
    const before = new Set(stored());
    assert.equal(before.size, 606);
    whileOpen(documents.with(20, document(20, 'other')));
    const added = stored().filter(each => !before.has(each));
    assert.deepEqual([added.length, added.includes('other')], [2, true], 'the text, and the list that it stands in');
  });
});
