import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OverrideOutcome } from '../../../src/control/control.ts';
import { readableSnapshot } from '../../../src/snapshot/readable.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { StoreError } from '../../../src/store/store.ts';
import { FailingStore, shopPolicy, world } from './controller-world.ts';

function done(outcome: OverrideOutcome): Extract<OverrideOutcome, { kind: 'done' }> {
  assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
  return outcome;
}

const v1v2 = (v1: number, v2: number) => ({ 'catalog@v1': v1, 'catalog@v2': v2 });

/** A world in which the shop's policy is in force. */
async function shop(options: Parameters<typeof world>[0] = {}) {
  const made = world(options);
  await made.submit(shopPolicy());
  return made;
}

/** The weights that Envoys of the edge are told for the rule `everyone`. */
function toldWeights({ board }: ReturnType<typeof world>): Readonly<Record<string, number>> {
  const text = JSON.stringify(readableSnapshot(board.current!.snapshots.get('edge')!));
  return Object.fromEntries(
    [...text.matchAll(/"name":"(catalog@v\d)","weight":(\d+)/g)].map(([, name, weight]) => [name!, Number(weight)]),
  );
}

describe('traffic shifts', () => {
  it('change what Envoys are told, of the fleets that have the rule', async () => {
    const it = await shop();
    const outcome = done(await it.shift(v1v2(90, 10)));
    assert.deepEqual(toldWeights(it), v1v2(90, 10));
    assert.deepEqual([...outcome.effect.concerned.keys()], ['edge']);
    assert.equal(outcome.effect.changed, true);
    assert.equal(outcome.status?.effect, 'active');
    assert.equal(outcome.status?.override.since, it.clock.now());
    assert.deepEqual(it.store.overrides(), [outcome.status?.override]);
    assert.equal(outcome.effect.concerned.get('edge'), it.board.current?.snapshots.get('edge'));
  });

  it('change nothing when they are made again, yet name who must hold it', async () => {
    const { shift, published } = await shop();
    await shift(v1v2(90, 10));
    const again = done(await shift(v1v2(90, 10)));
    assert.equal(again.effect.changed, false);
    assert.deepEqual([...again.effect.concerned.keys()], ['edge']);
    assert.equal(published.length, 2);
  });

  it('end by a call', async () => {
    const it = await shop();
    await it.shift(v1v2(90, 10));
    const ended = done(await it.controller.endOverride({ kind: 'shift', route: 'shop', rule: 'everyone' }));
    assert.equal(ended.status, undefined);
    assert.equal(ended.effect.changed, true);
    assert.deepEqual(toldWeights(it), v1v2(95, 5));
    assert.deepEqual(it.store.overrides(), []);
    const again = await it.controller.endOverride({ kind: 'shift', route: 'shop', rule: 'everyone' });
    assert.equal(again.kind, 'notFound');
  });

  it('lie over later edits of the weights', async () => {
    const it = await shop();
    await it.shift(v1v2(90, 10));
    const to = '[{ service: catalog, version: v1, weight: 70 }, { service: catalog, version: v2, weight: 30 }]';
    await it.submit(shopPolicy({ to }));
    assert.deepEqual(toldWeights(it), v1v2(90, 10));
  });

  it('are suspended, visibly, while the destinations differ, and come back with them', async () => {
    const it = await shop();
    await it.shift(v1v2(90, 10));
    const outcome = await it.submit(
      shopPolicy({ to: '[{ service: catalog, version: v2, weight: 3 }, { service: other }]' }),
    );
    assert.ok(outcome.kind === 'accepted' && outcome.warnings.some(each => each.code === 'override.suspended'));
    assert.equal(it.controller.accepted?.overrides[0]?.effect, 'suspended');
    assert.match(it.controller.accepted?.overrides[0]?.why ?? '', /was made for catalog@v1, catalog@v2/);
    assert.equal(it.store.overrides().length, 1);
    await it.submit(shopPolicy());
    assert.equal(it.controller.accepted?.overrides[0]?.effect, 'active');
    assert.deepEqual(toldWeights(it), v1v2(90, 10));
  });

  const refusals: readonly (readonly [
    string,
    Record<string, number>,
    string,
    string,
    OverrideOutcome['kind'],
    RegExp,
  ])[] = [
    ['of an unknown route', v1v2(1, 1), 'everyone', 'shopp', 'notFound', /did you mean \\"shop\\"/],
    ['of an unknown rule', v1v2(1, 1), 'everyon', 'shop', 'notFound', /did you mean \\"everyone\\"/],
    ['of a rule without name', v1v2(1, 1), '#0', 'shop', 'notFound', /named rules: gone, everyone/],
    ['of a name that every object has', v1v2(1, 1), 'everyone', '__proto__', 'notFound', /no route/],
    ['of a rule without destinations', v1v2(1, 1), 'gone', 'shop', 'invalid', /does not send to services/],
    [
      'to a destination that the rule does not have',
      { ...v1v2(1, 1), other: 1 },
      'everyone',
      'shop',
      'invalid',
      /does not send to \\"other\\"/,
    ],
    [
      'without one of the destinations',
      { 'catalog@v1': 1 },
      'everyone',
      'shop',
      'invalid',
      /\\"catalog@v2\\" is missing/,
    ],
    ['with a negative weight', v1v2(-1, 1), 'everyone', 'shop', 'invalid', /whole number from 0/],
    ['with half a weight', v1v2(0.5, 1), 'everyone', 'shop', 'invalid', /whole number from 0/],
    ['with weights that are all 0', v1v2(0, 0), 'everyone', 'shop', 'invalid', /all 0/],
  ];
  for (const [what, weights, rule, route, kind, words] of refusals) {
    it(`are refused: ${what}`, async () => {
      const { shift, published, store } = await shop();
      const outcome = await shift(weights, rule, route);
      assert.equal(outcome.kind, kind);
      assert.match(JSON.stringify(outcome), words);
      assert.equal(published.length, 1);
      assert.deepEqual(store.overrides(), []);
    });
  }

  it('are refused before there is a policy', async () => {
    assert.equal((await world().shift(v1v2(1, 1))).kind, 'notFound');
  });
});

