import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { Board } from '../../src/snapshot/board.ts';
import type { XdsEvent } from '../../src/xds/events.ts';
import { defaultLimits } from '../../src/xds/limits.ts';
import { clusterUrl } from '../../src/xds/resource-type.ts';
import { XdsService, type XdsServiceSettings } from '../../src/xds/service.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { publication, type Sets, snapshot, urls } from '../support/xds-fixtures.ts';
import { testXdsSettings } from '../support/xds-transport.ts';

interface Served {
  readonly board: Board;
  readonly service: XdsService;
  readonly events: readonly XdsEvent[];
  readonly port: number;
  publish(sets: Sets): void;
  client(variant: 'sotw' | 'delta', rpc?: { service: string; method: string }): XdsClient;
}

async function serve(
  t: TestContext,
  settings: Partial<XdsServiceSettings> = {},
  onEvent: (event: XdsEvent) => void = () => {},
): Promise<Served> {
  const board = new Board();
  const events: XdsEvent[] = [];
  const service = new XdsService(board, { ...testXdsSettings, port: 0, ...settings }, event => {
    events.push(event);
    onEvent(event);
  });
  const port = await service.listen();
  const clients: XdsClient[] = [];
  t.after(async () => {
    for (const client of clients) client.cancel();
    await service.close(AbortSignal.timeout(300));
  });
  return {
    board,
    service,
    events,
    port,
    publish: sets => board.publish(publication(snapshot('fleet', sets))),
    client(variant, rpc) {
      const client = new XdsClient(port, variant, rpc);
      clients.push(client);
      return client;
    },
  };
}

const node = 'test-node';

for (const variant of ['sotw', 'delta'] as const) {
  test(`Encode once: 100 streams of a fleet cost one frame a change (${variant})`, async t => {
    const { service, publish, client } = await serve(t);
    publish({ CDS: { a: '1', b: '1' } });
    const clients = Array.from({ length: 100 }, () => client(variant));
    const send = (each: XdsClient): void =>
      variant === 'sotw' ? each.sotw({ typeUrl: clusterUrl, node }) : each.delta({ typeUrl: clusterUrl, node });
    clients.forEach(send);
    for (const each of clients) each.ack(await each.response(1));
    assert.equal(service.frames.counts.frames, 1);
    publish({ CDS: { a: '2', b: '1' } });
    for (const each of clients) await each.response(2);
    assert.equal(service.frames.counts.frames, 2);
    const nonces = new Set(clients.flatMap(each => each.responses.map(response => response.nonce)));
    assert.equal(nonces.size, 200, 'and yet no nonce is seen twice');
  });

  test(`R4: responses name the control plane (${variant})`, async t => {
    const { publish, client } = await serve(t, { identifier: 'the-one' });
    publish({ CDS: { a: '1' } });
    const each = client(variant);
    each[variant]({ typeUrl: clusterUrl, node });
    assert.equal((await each.response(1)).controlPlane, 'the-one');
  });

  test(`R2: a request without a type on an aggregated stream is INVALID_ARGUMENT (${variant})`, async t => {
    const { client } = await serve(t);
    const each = client(variant);
    each[variant]({ typeUrl: '', node });
    const { code, details } = await each.ended;
    assert.equal(code, status.INVALID_ARGUMENT);
    assert.match(details, /type_url/);
  });

  test(`R3: a first request without a node is INVALID_ARGUMENT (${variant})`, async t => {
    const { client } = await serve(t);
    const each = client(variant);
    each[variant]({ typeUrl: clusterUrl });
    const { code, details } = await each.ended;
    assert.equal(code, status.INVALID_ARGUMENT);
    assert.match(details, /node/);
  });

  test(`P24: bytes that are no request end their stream only (${variant})`, async t => {
    const { publish, client, events } = await serve(t);
    publish({ CDS: { a: '1' } });
    const other = client(variant);
    other[variant]({ typeUrl: clusterUrl, node });
    await other.response(1);
    for (const bytes of [Buffer.from([0xff, 0xff]), Buffer.alloc(100_000, 0x0b), Buffer.from('not protobuf')]) {
      const each = client(variant);
      each.raw(bytes);
      assert.equal((await each.ended).code, status.INVALID_ARGUMENT);
    }
    other.ack(other.responses[0]!);
    publish({ CDS: { a: '2' } });
    assert.deepEqual((await other.response(2)).resources[0]?.content, '2');
    assert.equal(events.filter(event => event.kind === 'closed').length, 3);
  });
}

