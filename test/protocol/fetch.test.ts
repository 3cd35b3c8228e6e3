import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snapshot, type TypeName, urls } from '../support/xds-fixtures.ts';
import { type Reply, serveXds } from '../support/xds-server.ts';
import { readResponse, type SotwFields, writeSotw } from '../support/xds-wire.ts';

const methods = {
  CDS: ['envoy.service.cluster.v3.ClusterDiscoveryService', 'FetchClusters'],
  EDS: ['envoy.service.endpoint.v3.EndpointDiscoveryService', 'FetchEndpoints'],
  LDS: ['envoy.service.listener.v3.ListenerDiscoveryService', 'FetchListeners'],
  RDS: ['envoy.service.route.v3.RouteDiscoveryService', 'FetchRoutes'],
  SRDS: ['envoy.service.route.v3.ScopedRoutesDiscoveryService', 'FetchScopedRoutes'],
  SDS: ['envoy.service.secret.v3.SecretDiscoveryService', 'FetchSecrets'],
  RTDS: ['envoy.service.runtime.v3.RuntimeDiscoveryService', 'FetchRuntime'],
  ECDS: ['envoy.service.extension.v3.ExtensionConfigDiscoveryService', 'FetchExtensionConfigs'],
} as const;

type Fetched = keyof typeof methods;

const node = 'test-node';
const sets = {
  CDS: { a: '1', b: '2' },
  EDS: { a: '3', b: '4' },
  LDS: { l: '5' },
  RDS: { r: '6', s: '7' },
  SRDS: { o: '8' },
  SDS: { k: '9' },
  RTDS: { y: '10' },
  ECDS: { f: '11' },
};

function request(fields: Partial<SotwFields> = {}): Buffer {
  return writeSotw({ typeUrl: '', node, ...fields });
}

function read(reply: Reply) {
  assert.ok('bytes' in reply, JSON.stringify(reply));
  const { typeUrl, version, resources } = readResponse('sotw', reply.bytes);
  return { typeUrl, version, contents: Object.fromEntries(resources.map(each => [each.name, each.content])) };
}

for (const type of Object.keys(methods) as Fetched[]) {
  const [service, method] = methods[type];

  test(`R53: ${method} gives what the node holds, by name and by wildcard, with the version of the streams`, async t => {
    const { publish, call } = await serveXds(t);
    publish(sets);
    const { version } = snapshot('fleet', sets).types.get(urls[type])!;
    const [name] = Object.keys(sets[type]);
    const all = read(await call(service, method, request({ names: ['*'] })));
    assert.deepEqual(all, { typeUrl: urls[type], version, contents: sets[type] });
    const named = read(await call(service, method, request({ typeUrl: urls[type], names: ['missing', name!] })));
    assert.deepEqual(named.contents, { [name!]: Object.values(sets[type])[0] });
  });
}

test('R53, R20, R21: without names it is everything for clusters and listeners, and nothing for endpoints and routes', async t => {
  const { publish, call } = await serveXds(t);
  publish(sets);
  const contents = async (type: Fetched) => {
    const [service, method] = methods[type];
    return read(await call(service, method, request())).contents;
  };
  assert.deepEqual(await contents('CDS'), sets.CDS);
  assert.deepEqual(await contents('LDS'), sets.LDS);
  assert.deepEqual(await contents('EDS'), {});
  assert.deepEqual(await contents('RDS'), {});
});

test('R53, R24, R44: a fetch sees what a stream would: on demand by name only, and the members of a glob', async t => {
  const { publish, call } = await serveXds(t);
  const members = { 'xdstp://x/t/dir/a?n=1': '3', 'xdstp://x/t/dir/b?n=1': '4', 'xdstp://x/t/dir/c?n=2': '5' };
  publish({ CDS: { a: '1', rare: '2 onDemand', ...members } });
  const names = async (...wanted: string[]) =>
    Object.keys(read(await call(...methods.CDS, request({ names: wanted }))).contents);
  assert.deepEqual(await names(), ['a', ...Object.keys(members)]);
  assert.deepEqual(await names('rare'), ['rare']);
  assert.deepEqual(await names('xdstp://x/t/dir/*?n=1'), Object.keys(members).slice(0, 2));
});

test('R53: the newest publication is fetched', async t => {
  const { publish, call } = await serveXds(t);
  publish(sets);
  const before = read(await call(...methods.CDS, request()));
  publish({ ...sets, CDS: { a: '1' } });
  const after = read(await call(...methods.CDS, request()));
  assert.notEqual(after.version, before.version);
  assert.deepEqual(after.contents, { a: '1' });
});

test('P19: before the first publication a fetch is UNAVAILABLE', async t => {
  const { call } = await serveXds(t);
  const reply = await call(...methods.CDS, request());
  assert.deepEqual(reply, { code: 'UNAVAILABLE', details: 'no policy has been accepted yet' });
});

test('R53: a node of no fleet, and one of several, is told so as NOT_FOUND', async t => {
  const { board, call } = await serveXds(t);
  board.publish({
    snapshots: new Map(),
    assign: ({ id }) =>
      id === 'torn'
        ? { kind: 'ambiguous', keys: ['east', 'west'] }
        : { kind: 'unmatched', nearest: undefined, why: 'its cluster is "nowhere"' },
  });
  assert.deepEqual(await call(...methods.CDS, request()), {
    code: 'NOT_FOUND',
    details: 'the node belongs to no fleet: its cluster is "nowhere"',
  });
  assert.deepEqual(await call(...methods.CDS, request({ node: 'torn' })), {
    code: 'NOT_FOUND',
    details: 'the node fits several fleets: east, west',
  });
});

test('R53, R2, R3, P24: what is no request of the method is INVALID_ARGUMENT, with the reason', async t => {
  const { publish, call } = await serveXds(t);
  publish(sets);
  for (const [bytes, reason] of [
    [request({ typeUrl: urls.EDS }), /serves .*Cluster, not .*ClusterLoadAssignment/],
    [request({ node: undefined }), /must have a node/],
    [request({ node: '../etc' }), /characters that are not accepted/],
    [Buffer.from('not protobuf'), /no DiscoveryRequest/],
  ] as const) {
    const reply = await call(...methods.CDS, bytes);
    assert.ok('code' in reply, 'was answered');
    assert.equal(reply.code, 'INVALID_ARGUMENT');
    assert.match(reply.details, reason);
  }
});

test('R53: a fault of ours is INTERNAL, and the next call is served', async t => {
  const { board, publish, call } = await serveXds(t);
  board.publish({
    snapshots: new Map(),
    assign: () => {
      throw new Error('planted');
    },
  });
  const reply = await call(...methods.CDS, request());
  assert.deepEqual(reply, { code: 'INTERNAL', details: 'a fault of the control plane: planted' });
  publish(sets);
  assert.deepEqual(read(await call(...methods.CDS, request())).contents, sets.CDS);
});

test('R53: concurrent fetches and streams of a fleet share one encoding', async t => {
  const { publish, call, service } = await serveXds(t);
  publish(sets);
  const types = Array.from({ length: 50 }, (): TypeName => 'CDS');
  const replies = await Promise.all(types.map(() => call(...methods.CDS, request())));
  for (const reply of replies) assert.deepEqual(read(reply).contents, sets.CDS);
  assert.equal(service.frames.counts.frames, 1);
});