describe('overrides of endpoints', () => {
  it('drain, in every spelling of the address', async () => {
    const { controller, submit, drain, board } = world();
    await submit(
      shopPolicy({
        endpoints:
          '[{ address: "[fd00::1]:80", labels: { version: v1 } }, { address: "10.0.0.2:80", labels: { version: v1 } }]',
      }),
    );
    const outcome = done(await drain('[FD00:0:0::1]:80'));
    assert.equal(outcome.status?.override.kind === 'endpoint' && outcome.status.override.address, '[fd00::1]:80');
    assert.match(JSON.stringify(readableSnapshot(board.current!.snapshots.get('edge')!)), /DRAINING/);
    const ended = await controller.endOverride({ kind: 'endpoint', service: 'catalog', address: '[fd00:0::1]:80' });
    assert.equal(done(ended).effect.changed, true);
  });

  it('concern every fleet that has the service, and no other', async () => {
    const { controller } = await shop();
    const outcome = await controller.overrideEndpoint(
      { service: 'other', address: '10.0.1.1:80', weight: 7, by: 'ada' },
      { force: false },
    );
    assert.deepEqual([...done(outcome).effect.concerned.keys()].sort(), ['back', 'edge']);
    const catalog = await controller.overrideEndpoint(
      { service: 'catalog', address: '10.0.0.1:80', weight: 7, by: 'ada' },
      { force: false },
    );
    assert.deepEqual([...done(catalog).effect.concerned.keys()], ['edge']);
  });

  it('keep what an earlier one set; a new state brings its own end', async () => {
    const { controller, drain, clock } = await shop();
    const set = async (change: object) => {
      const outcome = done(
        await controller.overrideEndpoint(
          { service: 'catalog', address: '10.0.0.1:80', by: 'bob', ...change },
          { force: false },
        ),
      );
      const { weight, state, expiresAt, by } = outcome.status!.override as {
        weight?: number;
        state?: string;
        expiresAt?: number;
        by: string;
      };
      return { weight, state, expiresAt, by };
    };
    const expiresAt = clock.now() + 60_000;
    await drain('10.0.0.1:80', { expiresAt });
    assert.deepEqual(await set({ weight: 5 }), { weight: 5, state: 'draining', expiresAt, by: 'bob' });
    assert.deepEqual(await set({ state: 'disabled' }), {
      weight: 5,
      state: 'disabled',
      expiresAt: undefined,
      by: 'bob',
    });
  });

  it('may not take the last usable endpoint of a service', async () => {
    const { submit, drain } = world();
    const endpoints = '[{ address: "10.0.0.1:80" }, { address: "10.0.0.2:80", state: draining }]';
    await submit(shopPolicy({ endpoints, to: '[{ service: catalog }]' }));
    const outcome = await drain('10.0.0.1:80');
    assert.ok(outcome.kind === 'refused');
    assert.match(outcome.why, /10\.0\.0\.1:80 is the last usable endpoint of service "catalog"/);
    assert.equal((await drain('10.0.0.1:80', { force: true })).kind, 'done');
  });

  it('may not take the last usable endpoint of a version that is sent to', async () => {
    const { submit, drain } = await shop();
    const refused = await drain('10.0.0.3:80');
    assert.ok(refused.kind === 'refused');
    assert.match(refused.why, /of version "v2"/);
    assert.equal((await drain('10.0.0.1:80')).kind, 'done');
    assert.equal((await drain('10.0.0.2:80')).kind, 'refused', 'the other one of v1 is drained already');
    await submit(shopPolicy({ to: '[{ service: catalog }]' }));
    assert.equal((await drain('10.0.0.3:80')).kind, 'done', 'nothing is sent to v2 any more');
  });

  it('may not disable the last that drains, either', async () => {
    const { controller, drain } = await shop();
    await drain('10.0.0.3:80', { force: true });
    const disable = (force: boolean) =>
      controller.overrideEndpoint(
        { service: 'catalog', address: '10.0.0.3:80', state: 'disabled', by: 'ada' },
        { force },
      );
    assert.equal((await disable(false)).kind, 'refused');
    assert.equal((await disable(true)).kind, 'done');
  });

  it('are judged one after the other, also when they come at once', async () => {
    const { drain } = await shop();
    const outcomes = await Promise.all([drain('10.0.0.1:80'), drain('10.0.0.2:80')]);
    assert.deepEqual(
      outcomes.map(each => each.kind),
      ['done', 'refused'],
    );
  });

  it('are refused for what is not there or makes no sense', async () => {
    const { controller, clock } = await shop();
    const put = (change: object) =>
      controller.overrideEndpoint(
        { service: 'catalog', address: '10.0.0.1:80', by: 'ada', ...change },
        { force: false },
      );
    assert.equal((await put({ service: 'catalogue', weight: 1 })).kind, 'notFound');
    assert.equal((await put({ address: '10.0.0.9:80', weight: 1 })).kind, 'notFound');
    assert.equal((await put({})).kind, 'invalid');
    assert.equal((await put({ weight: 0 })).kind, 'invalid');
    assert.equal((await put({ weight: 1001 })).kind, 'invalid');
    assert.equal((await put({ weight: 1.5 })).kind, 'invalid');
    assert.equal((await put({ state: 'draining', expiresAt: clock.now() })).kind, 'invalid');
    assert.equal((await put({ weight: 1000 })).kind, 'done');
  });

  it('end with the endpoint', async () => {
    const { controller, submit, drain, store } = await shop();
    await drain('10.0.0.1:80');
    const text = shopPolicy({ endpoints: '[{ address: "10.0.0.2:80", labels: { version: v1 } }]' });
    const outcome = await submit(text, { allowShrink: true });
    assert.ok(outcome.kind === 'accepted' && outcome.warnings.some(each => each.code === 'override.endpoint_gone'));
    assert.deepEqual(store.overrides(), []);
    assert.deepEqual(controller.accepted?.overrides, []);
    await submit(shopPolicy());
    assert.deepEqual(controller.accepted?.overrides, [], 'the endpoint comes back undrained');
  });

  it('outlive a save that is not taken', async () => {
    const { submit, drain, store } = await shop();
    await drain('10.0.0.1:80');
    await submit(shopPolicy({ endpoints: '[]', to: '[{ service: nobody }]' }));
    assert.equal(store.overrides().length, 1);
  });
});

