import assert from 'node:assert/strict';
import { Agent, request } from 'node:https';
import test, { type TestContext } from 'node:test';
import { type Client, status } from '@grpc/grpc-js';
import { decode, encode } from '../../proto/codec.ts';
import { serviceDefinition } from '../../proto/services.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { Board } from '../../src/snapshot/board.ts';
import { startXdsRest } from '../../src/xds-rest.ts';
import { CertificateAuthority, type KeyPair } from '../support/certificates.ts';
import { serveSecureXds, TestTls } from '../support/tls-xds.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { type Sets, snapshot, urls } from '../support/xds-fixtures.ts';
import { serveXds, unary } from '../support/xds-server.ts';
import { compiled } from '../unit/ir/compiled.ts';

type Identity = NonNullable<PolicyInput['fleets']>[string]['identity'];

const byId: Identity = { san: ['spiffe://shop/edge/{id}', '{id}.edge.internal'] };

/** Two fleets of node ids `edge-*` and `web-*`, and what each holds. */
function publicationOf(edge: Identity, web: Identity, sets: { edge: Sets; web: Sets }) {
  const { assign } = compiled({
    gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
    fleets: {
      edge: { match: { id: '*edge*' }, gateways: ['public'], ...(edge && { identity: edge }) },
      web: { match: { id: 'web-*' }, gateways: ['public'], ...(web && { identity: web }) },
    },
  });
  const snapshots = new Map(Object.entries(sets).map(([key, each]) => [key, snapshot(key, each)]));
  return { snapshots, assign };
}

const both = {
  edge: { CDS: { a: '1' }, SDS: { 'edge-key': '1' } },
  web: { CDS: { b: '1' }, SDS: { 'web-key': '1' } },
};

async function serve(t: TestContext, edge: Identity = byId, web: Identity = { san: ['web.internal'] }) {
  const xds = await serveSecureXds(t);
  const publish = (...args: Parameters<typeof publicationOf>) => xds.board.publish(publicationOf(...args));
  publish(edge, web, both);
  return { ...xds, publish };
}

function ask(client: Client, variant: 'sotw' | 'delta', node: string): XdsClient {
  const stream = new XdsClient(client, variant);
  if (variant === 'delta') stream.delta({ typeUrl: urls.CDS, node });
  else stream.sotw({ typeUrl: urls.CDS, node });
  return stream;
}

const names = (stream: XdsClient) => stream.responses.flatMap(each => each.resources.map(({ name }) => name));

for (const variant of ['sotw', 'delta'] as const) {
  test(`P23: over ${variant} a node is served with its own certificate, and with no other's`, async t => {
    const { client, fleet } = await serve(t);
    const own = ask(client(['edge-1.edge.internal']), variant, 'edge-1');
    await own.response(1);
    assert.deepEqual(names(own), ['a']);
    const other = ask(client(['spiffe://shop/edge/edge-1']), variant, 'edge-2');
    const { code, details } = await other.ended;
    assert.equal(code, status.PERMISSION_DENIED);
    assert.match(
      details,
      /"edge-2" is named "spiffe:\/\/shop\/edge\/edge-1", and fleet "edge" wants .*fleets\.edge\.identity/,
    );
    assert.deepEqual(other.responses, []);
    const [gone] = await until('it is known', () => fleet.departed().length > 0 && fleet.departed());
    assert.equal(gone?.assignment?.kind, 'refused');
  });
}

test('P22: a certificate of one fleet gets nothing of another', async t => {
  const { client } = await serve(t);
  const edge = client(['spiffe://shop/edge/edge-1']);
  for (const variant of ['sotw', 'delta'] as const) {
    const stream = ask(edge, variant, 'web-1');
    assert.equal((await stream.ended).code, status.PERMISSION_DENIED);
    assert.deepEqual(stream.responses, []);
  }
  const web = ask(client(['web.internal']), 'delta', 'web-1');
  await web.response(1);
  assert.deepEqual(names(web), ['b']);
});

test('P22: a stream that changes its node is judged anew', async t => {
  const { client } = await serve(t);
  const stream = ask(client(['spiffe://shop/edge/edge-1']), 'delta', 'edge-1');
  await stream.response(1);
  stream.delta({ typeUrl: urls.CDS, node: 'web-1', subscribe: ['b'] });
  assert.equal((await stream.ended).code, status.PERMISSION_DENIED);
  assert.deepEqual(names(stream), ['a']);
});

