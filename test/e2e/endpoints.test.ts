import assert from 'node:assert/strict';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import type { ErrorReply, OverrideWriteReply } from '../../src/admin/api.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const [a, b, c] = await world.backends('a', 'b', 'c');
const socket = await world.backend({ name: 'socket', on: `unix:${path.join(temporaryDirectory(), 'app.sock')}` });

type EndpointInput = NonNullable<ServiceInput['endpoints']>[number];

function policy(states: Readonly<Record<'a' | 'b' | 'c', EndpointInput['state']>>) {
  const roundRobin = { loadBalancing: { policy: 'roundRobin' } } as const;
  const services: Record<string, ServiceInput> = {
    declared: {
      endpoints: [
        { address: a.address, state: states.a },
        { address: b.address, state: states.b },
        { address: c.address, state: states.c },
      ],
      ...roundRobin,
    },
    operated: { endpoints: [{ address: a.address }, { address: b.address }], ...roundRobin },
    versioned: {
      endpoints: [
        { address: a.address, labels: { v: '1' } },
        { address: b.address, labels: { v: '2' } },
      ],
      versions: { v1: { labels: { v: '1' } }, v2: { labels: { v: '2' } } },
    },
    named: { endpoints: [{ address: `localhost:${a.port}` }] },
    socket: { endpoints: [{ address: socket.address }] },
  };
  return pairPolicy(ports, {
    services,
    rules: [
      { match: { path: '/versioned' }, to: [{ service: 'versioned', version: 'v1' }] },
      ...['declared', 'operated', 'named', 'socket'].map(service => ({
        match: { path: `/${service}` },
        to: [{ service }],
      })),
    ],
  });
}

const allActive = { a: 'active', b: 'active', c: 'active' } as const;
await world.start(policy({ a: 'active', b: 'draining', c: 'disabled' }), pair);

/** The same on both proxies. */
async function onBoth(check: (port: number) => Promise<void>): Promise<void> {
  for (const port of [ports.delta, ports.sotw]) await check(port);
}

const endpointUrl = (address: string, query = '') =>
  `/api/v1/services/operated/endpoints/${encodeURIComponent(address)}${query}`;
const patch = (address: string, body: object, query = '?wait=acked') =>
  world.plane.api<OverrideWriteReply & ErrorReply>('PATCH', endpointUrl(address, query), body);
const restore = (address: string, query = '?wait=acked') =>
  world.plane.api<OverrideWriteReply & ErrorReply>('DELETE', endpointUrl(address, query));

describe('the state of an endpoint, as declared', () => {
  it('decides who gets requests; the disabled are not told to Envoys', async () => {
    covers('services.*.endpoints[].state');
    await onBoth(async port => assertValues(await askMany(20, () => ask(port, '/declared')), ['a']));
    for (const envoy of world.envoys) {
      const clusters = await envoy.admin('/clusters');
      assert.match(clusters, new RegExp(`^declared::${b.address}::health_flags::.*eds_status_draining`, 'm'));
      assert.doesNotMatch(clusters, new RegExp(`^declared::${c.address}::`, 'm'));
    }
  });

  it('changes with a save; a request that is under way is finished', async () => {
    await world.saved(policy(allActive));
    await onBoth(async port => assertValues(await askMany(30, () => ask(port, '/declared')), ['a', 'b', 'c']));
    const gate = Promise.withResolvers<void>();
    c.behave({ after: gate.promise });
    const held = [ports.delta, ports.sotw].flatMap(port => [1, 2, 3].map(() => ask(port, '/declared')));
    await until('a request to each proxy is held', () => c.active === 2);
    await world.saved(policy({ ...allActive, c: 'draining' }));
    await onBoth(async port => assertValues(await askMany(20, () => ask(port, '/declared')), ['a', 'b']));
    assert.equal(c.active, 2);
    await world.saved(policy({ ...allActive, c: 'disabled' }));
    gate.resolve();
    for (const answer of await Promise.all(held)) assert.equal(answer.status, 200);
    c.behave({});
    await world.saved(policy(allActive));
  });
});

