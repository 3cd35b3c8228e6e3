import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { publicationAt } from '../../../src/control/revisions.ts';
import { nextFiles } from '../../../src/store/store.ts';
import { shopPolicy, world } from './controller-world.ts';

const other = shopPolicy({ to: '[{ service: other }]' });
const ada = { by: 'ada' };
const ofBackup = { at: 1, author: 'eve', source: 'cli', reason: '' } as const;
const back = (to: number, overrides = false) => ({ to, overrides, by: 'bob', reason: 'it was better' });

async function shop() {
  const it = world();
  await it.submit(shopPolicy());
  return it;
}

describe('revisions', () => {
  it('tell of each change who made it, why, and what it is', async () => {
    const { submit, shift, drain, controller, clock } = await shop();
    await shift({ 'catalog@v1': 1, 'catalog@v2': 1 });
    await drain('10.0.0.1:80', { expiresAt: clock.now() + 1000 });
    await submit(other);
    clock.pass(1000);
    await controller.endOverride({ kind: 'shift', route: 'shop', rule: 'everyone' }, { by: 'eve', reason: 'done' });
    const listed = controller.revisions.list({ limit: 99 });
    assert.deepEqual(
      listed.map(each => [each.number, each.kind, each.author, each.source, each.what]),
      [
        [6, 'operational', 'eve', 'api', 'routes/shop/rules/everyone: the override has ended'],
        [5, 'operational', 'Switchyard', 'server', 'services/catalog/endpoints/10.0.0.1:80: the override is over'],
        [4, 'declared', 'ada', 'file', 'routes/shop changed'],
        [3, 'operational', 'ada', 'api', 'services/catalog/endpoints/10.0.0.1:80: draining'],
        [2, 'operational', 'ada', 'api', 'routes/shop/rules/everyone: weights catalog@v1=1 catalog@v2=1'],
        [1, 'declared', 'ada', 'file', 'the first policy: 2 services, 2 routes, 2 gateways, 2 fleets'],
      ],
    );
    assert.equal(controller.revisions.get(3)?.overrides.length, 2);
    assert.equal(controller.accepted?.revision.number, 4, 'the policy is that of the last declared one');
  });

  it('are rolled back to, which is a revision itself', async () => {
    const { submit, controller, versions, shift } = await shop();
    const before = versions();
    await submit(other);
    assert.notDeepEqual(versions(), before);
    const outcome = await controller.revisions.rollback(back(1));
    assert.ok(outcome.kind === 'accepted');
    assert.deepEqual(versions(), before);
    const { number, author, what } = controller.revisions.list({ limit: 1 })[0]!;
    assert.deepEqual([number, author, what], [3, 'bob', 'rolled back to revision 1']);
    await shift({ 'catalog@v1': 1, 'catalog@v2': 1 });
    const refused = await controller.revisions.rollback(back(1));
    assert.ok(refused.kind === 'refused' && refused.hint?.includes('overrides=true'));
    assert.equal((await controller.revisions.rollback(back(1, true))).kind, 'accepted');
    assert.deepEqual(versions(), before);
    assert.deepEqual(controller.accepted?.overrides, []);
    assert.equal((await controller.revisions.rollback(back(99))).kind, 'notFound');
  });

  it('hold against the files of the rollback until these change, over a restart too', async () => {
    const it = await shop();
    await it.submit(other);
    await it.controller.revisions.rollback(back(1));
    const before = it.versions();
    const held = await it.submit(other);
    assert.ok(held.kind === 'accepted' && held.held);
    assert.deepEqual(it.versions(), before);
    assert.ok(it.controller.accepted?.warnings.some(each => each.code === 'policy.files_held'));
    it.controller.stop();

    const again = world({ store: it.store });
    again.controller.start();
    assert.ok((await again.submit(other).then(each => each.kind === 'accepted' && each.held)) === true);
    assert.deepEqual(again.versions(), before);
    await again.submit(shopPolicy());
    assert.ok(!again.controller.accepted?.warnings.some(each => each.code === 'policy.files_held'));
    await again.submit(other);
    assert.notDeepEqual(again.versions(), before, 'files that have changed count again');
  });

  it('hold against whatever files come first after a backup was restored without a server', async () => {
    const { submit, store } = await shop();
    await submit(other);
    const [, second] = [store.revision(1), store.revision(2)];
    assert.ok(second);
    store.acceptRevision({ ...ofBackup, documents: second.documents, heldFiles: nextFiles });
    const of = async (text: string, from = store) => {
      const it = world({ store: from });
      it.controller.start();
      const outcome = await it.submit(text);
      it.controller.stop();
      return outcome.kind === 'accepted' && outcome.held === true;
    };
    assert.equal(await of(shopPolicy()), true);
    assert.equal(store.latestRevision()?.author, 'Switchyard');
    assert.equal(await of(shopPolicy()), true, 'over another start');
    assert.equal(await of(`# changed\n${shopPolicy()}`), false);
    store.acceptRevision({ ...ofBackup, documents: second.documents, heldFiles: nextFiles });
    assert.equal(await of(other), false, 'they say the same');
    assert.equal(store.latestRevision()?.heldFiles, undefined);
  });

  it('say what a fleet was sent at a time, and who did it', async () => {
    const { controller, submit, shift, clock, board } = await shop();
    const at = clock.now();
    const first = board.current?.snapshots.get('edge')?.version;
    clock.pass(60_000);
    await shift({ 'catalog@v1': 1, 'catalog@v2': 1 });
    const second = board.current?.snapshots.get('edge')?.version;
    clock.pass(60_000);
    await submit(`# a comment\n${shopPolicy()}`);
    const of = (when: number) => publicationAt(controller.revisions.publications, 'edge', when);
    assert.deepEqual([of(at)?.revision, of(at)?.fleets.edge, of(at)?.cause], [1, first, 'policy']);
    const then = of(at + 119_000);
    assert.deepEqual([then?.revision, then?.fleets.edge, then?.author, then?.cause], [2, second, 'ada', 'override']);
    assert.equal(of(at - 1), undefined);
    assert.equal(controller.revisions.publications.length, 2, 'what changes for no fleet is no publication');
  });

  it('are put back from a backup, as a revision, and in force', async () => {
    const { controller, submit, drain, versions } = await shop();
    await drain('10.0.0.1:80');
    const before = versions();
    const contents = controller.revisions.contents();
    const kept = { ...contents, revisions: [...contents.revisions] };
    await submit(other);
    const outcome = await controller.revisions.restore(kept, { by: 'eve' });
    assert.equal(outcome.kind, 'accepted');
    assert.deepEqual(versions(), before);
    const [newest] = controller.revisions.list({ limit: 1 });
    assert.deepEqual([newest?.number, newest?.author, newest?.what], [4, 'eve', 'a backup was restored']);
    const again = await submit(other);
    assert.ok(again.kind === 'accepted' && again.held);
  });
});

