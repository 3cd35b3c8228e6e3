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
      controller.freezing.status.good.map(each => [each.revision, each.what]),
      [
        [2, 'nothing that matters to a fleet'],
        [1, 'the first policy: 2 services, 2 routes, 2 gateways, 2 fleets'],
      ],
    );
    controller.freezing.freeze({ by: 'ada' });
    controller.freezing.thaw({ by: 'ada' });
    assert.equal(controller.freezing.status.good[0]?.what, 'nothing that matters to a fleet');
  });

  it('says at a start that what was frozen is no good policy any more', async () => {
    const { controller, store } = await shop();
    controller.freezing.freeze({ by: 'ada' });
    controller.stop();
    const broken = { file: 'switchyard.yaml', format: 'yaml', text: 'services: [broken' } as const;
    store.setFreeze({ ...store.freeze()!, documents: [broken] });
    const again = world({ store });
    again.controller.start();
    assert.match(again.reports.join(), /what was frozen cannot be served/);
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

  it('goes on being what was rolled back to by name, over a restart too', async () => {
    const it = await shop();
    const first = it.versions();
    await it.submit(other);
    it.controller.freezing.freeze(ada);
    const waiting = await it.controller.revisions.rollback({ to: 1, overrides: false, by: 'bob' });
    assert.ok(waiting.kind === 'accepted' && waiting.effect.waitsForThaw);
    const again = await it.controller.revisions.rollback({ to: 1, overrides: false, by: 'bob' });
    assert.ok(again.kind === 'refused' && /waits for the end of the freeze/.test(again.why));
    const named = { to: 1, overrides: false, by: 'bob', duringFreeze: true };
    assert.equal((await it.controller.revisions.rollback(named)).kind, 'accepted');
    assert.deepEqual(it.versions(), first);
    assert.equal(it.controller.freezing.status.waitingCount, 0);
    it.controller.stop();
    const restarted = world({ store: it.store });
    restarted.controller.start();
    assert.deepEqual(restarted.versions(), first);
  });
});

/** What proxies of a fleet are sent, as one text to look into. */
const sent = ({ board }: Pick<Awaited<ReturnType<typeof shop>>, 'board'>, key: string) =>
  [...board.current!.snapshots.get(key)!.types.values()]
    .flatMap(each => [...each.resources.values()].map(one => Buffer.from(one.value).toString('latin1')))
    .join();

const drain = (address: string, duringFreeze: boolean, more: object = {}) =>
  [
    { service: 'catalog', address, state: 'draining', by: 'ada', ...more },
    { force: false, duringFreeze },
  ] as const;