test('P22: secrets come only from the snapshot of the fleet; guessed names give nothing', async t => {
  const { client } = await serve(t);
  const subscribe = ['web-key', 'edge-key', '../web/web-key', 'web/web-key', '*'];
  const delta = new XdsClient(client(['spiffe://shop/edge/edge-1']), 'delta');
  delta.delta({ typeUrl: urls.SDS, node: 'edge-1', subscribe });
  assert.deepEqual(
    (await delta.response(1)).resources.map(each => each.name),
    ['edge-key'],
  );
  const sotw = new XdsClient(client(['spiffe://shop/edge/edge-1']), 'sotw');
  sotw.sotw({ typeUrl: urls.SDS, node: 'edge-1', names: subscribe });
  assert.deepEqual(
    (await sotw.response(1)).resources.map(each => each.name),
    ['edge-key'],
  );
  // A stream of secrets alone, and a unary call, lead to the same.
  const alone = new XdsClient(client(['spiffe://shop/edge/edge-1']), 'delta', {
    service: 'envoy.service.secret.v3.SecretDiscoveryService',
    method: 'DeltaSecrets',
  });
  alone.delta({ typeUrl: urls.SDS, node: 'web-1', subscribe });
  assert.equal((await alone.ended).code, status.PERMISSION_DENIED);
  assert.deepEqual(alone.responses, []);
});

const fetchClusters = serviceDefinition('envoy.service.cluster.v3.ClusterDiscoveryService')['FetchClusters']!.path;
const clientStatus = serviceDefinition('envoy.service.status.v3.ClientStatusDiscoveryService')['FetchClientStatus']!
  .path;

test('P22: unary calls are judged as streams are', async t => {
  const { client } = await serve(t);
  const edge = client(['spiffe://shop/edge/edge-1']);
  const fetch = (id: string) =>
    unary(edge, fetchClusters, Buffer.from(encode('envoy.service.discovery.v3.DiscoveryRequest', { node: { id } })));
  assert.ok('bytes' in (await fetch('edge-1')));
  const refused = await fetch('edge-2');
  assert.equal('code' in refused && refused.code, 'PERMISSION_DENIED');
});

test('P22: the status of clients is shown to those alone who could be these clients', async t => {
  const { client, publish } = await serve(t);
  publish(byId, undefined, both);
  const [edge, web] = [client(['spiffe://shop/edge/edge-1']), client(['web.internal'])];
  const streams = [ask(edge, 'delta', 'edge-1'), ask(web, 'delta', 'web-1')];
  await Promise.all(streams.map(each => each.response(1)));
  const shown = async (caller: Client) => {
    const reply = await unary(caller, clientStatus, Buffer.alloc(0));
    assert.ok('bytes' in reply);
    const { config = [] } = decode('envoy.service.status.v3.ClientStatusResponse', reply.bytes);
    return config.map(each => each.node?.id).sort();
  };
  assert.deepEqual(await shown(edge), ['edge-1', 'web-1'], 'fleet web names no certificates');
  assert.deepEqual(await shown(web), ['web-1']);
});

for (const variant of ['sotw', 'delta'] as const) {
  test(`P22: a policy that no longer allows a connected ${variant} client ends its streams, and sends it nothing`, async t => {
    const { client, publish } = await serve(t);
    const [edge, web] = [client(['spiffe://shop/edge/edge-1']), client(['web.internal'])];
    const [stream, other] = [ask(edge, variant, 'edge-1'), ask(web, variant, 'web-1')];
    for (const each of [stream, other]) each.ack(await each.response(1));
    const next = { edge: { CDS: { a: '2', secret: '1' } }, web: { CDS: { b: '2' } } };
    publish({ san: ['spiffe://shop/new/{id}'] }, { san: ['web.internal'] }, next);
    assert.equal((await stream.ended).code, status.PERMISSION_DENIED);
    assert.deepEqual(names(stream), ['a']);
    await other.response(2);
    const again = ask(edge, variant, 'edge-1');
    assert.equal((await again.ended).code, status.PERMISSION_DENIED);
    publish(byId, { san: ['web.internal'] }, next);
    await ask(edge, variant, 'edge-1').response(1);
  });
}

