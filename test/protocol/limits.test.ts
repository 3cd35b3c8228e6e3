import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Client, credentials, status } from '@grpc/grpc-js';
import { encode } from '../../proto/codec.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { Board } from '../../src/snapshot/board.ts';
import { Admission } from '../../src/xds/admission.ts';
import { defaultLimits, LimitError, type LimitName, limitMistakes, type XdsLimits } from '../../src/xds/limits.ts';
import { XdsService } from '../../src/xds/service.ts';
import { Throttle } from '../../src/xds/throttle.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { publication, snapshot, urls } from '../support/xds-fixtures.ts';
import { unary } from '../support/xds-server.ts';
import { testXdsSettings } from '../support/xds-transport.ts';
import { writeDelta, writeSotw } from '../support/xds-wire.ts';

async function serve(t: TestContext, limits: Partial<XdsLimits>) {
  const board = new Board();
  const fleet = new Fleet();
  const settings = { ...testXdsSettings, port: 0, limits: { ...defaultLimits, ...limits } };
  const service = new XdsService(board, settings, event => fleet.apply(event), fleet);
  const port = await service.listen();
  const clients: XdsClient[] = [];
  t.after(async () => {
    for (const each of clients) each.cancel();
    await service.close(AbortSignal.timeout(300));
  });
  board.publish(publication(snapshot('fleet', { CDS: { a: '1' }, EDS: { a: '1', b: '1', c: '1' } })));
  const client = (variant: 'sotw' | 'delta' = 'delta', rpc?: { service: string; method: string }): XdsClient => {
    const made = new XdsClient(port, variant, rpc);
    clients.push(made);
    return made;
  };
  return { fleet, service, port, client };
}

/** Asserts that the stream ends with a status that names the limit, its value and the setting, and that it is counted. */
async function ends(
  { fleet }: { readonly fleet: Fleet },
  client: XdsClient,
  limit: LimitName,
  value: number,
  code: status = status.RESOURCE_EXHAUSTED,
): Promise<void> {
  const ended = await client.ended;
  assert.equal(status[ended.code], status[code], ended.details);
  assert.ok(ended.details.includes(`the limit is ${limit}=${value} (--xds-limit`), ended.details);
  assert.equal(fleet.totals.limited.get(limit), 1);
}

const node = 'test-node';
const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `n${index}`);

for (const variant of ['sotw', 'delta'] as const) {
  const ask = (client: XdsClient, list: readonly string[], id = node, typeUrl: string = urls.EDS): void => {
    client.raw(
      variant === 'sotw'
        ? writeSotw({ typeUrl, node: id, names: list })
        : writeDelta({ typeUrl, node: id, subscribe: list }),
    );
  };

  test(`R50: names beyond the limit end their stream (${variant})`, async t => {
    const served = await serve(t, { names: 10 });
    const good = served.client(variant);
    ask(good, ['a', ...names(9)]);
    assert.equal((await good.response(1)).resources.length, 1);
    const bad = served.client(variant);
    ask(bad, names(11));
    await ends(served, bad, 'names', 10);
  });

  test(`R50: a name that is too long ends its stream (${variant})`, async t => {
    const served = await serve(t, { nameLength: 20 });
    const good = served.client(variant);
    ask(good, ['x'.repeat(20), 'a']);
    await good.response(1);
    const bad = served.client(variant);
    ask(bad, ['x'.repeat(21)]);
    await ends(served, bad, 'nameLength', 20, status.INVALID_ARGUMENT);
  });

  test(`P24: a request that is too long ends its stream, and is told so (${variant})`, async t => {
    const served = await serve(t, { message: 4000 });
    const bad = served.client(variant);
    ask(bad, ['x'.repeat(4000)]);
    await ends(served, bad, 'message', 4000);
    const worse = served.client(variant);
    ask(worse, ['x'.repeat(50_000)]);
    assert.equal((await worse.ended).code, status.RESOURCE_EXHAUSTED);
  });

  test(`R49: types beyond the limit end their stream (${variant})`, async t => {
    const served = await serve(t, { types: 3 });
    const client = served.client(variant);
    for (const type of ['one', 'two', 'three']) ask(client, ['a'], node, `type.googleapis.com/${type}`);
    ask(client, ['a'], node, 'type.googleapis.com/one');
    ask(client, ['a'], node, 'type.googleapis.com/four');
    await ends(served, client, 'types', 3);
  });

  test(`P23: a node id that is too long ends its stream (${variant})`, async t => {
    const served = await serve(t, { nodeId: 20 });
    const good = served.client(variant);
    ask(good, ['a'], 'x'.repeat(20));
    await good.response(1);
    const bad = served.client(variant);
    ask(bad, ['a'], 'x'.repeat(21));
    await ends(served, bad, 'nodeId', 20, status.INVALID_ARGUMENT);
  });
}

