import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { decode, encode } from '../../proto/codec.ts';
import type { ClientConfig, ClientStatusRequest } from '../../proto/gen/envoy.service.status.v3.ts';
import { serviceDefinition } from '../../proto/services.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { publication, snapshot, urls } from '../support/xds-fixtures.ts';
import { type Reply, type ServedXds, serveXds } from '../support/xds-server.ts';

const service = 'envoy.service.status.v3.ClientStatusDiscoveryService';
const sets = { CDS: { a: '1', b: '2' }, EDS: { a: '3' }, LDS: { l: '4' }, RDS: { r: '5' } };

/** Without contents, which are no real messages in most of these tests. */
function message(request: ClientStatusRequest = {}): Buffer {
  const asked = { exclude_resource_contents: true, ...request };
  return Buffer.from(encode('envoy.service.status.v3.ClientStatusRequest', asked));
}

function configsIn(bytes: Uint8Array): readonly ClientConfig[] {
  return decode('envoy.service.status.v3.ClientStatusResponse', bytes).config ?? [];
}

function configs(reply: Reply): readonly ClientConfig[] {
  assert.ok('bytes' in reply, JSON.stringify(reply));
  return configsIn(reply.bytes);
}

async function ask(served: ServedXds, request?: ClientStatusRequest): Promise<readonly ClientConfig[]> {
  return configs(await served.call(service, 'FetchClientStatus', message(request)));
}

/** `Cluster/a` → status. */
function statusesOf(config: ClientConfig | undefined): Readonly<Record<string, string | undefined>> {
  const rows = config?.generic_xds_configs ?? [];
  return Object.fromEntries(rows.map(row => [`${row.type_url?.split('.').at(-1)}/${row.name}`, row.config_status]));
}

function connect(t: TestContext, { port }: ServedXds, variant: 'sotw' | 'delta'): XdsClient {
  const client = new XdsClient(port, variant);
  t.after(() => client.cancel());
  return client;
}

for (const variant of ['sotw', 'delta'] as const) {
  test(`CSDS: the client status goes from NOT_SENT over STALE to SYNCED, and back with what is new (${variant})`, async t => {
    const served = await serveXds(t);
    served.publish(sets);
    const client = connect(t, served, variant);
    client[variant]({ typeUrl: urls.CDS, node: 'edge-1' });
    const first = await client.response(1);
    const now = async () => statusesOf((await ask(served))[0]);
    assert.deepEqual(await now(), {
      'Cluster/a': 'STALE',
      'Cluster/b': 'STALE',
      'ClusterLoadAssignment/a': 'NOT_SENT',
      'Listener/l': 'NOT_SENT',
      'RouteConfiguration/r': 'NOT_SENT',
    });
    client.ack(first);
    await until('it is synced', async () => (await now())['Cluster/a'] === 'SYNCED');
    served.publish({ ...sets, CDS: { a: '9' } });
    await client.response(2);
    assert.deepEqual(Object.entries(await now())[0], ['Cluster/a', 'STALE']);
  });

  test(`R9, R42: what was rejected, or may be it, is an ERROR in the client's words (${variant})`, async t => {
    const served = await serveXds(t);
    served.publish(sets);
    const { version } = snapshot('fleet', sets).types.get(urls.CDS)!;
    const client = connect(t, served, variant);
    client[variant]({ typeUrl: urls.CDS, node: 'edge-1' });
    const { nonce } = await client.response(1);
    client[variant]({ typeUrl: urls.CDS, nonce, error: 'cluster a: no such thing' });
    const failed = await until('it has rejected', async () => {
      const rows = (await ask(served))[0]?.generic_xds_configs ?? [];
      const found = rows.filter(row => row.config_status === 'ERROR');
      return found.length > 0 ? found : undefined;
    });
    assert.deepEqual(
      failed.map(row => [row.name, row.client_status, row.error_state?.details, row.error_state?.version_info]),
      [
        ['a', 'NACKED', 'cluster a: no such thing', version],
        ['b', 'NACKED', 'cluster a: no such thing', version],
      ],
    );
    assert.ok(Math.abs(Date.parse(failed[0]?.error_state?.last_update_attempt ?? '') - Date.now()) < 60_000);
  });

  test(`R14: the client status has the version that this variant is sent (${variant})`, async t => {
    const served = await serveXds(t);
    served.publish(sets);
    const client = connect(t, served, variant);
    client[variant]({ typeUrl: urls.CDS, node: 'edge-1' });
    const response = await client.response(1);
    const row = (await ask(served))[0]?.generic_xds_configs?.[0];
    assert.equal(row?.version_info, variant === 'sotw' ? response.version : response.resources[0]?.version);
  });
}