test('P23: a node id of unsafe characters, of none or of too many is refused with the reason', async t => {
  const { client } = await serve(t);
  for (const [id, reason] of [
    ['../etc', /characters that are not accepted/],
    ['a/../b', /characters that are not accepted/],
    ['line\nbreak', /characters that are not accepted/],
    ['nul\0', /characters that are not accepted/],
    ['x'.repeat(257), /257 characters/],
    ['', /empty/],
  ] as const) {
    const each = client('delta');
    each.delta({ typeUrl: clusterUrl, node: id });
    const { code, details } = await each.ended;
    assert.equal(code, status.INVALID_ARGUMENT, id);
    assert.match(details, reason);
  }
});

test('R2: a per-type stream implies its type, and refuses others', async t => {
  const { publish, client } = await serve(t);
  publish({ CDS: { a: '1' } });
  const rpc = { service: 'envoy.service.cluster.v3.ClusterDiscoveryService', method: 'StreamClusters' };
  const implied = client('sotw', rpc);
  implied.sotw({ typeUrl: '', node });
  assert.equal((await implied.response(1)).typeUrl, clusterUrl);
  const other = client('sotw', rpc);
  other.sotw({ typeUrl: urls.EDS, node });
  assert.equal((await other.ended).code, status.INVALID_ARGUMENT);
});

test('A fault in one stream ends it as INTERNAL, and no other', async t => {
  const { board, client, events } = await serve(t);
  const sets = snapshot('fleet', { CDS: { a: '1' } });
  board.publish({
    snapshots: new Map([['fleet', sets]]),
    assign: ({ id }) => {
      if (id === 'poison') throw new Error('planted');
      return { kind: 'assigned', key: 'fleet' };
    },
  });
  const bad = client('delta');
  bad.delta({ typeUrl: clusterUrl, node: 'poison' });
  const { code, details } = await bad.ended;
  assert.equal(code, status.INTERNAL);
  assert.match(details, /planted/);
  const good = client('delta');
  good.delta({ typeUrl: clusterUrl, node });
  await good.response(1);
  const closed = events.filter(event => event.kind === 'closed');
  assert.equal(closed.length, 1);
});

test('R47: closing ends streams as OK, one without an answer after its first', async t => {
  const { service, publish, client } = await serve(t);
  const waiting = client('delta');
  waiting.delta({ typeUrl: clusterUrl, node });
  await until('the stream is there', () => service.streams === 1);
  const closed = service.close(AbortSignal.timeout(5000));
  publish({ CDS: { a: '1' } });
  const { code } = await waiting.ended;
  assert.equal(code, status.OK);
  assert.equal(waiting.responses.length, 1);
  await closed;
});

test('P24: a request beyond the limit ends its stream only', async t => {
  const { publish, client } = await serve(t, { limits: { ...defaultLimits, message: 1024 } });
  publish({ CDS: { a: '1' } });
  const big = client('sotw');
  big.sotw({ typeUrl: clusterUrl, node, names: ['x'.repeat(2048)] });
  assert.equal((await big.ended).code, status.RESOURCE_EXHAUSTED);
  const small = client('sotw');
  small.sotw({ typeUrl: clusterUrl, node });
  await small.response(1);
});

test('R50: a client that says to have 50,000 resources is understood', async t => {
  const { publish, client } = await serve(t);
  const names = Array.from({ length: 50_000 }, (_, index) => `a-service-with-a-long-name-${index}.example.internal`);
  const contents = Object.fromEntries(names.map(name => [name, 'version-of-16-ch']));
  publish({ LDS: { ...contents, fresh: '1' } });
  const each = client('delta');
  each.delta({ typeUrl: urls.LDS, node, has: contents });
  const response = await each.response(1);
  assert.deepEqual([response.resources.map(resource => resource.name), response.removed], [['fresh'], []]);
});

