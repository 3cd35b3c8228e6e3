import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ComputedOutcome } from '../../../src/control/computed.ts';
import { shopPolicy, world } from './controller-world.ts';

const [first, second] = ['10.0.0.1:80', '10.0.0.2:80'];

async function shop() {
  const here = world();
  assert.equal((await here.submit(shopPolicy())).kind, 'accepted');
  const give = (weights: Record<string, number>, more: { source?: string; ttl?: number; force?: boolean } = {}) =>
    here.controller.computed.give({ service: 'catalog', source: 'agent', ttl: 60_000, force: false, weights, ...more });
  const holds = () =>
    here.controller.computed.of('catalog')?.endpoints.map(each => `${each.address} ${each.weight} ${each.from}`);
  return { ...here, give, holds };
}

const done = (outcome: ComputedOutcome) => {
  assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
  return outcome;
};

describe('computed weights', () => {
  it('hold for their time, and make no revision', async () => {
    const { give, holds, clock, controller, published, quiet } = await shop();
    const revision = controller.accepted?.revision.number;
    const outcome = done(await give({ [first]: 300, [second]: 100 }));
    assert.deepEqual([outcome.effect.changed, [...outcome.effect.concerned.keys()]], [true, ['edge']]);
    assert.deepEqual(holds(), [`${first} 1.5 computed`, `${second} 0.5 computed`, '10.0.0.3:80 1 declared']);
    assert.equal(controller.accepted?.revision.number, revision);
    clock.pass(60_000);
    await quiet();
    assert.deepEqual(holds(), [`${first} 1 declared`, `${second} 1 declared`, '10.0.0.3:80 1 declared']);
    assert.equal(published.length, 3);
    assert.equal(clock.timers, 0);
  });

  it('end a little later where there is no room for that when their time is up', async () => {
    const { give, holds, clock, controller, quiet } = await shop();
    await give({ [first]: 3, [second]: 1 });
    await quiet();
    const flood = Array.from({ length: 10_001 }, () => controller.computed.end('nobody').catch(() => undefined));
    clock.pass(60_000);
    await Promise.all(flood);
    await quiet();
    assert.deepEqual(holds()?.[0], `${first} 1.5 computed`);
    clock.pass(1000);
    await quiet();
    assert.deepEqual(holds()?.[0], `${first} 1 declared`);
    assert.equal(clock.timers, 0);
  });

  it('are renewed without a push, and hold on', async () => {
    const { give, clock, published, controller, quiet } = await shop();
    await give({ [first]: 3, [second]: 1 });
    const count = published.length;
    clock.pass(50_000);
    assert.equal(done(await give({ [first]: 3, [second]: 1 })).effect.changed, false);
    clock.pass(50_000);
    await quiet();
    assert.equal(published.length, count);
    const held = controller.computed.all.get('catalog');
    assert.equal((held?.renewed ?? 0) - (held?.since ?? 0), 50_000);
    clock.pass(10_000);
    await quiet();
    assert.equal(published.length, count + 1);
  });

  it('yield to an override, which means what it says, and hold again after it', async () => {
    const { give, holds, controller } = await shop();
    await give({ [first]: 300, [second]: 100 });
    await controller.overrideEndpoint({ service: 'catalog', address: second, weight: 4, by: 'ada' }, { force: false });
    assert.deepEqual(holds()?.slice(0, 2), [`${first} 1.5 computed`, `${second} 4 override`]);
    await controller.endOverride({ kind: 'endpoint', service: 'catalog', address: second });
    assert.deepEqual(holds()?.slice(0, 2), [`${first} 1.5 computed`, `${second} 0.5 computed`]);
  });

  it('end by hand', async () => {
    const { give, holds, controller } = await shop();
    await give({ [first]: 300, [second]: 100 });
    assert.equal(done(await controller.computed.end('catalog')).current, undefined);
    assert.deepEqual(holds()?.[0], `${first} 1 declared`);
    assert.equal((await controller.computed.end('catalog')).kind, 'notFound');
  });

  it('are not kept over restarts', async () => {
    const { give, store, controller } = await shop();
    await give({ [first]: 300, [second]: 100 });
    controller.stop();
    const next = world({ store });
    next.controller.start();
    assert.equal(next.controller.computed.all.size, 0);
    assert.equal(next.controller.computed.of('catalog')?.endpoints[0]?.from, 'declared');
  });

  it('outlast a save, and ignore endpoints that are gone', async () => {
    const { give, submit, holds } = await shop();
    await give({ [first]: 300, [second]: 100 });
    await submit(
      shopPolicy({
        endpoints: `[{ address: "${first}", labels: { version: v1 } }, { address: "10.0.0.3:80", labels: { version: v2 } }]`,
      }),
    );
    assert.deepEqual(holds(), [`${first} 1 computed`, '10.0.0.3:80 1 declared']);
  });

  it('belong to one source at a time', async () => {
    const { give, controller, clock, quiet } = await shop();
    await give({ [first]: 3 });
    const other = await give({ [first]: 1 }, { source: 'another' });
    assert.ok(other.kind === 'refused' && other.why.includes('"agent" computes the weights of "catalog"'));
    done(await give({ [first]: 1 }, { source: 'another', force: true }));
    assert.equal(controller.computed.all.get('catalog')?.source, 'another');
    clock.pass(60_000);
    await quiet();
    done(await give({ [first]: 1 }));
  });

  it('are refused where they cannot be right', async () => {
    const { give, controller, submit } = await shop();
    const kind = async (weights: Record<string, number>) => (await give(weights)).kind;
    for (const bad of [0, -1, 1.5, 1001, Number.NaN]) assert.equal(await kind({ [first]: bad }), 'invalid');
    assert.equal(await kind({ '10.9.9.9:80': 1 }), 'invalid');
    assert.equal(await kind({}), 'invalid');
    const nobody = { service: 'katalog', source: 'agent', weights: { [first]: 1 }, ttl: 1000, force: false };
    const unknown = await controller.computed.give(nobody);
    assert.ok(unknown.kind === 'notFound' && unknown.hint?.includes('catalog'), JSON.stringify(unknown));
    await submit(shopPolicy().replace('catalog:\n', 'catalog:\n    loadBalancing: { policy: random }\n'));
    assert.equal(await kind({ [first]: 1 }), 'invalid');
    assert.equal((await world().controller.computed.give(nobody)).kind, 'notFound');
  });

  it('name what they ignore, and find endpoints however they are spelled', async () => {
    const { give, submit, controller } = await shop();
    assert.deepEqual(done(await give({ [first]: 2, '10.9.9.9:80': 1 })).ignored, ['10.9.9.9:80']);
    await submit(
      shopPolicy({
        endpoints:
          '[{ address: "[::1]:80", labels: { version: v1 } }, { address: "10.0.0.3:80", labels: { version: v2 } }]',
      }),
    );
    done(await give({ '[0:0::1]:80': 7 }));
    assert.equal(controller.computed.of('catalog')?.endpoints[0]?.computed, 7);
  });
});