describe('the end of an override', () => {
  it('comes when its time is up, whatever happens to the date', async () => {
    const it = await shop();
    await it.drain('10.0.0.1:80', { expiresAt: it.clock.now() + 60_000 });
    it.clock.setDate(-3_600_000);
    it.clock.pass(59_000);
    assert.equal(it.store.overrides().length, 1);
    it.clock.pass(1_000);
    await it.quiet();
    assert.deepEqual(it.store.overrides(), []);
    assert.deepEqual(it.controller.accepted?.overrides, []);
    assert.equal(it.published.length, 3);
  });

  it('comes a little later where there was no room for it', async () => {
    const it = await shop();
    await it.drain('10.0.0.1:80', { expiresAt: it.clock.now() + 1000 });
    const flood = Array.from({ length: 10_001 }, () => it.quiet().catch(() => undefined));
    it.clock.pass(1000);
    await Promise.all(flood);
    await it.quiet();
    assert.equal(it.store.overrides().length, 1);
    it.clock.pass(1000);
    await it.quiet();
    assert.equal(it.store.overrides().length, 0);
    assert.equal(it.clock.timers, 0);
  });

  it('is not that of the override that took its place', async () => {
    const it = await shop();
    await it.drain('10.0.0.1:80', { expiresAt: it.clock.now() + 1000 });
    await it.drain('10.0.0.1:80', { expiresAt: it.clock.now() + 60_000 });
    assert.equal(it.clock.timers, 1);
    it.clock.pass(2000);
    await it.quiet();
    assert.equal(it.store.overrides().length, 1);
  });

  it('has come at the start when it came while we were down', async () => {
    const store = new MemoryStore();
    const first = await shop({ store });
    const before = first.versions();
    await first.drain('10.0.0.1:80', { expiresAt: first.clock.now() + 1000 });
    const second = world({ store });
    second.clock.setDate(2000);
    second.controller.start();
    assert.deepEqual(second.versions(), before);
    assert.deepEqual(store.overrides(), []);
  });

  it('comes although it cannot be stored, and is stored later', async () => {
    const store = new FailingStore();
    const it = await shop({ store });
    await it.drain('10.0.0.1:80', { expiresAt: it.clock.now() + 1000 });
    store.failing = true;
    it.clock.pass(1000);
    await it.quiet();
    assert.deepEqual(it.controller.accepted?.overrides, []);
    assert.deepEqual(it.reports, ['the end of an override was not stored']);
    store.failing = false;
    await it.shift(v1v2(1, 1));
    assert.deepEqual(
      store.overrides().map(each => each.kind),
      ['shift'],
    );
  });
});

