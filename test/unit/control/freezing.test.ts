import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FailingStore, shopPolicy, world } from './controller-world.ts';

const other = shopPolicy({ to: '[{ service: other }]' });
const ada = { by: 'ada', reason: 'incident' };

async function shop(store = new FailingStore()) {
  const it = world({ store });
  await it.submit(shopPolicy());
  return { ...it, store };
}

describe('a freeze (P18)', () => {
  it('holds what is published while writes are accepted, and thaws to the newest', async () => {
    const { controller, submit, shift, versions, published } = await shop();
    const before = versions();
    assert.equal(controller.freezing.freeze(ada).kind, 'done');
    const save = await submit(other);
    assert.ok(save.kind === 'accepted' && save.effect.waitsForThaw);
    const shifted = await shift({ 'catalog@v1': 1, 'catalog@v2': 1 });
    assert.equal(shifted.kind, 'invalid', 'decided by what is accepted');
    assert.deepEqual(versions(), before);
    assert.equal(published.length, 1);
    const { frozen, waiting, waitingCount } = controller.freezing.status;
    assert.deepEqual([frozen?.by, frozen?.reason, frozen?.revision, frozen?.stored], ['ada', 'incident', 1, true]);
    assert.deepEqual([waitingCount, waiting[0]?.what, waiting[0]?.revision], [1, 'routes/shop changed', 2]);
    assert.equal(controller.freezing.thaw({ by: 'bob' }).kind, 'done');
    assert.notDeepEqual(versions(), before);
    assert.deepEqual([controller.freezing.status.frozen, controller.freezing.status.waitingCount], [undefined, 0]);
    assert.equal(controller.freezing.thaw({ by: 'bob' }).kind, 'notFound');
  });

  it('lets through what is asked by name, and that alone', async () => {
    const { controller, submit, board } = await shop();
    controller.freezing.freeze(ada);
    await submit(other);
    const back = board.current!.snapshots.get('back');
    const drain = { service: 'catalog', address: '10.0.0.1:80', state: 'draining', by: 'ada' } as const;
    const outcome = await controller.overrideEndpoint(drain, { force: false, duringFreeze: true });
    assert.ok(outcome.kind === 'done' && outcome.effect.changed && outcome.effect.waitsForThaw === undefined);
    const text = (key: string) =>
      JSON.stringify(
        [...board.current!.snapshots.get(key)!.types.values()].map(each =>
          [...each.resources.values()].map(one => Buffer.from(one.value).toString('latin1')),
        ),
      );
    assert.match(text('edge'), /catalog@v1/, 'the rule of the waiting save is not in force');
    assert.equal(board.current!.snapshots.get('back'), back);
    assert.deepEqual(outcome.effect.concerned.get('edge'), board.current!.snapshots.get('edge'));
    controller.freezing.thaw(ada);
    assert.doesNotMatch(text('edge'), /catalog@v1/);
  });

  it('needs no store, and neither does the way back to what was good', async () => {
    const { controller, submit, versions, board, store, reports } = await shop();
    const before = versions();
    controller.freezing.confirm(board.current!.snapshots);
    await submit(other);
    store.failing = true;
    const outcome = controller.freezing.freeze(ada, 1);
    assert.ok(outcome.kind === 'done' && outcome.status.frozen?.stored === false);
    assert.deepEqual(versions(), before);
    assert.deepEqual(reports, ['the freeze, or its end, was not stored, and holds until the server ends']);
    assert.deepEqual(
      controller.freezing.status.good.map(each => each.revision),
      [1],
    );
    assert.equal(controller.freezing.thaw(ada).kind, 'done');
    assert.notDeepEqual(versions(), before);
    const missing = controller.freezing.freeze(ada, 77);
    assert.ok(missing.kind === 'notFound' && missing.hint === 'known to be good: 1');
    assert.equal(controller.freezing.status.frozen, undefined);
  });

  it('takes a revision that changes nothing for proxies for as good as what they hold', async () => {
    const { controller, submit, board } = await shop();
    controller.freezing.confirm(board.current!.snapshots);
    await submit(`# a comment\n${shopPolicy()}`);
    assert.deepEqual(
      controller.freezing.status.good.map(each => each.revision),
      [2, 1],
    );
  });

  it('outlives a restart, with what was in force', async () => {
    const it = await shop();
    it.names.answers = new Map([['a.test', ['10.0.0.9']]]);
    await it.drain('10.0.0.1:80');
    const before = it.versions();
    it.controller.freezing.freeze(ada);
    await it.submit(other);
    it.controller.stop();
    const again = world({ store: it.store });
    again.controller.start();
    assert.deepEqual(again.versions(), before);
    assert.equal(again.controller.freezing.status.frozen?.revision, 2);
    assert.equal(again.controller.freezing.status.waitingCount, 1);
    await again.submit(`# more\n${other}`);
    assert.deepEqual(again.versions(), before);
    again.controller.freezing.thaw(ada);
    assert.notDeepEqual(again.versions(), before);
    again.controller.stop();
    const third = world({ store: it.store });
    third.controller.start();
    assert.deepEqual(third.versions(), again.versions(), 'a freeze that has ended does not come back');
  });

  it('goes back to a revision that is only in the store, where the server has not seen it be good', async () => {
    const it = await shop();
    const before = it.versions();
    await it.submit(other);
    const again = world({ store: it.store });
    again.controller.start();
    assert.equal(again.controller.freezing.freeze(ada, 1).kind, 'done');
    assert.deepEqual(again.versions(), before);
  });
});