test('CSDS: the client status holds node and resources as they were sent, the latter unless excluded', async t => {
  const served = await serveXds(t);
  const address = { socket_address: { address: '10.0.0.1', port_value: 80 } };
  const listener = encode('envoy.config.listener.v3.Listener', { name: 'l', address });
  const plain = snapshot('fleet', { LDS: { l: 'x' } });
  const type = plain.types.get(urls.LDS)!;
  const resources = new Map([['l', { ...type.resources.get('l')!, value: listener }]]);
  served.board.publish(publication({ ...plain, types: new Map([...plain.types, [urls.LDS, { ...type, resources }]]) }));
  const client = connect(t, served, 'delta');
  client.delta({ typeUrl: urls.LDS, node: 'edge-1' });
  await client.response(1);
  const [config] = await ask(served, { exclude_resource_contents: false });
  assert.equal(config?.node?.id, 'edge-1');
  assert.deepEqual(config?.generic_xds_configs?.[0]?.xds_config, { '@type': urls.LDS, name: 'l', address });
  const [bare] = await ask(served);
  assert.equal(bare?.generic_xds_configs?.[0]?.name, 'l');
  assert.equal(bare?.generic_xds_configs?.[0]?.xds_config, undefined);
});

test('CSDS, P29: secrets are named and never shown', async t => {
  const served = await serveXds(t);
  served.publish({ SDS: { key: 'the-private-part' } });
  const client = connect(t, served, 'delta');
  client.delta({ typeUrl: urls.SDS, node: 'edge-1', subscribe: ['key'] });
  await client.response(1);
  const [row] = (await ask(served, { exclude_resource_contents: false }))[0]?.generic_xds_configs ?? [];
  assert.deepEqual([row?.name, row?.xds_config], ['key', undefined]);
});

test('CSDS: streams of single types of one node are one client', async t => {
  const served = await serveXds(t);
  served.publish(sets);
  const clusters = new XdsClient(served.port, 'sotw', {
    service: 'envoy.service.cluster.v3.ClusterDiscoveryService',
    method: 'StreamClusters',
  });
  const listeners = new XdsClient(served.port, 'sotw', {
    service: 'envoy.service.listener.v3.ListenerDiscoveryService',
    method: 'StreamListeners',
  });
  t.after(() => [clusters, listeners].map(each => each.cancel()));
  clusters.sotw({ typeUrl: urls.CDS, node: 'edge-1' });
  listeners.sotw({ typeUrl: urls.LDS, node: 'edge-1' });
  await Promise.all([clusters.response(1), listeners.response(1)]);
  const found = await ask(served);
  assert.equal(found.length, 1);
  const statuses = statusesOf(found[0]);
  assert.deepEqual([statuses['Cluster/a'], statuses['Listener/l']], ['STALE', 'STALE']);
});

test('CSDS, R42: what a node rejected is told even when another stream of it came later', async t => {
  const served = await serveXds(t);
  served.publish(sets);
  const first = connect(t, served, 'delta');
  first.delta({ typeUrl: urls.CDS, node: 'edge-1' });
  const { nonce } = await first.response(1);
  first.delta({ typeUrl: urls.CDS, nonce, error: 'Error adding/updating cluster(s) a: no such filter' });
  await until('it is told', async () => statusesOf((await ask(served))[0])['Cluster/a'] === 'ERROR');
  const second = connect(t, served, 'delta');
  second.delta({ typeUrl: urls.LDS, node: 'edge-1' });
  await second.response(1);
  assert.equal(served.fleet.proxies().length, 2);
  const found = await ask(served);
  assert.equal(found.length, 1);
  const statuses = statusesOf(found[0]);
  assert.deepEqual([statuses['Cluster/a'], statuses['Listener/l']], ['ERROR', 'STALE']);
});