describe('the end of the sessions with a draining endpoint', () => {
  const address = '10.0.0.1:80';
  const inForce = ({ controller }: ReturnType<typeof world>) => {
    const [override] = (controller.accepted?.overrides ?? []).map(each => each.override);
    assert.ok(override?.kind === 'endpoint');
    return override;
  };
  const isTold = ({ board }: ReturnType<typeof world>) =>
    JSON.stringify(readableSnapshot(board.current!.snapshots.get('edge')!)).includes('"10.0.0.1"');

  it('comes when their time is up: the endpoint is disabled, and says since when', async () => {
    const it = await shop();
    const sessionsUntil = it.clock.now() + 60_000;
    await it.drain(address, { sessionsUntil });
    it.clock.setDate(-3_600_000);
    it.clock.pass(59_000);
    await it.quiet();
    assert.ok(isTold(it));
    const drained = inForce(it);
    it.clock.pass(1_000);
    await it.quiet();
    assert.ok(!isTold(it));
    assert.deepEqual(inForce(it), { ...drained, state: 'disabled', sessionsUntil });
    assert.deepEqual(it.store.overrides(), [inForce(it)]);
    assert.equal(it.clock.timers, 0);
  });

  it('comes before the end of the drain, which comes all the same', async () => {
    const it = await shop();
    const before = it.versions();
    await it.drain(address, { sessionsUntil: it.clock.now() + 1000, expiresAt: it.clock.now() + 5000 });
    it.clock.pass(1000);
    await it.quiet();
    assert.equal(inForce(it).state, 'disabled');
    it.clock.pass(4000);
    await it.quiet();
    assert.deepEqual(it.versions(), before);
    assert.deepEqual(it.store.overrides(), []);
  });

  it('comes at the start when it came while we were down', async () => {
    const store = new MemoryStore();
    const first = await shop({ store });
    await first.drain(address, { sessionsUntil: first.clock.now() + 1000 });
    const second = world({ store });
    second.clock.setDate(2000);
    second.controller.start();
    assert.deepEqual(second.versions(), first.versions(), 'it goes on where the last server ended');
    second.clock.pass(0);
    await second.quiet();
    assert.ok(!isTold(second));
    assert.equal(inForce(second).state, 'disabled');
  });

  it('does not come for the last endpoint that Envoys are told of', async () => {
    const it = await shop();
    const text = shopPolicy({ endpoints: `[{ address: "${address}" }]`, to: '[{ service: catalog }]' });
    await it.submit(text, { allowShrink: true });
    await it.drain(address, { sessionsUntil: it.clock.now() + 1000, force: true });
    it.clock.pass(1000);
    await it.quiet();
    assert.ok(isTold(it));
    assert.deepEqual([inForce(it).state, inForce(it).sessionsUntil], ['draining', undefined]);
    assert.deepEqual(it.store.overrides(), [inForce(it)]);
  });

  it('comes although it cannot be stored', async () => {
    const store = new FailingStore();
    const it = await shop({ store });
    await it.drain(address, { sessionsUntil: it.clock.now() + 1000 });
    store.failing = true;
    it.clock.pass(1000);
    await it.quiet();
    assert.ok(!isTold(it));
    assert.deepEqual(it.reports, ['the end of sessions was not stored']);
  });

  it('does not come when the endpoint is put back, and stays when only its weight changes', async () => {
    const it = await shop();
    const sessionsUntil = it.clock.now() + 1000;
    const set = (change: object) =>
      it.controller.overrideEndpoint({ service: 'catalog', address, by: 'bob', ...change }, { force: false });
    await it.drain(address, { sessionsUntil });
    await set({ weight: 5 });
    assert.equal(inForce(it).sessionsUntil, sessionsUntil);
    await set({ state: 'active' });
    assert.equal(inForce(it).sessionsUntil, undefined);
    it.clock.pass(1000);
    await it.quiet();
    assert.equal(inForce(it).state, 'active');
  });

  it('may not lie in the past, after the end of the drain, or where nothing drains', async () => {
    const it = await shop();
    const now = it.clock.now();
    assert.equal((await it.drain(address, { sessionsUntil: now })).kind, 'invalid');
    assert.equal((await it.drain(address, { sessionsUntil: now + 1000, expiresAt: now + 1000 })).kind, 'invalid');
    const disabled = { service: 'catalog', address, by: 'bob', state: 'disabled', sessionsUntil: now + 1000 } as const;
    assert.equal((await it.controller.overrideEndpoint(disabled, { force: false })).kind, 'invalid');
    assert.deepEqual(it.store.overrides(), []);
  });
});

describe('overrides and the store', () => {
  it('have no effect when they cannot be stored', async () => {
    const store = new FailingStore();
    const it = await shop({ store });
    store.failing = true;
    await assert.rejects(it.shift(v1v2(1, 1)), StoreError);
    assert.deepEqual(toldWeights(it), v1v2(95, 5));
    assert.equal(it.published.length, 1);
    assert.deepEqual(it.controller.accepted?.overrides, []);
  });

  it('come to one publication when they come in a burst', async () => {
    const it = await shop({ holdOff: () => 30 });
    const bursts = Array.from({ length: 50 }, (_, n) => it.shift(v1v2(n + 1, 1)));
    const outcomes = await Promise.all(bursts);
    assert.ok(outcomes.every(each => each.kind === 'done'));
    assert.ok(it.published.length <= 3, `${it.published.length} publications`);
    assert.deepEqual(toldWeights(it), v1v2(50, 1));
  });
});