describe('the state of an endpoint, by API', () => {
  it('moves new requests when all proxies have acknowledged, and lets the others finish', async () => {
    const gate = Promise.withResolvers<void>();
    a.behave({ after: gate.promise });
    const held = [ports.delta, ports.sotw].flatMap(port => [1, 2].map(() => ask(port, '/operated')));
    await until('a request to each proxy is held', () => a.active === 2);
    const { status, body } = await patch(a.address, { state: 'draining' });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.acknowledged?.summary, '2 of 2 connected proxies have acknowledged');
    assert.equal(body.acknowledged?.complete, true);
    await onBoth(async port => assertValues(await askMany(20, () => ask(port, '/operated')), ['b']));
    assert.equal(a.active, 2);
    gate.resolve();
    for (const answer of await Promise.all(held)) assert.equal(answer.status, 200);
    a.behave({});
    assert.equal((await restore(a.address)).status, 200);
    await onBoth(async port => assertValues(await askMany(20, () => ask(port, '/operated')), ['a', 'b']));
  });

  it('is refused for the last usable endpoint, and done by force', async () => {
    assert.equal((await patch(a.address, { state: 'draining' })).status, 200);
    for (const state of ['draining', 'disabled']) {
      const { status, body } = await patch(b.address, { state });
      assert.equal(status, 409);
      assert.match(body.detail, /last usable endpoint of service "operated"/);
    }
    await onBoth(async port => assertValues(await askMany(10, () => ask(port, '/operated')), ['b']));
    assert.equal((await patch(b.address, { state: 'disabled' }, '?wait=acked&force')).status, 200);
    assert.equal((await restore(a.address)).status, 200);
    await onBoth(async port => assertValues(await askMany(10, () => ask(port, '/operated')), ['a']));
    assert.equal((await restore(b.address)).status, 200);
  });

  it('is refused for the last endpoint of a version that traffic is sent to', async () => {
    const url = `/api/v1/services/versioned/endpoints/${encodeURIComponent(a.address)}`;
    const { status, body } = await world.plane.api<ErrorReply>('PATCH', url, { state: 'draining' });
    assert.equal(status, 409);
    assert.match(body.detail, /last usable endpoint of version "v1"/);
  });

  it('ends by itself when it was made to', async () => {
    const begun = performance.now();
    assert.equal((await patch(a.address, { state: 'draining', expiresIn: '3s' })).status, 200);
    await onBoth(async port => assertValues(await askMany(10, () => ask(port, '/operated')), ['b']));
    await until('the drain has ended', async () => (await world.plane.policy()).overrides.length === 0);
    assert.ok(performance.now() - begun >= 2950);
    await world.synced();
    await onBoth(async port => assertValues(await askMany(20, () => ask(port, '/operated')), ['a', 'b']));
  });
});

describe('the weight of an endpoint, by API', () => {
  it('changes the shares at once', async () => {
    const { status } = await patch(a.address, { weight: 9 });
    assert.equal(status, 200);
    await onBoth(async port => {
      assertShare(await askMany(200, () => ask(port, '/operated')), 'a', 0.9);
    });
    assert.equal((await restore(a.address)).status, 200);
    await onBoth(async port => {
      assertShare(await askMany(100, () => ask(port, '/operated')), 'a', 0.5);
    });
  });
});

describe('addresses', () => {
  it('may be host names, which Envoys get as IP addresses', async () => {
    await onBoth(async port => assertValues(await askMany(10, () => ask(port, '/named')), ['a']));
    for (const envoy of world.envoys)
      assert.match(await envoy.admin('/clusters'), new RegExp(`^named::127.0.0.1:${a.port}::`, 'm'));
  });

  it('may be Unix sockets', async () => {
    await onBoth(async port => assertValues(await askMany(10, () => ask(port, '/socket')), ['socket']));
  });
});