test('R50: subscriptions that grow are counted as a whole, and names that come again are not', async t => {
  const served = await serve(t, { names: 10 });
  const client = served.client();
  client.delta({ typeUrl: urls.EDS, node, subscribe: ['a', ...names(9)] });
  client.ack(await client.response(1));
  client.delta({ typeUrl: urls.EDS, subscribe: ['a', 'n0'] });
  client.ack(await client.response(2));
  client.delta({ typeUrl: urls.EDS, subscribe: ['b'], unsubscribe: ['n0'] });
  client.ack(await client.response(3));
  client.delta({ typeUrl: urls.EDS, subscribe: ['c'] });
  await ends(served, client, 'names', 10);
});

test('R18: what a client says it has counts as names', async t => {
  const served = await serve(t, { names: 10 });
  const has = (count: number) => Object.fromEntries(names(count).map(name => [name, '1']));
  const good = served.client();
  good.delta({ typeUrl: urls.CDS, node, has: has(10) });
  await good.response(1);
  const bad = served.client();
  bad.delta({ typeUrl: urls.CDS, node, has: has(11) });
  await ends(served, bad, 'names', 10);
});

test('P23: more metadata than the limit ends the stream', async t => {
  const served = await serve(t, { metadata: 1000 });
  const request = (length: number): Buffer =>
    Buffer.from(
      encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', {
        node: { id: node, metadata: { key: 'x'.repeat(length) } },
        type_url: urls.CDS,
      }),
    );
  const good = served.client();
  good.raw(request(900));
  await good.response(1);
  const bad = served.client();
  bad.raw(request(1100));
  await ends(served, bad, 'metadata', 1000, status.INVALID_ARGUMENT);
});

test('P7: clients beyond the limit are refused, and room that is given up is had again', async t => {
  const served = await serve(t, { clients: 2 });
  const ask = (id: string): XdsClient => {
    const client = served.client();
    client.delta({ typeUrl: urls.CDS, node: id });
    return client;
  };
  const [one, two] = [ask('one'), ask('two')];
  await Promise.all([one.response(1), two.response(1)]);
  await ends(served, ask('three'), 'clients', 2);
  one.cancel();
  await until('its stream has gone', () => served.service.streams === 1);
  await ask('four').response(1);
});

test('P7: streams beyond the limit of an address are refused, of whatever kind', async t => {
  const served = await serve(t, { peerStreams: 2 });
  const one = served.client();
  one.delta({ typeUrl: urls.CDS, node });
  await one.response(1);
  const same = (bytes: Buffer): Buffer => bytes;
  const watch = one.channel.makeServerStreamRequest('/grpc.health.v1.Health/Watch', same, same, Buffer.alloc(0));
  watch.on('error', () => {});
  await once(watch, 'data');
  const three = served.client();
  three.delta({ typeUrl: urls.CDS, node });
  await ends(served, three, 'peerStreams', 2);
  watch.cancel();
  const four = await until('there is room again', async () => {
    const client = served.client();
    client.delta({ typeUrl: urls.CDS, node });
    const refused = client.ended.then(() => undefined);
    return Promise.race([client.response(1), refused]);
  });
  assert.ok(four);
});

test('P7: streams beyond the limit of all are refused', async t => {
  const served = await serve(t, { streams: 1 });
  const one = served.client();
  one.delta({ typeUrl: urls.CDS, node });
  await one.response(1);
  const two = served.client();
  two.delta({ typeUrl: urls.CDS, node });
  await ends(served, two, 'streams', 1);
});

test('R41: clients are told how many streams a connection may have, so that they open another', async t => {
  const { port } = await serve(t, { connectionStreams: 123 });
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  const [settings] = await once(session, 'remoteSettings');
  assert.equal(settings.maxConcurrentStreams, 123);
});

test('P24: compressed requests are refused, so that none inflates', { timeout: 10_000 }, async t => {
  const served = await serve(t, {});
  const good = served.client();
  good.delta({ typeUrl: urls.CDS, node });
  await good.response(1);
  for (const [encoding, algorithm] of [
    ['deflate', 1],
    ['gzip', 2],
  ] as const) {
    const compressing = new Client(`127.0.0.1:${served.port}`, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': algorithm,
      'grpc.use_local_subchannel_pool': 1,
    });
    t.after(() => compressing.close());
    const call = new XdsClient(compressing, 'delta');
    call.delta({ typeUrl: urls.CDS, node });
    const ended = await call.ended;
    assert.equal(ended.code, status.UNIMPLEMENTED);
    assert.match(ended.details, new RegExp(`compressed as ${encoding} are not accepted`));
  }
  assert.equal(served.service.streams, 1);
});

