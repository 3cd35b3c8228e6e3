import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { ComputedWriteReply, EndpointWeightsReply, ErrorReply } from '../../src/admin/api.ts';
import { ask, askMany } from '../support/client.ts';
import { loadOn } from '../support/load.ts';
import { assertShare, assertValues, type Counts } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const [a, b, c] = await world.backends('a', 'b', 'c');
const endpoints = [a, b, c].map(({ address }) => ({ address }));
const policy = (weights: readonly number[] = [1, 1, 1]) =>
  pairPolicy(ports, {
    services: {
      app: {
        endpoints: endpoints.map((each, index) => ({ ...each, weight: weights[index] ?? 1 })),
        loadBalancing: { policy: 'roundRobin' },
      },
    },
    rules: [{ to: [{ service: 'app' }] }],
  });
await world.start(policy(), pair);

const url = '/api/v1/services/app/weights';
const give = (weights: Record<string, number>, expiresIn = '5m', source = 'latency') =>
  world.plane.api<ComputedWriteReply & ErrorReply>('PUT', `${url}?wait=acked`, { source, weights, expiresIn });
const heldWeights = async () => (await world.plane.api<EndpointWeightsReply>('GET', url)).body;
const spread = (port: number, requests = 300): Promise<Counts> => askMany(requests, () => ask(port));
const onBoth = async (check: (counts: Counts) => void) => {
  for (const port of Object.values(ports)) check(await spread(port));
};
const even = (counts: Counts) => {
  for (const name of ['a', 'b', 'c']) assertShare(counts, name, 1 / 3);
};

afterEach(async () => {
  await world.plane.api('DELETE', `${url}?wait=acked`);
});

describe('computed weights', () => {
  it('move the traffic while they hold, and no other resource than the endpoints', async () => {
    await onBoth(even);
    const updates = () => Promise.all(world.envoys.map(each => each.stat('cluster_manager.cds.update_success')));
    const before = await updates();
    const { status, body } = await give({ [a.address]: 8, [b.address]: 1, [c.address]: 1 });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.acknowledged?.summary, '2 of 2 connected proxies have acknowledged');
    await onBoth(counts => assertShare(counts, 'a', 0.8));
    assert.deepEqual(await updates(), before);
    assert.deepEqual((await world.plane.policy()).revision?.number, 1);
  });

  it('expire, and what is declared holds again', async () => {
    const { body } = await give({ [a.address]: 98, [b.address]: 1, [c.address]: 1 }, '3s');
    assert.equal(body.computed?.source, 'latency');
    await until('the declared weights hold', async () => (await heldWeights()).computed === null);
    await world.synced();
    await onBoth(even);
  });

  it('yield to an override on the scale of the declared weights, and say so', async () => {
    await give({ [a.address]: 800, [b.address]: 100, [c.address]: 100 });
    const endpoint = `/api/v1/services/app/endpoints/${encodeURIComponent(a.address)}?wait=acked`;
    assert.equal((await world.plane.api('PATCH', endpoint, { weight: 1 })).status, 200);
    // 1 beside 0.3 and 0.3, since three endpoints with the declared sum of 3 are shared 800 to 100 to 100.
    await onBoth(counts => assertShare(counts, 'a', 1 / 1.6));
    const rows = (await heldWeights()).endpoints.map(({ from, weight }) => `${from} ${weight}`);
    assert.deepEqual(rows, ['override 1', 'computed 0.3', 'computed 0.3']);
    assert.equal((await world.plane.api('DELETE', endpoint)).status, 200);
    await onBoth(counts => assertShare(counts, 'a', 0.8));
  });

  it('never turn an endpoint off', async () => {
    assert.equal((await give({ [a.address]: 0, [b.address]: 1, [c.address]: 1 })).status, 422);
    assert.equal((await give({ [a.address]: 20, [b.address]: 1, [c.address]: 1 })).status, 200);
    await onBoth(counts => assertValues(counts, ['a', 'b', 'c']));
  });

  it('belong to one source at a time', async () => {
    await give({ [a.address]: 2 });
    const { status, body } = await give({ [a.address]: 3 }, '5m', 'another');
    assert.equal(status, 409);
    assert.match(body.detail, /"latency" computes the weights of "app"/);
  });

  it('lose no request, however often they change, as do declared ones', async () => {
    await using load = loadOn(ports.delta, '/', { perSecond: 50 });
    for (const weight of [5, 50, 2, 500, 9, 1]) {
      assert.equal((await give({ [a.address]: weight, [b.address]: 5, [c.address]: 1 })).status, 200);
      await load.more(10);
    }
    for (const weights of [
      [9, 1, 1],
      [1, 9, 1],
      [1, 1, 1],
    ]) {
      await world.saved(policy(weights));
      await load.more(10);
    }
    await load.end();
    assert.deepEqual(load.failures, []);
  });
});

describe('declared weights', () => {
  it('are followed live, and no request fails', async () => {
    await using load = loadOn(ports.sotw, '/', { perSecond: 50 });
    await world.saved(policy([8, 1, 1]));
    await onBoth(counts => assertShare(counts, 'a', 0.8));
    await world.saved(policy([1, 8, 1]));
    await onBoth(counts => assertShare(counts, 'b', 0.8));
    await world.saved(policy());
    await onBoth(even);
    await load.end();
    assert.deepEqual(load.failures, []);
  });
});
