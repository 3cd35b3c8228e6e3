import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { connectHttp2, startGrpcBackend } from '../support/grpc.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { connectTcp, firstLine, startTcpBackend } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const http = await world.backend('http');
const http2 = await world.backend({ name: 'http2', protocol: 'http2' });
const grpc = world.use(await startGrpcBackend('grpc'));
const [db, replica] = await Promise.all(['db', 'replica'].map(async name => world.use(await startTcpBackend(name))));
const port = {
  http: await world.port(),
  tcp: await world.port(),
  split: await world.port(),
  shared: await world.port(),
};

const policyWith = (reusePort: boolean): PolicyInput => ({
  services: {
    http: { endpoints: [{ address: http.address }] },
    http2: { endpoints: [{ address: http2.address }], protocol: 'http2' },
    grpc: { endpoints: [{ address: grpc.address }], protocol: 'grpc' },
    db: { endpoints: [{ address: db?.address ?? '' }], protocol: 'tcp' },
    replica: { endpoints: [{ address: replica?.address ?? '' }], protocol: 'tcp' },
  },
  gateways: {
    public: {
      listeners: [
        { port: port.http, address: '127.0.0.1', protocol: 'http', reusePort },
        { port: port.tcp, address: '127.0.0.1', protocol: 'tcp', to: [{ service: 'db' }] },
        // The same port again, at another address of this machine.
        { port: port.tcp, address: '127.0.0.9', protocol: 'tcp', to: [{ service: 'replica' }] },
        {
          port: port.split,
          address: '127.0.0.1',
          protocol: 'tcp',
          to: [
            { service: 'db', weight: 3 },
            { service: 'replica', weight: 1 },
          ],
        },
      ],
    },
    shared: { listeners: [{ port: port.shared, address: '127.0.0.1', protocol: 'http', reusePort: true }] },
  },
  routes: {
    shop: {
      gateways: ['public', 'shared'],
      rules: ['http2', 'http', 'grpc'].map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
    },
  },
  fleets: {
    edge: { match: { cluster: 'edge' }, gateways: ['public'] },
    shared: { match: { cluster: 'shared' }, gateways: ['shared'] },
  },
});

await world.start(policyWith(false), [
  { id: 'edge-1', cluster: 'edge' },
  { id: 'shared-1', cluster: 'shared' },
  { id: 'shared-2', cluster: 'shared' },
]);

describe('protocols', () => {
  it('are spoken with endpoints as declared, whatever callers speak', async () => {
    covers('services.*.protocol', 'gateways.*.listeners[].protocol');
    using client = connectHttp2(port.http);
    for (const [service, protocol] of [['http', '1.1'] as const, ['http2', '2.0'] as const]) {
      assert.equal((await ask(port.http, `/${service}`)).seen().protocol, protocol);
      assert.equal(JSON.parse((await client.ask(`/${service}`)).text).protocol, protocol);
    }
  });

  it('carry gRPC calls, with their trailers', async () => {
    using client = connectHttp2(port.http);
    const answer = await client.call('/grpc/Get');
    assert.deepEqual([answer.status, answer.grpcStatus, answer.by], [200, 0, 'grpc']);
  });
});

describe('TCP listeners', () => {
  it('pass bytes on, both ways', async () => {
    covers('gateways.*.listeners[].port', 'gateways.*.listeners[].address', 'gateways.*.listeners[].to');
    using client = await connectTcp(port.tcp);
    assert.equal(await client.line(), 'db');
    client.send('select 1\n');
    assert.equal(await client.line(), 'select 1');
  });

  it('are told apart by address, too', async () => {
    assert.equal(await firstLine(port.tcp, '127.0.0.1'), 'db');
    assert.equal(await firstLine(port.tcp, '127.0.0.9'), 'replica');
    await assert.rejects(firstLine(port.tcp, '127.0.0.10'), /ECONNREFUSED/);
  });

  it('split connections by weight', async () => {
    const counts = new Map<string, number>();
    for (let connection = 0; connection < 200; connection++) {
      const name = await firstLine(port.split);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    assertValues(counts, ['db', 'replica']);
    assertShare(counts, 'db', 3 / 4);
  });
});

describe('Envoys that want the same port', () => {
  it('share it where the listener says so', async () => {
    covers('gateways.*.listeners[].reusePort');
    await askMany(60, () => ask(port.shared, '/http', { fresh: true }));
    const taken = await Promise.all(
      ['shared-1', 'shared-2'].map(async id => {
        const text = (await world.envoys.find(each => each.id === id)?.admin('/stats?filter=downstream_rq_2xx')) ?? '';
        return Number(/gateway\/shared\/\d+\/shared\.downstream_rq_2xx: (\d+)/.exec(text)?.[1] ?? 0);
      }),
    );
    assert.equal(taken[0]! + taken[1]!, 60);
    assert.ok(taken[0]! > 0 && taken[1]! > 0, `${taken}`);
  });

  it('are told to share it, or not to, without losing it', async () => {
    for (const reusePort of [true, false]) {
      await world.saved(policyWith(reusePort));
      assertValues(await askMany(10, () => ask(port.http, '/http', { fresh: true })), ['http']);
    }
  });

  it('do not share it otherwise: the second is refused it, and shown as having rejected its listeners', async () => {
    await world.startProxy({ id: 'edge-2', cluster: 'edge' });
    const row = await until('the second proxy has rejected its listeners', async () => {
      const found = await world.proxy('edge-2');
      return found?.state === 'rejected' && found;
    });
    assert.match(row.why ?? '', /Address already in use/);
    const taken = await askMany(20, () => ask(port.http, '/http', { fresh: true }));
    assertValues(taken, ['http']);
    assert.equal((await world.proxy('edge-1'))?.state, 'synced');
  });
});