describe('the guard against shrinking (P14)', () => {
  const of = (count: number) => {
    const endpoints = Array.from({ length: count }, (_, n) => `{ address: "10.0.0.${n + 1}:80" }`).join(', ');
    return shopPolicy({ endpoints: `[${endpoints}]`, to: '[{ service: catalog }]' });
  };
  const from = async (count: number) => {
    const it = world();
    await it.submit(of(count));
    return it;
  };

  for (const [had, has, kind] of [
    [1, 0, 'rejected'],
    [2, 0, 'rejected'],
    [2, 1, 'accepted'],
    [3, 2, 'accepted'],
    [3, 1, 'rejected'],
    [10, 5, 'accepted'],
    [10, 4, 'rejected'],
    [1, 3, 'accepted'],
  ] as const) {
    it(`${had} endpoints to ${has}: ${kind}`, async () => {
      const { submit, controller, versions } = await from(had);
      const before = versions();
      const outcome = await submit(of(has));
      assert.equal(outcome.kind, kind);
      if (kind === 'accepted') return;
      assert.deepEqual(versions(), before);
      const [problem] = controller.rejected?.problems ?? [];
      assert.deepEqual([problem?.code, problem?.source?.line], ['policy.shrinks', 3]);
      assert.ok(controller.rejected?.acceptable !== undefined);
    });
  }

  it('takes what was refused when somebody says that it is meant so', async () => {
    const { submit, controller, board } = await from(4);
    const before = board.current;
    await submit(of(1));
    assert.equal((await controller.revisions.accept('other', ada, {})).kind, 'notFound');
    const outcome = await controller.revisions.accept(controller.rejected!.acceptable!, { by: 'eve' }, {});
    assert.ok(outcome.kind === 'accepted' && outcome.revision.author === 'eve');
    assert.notEqual(board.current, before);
    assert.equal(controller.rejected, undefined);
  });

  it('judges the addresses of a host name by the services that fleets use', async () => {
    const { submit, names, controller } = world();
    const four = ['10.3.0.1', '10.3.0.2', '10.3.0.3', '10.3.0.4'];
    assert.equal(controller.shrinksByName('app.test', four, []), false, 'before the first policy');
    names.answers = new Map([['app.test', four]]);
    const shared = '{ address: "app.test:80" }';
    await submit(shopPolicy({ endpoints: `[${shared}]`, to: '[{ service: catalog }]' }));
    const by = (addresses: readonly string[]) => controller.shrinksByName('app.test', four, addresses);
    assert.deepEqual([by(four.slice(1)), by(four.slice(2)), by(four.slice(3))], [false, false, true]);
    assert.equal(by(['10.4.0.1']), true, 'others, and too few');
    assert.equal(by(['10.4.0.1', '10.4.0.2']), false);
    assert.equal(controller.shrinksByName('none.test', four, []), false, 'no service has it');
    const many = Array.from({ length: 6 }, (_, n) => `{ address: "10.0.0.${n + 1}:80" }`).join(', ');
    await submit(shopPolicy({ endpoints: `[${shared}, ${many}]`, to: '[{ service: catalog }]' }));
    assert.equal(by(four.slice(3)), false, 'seven of ten are left');
    await submit(shopPolicy({ endpoints: `[${shared}]`, to: '[{ service: other }]' }), { allowShrink: true });
    assert.equal(by([]), false, 'no fleet uses it');
  });

  it('lets a service that no fleet uses lose what it likes, and a rename pass', async () => {
    const { submit } = await from(4);
    assert.equal((await submit(of(4).replaceAll('catalog', 'katalog'))).kind, 'accepted');
    const unused = (count: number) =>
      of(4).replace('  other:', `  idle:\n    endpoints: [${'{ address: "10.1.0.1:80" },'.repeat(count)}]\n  other:`);
    assert.equal((await submit(unused(1))).kind, 'accepted');
    assert.equal((await submit(unused(0))).kind, 'accepted');
  });

  it('refuses half a file, by which most services would be used no more', async () => {
    const { submit } = world();
    const names = ['a', 'b', 'c', 'd', 'e'];
    const policy = (kept: readonly string[]) =>
      shopPolicy({
        to: `[${['other', ...kept].map(service => `{ service: ${service} }`).join(', ')}]`,
      }).replace(
        'services:\n',
        `services:\n${kept.map((name, n) => `  ${name}: { endpoints: [{ address: "10.2.0.${n + 1}:80" }] }\n`).join('')}`,
      );
    await submit(policy(names));
    assert.equal((await submit(policy(names.slice(0, 2)))).kind, 'accepted', 'three of six');
    await submit(policy(names));
    const outcome = await submit(policy(names.slice(0, 1)));
    assert.ok(outcome.kind === 'rejected' && /4 of the 6 services/.test(outcome.problems[0]!.message));
  });
});
