import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ConfigSource } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Resource } from '../../src/base/resource.ts';
import { Board } from '../../src/snapshot/board.ts';
import { buildSnapshot } from '../../src/snapshot/build.ts';
import { startXdsRest } from '../../src/xds-rest.ts';
import { ask } from '../support/client.ts';
import { publication, urls } from '../support/xds-fixtures.ts';

const node = { id: 'poller', cluster: 'edge' };
const ads = { resource_api_version: 'V3', ads: {} } as const;

function cluster(name: string, timeout = '1s', source: ConfigSource = ads): Resource {
  const message = { name, type: 'EDS', connect_timeout: timeout, eds_cluster_config: { eds_config: source } } as const;
  return { type: 'envoy.config.cluster.v3.Cluster', name, message };
}

function endpoints(name: string, port: number): Resource {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const message = { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
  return { type: 'envoy.config.endpoint.v3.ClusterLoadAssignment', name, message };
}

interface Polled {
  readonly status: number;
  readonly version: string;
  readonly typeUrl: string;
  readonly resources: readonly Record<string, unknown>[];
  readonly text: string;
}

async function serve(t: TestContext) {
  const board = new Board();
  const faults: unknown[] = [];
  const { port, close } = await startXdsRest(
    { host: '127.0.0.1', port: 0 },
    { board, tls: undefined, report: (_, error) => faults.push(error) },
  );
  t.after(close);
  const send = (path: string, body: string, headers: Record<string, string> = {}, method = 'POST') =>
    ask(port, path, { method, body, fresh: true, headers: { 'content-type': 'application/json', ...headers } });
  const poll = async (type: string, request: object, host = 'us'): Promise<Polled> => {
    const { status, text } = await send(`/v3/discovery:${type}`, JSON.stringify({ node, ...request }), { host });
    const reply = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return {
      status,
      version: reply['version_info'] as string,
      typeUrl: reply['type_url'] as string,
      resources: reply['resources'] as Polled['resources'],
      text,
    };
  };
  const publish = (...resources: Resource[]) => board.publish(publication(buildSnapshot('fleet', resources)));
  return { board, faults, send, poll, publish };
}

test('R52: a poll is answered with the set in JSON, and with 304 while it is current', async t => {
  const { poll, publish } = await serve(t);
  publish(cluster('a'), cluster('b', '0.250s'));
  const first = await poll('clusters', {});
  assert.equal(first.status, 200);
  assert.equal(first.typeUrl, urls.CDS);
  assert.deepEqual(
    first.resources.map(each => [each['@type'], each['name'], each['connect_timeout']]),
    [
      [urls.CDS, 'a', '1s'],
      [urls.CDS, 'b', '0.250s'],
    ],
  );
  const again = await poll('clusters', { version_info: first.version });
  assert.deepEqual([again.status, again.text], [304, '']);
  publish(cluster('a'));
  const changed = await poll('clusters', { version_info: first.version });
  assert.deepEqual([changed.status, changed.resources.map(each => each['name'])], [200, ['a']]);
});

test('R52, R48: the version of everything is that of the streams', async t => {
  const { board, poll, publish } = await serve(t);
  publish(cluster('a'), cluster('b'));
  const version = board.current?.snapshots.get('fleet')?.types.get(urls.CDS)?.version;
  assert.equal((await poll('clusters', {})).version, version);
});

test('R52: the body may have either spelling of names, and fields that are not known', async t => {
  const { poll, publish } = await serve(t);
  publish(endpoints('a', 1), endpoints('b', 2));
  const snake = await poll('endpoints', { resource_names: ['a'], type_url: urls.EDS, response_nonce: 'x', news: {} });
  const camel = await poll('endpoints', { resourceNames: ['a'], typeUrl: urls.EDS });
  assert.deepEqual(camel, snake);
  assert.deepEqual(
    snake.resources.map(each => each['cluster_name']),
    ['a'],
  );
  assert.equal((await poll('endpoints', { resourceNames: ['a'], versionInfo: camel.version })).status, 304);
});

test('R52, R17: who comes to ask for more is answered, and who asks for what did not change is not', async t => {
  const { poll, publish } = await serve(t);
  publish(endpoints('a', 1), endpoints('b', 2));
  const one = await poll('endpoints', { resource_names: ['a'] });
  const more = await poll('endpoints', { resource_names: ['a', 'b'], version_info: one.version });
  assert.deepEqual([more.status, more.resources.length], [200, 2]);
  publish(endpoints('a', 1), endpoints('b', 3));
  assert.equal((await poll('endpoints', { resource_names: ['a'], version_info: one.version })).status, 304);
  assert.equal((await poll('endpoints', { resource_names: ['a', 'b'], version_info: more.version })).status, 200);
});

/** A source of a stream of one type, from a cluster of the client. */
const stream = (api_type: 'GRPC' | 'DELTA_GRPC', cluster_name: string): ConfigSource => ({
  resource_api_version: 'V3',
  api_config_source: { api_type, transport_api_version: 'V3', grpc_services: [{ envoy_grpc: { cluster_name } }] },
});

test('R52: references by streams to us become polls of the cluster by which the client calls us', async t => {
  const { poll, publish } = await serve(t);
  const source = async (host: string) => {
    const { resources } = await poll('clusters', {}, host);
    return (resources[0]!['eds_cluster_config'] as { eds_config: ConfigSource }).eds_config;
  };
  for (const from of [ads, stream('DELTA_GRPC', 'switchyard/xds'), stream('GRPC', 'switchyard/xds')]) {
    publish(cluster('a', '1s', from));
    for (const name of ['one', 'another']) {
      const { ads: gone, api_config_source: api } = await source(name);
      assert.deepEqual(
        [api?.api_type, api?.cluster_names, api?.grpc_services, gone],
        ['REST', [name], undefined, undefined],
      );
    }
  }
  publish(cluster('a', '1s', stream('GRPC', 'elsewhere')));
  const { api_config_source: kept } = await source('one');
  assert.deepEqual(kept?.grpc_services, [{ envoy_grpc: { cluster_name: 'elsewhere' } }], 'what is not ours stays');
});

test('R52, P19, P24: what cannot be answered has a status and a reason', async t => {
  const { board, faults, send, publish } = await serve(t);
  const good = JSON.stringify({ node });
  const at = '/v3/discovery:clusters';
  assert.equal((await send(at, good)).status, 503, 'before the first publication');
  publish(cluster('a'));
  for (const [status, reason, path, body, headers, method] of [
    [400, /no DiscoveryRequest in JSON/, at, '{'],
    [400, /must be a DiscoveryRequest/, at, '[]'],
    [400, /must have a node/, at, '{}'],
    [400, /node.id is empty/, at, '{"node":{}}'],
    [400, /id must be a text/, at, '{"node":{"id":7}}'],
    [400, /characters that are not accepted/, at, '{"node":{"id":"../etc"}}'],
    [400, /resource_names must be texts/, at, '{"node":{"id":"a"},"resource_names":[7]}'],
    [400, /serves .*Cluster, not/, at, JSON.stringify({ node, type_url: urls.EDS })],
    [403, /web pages/, at, good, { origin: 'http://elsewhere.example' }],
    [404, /there is no/, '/v3/discovery:everything', good],
    [405, /POST/, at, good, {}, 'PUT'],
    [413, /longer than/, at, ' '.repeat(4 * 1024 * 1024 + 1)],
    [415, /application\/json/, at, good, { 'content-type': 'text/plain' }],
  ] as const) {
    const answer = await send(path, body, headers, method);
    assert.equal(answer.status, status, String(reason));
    assert.match((JSON.parse(answer.text) as { message: string }).message, reason);
  }
  board.publish({
    snapshots: new Map(),
    assign: ({ id }) => {
      if (id === 'poison') throw new Error('planted');
      return { kind: 'unmatched', nearest: undefined, why: 'it is new here' };
    },
  });
  const lost = await send(at, good);
  assert.deepEqual([lost.status, lost.text], [404, '{"message":"the node belongs to no fleet: it is new here"}']);
  assert.equal(faults.length, 0);
  const fault = await send(at, '{"node":{"id":"poison"}}');
  assert.deepEqual([fault.status, fault.text.includes('planted')], [500, false]);
  assert.match(String(faults[0]), /planted/);
});

test('R52: all types of the specification are there, empty when a fleet holds none', async t => {
  const { poll, publish } = await serve(t);
  publish(cluster('a'));
  for (const type of ['scoped-routes', 'secrets', 'runtime', 'extension_configs', 'listeners', 'routes']) {
    const { status, resources } = await poll(type, { resource_names: ['some'] });
    assert.deepEqual([type, status, resources], [type, 200, []]);
  }
});

test('R52: node metadata and locality decide as on streams', async t => {
  const { board, send } = await serve(t);
  const seen: unknown[] = [];
  board.publish({
    snapshots: new Map(),
    assign: found => {
      seen.push(found);
      return { kind: 'ambiguous', keys: ['a', 'b'] };
    },
  });
  const locality = { region: 'r', zone: 'z', subZone: 's' };
  const build = { version: { majorNumber: 1, minorNumber: 40, patch: 0 } };
  const asked = { ...node, locality, metadata: { role: 'edge', deep: { x: 'y' } }, userAgentBuildVersion: build };
  const reply = await send('/v3/discovery:clusters', JSON.stringify({ node: asked }));
  assert.match(reply.text, /fits several fleets: a, b/);
  const expected = { ...node, region: 'r', zone: 'z', subZone: 's', version: '1.40.0' };
  assert.deepEqual(seen, [{ ...expected, metadata: { role: 'edge', 'deep.x': 'y' } }]);
});