for (const limit of ['connections', 'peerConnections'] as const) {
  test(`P7: connections beyond the limit are closed (${limit})`, async t => {
    const served = await serve(t, { [limit]: 1 });
    const one = served.client();
    one.delta({ typeUrl: urls.CDS, node });
    await one.response(1);
    const socket = connect(served.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'close');
    assert.equal(served.fleet.totals.limited.get(limit), 1);
    one.cancel();
    await until('there is room again', async () => {
      const again = served.client();
      again.delta({ typeUrl: urls.CDS, node });
      return Promise.race([again.response(1), again.ended.then(() => undefined)]);
    });
  });
}

test('R53: a fetch is under the same limits', async t => {
  const served = await serve(t, { names: 10, nodeId: 20 });
  const path = '/envoy.service.endpoint.v3.EndpointDiscoveryService/FetchEndpoints';
  const fetch = (list: readonly string[], id: string) =>
    unary(served.client().channel, path, writeSotw({ typeUrl: urls.EDS, node: id, names: list }));
  assert.ok('bytes' in (await fetch(['a'], node)));
  const [many, long] = [await fetch(names(11), node), await fetch(['a'], 'x'.repeat(21))];
  assert.ok('code' in many && many.code === 'RESOURCE_EXHAUSTED' && many.details.includes('names=10'));
  assert.ok('code' in long && long.code === 'INVALID_ARGUMENT' && long.details.includes('nodeId=20'));
  assert.deepEqual([served.fleet.totals.limited.get('names'), served.fleet.totals.limited.get('nodeId')], [1, 1]);
});

test('R49: a storm of requests is read as fast as the limit says, and none is dropped', async t => {
  const served = await serve(t, { requests: 50, requestBurst: 20 });
  const storm = served.client();
  storm.delta({ typeUrl: urls.EDS, node, subscribe: ['a'] });
  storm.ack(await storm.response(1));
  for (let times = 0; times < 60; times++) {
    storm.delta({ typeUrl: urls.EDS, unsubscribe: [`s${times - 1}`], subscribe: [`s${times}`] });
  }
  const other = served.client();
  other.delta({ typeUrl: urls.CDS, node: 'other' });
  await other.response(1);
  const removed = (): Set<string> => new Set(storm.responses.flatMap(each => each.removed));
  assert.ok(removed().size < 59, 'the storm is held up while another is served');
  await until('all of it was answered', () => {
    const newest = storm.responses.at(-1);
    if (newest) storm.ack(newest);
    return removed().has('s59');
  });
  assert.ok((served.fleet.totals.limited.get('requests') ?? 0) > 0);
});

test('R49: a stream has its burst, then the average, and its burst again after a rest', t => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const calls: string[] = [];
  const throttle = new Throttle({ requests: 10, requestBurst: 3 });
  const reading = { pause: () => calls.push('pause'), resume: () => calls.push('resume') };
  const bucket = throttle.bucket(reading, () => calls.push('held'));
  const take = (count: number): readonly string[] => {
    for (let times = 0; times < count; times++) bucket.take();
    return calls.splice(0);
  };
  assert.deepEqual(take(2), []);
  assert.deepEqual(take(1), ['pause', 'held']);
  assert.deepEqual(take(2), [], 'what comes although reading has stopped is counted');
  t.mock.timers.tick(200);
  assert.deepEqual(calls.splice(0), []);
  t.mock.timers.tick(100);
  assert.deepEqual(calls.splice(0), ['resume']);
  assert.deepEqual(take(1), ['pause', 'held']);
  t.mock.timers.tick(1000);
  assert.deepEqual(calls.splice(0), ['resume']);
  assert.deepEqual(take(2), []);
});

test('P7: what has ended is not counted, and leaves nothing behind', () => {
  const admission = new Admission({ ...defaultLimits, peerStreams: 2, connectionStreams: 1, streams: 3 });
  const admit = (peer: string | undefined) => admission.stream(peer);
  const first = admit('[::1]:1');
  assert.ok(typeof first === 'function');
  const limitOf = (outcome: ReturnType<typeof admit>) => (outcome instanceof LimitError ? outcome.limit : 'admitted');
  assert.equal(limitOf(admit('[::1]:1')), 'connectionStreams');
  const second = admit('[::1]:2');
  assert.ok(typeof second === 'function');
  assert.equal(limitOf(admit('[::1]:3')), 'peerStreams');
  const third = admit(undefined);
  assert.ok(typeof third === 'function');
  assert.equal(limitOf(admit('10.0.0.1:4')), 'streams');
  first();
  first();
  assert.equal(limitOf(admit('[::1]:2')), 'connectionStreams');
  second();
  third();
  assert.equal(admission.size, 0);
});

test('limits that cannot be are named', () => {
  assert.deepEqual(limitMistakes({ names: 5 }), []);
  assert.match(limitMistakes({ nmaes: 5 })[0]!, /no limit "nmaes"; there are message, partialMessages, names/);
  for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 'many']) {
    assert.match(limitMistakes({ names: value })[0]!, /names must be a whole number from 1/);
  }
});
