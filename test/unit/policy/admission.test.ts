import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from '../../../src/policy/parse.ts';
import { readPolicyFiles } from '../../../src/sources/policy-files.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { AdminWorld } from '../admin/admin-world.ts';
import { shopPolicy, world } from '../control/controller-world.ts';

const MiB = 1024 * 1024;

const signal = new AbortController().signal;
const read = (folder: string) => readPolicyFiles(folder, { signal, moduleTimeoutMs: 10_000 });

/** A policy of so many bytes, as a generator that doubles what it writes comes to. */
const grown = (bytes: number) => `${shopPolicy()}\n#`.padEnd(bytes, 'x');

describe('P15: what grows without end is refused when it comes in, and what was accepted goes on', () => {
  it('documents: 1 MiB of bytes each', async () => {
    const it = world({});
    let accepted = 0;
    for (let bytes = 128 * 1024; bytes <= 8 * MiB; bytes *= 2) {
      const outcome = await it.submit(grown(bytes));
      if (bytes <= MiB) assert.equal(outcome.kind, 'accepted', `${bytes} bytes`);
      else assert.ok(outcome.kind === 'rejected' && outcome.problems[0]?.code === 'file.too_large', `${bytes} bytes`);
      if (outcome.kind === 'accepted') accepted = bytes;
      assert.equal(it.store.latestRevision()?.documents[0]?.text.length, accepted, 'the last good one is kept');
    }
    assert.equal(accepted, MiB);
  });

  it('values that aliases double', () => {
    const doubled = Array.from({ length: 40 }, (_, n) => `l${n + 1}: &l${n + 1} [*l${n}, *l${n}]`).join('\n');
    const { policy, problems } = parse([{ file: 'p', format: 'yaml', text: `l0: &l0 [x]\n${doubled}` }]);
    assert.equal(policy, undefined);
    assert.ok(problems.some(each => each.code === 'syntax.too_many_aliases'));
  });

  it('files: 1 MiB each, and a thousand of a folder', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'a.yaml'), grown(MiB + 1));
    const large = await read(folder);
    assert.deepEqual([large.documents, large.problems.map(each => each.code)], [[], ['file.too_large']]);
    for (let n = 0; n <= 1000; n++) writeFileSync(join(folder, `f${n}.yaml`), 'services: {}\n');
    const many = await read(folder);
    assert.deepEqual(many.documents, []);
    assert.match(many.problems[0]?.message ?? '', /files of policy; at most 1000 are read/);
  });

  it('bodies of the admin API: 1 MiB', async () => {
    const it = new AdminWorld();
    it.accept();
    const body = JSON.stringify({ name: 'catalog', spec: { note: 'x'.repeat(MiB) } });
    const answer = await it.call('POST', '/api/v1/services', { body });
    assert.equal(answer.status, 413);
    assert.deepEqual(it.control.asked, []);
  });
});