describe('an override that is asked by name while all is frozen', () => {
  it('passes also when it was accepted before and waits', async () => {
    const it = await shop();
    it.controller.freezing.freeze(ada);
    const before = it.versions();
    const waits = await it.controller.overrideEndpoint(...drain('10.0.0.1:80', false));
    assert.ok(waits.kind === 'done' && waits.effect.waitsForThaw);
    assert.deepEqual(it.versions(), before);
    const passes = await it.controller.overrideEndpoint(...drain('10.0.0.1:80', true));
    assert.ok(passes.kind === 'done' && passes.effect.changed && !passes.effect.waitsForThaw);
    assert.notDeepEqual(it.versions(), before);
    assert.equal(it.controller.freezing.status.waitingCount, 0, 'nothing else waits');
  });

  it('waits no longer once it has passed, and what waits besides goes on waiting', async () => {
    const it = await shop();
    it.controller.freezing.freeze(ada);
    const to = '[{ service: catalog, version: v1, weight: 5 }, { service: catalog, version: v2, weight: 95 }]';
    await it.submit(shopPolicy({ to }));
    await it.controller.overrideEndpoint(...drain('10.0.0.1:80', false));
    await it.shift({ 'catalog@v1': 1, 'catalog@v2': 3 });
    const waits = () => it.controller.freezing.status.waiting.map(each => each.what.replace(/:.*/, ''));
    const [first, drained, shifted] = waits();
    assert.deepEqual([first, drained], ['routes/shop changed', 'services/catalog/endpoints/10.0.0.1']);
    assert.match(shifted ?? '', /^routes\/shop\/rules\//);
    await it.controller.overrideEndpoint(...drain('10.0.0.1:80', true));
    assert.deepEqual(waits(), [first, shifted]);
    assert.equal(it.controller.freezing.status.waitingCount, 2);
    await it.submit(shopPolicy({ to: to.replace('95', '96') }), { duringFreeze: true });
    assert.deepEqual(waits(), [shifted], 'a whole policy is all that waits of the policy');
  });

  it('takes nothing along of what waits for the same endpoint', async () => {
    const it = await shop();
    it.controller.freezing.freeze(ada);
    const weigh = { service: 'catalog', address: '10.0.0.1:80', weight: 7, by: 'ada' };
    await it.controller.overrideEndpoint(weigh, { force: false });
    const outcome = await it.controller.overrideEndpoint(...drain('10.0.0.1:80', true));
    assert.ok(outcome.kind === 'done' && outcome.status?.override.kind === 'endpoint');
    assert.equal(outcome.status.override.weight, undefined);
    const [accepted] = it.controller.accepted!.overrides;
    assert.ok(accepted?.override.kind === 'endpoint' && accepted.override.weight === 7);
    assert.equal(it.controller.freezing.status.waitingCount, 1, 'the weight waits');
  });

  it('is refused where what is frozen does not have it, and nothing is stored', async () => {
    const it = await shop();
    it.controller.freezing.freeze(ada);
    const more =
      '[{ address: "10.0.0.1:80" }, { address: "10.0.0.2:80" }, { address: "10.0.0.3:80" }, { address: "10.0.0.9:80" }]';
    await it.submit(shopPolicy({ endpoints: more, to: '[{ service: catalog }]' }));
    const last = it.store.lastNumber();
    const outcome = await it.controller.overrideEndpoint(...drain('10.0.0.9:80', true));
    assert.ok(
      outcome.kind === 'notFound' && /^In what is frozen: Service "catalog" has no endpoint/.test(outcome.what),
    );
    assert.equal(it.store.lastNumber(), last);
  });

  it('ends where it is in force although it has ended in what is accepted, and the other way round', async () => {
    const it = await shop();
    const key = { kind: 'endpoint', service: 'catalog', address: '10.0.0.1:80' } as const;
    const before = it.versions();
    await it.drain('10.0.0.1:80');
    it.controller.freezing.freeze(ada);
    await it.controller.endOverride(key);
    assert.notDeepEqual(it.versions(), before);
    const ended = await it.controller.endOverride(key, ada, { duringFreeze: true });
    assert.ok(ended.kind === 'done' && ended.effect.changed);
    assert.deepEqual(it.versions(), before);
    await it.drain('10.0.0.1:80');
    const other = await it.controller.endOverride(key, ada, { duringFreeze: true });
    assert.ok(other.kind === 'done' && !other.effect.changed);
    assert.deepEqual(it.controller.accepted?.overrides, []);
    assert.deepEqual(it.versions(), before);
    assert.equal((await it.controller.endOverride(key, ada, { duringFreeze: true })).kind, 'notFound');
  });

  it('does not keep a failing store from being told of', async () => {
    const it = await shop();
    it.controller.freezing.freeze(ada);
    const before = it.versions();
    it.store.failing = true;
    await assert.rejects(it.controller.overrideEndpoint(...drain('10.0.0.1:80', true)), /full/);
    assert.deepEqual(it.versions(), before);
  });
});

describe('an edit that is asked by name while all is frozen', () => {
  const put = (name: string, address: string) =>
    ({ kind: 'services', name, change: { kind: 'put', spec: { endpoints: [{ address }] } } }) as const;
  const route = (name: string, service: string) => {
    const spec = { gateways: ['public'], hosts: [`${name}.test`], rules: [{ name: 'all', to: [{ service }] }] };
    return { kind: 'routes', name, change: { kind: 'put', spec } } as const;
  };
  const byName = { by: 'eve', duringFreeze: true };

  it('goes out alone: saves, edits, overrides and names that wait go on waiting, over a restart too', async () => {
    const it = await shop();
    it.controller.freezing.freeze(ada);
    await it.submit(other);
    await it.controller.edit([put('waiting', '10.9.9.1:80'), route('waits', 'waiting')], { by: 'eve' });
    await it.drain('10.0.0.1:80', { force: true });
    const outcome = await it.controller.edit([put('named', '10.9.9.2:80'), route('now', 'named')], byName);
    assert.ok(
      outcome.kind === 'done' && outcome.effect.changed && !outcome.effect.waitsForThaw,
      JSON.stringify(outcome),
    );
    const edge = sent(it, 'edge');
    assert.match(edge, /now\.test/);
    assert.match(edge, /10\.9\.9\.2/);
    assert.match(edge, /catalog@v1/, 'of before the save that waits');
    assert.doesNotMatch(edge, /waits\.test|10\.9\.9\.1/);
    const { waitingCount, frozen } = it.controller.freezing.status;
    assert.deepEqual([waitingCount, frozen?.revision], [2, 1]);
    const before = it.versions();
    it.controller.stop();
    const again = world({ store: it.store });
    again.controller.start();
    assert.deepEqual(again.versions(), before);
    again.controller.freezing.thaw(ada);
    assert.match(sent(again, 'edge'), /waits\.test[\s\S]*/);
    assert.match(sent(again, 'edge'), /now\.test/);
  });

  it('is refused where it needs what waits, and nothing is stored', async () => {
    const it = await shop();
    it.controller.freezing.freeze(ada);
    await it.controller.edit([put('waiting', '10.9.9.1:80')], { by: 'eve' });
    const [last, before] = [it.store.lastNumber(), it.versions()];
    const outcome = await it.controller.edit([route('now', 'waiting')], byName);
    assert.ok(outcome.kind === 'rejected');
    assert.equal(outcome.problems[0]?.code, 'policy.waits');
    assert.ok(outcome.problems.length > 1, 'with what it lacks');
    const patch = { kind: 'patch', patch: { endpoints: [{ address: '10.9.9.3:80' }] } } as const;
    const patched = await it.controller.edit([{ kind: 'services', name: 'waiting', change: patch }], byName);
    assert.ok(patched.kind === 'rejected' && patched.problems[0]?.code === 'policy.waits');
    assert.deepEqual([it.store.lastNumber(), it.versions()], [last, before]);
    const both = await it.controller.edit([put('waiting', '10.9.9.1:80'), route('now', 'waiting')], byName);
    assert.equal(both.kind, 'done');
    assert.match(sent(it, 'edge'), /now\.test/);
  });

  it('passes when it waits already, deletes what is not there, and takes over', async () => {
    const it = await shop();
    it.controller.freezing.freeze(ada);
    const edits = [put('named', '10.9.9.2:80'), route('now', 'named')];
    await it.controller.edit(edits, { by: 'eve' });
    assert.doesNotMatch(sent(it, 'edge'), /now\.test/);
    const outcome = await it.controller.edit(edits, byName);
    assert.ok(outcome.kind === 'done' && !outcome.changed && outcome.effect.changed);
    assert.match(sent(it, 'edge'), /now\.test/);
    await it.controller.edit([put('more', '10.9.9.4:80')], { by: 'eve' });
    const gone = { kind: 'services', name: 'more', change: { kind: 'delete' } } as const;
    assert.equal((await it.controller.edit([gone], byName)).kind, 'done');
    const over = await it.controller.edit([put('other', '10.9.9.5:80')], {
      ...byName,
      takeOver: true,
      allowShrink: true,
    });
    assert.equal(over.kind, 'done');
    assert.match(sent(it, 'edge'), /10\.9\.9\.5/);
  });

  it('does not take from what is frozen more than half of a service without being asked (P14)', async () => {
    const endpoints = (count: number) => Array.from({ length: count }, (_, n) => ({ address: `10.9.9.${n + 1}:80` }));
    const service = (count: number) =>
      ({ kind: 'services', name: 'many', change: { kind: 'put', spec: { endpoints: endpoints(count) } } }) as const;
    const it = await shop();
    await it.controller.edit([service(4), route('many', 'many')], { by: 'eve' });
    it.controller.freezing.freeze(ada);
    await it.controller.edit([service(2)], { by: 'eve' });
    const outcome = await it.controller.edit([service(1)], byName);
    assert.ok(outcome.kind === 'rejected' && outcome.problems[0]?.code === 'policy.shrinks');
    assert.equal((await it.controller.edit([service(1)], { ...byName, allowShrink: true })).kind, 'done');
  });

  it('shows in a dry run what would go out, and what would wait', async () => {
    const it = await shop();
    it.controller.freezing.freeze(ada);
    await it.submit(other);
    const edits = [put('named', '10.9.9.2:80'), route('now', 'named')];
    const waits = await it.controller.edit(edits, { by: 'eve', dryRun: true });
    assert.ok(waits.kind === 'done' && waits.effect.waitsForThaw);
    const passes = await it.controller.edit(edits, { ...byName, dryRun: true });
    assert.ok(passes.kind === 'done' && !passes.effect.waitsForThaw);
    const text = JSON.stringify([...passes.plan!.after.snapshots.keys()]);
    assert.match(text, /edge/);
    assert.doesNotMatch(sent(it, 'edge'), /now\.test/);
  });
});