test('R49, P7: a client that does not read is sent the newest state when it does, and delays nobody', async t => {
  const { publish, client, events } = await serve(t);
  const big = (version: number): Sets => ({ CDS: { a: `${version} ${'x'.repeat(1_000_000)}` } });
  publish(big(0));
  const stuck = client('sotw');
  const brisk = client('sotw');
  stuck.pause();
  stuck.sotw({ typeUrl: clusterUrl, node: 'stuck' });
  brisk.sotw({ typeUrl: clusterUrl, node: 'brisk' });
  for (let version = 1; version <= 10; version++) {
    brisk.ack(await brisk.response(version));
    // It acknowledges without reading, which no honest client does: only backpressure holds the rest back.
    publish(big(version));
  }
  await brisk.response(11);
  const stuckId = events.find(event => event.kind === 'identified' && event.node.id === 'stuck')?.clientId;
  assert.equal(events.filter(event => event.kind === 'sent' && event.clientId === stuckId).length, 1);
  stuck.resume();
  stuck.ack(await stuck.response(1));
  const last = await stuck.response(2);
  assert.match(last.resources[0]?.content ?? '', /^10 /);
});

for (const variant of ['sotw', 'delta'] as const) {
  test(`R49: of 1,000 updates of four types that a client does not answer, the newest waits (${variant})`, async t => {
    const order = { gateLimit: 60_000, linger: 20, grace: 20, reopening: 20, lingerLimit: 60_000 };
    const { publish, client, events } = await serve(t, { order });
    const types = ['CDS', 'EDS', 'LDS', 'RDS'] as const;
    const all = (content: string): Sets => Object.fromEntries(types.map(type => [type, { a: content }]));
    publish(all('0'));
    const stuck = client(variant);
    for (const type of types) stuck[variant]({ typeUrl: urls[type], node, names: ['a'], subscribe: ['a'] });
    await stuck.response(types.length);
    for (let update = 1; update <= 1_000; update++) {
      publish(all(`${update}`));
      // Streams are woken in a turn of the event loop of their own.
      await new Promise(resolve => setImmediate(resolve));
    }
    assert.equal(events.filter(event => event.kind === 'sent').length, types.length);
    // Listeners and routes wait for the newest clusters to be acknowledged, and then are the newest.
    for (let count = 1; count <= 2 * types.length; count++) stuck.ack(await stuck.response(count), ['a']);
    const newest = stuck.responses.slice(types.length);
    assert.deepEqual(
      newest.map(each => [each.typeUrl, each.resources[0]?.content]).sort(),
      types.map(type => [urls[type], '1000']).sort(),
    );
  });
}

test('A port that is taken is said to be, with what to do', async t => {
  const { port } = await serve(t);
  const second = new XdsService(new Board(), { ...testXdsSettings, port }, () => {});
  await assert.rejects(second.listen(), {
    message: new RegExp(
      `cannot listen for xDS on 127.0.0.1:${port}: another process listens there; end it or choose another address$`,
    ),
  });
  await second.close(AbortSignal.timeout(100));
});

test('P8: connections that are cut or speak nonsense leave nothing behind', async t => {
  const { port, service, publish, client, events } = await serve(t);
  publish({ CDS: { a: '1' } });
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {}).resume();
  await new Promise(resolve => socket.once('connect', resolve));
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await new Promise(resolve => socket.once('close', resolve));
  const cut = client('delta');
  cut.delta({ typeUrl: clusterUrl, node });
  await cut.response(1);
  cut.cancel();
  await until('the stream is gone', () => service.streams === 0);
  assert.equal(events.filter(event => event.kind === 'closed').length, 1);
});

test('R51: 500 streams on one connection', async t => {
  const { publish, client, service } = await serve(t);
  publish({ CDS: { a: '1' } });
  const first = client('delta');
  const more = Array.from({ length: 499 }, () => first.another());
  for (const each of [first, ...more]) each.delta({ typeUrl: clusterUrl, node });
  for (const each of [first, ...more]) await each.response(1);
  assert.equal(service.streams, 500);
});

test('R51: pings are answered while streams are open', async t => {
  const { publish, port } = await serve(t);
  publish({ CDS: { a: '1' } });
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  await once(session, 'connect');
  const open = session.request({
    ':method': 'POST',
    ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  open.on('error', () => {});
  for (let count = 0; count < 20; count++) {
    await new Promise<void>((resolve, reject) => session.ping(error => (error ? reject(error) : resolve())));
  }
  assert.ok(!session.closed && !open.closed);
});
