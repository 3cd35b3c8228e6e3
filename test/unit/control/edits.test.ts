import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mergePatch } from '../../../src/base/merge-patch.ts';
import { declaredIn, versionOf } from '../../../src/control/declared.ts';
import { decideEdits, type Edit } from '../../../src/control/edits.ts';
import type { StoredDocument } from '../../../src/store/store.ts';
import { shopPolicy, world } from './controller-world.ts';

const file: StoredDocument = {
  file: 'a.yaml',
  format: 'yaml',
  text: 'services:\n  catalog: { connectTimeout: 1s }\n',
};
const about = { kind: 'services' } as const;
const put = (name: string, spec: unknown, more: Partial<Edit> = {}): Edit => ({
  ...about,
  name,
  change: { kind: 'put', spec },
  ...more,
});
const patch = (name: string, by: unknown, more: Partial<Edit> = {}): Edit => ({
  ...about,
  name,
  change: { kind: 'patch', patch: by },
  ...more,
});
const remove = (name: string, more: Partial<Edit> = {}): Edit => ({
  ...about,
  name,
  change: { kind: 'delete' },
  ...more,
});

function after(documents: readonly StoredDocument[], edits: readonly Edit[], takeOver = false) {
  const decision = decideEdits(documents, edits, { takeOver });
  assert.equal(decision.kind, 'documents', JSON.stringify(decision));
  return decision.kind === 'documents' ? decision.documents : [];
}

function refusal(documents: readonly StoredDocument[], edits: readonly Edit[], takeOver = false) {
  const decision = decideEdits(documents, edits, { takeOver });
  assert.ok(decision.kind === 'refused', JSON.stringify(decision));
  return decision.refusal;
}

const specOf = (documents: readonly StoredDocument[], id: string) => declaredIn(documents).get(id)?.spec;

