import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { connectTcp, startTcpBackend } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { World } from '../support/world.ts';

/**
 * Machines are addresses of 127.0.0.0/8: `catalog` runs on .2 and .3 with a sidecar each on the same port, `checkout`
 * behind one that binds all addresses, `db` on .5 behind one that speaks TCP; `batch` only calls.
 */
const world = new World();
after(() => world.close());

const port = {
  catalog: await world.port(),
  checkout: await world.port(),
  db: await world.port(),
  checkoutOut: await world.port(),
  batchOut: await world.port(),
  batchDb: await world.port(),
};
const [one, two, checkout, unrelated] = await world.backends('catalog-1', 'catalog-2', 'checkout-1', 'unrelated-1');
const db = world.use(await startTcpBackend('db'));

const policy: PolicyInput = {
  services: {
    catalog: {
      endpoints: [
        {
          address: `127.0.0.2:${port.catalog}`,
          weight: 3,
          labels: { version: 'v1' },
          inbound: { application: one.address, node: 'catalog-1' },
        },
        {
          address: `127.0.0.3:${port.catalog}`,
          labels: { version: 'v2' },
          inbound: { application: two.address, node: 'catalog-2' },
        },
      ],
      versions: { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' } } },
      loadBalancing: { policy: 'roundRobin' },
      healthCheck: { http: { path: '/health' }, interval: '200ms', idleInterval: '200ms' },
    },
    checkout: { endpoints: [{ address: `127.0.0.4:${port.checkout}`, inbound: { application: checkout.address } }] },
    db: {
      protocol: 'tcp',
      endpoints: [{ address: `127.0.0.5:${port.db}`, inbound: { application: db.address } }],
    },
    unrelated: { endpoints: [{ address: unrelated.address }], healthCheck: { http: { path: '/health' } } },
  },
  routes: {
    lanes: {
      mesh: true,
      hosts: ['lanes.internal'],
      rules: [
        { match: { headers: { 'x-lane': 'new' } }, to: [{ service: 'catalog', version: 'v2' }] },
        { to: [{ service: 'catalog', version: 'v1' }] },
      ],
    },
    both: {
      mesh: true,
      hosts: ['both.internal'],
      rules: [
        { match: { path: '/checkout' }, to: [{ service: 'checkout' }] },
        { to: [{ service: 'catalog', version: 'v1' }] },
      ],
    },
  },
  fleets: {
    catalog: { match: { cluster: 'catalog' }, sidecar: { service: 'catalog' } },
    checkout: {
      match: { cluster: 'checkout' },
      sidecar: { service: 'checkout', bind: '0.0.0.0', upstreams: ['catalog'], outbound: { port: port.checkoutOut } },
    },
    db: { match: { cluster: 'db' }, sidecar: { service: 'db' } },
    batch: {
      match: { cluster: 'batch' },
      sidecar: {
        upstreams: ['catalog', { service: 'checkout' }, { service: 'db', port: port.batchDb }],
        outbound: { port: port.batchOut, address: '127.0.0.6', domain: 'svc.local' },
      },
    },
  },
};

await world.start(policy, [
  { id: 'catalog-1', cluster: 'catalog' },
  { id: 'catalog-2', cluster: 'catalog', variant: 'sotw' },
  { id: 'checkout-1', cluster: 'checkout', variant: 'sotw' },
  { id: 'db-1', cluster: 'db' },
  { id: 'batch-1', cluster: 'batch' },
]);

/** A call of the application behind the sidecar of `checkout`, or of the batch job. */
const fromCheckout = (host: string, path = '/', headers = {}, method = 'GET') =>
  ask(port.checkoutOut, path, { host, headers, method });
const fromBatch = (host: string, path = '/', headers = {}) =>
  ask(port.batchOut, path, { host, headers, to: '127.0.0.6' });

// A sidecar may have been checked by another before it listened; then it counts as down for some checks.
for (const call of [() => fromCheckout('catalog'), () => fromBatch('catalog')]) {
  await until('a caller finds all of catalog healthy', async () => (await askMany(8, call)).size === 2);
}

describe('inbound', () => {
  it('stands in front of the local application, where callers dial', async () => {
    covers('services.*.endpoints[].inbound.application', 'fleets.*.sidecar.service');
    const answer = await ask(port.catalog, '/items', { to: '127.0.0.2' });
    assert.equal(answer.by, 'catalog-1');
    assert.equal(answer.seen().url, '/items');
  });

  it('is for each node what its endpoint says: sub-fleets', async () => {
    covers('services.*.endpoints[].inbound.node');
    assert.equal((await ask(port.catalog, '/', { to: '127.0.0.3' })).by, 'catalog-2');
    const fleets = await Promise.all(['catalog-1', 'catalog-2'].map(async id => (await world.proxy(id))?.fleet));
    assert.deepEqual(fleets, [`catalog/127.0.0.2:${port.catalog}`, `catalog/127.0.0.3:${port.catalog}`]);
  });

  it('binds the address of the endpoint alone, unless told otherwise', async () => {
    covers('fleets.*.sidecar.bind');
    await assert.rejects(ask(port.catalog, '/', { to: '127.0.0.9' }), /ECONNREFUSED/);
    assert.equal((await ask(port.checkout, '/', { to: '127.0.0.9' })).by, 'checkout-1');
  });
});

describe('outbound', () => {
  it('calls the sidecars of other services by their hosts, by weight', async () => {
    covers('fleets.*.sidecar.upstreams', 'fleets.*.sidecar.upstreams[].service', 'fleets.*.sidecar.outbound.port');
    for (const host of ['catalog.mesh', 'catalog', `catalog.mesh:${port.checkoutOut}`]) {
      const counts = await askMany(80, () => fromCheckout(host));
      assertValues(counts, ['catalog-1', 'catalog-2']);
      assertShare(counts, 'catalog-1', 3 / 4);
    }
  });

  it('has the address and the domain that the fleet names', async () => {
    covers('fleets.*.sidecar.outbound.address', 'fleets.*.sidecar.outbound.domain');
    assert.equal((await fromBatch('checkout.svc.local')).by, 'checkout-1');
    assert.equal((await fromBatch('checkout.mesh')).status, 404);
    assert.equal((await fromCheckout('catalog.svc.local')).status, 404);
    await assert.rejects(ask(port.batchOut, '/', { to: '127.0.0.1' }), /ECONNREFUSED/);
  });

  it('knows, and checks, declared upstreams only', async () => {
    for (const host of ['unrelated.mesh', 'unrelated', 'checkout.mesh']) {
      assert.equal((await fromCheckout(host)).status, 404, host);
    }
    assert.ok(one.checks.length > 0 && two.checks.length > 0);
    assert.equal(unrelated.checks.length, 0);
    const clusters = await world.envoys.find(each => each.id === 'checkout-1')?.admin('/clusters');
    assert.doesNotMatch(clusters ?? '', /unrelated|^db::/m);
  });

  it('follows routes of the mesh', async () => {
    covers('routes.*.mesh');
    assertValues(await askMany(20, () => fromCheckout('lanes.internal')), ['catalog-1']);
    assertValues(await askMany(20, () => fromCheckout('lanes.internal', '/', { 'x-lane': 'new' })), ['catalog-2']);
  });

  it('is given routes of the mesh only where all their services may be called', async () => {
    assert.equal((await fromBatch('both.internal', '/checkout')).by, 'checkout-1');
    assert.equal((await fromCheckout('both.internal')).status, 404);
  });

  it('has a port of its own for each TCP service', async () => {
    covers('fleets.*.sidecar.upstreams[].port');
    using client = await connectTcp(port.batchDb, '127.0.0.6');
    assert.equal(await client.line(), 'db');
    client.send('select 1\n');
    assert.equal(await client.line(), 'select 1');
  });
});

describe('an application that dies behind its sidecar', () => {
  const retried = () => world.envoys.find(each => each.id === 'checkout-1')?.stat('cluster.catalog.upstream_rq_retry');

  it('costs its callers no request: they are told that it had no effect', async () => {
    const before = (await retried()) ?? 0;
    await one.die();
    assertValues(await askMany(40, () => fromCheckout('catalog')), ['catalog-2']);
    assert.ok(((await retried()) ?? 0) > before);
    await one.revive();
  });

  it('costs its callers no GET that it was answering', async () => {
    const bothAnswer = async () => (await askMany(8, () => fromCheckout('catalog'))).size === 2;
    await until('the one that was dead is back', bothAnswer);
    const gate = Promise.withResolvers<void>();
    for (const backend of [one, two]) backend.behave({ after: gate.promise });
    const calls = Array.from({ length: 20 }, () => fromCheckout('catalog'));
    const orders = Array.from({ length: 20 }, () => fromCheckout('catalog', '/', {}, 'POST'));
    await until('they have all of them', () => one.active + two.active === 40);
    await one.die();
    gate.resolve();
    assert.deepEqual(
      (await Promise.all(calls)).map(({ status }) => status),
      calls.map(() => 200),
    );
    const failed = (await Promise.all(orders)).filter(({ status }) => status === 503);
    assert.ok(failed.length > 0);
    for (const { headers } of failed) assert.equal(headers['x-switchyard-unanswered'], undefined);
    for (const backend of [one, two]) backend.behave({});
    await one.revive();
  });

  it("is answered for by 503, marked for callers' proxies alone", async () => {
    await checkout.die();
    const marked = await ask(port.checkout, '/', { to: '127.0.0.4' });
    assert.deepEqual([marked.status, marked.headers['x-switchyard-unreached']], [503, 'true']);
    const answer = await fromBatch('checkout.svc.local');
    assert.deepEqual([answer.status, answer.headers['x-switchyard-unreached']], [503, undefined]);
    await checkout.revive();
  });
});