test('P23: ids that are made up to deceive get nothing', async t => {
  const { client } = await serve(t);
  const long = `edge-${'x'.repeat(252)}`;
  const ids = [
    'edge-1/../edge-2',
    '../edge-1',
    'edge-1\0',
    'edge-1\nedge-2',
    ' edge-1',
    'edge-*',
    '__proto__edge',
    long,
    '{id}edge',
  ];
  const edge = client(['spiffe://shop/edge/edge-1', '*.edge.internal', 'spiffe://shop/edge/*']);
  for (const node of ids) {
    const stream = ask(edge, 'delta', node);
    const { code } = await stream.ended;
    assert.ok(
      code === status.PERMISSION_DENIED || code === status.INVALID_ARGUMENT,
      `${JSON.stringify(node)}: ${code}`,
    );
    assert.deepEqual(stream.responses, []);
  }
  await ask(edge, 'delta', 'edge-1').response(1);
});

test('P23: metadata of a megabyte ends its stream, and nothing else', async t => {
  const { client } = await serve(t);
  const node = { id: 'edge-1', metadata: { padding: 'x'.repeat(1024 * 1024) } };
  const edge = client(['spiffe://shop/edge/edge-1']);
  const stream = new XdsClient(edge, 'delta');
  stream.raw(Buffer.from(encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', { node, type_url: urls.CDS })));
  const { code, details } = await stream.ended;
  assert.deepEqual([code, /metadata/.test(details)], [status.INVALID_ARGUMENT, true], details);
  await ask(edge, 'delta', 'edge-1').response(1);
});

test('P22: in plain text nobody is of a fleet with identities', async t => {
  const { board, port } = await serveXds(t);
  board.publish(publicationOf(byId, undefined, both));
  const refused = new XdsClient(port, 'delta');
  refused.delta({ typeUrl: urls.CDS, node: 'edge-1' });
  const { code, details } = await refused.ended;
  assert.equal(code, status.PERMISSION_DENIED);
  assert.match(details, /plain text.*--xds-cert/);
  const served = new XdsClient(port, 'delta');
  t.after(() => served.cancel());
  served.delta({ typeUrl: urls.CDS, node: 'web-1' });
  await served.response(1);
});

test('P22: polls over REST need a certificate too, and are judged by it', async t => {
  const ca = new CertificateAuthority();
  const tls = new TestTls({ ...ca.issue({ names: ['localhost'] }), clientCa: ca.certificate });
  const board = new Board();
  board.publish(publicationOf(byId, undefined, both));
  const { port, close } = await startXdsRest(
    { host: '127.0.0.1', port: 0 },
    { board, tls, report: (message, error) => assert.fail(`${message}: ${error}`) },
  );
  t.after(close);
  const poll = (id: string, pair: Partial<KeyPair>, agent: Agent = new Agent()) =>
    new Promise<number | string | undefined>(resolve => {
      const { certificate: cert, key } = pair;
      const headers = { 'content-type': 'application/json' };
      const options = {
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        method: 'POST',
        ca: ca.certificate,
        cert,
        key,
      };
      const call = request({ ...options, path: '/v3/discovery:clusters', headers, agent }, answer => {
        answer.resume();
        resolve(answer.statusCode);
      });
      call.once('error', error => resolve((error as NodeJS.ErrnoException).code));
      call.end(JSON.stringify({ node: { id } }));
    });
  const own = ca.issue({ names: ['spiffe://shop/edge/edge-1'] });
  assert.equal(await poll('edge-1', own), 200);
  assert.equal(await poll('edge-2', own), 403);
  assert.equal(await poll('web-1', own), 200, 'the fleet says nothing of certificates');
  assert.equal(typeof (await poll('web-1', {})), 'string', 'no certificate, no answer');
  const next = new CertificateAuthority();
  tls.material = { ...ca.issue({ names: ['localhost'] }), clientCa: next.certificate };
  assert.equal(typeof (await poll('edge-1', own)), 'string');
  assert.equal(await poll('edge-1', next.issue({ names: ['edge-1.edge.internal'] })), 200);
});