describe('decideEdits', () => {
  it('makes, changes and deletes what the API owns, and leaves files alone', () => {
    const made = after([file], [put('cart', { timeout: '1s' })]);
    assert.deepEqual(
      made.map(each => each.file),
      ['api:services/cart', 'a.yaml'],
    );
    assert.equal(made[1], file);
    const changed = after(made, [patch('cart', { timeout: null, connectTimeout: '2s' })]);
    assert.deepEqual(specOf(changed, 'services/cart'), { connectTimeout: '2s' });
    assert.deepEqual(after(changed, [remove('cart')]), [file]);
  });

  it('refuses what belongs to files, and says where it is declared', () => {
    for (const edit of [put('catalog', {}), patch('catalog', { a: 1 }), remove('catalog')]) {
      const { refused, why, hint } = refusal([file], [edit]);
      assert.equal(refused, 'ofFiles');
      assert.match(why, /a\.yaml:2:3/);
      assert.match(hint ?? '', edit.change.kind === 'delete' ? /remove it there/ : /takeOver=true/);
    }
  });

  it('takes no offence at what files declare just so', () => {
    assert.deepEqual(after([file], [put('catalog', { connectTimeout: '1s' })]), [file]);
  });

  it('takes over what belongs to files when it is told to, and gives it back', () => {
    const taken = after([file], [patch('catalog', { timeout: '3s' })], true);
    assert.deepEqual(specOf(taken, 'services/catalog'), { connectTimeout: '1s', timeout: '3s' });
    assert.equal(declaredIn(taken).get('services/catalog')?.takesOver?.file, 'a.yaml');
    const again = after(taken, [put('catalog', {})]);
    assert.equal(declaredIn(again).get('services/catalog')?.owner, 'api', 'it is the API\u2019s by now');
    const back = after(again, [remove('catalog')]);
    assert.deepEqual(specOf(back, 'services/catalog'), { connectTimeout: '1s' });
  });

  it('holds versions that are wanted against what there is', () => {
    const made = after([file], [put('cart', { timeout: '1s' })]);
    const version = versionOf({ timeout: '1s' });
    assert.equal(refusal(made, [put('cart', {}, { ifMatch: ['0000'] })]).refused, 'changed');
    assert.equal(refusal(made, [remove('cart', { ifMatch: ['0000'] })]).refused, 'changed');
    assert.equal(refusal(made, [put('other', {}, { ifMatch: '*' })]).refused, 'notFound');
    assert.equal(refusal(made, [put('cart', {}, { ifNone: true })]).refused, 'exists');
    after(made, [put('cart', {}, { ifMatch: ['0000', version] })]);
    after(made, [put('cart', {}, { ifMatch: '*' })]);
    after(made, [put('other', {}, { ifNone: true })]);
  });

  it('does several one after the other, or none', () => {
    const edits = [put('a', {}), patch('a', { timeout: '1s' }), put('b', {}), remove('a')];
    assert.deepEqual([...declaredIn(after([file], edits)).keys()], ['services/b', 'services/catalog']);
    const { refused, name } = refusal([file], [put('a', {}), remove('b')]);
    assert.deepEqual([refused, name], ['notFound', 'b']);
  });

  it('comes to what the same changes of a plain mapping come to, whatever their order', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'catalog');
    const spec = fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.oneof(fc.integer(), fc.constant(null)));
    const withoutNull = (value: object) => mergePatch({}, value);
    const edit = fc.oneof(
      fc.tuple(name, spec).map(([of, each]) => put(of, withoutNull(each))),
      fc.tuple(name, spec).map(([of, each]) => patch(of, each)),
      name.map(of => remove(of)),
    );
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 12 }), edits => {
        const declared: Readonly<Record<string, unknown>> = { catalog: { connectTimeout: '1s' } };
        const owned = new Map<string, unknown>();
        let documents: readonly StoredDocument[] = [file];
        for (const each of edits) {
          const decision = decideEdits(documents, [each], { takeOver: true });
          const before = owned.has(each.name) ? owned.get(each.name) : declared[each.name];
          const isThere = owned.has(each.name) || each.name in declared;
          if (each.change.kind === 'put') owned.set(each.name, each.change.spec);
          else if (each.change.kind === 'patch' && isThere) owned.set(each.name, mergePatch(before, each.change.patch));
          else if (each.change.kind === 'delete' && owned.has(each.name)) owned.delete(each.name);
          else {
            assert.equal(decision.kind, 'refused');
            continue;
          }
          assert.ok(decision.kind === 'documents');
          documents = decision.documents;
        }
        const model = { ...declared, ...Object.fromEntries(owned) };
        const found = [...declaredIn(documents).values()].map(each => [each.name, each.spec] as const);
        assert.deepEqual(Object.fromEntries(found), model);
        assert.equal(documents.at(-1), file);
      }),
      { numRuns: 300 },
    );
  });
});

const by = { by: 'ada' };
const endpoints = (...addresses: readonly string[]) => ({ endpoints: addresses.map(address => ({ address })) });

