import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { type TestContext, test } from 'node:test';
import { Client, credentials, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { encode } from '../../../proto/codec.ts';
import { serviceDefinition } from '../../../proto/services.ts';
import { type Hooks, type Resource, SnapshotBoard, XdsServer, type XdsServerOptions } from '../../../src/index.ts';
import { healthChecking } from '../../../src/xds/health.ts';
import { CertificateAuthority, selfSigned } from '../../support/certificates.ts';
import { until } from '../../support/until.ts';
import { XdsClient } from '../../support/xds-client.ts';
import { urls } from '../../support/xds-fixtures.ts';
import { unary } from '../../support/xds-server.ts';
import { testTransport } from '../../support/xds-transport.ts';
import type { ReadResponse } from '../../support/xds-wire.ts';

const { CDS, EDS, LDS, OTHER } = urls;
const node = 'node-1';
const variants = ['sotw', 'delta'] as const;

/** Field 15 of any message is unknown, so that each content is as good as another to those who decode it. */
function thing(typeUrl: string, name: string, content: string, more: Partial<Resource> = {}): Resource {
  const text = Buffer.from(content);
  const named = typeUrl === CDS ? encode('envoy.config.cluster.v3.Cluster', { name }) : new Uint8Array();
  return { typeUrl, name, value: Buffer.concat([named, Buffer.from([(15 << 3) | 2, text.length]), text]), ...more };
}

interface Served {
  readonly board: SnapshotBoard;
  readonly server: XdsServer;
  readonly port: number;
  client(variant: 'sotw' | 'delta', target?: number): XdsClient;
}

async function serve(t: TestContext, options: XdsServerOptions = {}, board = new SnapshotBoard()): Promise<Served> {
  const server = new XdsServer(board, { transport: testTransport, ...options });
  const clients: XdsClient[] = [];
  t.after(async () => {
    for (const client of clients) client.cancel();
    await server.close({ within: 300 });
  });
  const port = await server.listen({ port: 0 });
  return {
    board,
    server,
    port,
    client(variant, target = port) {
      const client = new XdsClient(target, variant);
      clients.push(client);
      return client;
    },
  };
}

/** Asks for all of a type, or for names of it. */
function ask(client: XdsClient, variant: 'sotw' | 'delta', typeUrl: string, names: readonly string[] = []): void {
  if (variant === 'sotw') client.sotw({ typeUrl, node, names });
  else client.delta({ typeUrl, node, subscribe: names });
}

/** Nothing comes on the stream: what is asked for afterwards is answered, and is the next response. */
async function silent(client: XdsClient, variant: 'sotw' | 'delta', board: SnapshotBoard): Promise<void> {
  const before = client.responses.length;
  const name = `probe-${before}`;
  board.put(node, thing(OTHER, name, '1'));
  ask(client, variant, OTHER, [name]);
  const next = await client.response(before + 1);
  assert.equal(next.typeUrl, OTHER);
  client.ack(next, [name]);
}

for (const variant of variants) {
  const contents = ({ resources }: ReadResponse) => resources.map(({ content }) => content);

  test(`a client is given its key's snapshot, changes of it, and nothing for what is equal (${variant})`, async t => {
    const { board, client, server } = await serve(t);
    board.set(node, [thing(CDS, 'a', '1'), thing(CDS, 'b', '1')]);
    board.set('another', [thing(CDS, 'c', '1')]);
    const each = client(variant);
    ask(each, variant, CDS);
    const first = await each.response(1);
    assert.deepEqual(contents(first), ['1', '1']);
    each.ack(first);
    board.set(node, [thing(CDS, 'b', '1'), thing(CDS, 'a', '1')]);
    board.set('another', [thing(CDS, 'c', '2')]);
    await silent(each, variant, board);
    board.put(node, thing(CDS, 'b', '2'));
    const change = await each.response(3);
    assert.deepEqual(contents(change), variant === 'sotw' ? ['1', '2'] : ['2']);
    each.ack(change);
    board.remove(node, CDS, 'a');
    const removal = await each.response(4);
    assert.deepEqual(removal.removed, variant === 'sotw' ? [] : ['a']);
    assert.deepEqual(contents(removal), variant === 'sotw' ? ['2'] : []);
    each.ack(removal);
    assert.equal((await server.waitAcked([node], { timeout: 5_000 })).acked, 1);
  });

  test(`many changes made together are one response (${variant})`, async t => {
    const { board, client } = await serve(t);
    board.set(node, [thing(CDS, 'a', '1')]);
    const each = client(variant);
    ask(each, variant, CDS);
    each.ack(await each.response(1));
    for (let count = 2; count < 50; count++) board.put(node, thing(CDS, 'a', String(count)), thing(CDS, 'b', '1'));
    const change = await each.response(2);
    assert.deepEqual(contents(change), ['49', '1']);
    each.ack(change);
    await silent(each, variant, board);
  });

  test(`versions by hand are on the wire (${variant})`, async t => {
    const { board, client } = await serve(t);
    const a = thing(CDS, 'a', '1', { version: 'a1' });
    board.set(node, [a, thing(CDS, 'b', '1', { version: 'b1' })], { versions: { [CDS]: 'v1' } });
    const each = client(variant);
    ask(each, variant, CDS);
    const first = await each.response(1);
    assert.equal(first.version, 'v1');
    if (variant === 'delta')
      assert.deepEqual(
        first.resources.map(({ version }) => version),
        ['a1', 'b1'],
      );
    each.ack(first);
    board.set(node, [a, thing(CDS, 'b', '2', { version: 'b2' })], { versions: { [CDS]: 'v2' } });
    const second = await each.response(2);
    assert.equal(second.version, 'v2');
    if (variant === 'delta')
      assert.deepEqual(
        second.resources.map(({ version }) => version),
        ['b2'],
      );
    each.ack(second);
    // Whoever says that he has it by this version is sent nothing.
    const back = client(variant);
    if (variant === 'sotw') back.sotw({ typeUrl: CDS, node, version: 'v2' });
    else back.delta({ typeUrl: CDS, node, has: { a: 'a1', b: 'b2' } });
    await silent(back, variant, board);
  });

  test(`the same content under another version is news over SotW alone (${variant})`, async t => {
    const { board, client, server } = await serve(t);
    const content = [thing(CDS, 'a', '1'), thing(EDS, 'e', '1')];
    board.set(node, content, { versions: 'v1' });
    const each = client(variant);
    ask(each, variant, CDS);
    each.ack(await each.response(1));
    ask(each, variant, EDS, ['e']);
    each.ack(await each.response(2), ['e']);
    board.set(node, content, { versions: 'v2' });
    if (variant === 'sotw') {
      for (const count of [3, 4]) {
        const news = await each.response(count);
        assert.equal(news.version, 'v2');
        assert.deepEqual(contents(news), ['1']);
        each.ack(news, news.typeUrl === EDS ? ['e'] : []);
      }
    }
    await until(
      'it holds the new version',
      () => server.clients()[0]?.types.get(CDS)?.acked === 'v2' && server.clients()[0]?.types.get(EDS)?.acked === 'v2',
    );
    await silent(each, variant, board);
  });

  test(`versions by hand also stand on the way to a set: what goes last (${variant})`, async t => {
    const { board, client } = await serve(t, { order: { linger: 50 } });
    board.set(node, [thing(CDS, 'a', '1'), thing(CDS, 'b', '1'), thing(LDS, 'l', '1')], { versions: 'v1' });
    const each = client(variant);
    ask(each, variant, CDS);
    each.ack(await each.response(1));
    ask(each, variant, LDS);
    each.ack(await each.response(2));
    board.set(node, [thing(CDS, 'b', '2'), thing(LDS, 'l', '2')], { versions: 'v2' });
    const names: string[] = [];
    for (const count of [3, 4, 5]) {
      const response = await each.response(count);
      names.push(response.typeUrl);
      assert.equal(response.version, 'v2');
      each.ack(response);
    }
    assert.deepEqual(names, [CDS, LDS, CDS]);
    const last = await each.response(5);
    if (variant === 'sotw')
      assert.deepEqual(
        last.resources.map(({ name }) => name),
        ['b'],
      );
    else assert.deepEqual(last.removed, ['a']);
  });

  test(`a rejection keeps the stream, and is answered by nothing until something changes (${variant})`, async t => {
    const nacks: string[] = [];
    const hooks: Hooks = { onNack: ({ message }) => nacks.push(message) };
    const { board, client, server } = await serve(t, { hooks });
    board.set(node, [thing(CDS, 'a', '1')]);
    const each = client(variant);
    ask(each, variant, CDS);
    each.ack(await each.response(1));
    board.set(node, [thing(CDS, 'a', 'bad'), thing(CDS, 'b', 'good')]);
    const { nonce } = await each.response(2);
    if (variant === 'sotw') each.sotw({ typeUrl: CDS, nonce, error: 'no good' });
    else each.delta({ typeUrl: CDS, nonce, error: 'no good' });
    await until('it is told', () => nacks.length === 1);
    assert.deepEqual(nacks, ['no good']);
    await silent(each, variant, board);
    const { missing } = await server.waitAcked([node], { timeout: 5_000 });
    assert.deepEqual(
      missing.map(({ reason, why }) => [reason, why]),
      [['rejected', 'it rejected Cluster: no good']],
    );
    assert.equal(server.clients()[0]?.types.get(CDS)?.state, 'rejected');
    board.put(node, thing(CDS, 'a', '2'));
    const healed = await each.response(4);
    assert.deepEqual(contents(healed).sort(), ['2', 'good']);
    each.ack(healed);
    await until('it is well', () => server.clients()[0]?.types.get(CDS)?.state === 'synced');
  });

  test(`a key that is not set is silence, one that is cleared takes nothing away (${variant})`, async t => {
    const { board, client, port } = await serve(t);
    const each = client(variant);
    ask(each, variant, CDS);
    board.set('another', [thing(CDS, 'x', '1')]);
    const body = encode('envoy.service.discovery.v3.DiscoveryRequest', { node: { id: node } });
    const caller = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    t.after(() => caller.close());
    const { path } = serviceDefinition('envoy.service.cluster.v3.ClusterDiscoveryService')['FetchClusters']!;
    const refused = await unary(caller, path, Buffer.from(body));
    assert.equal('code' in refused && refused.code, 'UNAVAILABLE', 'an empty answer would delete all that there is');
    assert.equal(each.responses.length, 0);
    board.set(node, [thing(CDS, 'a', '1')]);
    each.ack(await each.response(1));
    board.clear(node);
    board.put('another', thing(CDS, 'x', '2'));
    const late = client(variant);
    ask(late, variant, CDS);
    board.set(node, [thing(CDS, 'a', '1'), thing(CDS, 'b', '1')]);
    const again = await each.response(2);
    assert.deepEqual(contents(again), variant === 'sotw' ? ['1', '1'] : ['1'], 'it goes on from what it has');
    assert.deepEqual(contents(await late.response(1)), ['1', '1']);
  });

  test(`another rule for keys moves clients to another snapshot (${variant})`, async t => {
    const board = new SnapshotBoard(() => 'one');
    board.set('one', [thing(CDS, 'a', '1')]);
    board.set('two', [thing(CDS, 'b', '2')]);
    const { client } = await serve(t, {}, board);
    const each = client(variant);
    ask(each, variant, CDS);
    each.ack(await each.response(1));
    board.assign(() => 'two');
    assert.deepEqual(contents(await each.response(2)), ['2']);
  });
}

test('a rule for keys that throws ends no stream, and is told', async t => {
  const board = new SnapshotBoard(() => {
    throw new Error('what a rule');
  });
  const why: string[] = [];
  const hooks: Hooks = { onAssigned: ({ assignment: a }) => a.kind === 'unmatched' && why.push(a.why) };
  const { client } = await serve(t, { hooks }, board);
  board.set('one', [thing(CDS, 'a', '1')]);
  const each = client('delta');
  ask(each, 'delta', CDS);
  await until('it is told', () => why.length > 0);
  assert.match(why[0] ?? '', /what a rule/);
  board.assign(() => 'one');
  assert.equal((await each.response(1)).resources.length, 1);
});

test('hooks are told of all that happens, and their failures end nothing', async t => {
  const told: string[] = [];
  const reported: string[] = [];
  const tell = (text: string): void => {
    told.push(text);
    throw new Error(`no ${text}`);
  };
  const hooks: Hooks = {
    onStreamOpened: ({ variant, type }) => tell(`opened ${variant} ${type}`),
    onRequest: (_stream, request) => tell(`request ${'error' in request && request.error ? 'error' : request.typeUrl}`),
    onIdentified: ({ node: { id } }) => tell(`identified ${id}`),
    onAssigned: async ({ assignment }) => tell(`assigned ${assignment.kind}`),
    onResponse: ({ resources }) => tell(`response ${resources}`),
    onAck: () => tell('ack'),
    onNack: ({ message }) => tell(`nack ${message}`),
    onStreamClosed: () => tell('closed'),
    onClientClosed: () => tell('client closed'),
  };
  const report = (message: string, error: unknown) => reported.push(`${message}: ${(error as Error).message}`);
  const { board, client } = await serve(t, { hooks, report });
  board.set(node, [thing(CDS, 'a', '1')]);
  const each = client('sotw');
  ask(each, 'sotw', CDS);
  each.ack(await each.response(1));
  await until('the ACK is told', () => told.includes('ack'));
  board.put(node, thing(CDS, 'a', '2'));
  const { nonce } = await each.response(2);
  each.sotw({ typeUrl: CDS, nonce, error: 'bad' });
  await until('the NACK is told', () => told.includes('nack bad'));
  each.end();
  await until('the end is told', () => told.includes('client closed'));
  assert.deepEqual(told, [
    'opened sotw undefined',
    `request ${CDS}`,
    `identified ${node}`,
    'assigned assigned',
    'response 1',
    `request ${CDS}`,
    'ack',
    'response 1',
    'request error',
    'nack bad',
    'client closed',
    'closed',
  ]);
  await until('all are reported', () => reported.length === told.length);
  assert.ok(reported.includes('the hook onAssigned failed: no assigned assigned'));
});

test('a hook may change the board', async t => {
  const board = new SnapshotBoard();
  const hooks: Hooks = { onIdentified: ({ node: { id } }) => board.set(id, [thing(CDS, 'made', '1')]) };
  const { client } = await serve(t, { hooks }, board);
  const each = client('delta');
  ask(each, 'delta', CDS);
  assert.deepEqual(
    (await each.response(1)).resources.map(({ name }) => name),
    ['made'],
  );
});

test('with isolateRejections the rest is sent without what is to blame', async t => {
  const withheld: string[] = [];
  const hooks: Hooks = { onWithheld: ({ rejects }) => withheld.push(...rejects.map(({ name }) => name)) };
  const { board, client } = await serve(t, { hooks, isolateRejections: true });
  board.set(node, [thing(CDS, 'a', 'bad'), thing(CDS, 'b', 'good')]);
  const each = client('delta');
  ask(each, 'delta', CDS);
  const { nonce } = await each.response(1);
  each.delta({ typeUrl: CDS, nonce, error: 'Error adding/updating cluster(s) a: bad' });
  assert.deepEqual(
    (await each.response(2)).resources.map(({ name }) => name),
    ['b'],
  );
  assert.deepEqual(withheld, ['a']);
});

test('services on a gRPC server of the caller, which outlives them', async t => {
  const grpc = new Server();
  const board = new SnapshotBoard();
  board.set(node, [thing(CDS, 'a', '1')]);
  const server = new XdsServer(board);
  server.register(grpc, { health: true });
  assert.throws(() => new XdsServer(board).register(grpc), /already/);
  const port = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  t.after(() => grpc.forceShutdown());
  const each = new XdsClient(port, 'delta');
  t.after(() => each.cancel());
  ask(each, 'delta', CDS);
  each.ack(await each.response(1));
  const caller = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  t.after(() => caller.close());
  const check = serviceDefinition(healthChecking)['Check']!.path;
  const health = async () => {
    const reply = await unary(caller, check, Buffer.alloc(0));
    return 'bytes' in reply ? reply.bytes[1] : reply.code;
  };
  assert.equal(await health(), 1, 'SERVING');
  await server.close();
  assert.equal((await each.ended).code, status.OK);
  assert.equal(await health(), 2, 'NOT_SERVING, by a server that still runs');
  const late = new XdsClient(port, 'delta');
  t.after(() => late.cancel());
  assert.equal((await late.ended).code, status.UNAVAILABLE);
});

test("credentials of the caller's: TLS", async t => {
  const { certificate, key } = selfSigned('localhost');
  const [cert, privateKey] = [Buffer.from(certificate), Buffer.from(key)];
  const board = new SnapshotBoard();
  board.set(node, [thing(CDS, 'a', '1')]);
  const server = new XdsServer(board);
  const tls = ServerCredentials.createSsl(null, [{ cert_chain: cert, private_key: privateKey }]);
  const port = await server.listen({ port: 0, credentials: tls });
  const secure = new Client(`localhost:${port}`, credentials.createSsl(cert));
  const each = new XdsClient(secure, 'delta');
  t.after(async () => {
    each.cancel();
    await server.close({ within: 300 });
  });
  ask(each, 'delta', CDS);
  assert.equal((await each.response(1)).resources.length, 1);
});

test("credentials of the caller's that want certificates: their names decide the key", async t => {
  const ca = new CertificateAuthority();
  const [authority, own] = [Buffer.from(ca.certificate), ca.issue({ names: ['localhost'] })];
  const board = new SnapshotBoard(({ id, certificate }) => (certificate?.hosts.includes(id) ? 'known' : undefined));
  board.set('known', [thing(CDS, 'a', '1')]);
  const identified: unknown[] = [];
  const server = new XdsServer(board, { hooks: { onIdentified: ({ node }) => identified.push(node.certificate) } });
  const pairs = [{ cert_chain: Buffer.from(own.certificate), private_key: Buffer.from(own.key) }];
  const port = await server.listen({ port: 0, credentials: ServerCredentials.createSsl(authority, pairs, true) });
  const connect = (name: string) => {
    const { certificate, key } = ca.issue({ names: [name] });
    const secure = credentials.createSsl(authority, Buffer.from(key), Buffer.from(certificate));
    return new XdsClient(new Client(`localhost:${port}`, secure, { 'grpc.use_local_subchannel_pool': 1 }), 'delta');
  };
  const [known, other] = [connect(node), connect('other')];
  t.after(async () => {
    for (const each of [known, other]) each.cancel();
    await server.close({ within: 300 });
  });
  ask(other, 'delta', CDS);
  await until('the other is known', () => server.clients().length === 1);
  ask(known, 'delta', CDS);
  await known.response(1);
  assert.deepEqual(other.responses, []);
  assert.deepEqual(identified, [
    { uris: [], hosts: ['other'] },
    { uris: [], hosts: [node] },
  ]);
});

test('over node:http2, TLS with certificates of clients, and no credentials of grpc-js', async t => {
  const ca = new CertificateAuthority();
  const own = ca.issue({ names: ['localhost'] });
  const board = new SnapshotBoard(({ certificate }) => certificate?.hosts[0]);
  board.set('edge-1', [thing(CDS, 'a', '1')]);
  const server = new XdsServer(board, { transport: 'http2' });
  t.after(() => server.close({ within: 300 }));
  const insecure = ServerCredentials.createInsecure();
  await assert.rejects(
    server.listen({ port: 0, credentials: insecure }),
    /credentials of grpc-js are for its transport/,
  );
  const material = { certificate: own.certificate, key: own.key, clientCa: ca.certificate };
  const tls = { minVersion: 'TLSv1.3', material, onChange: () => () => {}, refused: () => {} } as const;
  const port = await server.listen({ port: 0, tls });
  const { certificate, key } = ca.issue({ names: ['edge-1'] });
  const secure = credentials.createSsl(Buffer.from(ca.certificate), Buffer.from(key), Buffer.from(certificate));
  const each = new XdsClient(new Client(`localhost:${port}`, secure), 'delta');
  t.after(() => each.cancel());
  ask(each, 'delta', CDS);
  assert.equal((await each.response(1)).resources.length, 1);
});

test('an address that cannot be had is told, and another can be tried', async t => {
  const { port, board } = await serve(t);
  const other = new XdsServer(board);
  t.after(() => other.close({ within: 300 }));
  const taken = `127\\.0\\.0\\.1:${port}: another process listens there; end it or choose another address$`;
  await assert.rejects(other.listen({ port }), new RegExp(taken));
  await other.listen({ port: 0 });
  await assert.rejects(other.listen({ port: 0 }), /listens already/);
});

test('R37: nothing waits and nothing stays where the order has no time', async t => {
  const { board, client } = await serve(t, { order: { gateLimit: 0, linger: 0, lingerLimit: 0, grace: 0 } });
  const things = (suffix: string): readonly Resource[] => [thing(CDS, `c${suffix}`, '1'), thing(LDS, 'l', suffix)];
  board.set(node, things('1'));
  const each = client('delta');
  ask(each, 'delta', CDS);
  each.ack(await each.response(1));
  ask(each, 'delta', LDS);
  each.ack(await each.response(2));
  board.set(node, things('2'));
  const responses = [await each.response(3), await each.response(4)];
  assert.deepEqual(
    responses.map(({ typeUrl, removed }) => [typeUrl, removed]),
    [
      [CDS, []],
      [LDS, []],
    ],
    'listeners do not wait for clusters that are not acknowledged',
  );
  for (const response of responses) each.ack(response);
  const last = await each.response(5);
  assert.deepEqual([last.typeUrl, last.removed], [CDS, ['c1']]);
});

test('times and limits that cannot be are refused with words', () => {
  const board = new SnapshotBoard();
  for (const [options, words] of [
    [{ order: { gateLimit: -1 } }, /gateLimit must be from 0 to \d+ milliseconds, not -1/],
    [{ order: { linger: Number.NaN } }, /linger must be from 0/],
    [{ order: { lingerLimit: Number.POSITIVE_INFINITY } }, /lingerLimit must be from 0/],
    [{ isolateRejections: { pause: -5 } }, /pause must be from 0/],
    [{ transport: 'http3' as 'http2' }, /transport must be grpc-js or http2/],
    [{ keepaliveTime: 0 }, /keepaliveTime must be from 1/],
    [{ limits: { names: 0 } }, /the limit names must be a whole number from 1/],
    [{ limits: { nmaes: 1 } as object }, /there is no limit "nmaes"/],
  ] as const) {
    assert.throws(() => new XdsServer(board, options), words);
  }
});

test('limits are told to hooks, also on a gRPC server of the caller', async t => {
  const limited: string[] = [];
  const hooks: Hooks = { onLimited: ({ limit }) => limited.push(limit) };
  const { board, client } = await serve(t, { hooks, limits: { names: 2 } });
  board.set(node, [thing(EDS, 'a', '1')]);
  const each = client('sotw');
  ask(each, 'sotw', EDS, ['a', 'b', 'c']);
  assert.equal((await each.ended).code, status.RESOURCE_EXHAUSTED);
  await until('the hook is told', () => limited.length > 0);
  assert.deepEqual(limited, ['names']);
});
