import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { ResourceWriteReply, TransactionReply } from '../../src/admin/api.ts';
import { ask } from '../support/client.ts';
import { pair, pairPolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const [a, b] = await world.backends('a', 'b');
const policy = pairPolicy(ports, {
  services: { app: { endpoints: [{ address: a.address }] } },
  rules: [{ name: 'everyone', match: { path: '/only' }, to: [{ service: 'app' }] }],
});
await world.start(policy, pair);

const statuses = async (path: string) =>
  (await Promise.all(Object.values(ports).map(port => ask(port, path, { headers: { host: 'cart.test' } })))).map(
    each => each.status,
  );
const service = { endpoints: [{ address: b.address }] };
const route = { gateways: ['delta', 'sotw'], hosts: ['cart.test'], rules: [{ to: [{ service: 'cart' }] }] };
const changes = [
  { action: 'put', kind: 'services', name: 'cart', spec: service },
  { action: 'put', kind: 'routes', name: 'cart', spec: route },
];

describe('a route by API', () => {
  it('answers nothing while it is only tried', async () => {
    const url = '/api/v1/transactions?dryRun=true';
    const { status, body } = await world.plane.api<TransactionReply>('POST', url, { changes });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.effect?.proxyCount, 2);
    assert.equal(body.effect?.drains, false);
    assert.deepEqual(
      body.effect?.fleets.map(each => each.resources.map(({ type, name, change }) => `${type} ${name} ${change}`)),
      ['delta', 'sotw'].map(fleet => ['CDS cart added', 'EDS cart added', `RDS gateway/${fleet} changed`]),
    );
    assert.deepEqual(await statuses('/cart'), [404, 404]);
  });

  it('answers requests when it is made, and stays over a restart and a save of the files', async () => {
    const url = '/api/v1/transactions?wait=acked&timeout=20s';
    const { status, body } = await world.plane.api<TransactionReply>('POST', url, { changes });
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(await statuses('/cart'), [200, 200]);
    await world.plane.stop('SIGKILL');
    await world.plane.start();
    await world.synced();
    assert.deepEqual(await statuses('/cart'), [200, 200]);
    await world.saved({ ...policy, services: { ...policy.services, more: { endpoints: [{ address: a.address }] } } });
    assert.deepEqual(await statuses('/cart'), [200, 200]);
  });

  it('answers no more when it is deleted', async () => {
    const url = '/api/v1/routes/cart?wait=acked&timeout=20s';
    const { status, body } = await world.plane.api<ResourceWriteReply>('DELETE', url);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(await statuses('/cart'), [404, 404]);
  });
});

describe('what the answer says of connections', () => {
  it('is that they are closed where a listener changes', async () => {
    const path = '/api/v1/gateways/delta?takeOver&dryRun';
    const limited = { listeners: [{ port: ports.delta, address: '127.0.0.1', protocol: 'http', maxConnections: 7 }] };
    const { body } = await world.plane.api<ResourceWriteReply>('PUT', path, limited);
    assert.equal(body.effect?.drains, true, JSON.stringify(body));
    assert.deepEqual(
      body.effect?.fleets.map(each => [each.fleet, each.drains, each.proxies]),
      [['delta', true, ['delta']]],
    );
  });
});