describe('edit', () => {
  it('is a revision of the files and what the API owns, published and kept over a restart', async () => {
    const { controller, submit, store, clock, names } = world();
    await submit(shopPolicy());
    const outcome = await controller.edit([put('cart', endpoints('10.0.2.1:80'))], { ...by, reason: 'new' });
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    assert.deepEqual([outcome.revision?.number, outcome.revision?.source, outcome.revision?.reason], [2, 'api', 'new']);
    assert.ok(controller.accepted?.policy.services['cart']);
    const next = world({ store, clock, names });
    next.controller.start();
    assert.ok(next.controller.accepted?.policy.services['cart']);
  });

  it('stays when the files change, and the files stay when it does', async () => {
    const { controller, submit } = world();
    await submit(shopPolicy());
    await controller.edit([put('cart', endpoints('10.0.2.1:80'))], by);
    await submit(shopPolicy({ endpoints: '[{ address: "10.0.0.9:80", labels: { version: v1 } }]' }), {
      allowShrink: true,
    });
    const services = controller.accepted?.policy.services;
    assert.ok(services?.['cart']);
    assert.equal(services['catalog']?.endpoints[0]?.address, '10.0.0.9:80');
    await controller.edit([remove('cart')], by);
    assert.equal(controller.accepted?.policy.services['cart'], undefined);
    assert.equal(controller.accepted?.policy.services['catalog']?.endpoints.length, 1);
  });

  it('answers its own mistakes, and leaves what is said of the files', async () => {
    const { controller, submit, store } = world();
    await submit(shopPolicy());
    await submit('services: [broken');
    const { rejected } = controller;
    const outcome = await controller.edit([put('cart', { endpoints: 7 })], by);
    assert.ok(outcome.kind === 'rejected');
    assert.deepEqual(
      outcome.problems.map(each => [each.source?.file, each.source?.line]),
      [['api:services/cart', 4]],
    );
    assert.equal(controller.rejected, rejected);
    assert.equal((await controller.edit([put('cart', {})], by)).kind, 'done');
    assert.equal(controller.rejected, rejected, 'the files are still wrong');
    assert.equal(store.latestRevision()?.number, 2);
  });

  it('keeps out a save of files that declare the same, and says how to mend it', async () => {
    const { controller, submit } = world();
    await submit(shopPolicy());
    await controller.edit([put('cart', endpoints('10.0.2.1:80'))], by);
    const outcome = await submit(`${shopPolicy()}`.replace('services:\n', 'services:\n  cart: {}\n'));
    assert.ok(outcome.kind === 'rejected');
    const [problem] = outcome.problems;
    assert.equal(problem?.code, 'policy.duplicate_name');
    assert.equal(problem.source?.file, 'switchyard.yaml');
    assert.match(problem.message, /api:services\/cart:\d+:\d+/);
    assert.match(problem.hint ?? '', /switchyard delete services\/cart/);
  });

  it('holds in place of the files where it takes over; deleting gives it back', async () => {
    const { controller, submit } = world();
    await submit(shopPolicy());
    const wanted = put('other', endpoints('10.0.3.3:80'));
    assert.equal((await controller.edit([wanted], by)).kind, 'refused');
    const taken = await controller.edit([wanted], { ...by, takeOver: true });
    assert.ok(taken.kind === 'done');
    assert.deepEqual(
      taken.warnings.map(each => [each.code, each.source?.file]),
      [['policy.taken_over', 'switchyard.yaml']],
    );
    const address = () => controller.accepted?.policy.services['other']?.endpoints[0]?.address;
    assert.equal(address(), '10.0.3.3:80');
    await controller.edit([remove('other')], by);
    assert.equal(address(), '10.0.1.1:80');
  });

  it('says what it would come to, and does nothing', async () => {
    const { controller, submit, store, published } = world();
    await submit(shopPolicy());
    const edit = put('other', endpoints('10.0.3.3:80'));
    const outcome = await controller.edit([edit], { ...by, takeOver: true, dryRun: true });
    assert.ok(outcome.kind === 'done' && outcome.plan);
    const { before, after: then } = outcome.plan;
    const changed = [...then.snapshots].filter(([key, snapshot]) => before?.snapshots.get(key) !== snapshot);
    assert.deepEqual(changed.map(([key]) => key).sort(), ['back', 'edge']);
    assert.deepEqual([store.latestRevision()?.number, published.length], [1, 1]);
  });

  it('loses no update of two who write at the same time', async () => {
    const { controller, submit } = world();
    await submit(shopPolicy());
    await controller.edit([put('count', { endpoints: [] })], by);
    const writer = async (port: number) => {
      for (let tries = 0; tries < 200; tries++) {
        const current = declaredIn(controller.accepted!.revision.documents).get('services/count')!;
        const { endpoints: list } = current.spec as { endpoints: readonly object[] };
        const spec = { endpoints: [...list, { address: `10.0.9.${list.length + 1}:${port}` }] };
        const outcome = await controller.edit([put('count', spec, { ifMatch: [current.version] })], by);
        if (outcome.kind === 'done') return;
        assert.ok(outcome.kind === 'refused' && outcome.refusal.refused === 'changed');
      }
      throw new Error('it never came through');
    };
    await Promise.all([1, 2, 3, 4, 5, 6].map(writer));
    const ports = controller.accepted!.policy.services['count']!.endpoints.map(each => each.address.split(':')[1]);
    assert.deepEqual(ports.toSorted(), ['1', '2', '3', '4', '5', '6']);
  });
});