test('CSDS: node matchers choose among the connected clients, and those who went are not told of', async t => {
  const served = await serveXds(t);
  served.publish(sets);
  const clients = ['edge-1', 'edge-2', 'side-1'].map(id => {
    const client = connect(t, served, 'delta');
    client.delta({ typeUrl: urls.CDS, node: id });
    return client;
  });
  await Promise.all(clients.map(each => each.response(1)));
  const ids = async (request?: ClientStatusRequest) => (await ask(served, request)).map(each => each.node?.id).sort();
  assert.deepEqual(await ids(), ['edge-1', 'edge-2', 'side-1']);
  assert.deepEqual(await ids({ node_matchers: [{ node_id: { exact: 'edge-2' } }] }), ['edge-2']);
  assert.deepEqual(await ids({ node_matchers: [{ node_id: { exact: 'EDGE-2' } }] }), []);
  const either = [{ node_id: { prefix: 'SIDE', ignore_case: true } }, { node_id: { suffix: 'e-1' } }];
  assert.deepEqual(await ids({ node_matchers: either }), ['edge-1', 'side-1']);
  assert.deepEqual(await ids({ node_matchers: [{ node_id: { contains: 'ge' } }] }), ['edge-1', 'edge-2']);
  clients[0]?.cancel();
  await until('it has gone', async () => (await ids()).length === 2);
});

test('CSDS: matchers that are not understood, and nonsense, are INVALID_ARGUMENT', async t => {
  const served = await serveXds(t);
  for (const [bytes, reason] of [
    [message({ node_matchers: [{ node_id: { safe_regex: { regex: '.*' } } }] }), /node_matchers may have/],
    [message({ node_matchers: [{}] }), /node_matchers may have/],
    [Buffer.from('not protobuf'), /no ClientStatusRequest/],
  ] as const) {
    const reply = await served.call(service, 'FetchClientStatus', bytes);
    assert.ok('code' in reply, 'was answered');
    assert.equal(reply.code, 'INVALID_ARGUMENT');
    assert.match(reply.details, reason);
  }
});

test('CSDS, R47: a stream of client status answers each request, and ends as OK with the server', async t => {
  const served = await serveXds(t);
  served.publish(sets);
  const client = connect(t, served, 'sotw');
  client.sotw({ typeUrl: urls.CDS, node: 'edge-1' });
  await client.response(1);
  const unchanged = (bytes: Buffer): Buffer => bytes;
  const { path } = serviceDefinition(service)['StreamClientStatus']!;
  const call = served.client.makeBidiStreamRequest(path, unchanged, unchanged);
  const answers: (readonly ClientConfig[])[] = [];
  call.on('data', (bytes: Buffer) => answers.push(configsIn(bytes)));
  call.on('error', () => {});
  call.write(message());
  call.write(message({ node_matchers: [{ node_id: { exact: 'nobody' } }] }));
  await until('both are answered', () => answers.length === 2);
  assert.deepEqual(
    answers.map(each => each.map(config => config.node?.id)),
    [['edge-1'], []],
  );
  const ended = once(call, 'status');
  await served.service.close(AbortSignal.timeout(1000));
  const [{ code }] = (await ended) as [{ code: number }];
  assert.equal(code, status.OK);
});

test('CSDS, P7: an answer is under way until its call has ended, and no longer', async t => {
  const served = await serveXds(t);
  served.publish(sets);
  const client = connect(t, served, 'sotw');
  client.sotw({ typeUrl: urls.CDS, node: 'edge-1' });
  await client.response(1);
  for (let call = 0; call < 20; call++) assert.equal((await ask(served)).length, 1);
  const unchanged = (bytes: Buffer): Buffer => bytes;
  const { path } = serviceDefinition(service)['StreamClientStatus']!;
  for (let call = 0; call < 20; call++) {
    const stream = served.client.makeBidiStreamRequest(path, unchanged, unchanged);
    stream.on('error', () => {});
    stream.on('data', () => {});
    stream.write(message());
    if (call % 2 === 0) await once(stream, 'data');
    stream.cancel();
  }
  await until('there is room again', async () => {
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => served.call(service, 'FetchClientStatus', message())),
    );
    return replies.every(reply => 'bytes' in reply);
  });
});
