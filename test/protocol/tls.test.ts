import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import test, { type TestContext } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { type Client, status } from '@grpc/grpc-js';
import { startXdsRest } from '../../src/xds-rest.ts';
import { CertificateAuthority, type KeyPair } from '../support/certificates.ts';
import { type SecureXds, serverNames, serveSecureXds, TestTls } from '../support/tls-xds.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { publication, snapshot, urls } from '../support/xds-fixtures.ts';

const id = 'edge-1';

async function serve(t: TestContext, minVersion?: Parameters<typeof serveSecureXds>[1]): Promise<SecureXds> {
  const xds = await serveSecureXds(t, minVersion);
  xds.board.publish(publication(snapshot('fleet', { CDS: { a: '1' } })));
  return xds;
}

function ask(client: Client): XdsClient {
  const stream = new XdsClient(client, 'delta');
  stream.delta({ typeUrl: urls.CDS, node: id });
  return stream;
}

async function assertServed(client: Client): Promise<XdsClient> {
  const stream = ask(client);
  const [{ resources }] = [await stream.response(1)];
  assert.deepEqual(
    resources.map(each => each.name),
    ['a'],
  );
  return stream;
}

async function assertNothing(client: Client): Promise<void> {
  const stream = ask(client);
  assert.equal((await stream.ended).code, status.UNAVAILABLE);
  assert.deepEqual(stream.responses, []);
}

test('P22: a client with a certificate of the authority is served, and known by its names', async t => {
  const { ca, clientWith, fleet } = await serve(t);
  await assertServed(
    clientWith(ca.issue({ names: ['spiffe://shop/edge/edge-1', 'edge-1.internal'], usage: 'client' })),
  );
  assert.deepEqual(fleet.proxies()[0]?.node.certificate, {
    uris: ['spiffe://shop/edge/edge-1'],
    hosts: ['edge-1.internal'],
  });
});

test('P22, P30: without a verified certificate nothing is served, and others do not notice', async t => {
  const { ca, tls, client, clientWith } = await serve(t);
  const other = await assertServed(client([id]));
  const hour = 3_600_000;
  const strangers: readonly (readonly [KeyPair | undefined, RegExp])[] = [
    [undefined, /has no certificate/],
    [new CertificateAuthority('foreign').issue({ names: [id] }), /of no authority in --xds-client-ca/],
    // Of another authority with the same name.
    [new CertificateAuthority().issue({ names: [id] }), /of no authority in --xds-client-ca/],
    [ca.issue({ names: [id], from: -2 * hour, to: -hour }), /has expired/],
    [ca.issue({ names: [id], from: hour }), /not valid yet/],
    // Such as that of the control plane itself.
    [ca.issue({ names: [id], usage: 'server' }), /not one for clients/],
  ];
  for (const [pair, why] of strangers) {
    const before = tls.refusals.length;
    await assertNothing(clientWith(pair));
    await until('the refusal is told', () => tls.refusals.length > before);
    assert.match(tls.refusals[before] ?? '', why);
    assert.match(tls.refusals[before] ?? '', /^127\.0\.0\.1 /);
  }
  const before = tls.refusals.length;
  await assertNothing(clientWith(ca.issue({ names: [id] }), { ca: new CertificateAuthority().certificate }));
  await until('that the server is not believed is told', () => tls.refusals.length > before);
  assert.match(tls.refusals[before] ?? '', /^127\.0\.0\.1 the client broke off its handshake: does it accept/);
  other.delta({ typeUrl: urls.LDS });
  await other.response(2);
});

test('P30: versions of TLS below the lowest are refused', async t => {
  const strict = await serve(t);
  const pair = strict.ca.issue({ names: [id] });
  await assertServed(strict.clientWith(pair));
  await assertNothing(strict.clientWith(pair, { maxVersion: 'TLSv1.2' }));
  assert.match(strict.tls.refusals.join(), /offers no version of TLS that is allowed/);
  const lenient = await serve(t, 'TLSv1.2');
  const known = lenient.ca.issue({ names: [id] });
  await assertServed(lenient.clientWith(known, { maxVersion: 'TLSv1.2' }));
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' } as const;
  await assertNothing(lenient.clientWith(known, old));
  const weak = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' } as const;
  await assertNothing(lenient.clientWith(known, weak));
});

test('P30: plain text on the port of TLS, and silence, harm nobody', async t => {
  const { port, client, tls, service } = await serve(t);
  const plain = connectPlain(port, '127.0.0.1');
  plain.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  plain.on('error', () => {});
  await new Promise(resolve => plain.once('close', resolve));
  assert.match(tls.refusals.join(), /^127\.0\.0\.1 the client speaks plain text, not TLS$/);
  const silent = connectPlain(port, '127.0.0.1');
  silent.on('error', () => {});
  await new Promise(resolve => silent.once('connect', resolve));
  const stream = await assertServed(client([id]));
  const patient = connectPlain(port, '127.0.0.1');
  patient.on('error', () => {});
  await new Promise(resolve => silent.once('close', resolve));
  assert.match(tls.refusals[1] ?? '', /did not finish its handshake/);
  stream.end();
  await service.close(AbortSignal.timeout(200));
  await new Promise(resolve => (patient.closed ? resolve(undefined) : patient.once('close', resolve)));
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`P22: a session of ${version} that is resumed does not do for a certificate`, async t => {
    const xds = await serve(t, 'TLSv1.2');
    const { cert, key } = { ...pem(xds.ca.issue({ names: [id] })) };
    const options = { ca: xds.ca.certificate, minVersion: version, maxVersion: version };
    const { sessions, reached, reused: first } = await visit(t, xds.port, { ...options, cert, key });
    assert.deepEqual([reached, first], [true, false]);
    assert.ok(version === 'TLSv1.2' || sessions.length > 0, 'there is something to resume');
    for (const session of sessions) {
      const { reached: again, reused } = await visit(t, xds.port, { ...options, session });
      assert.deepEqual([again, reused], [false, false]);
    }
  });
}

test('P22: other protocols than HTTP/2 are not spoken', async t => {
  const xds = await serve(t);
  const own = { ca: xds.ca.certificate, ...pem(xds.ca.issue({ names: [id] })) };
  for (const ALPNProtocols of [[], ['http/1.1']]) {
    assert.equal((await visit(t, xds.port, { ...own, ALPNProtocols })).reached, false);
  }
  assert.equal(xds.tls.refusals.length, 2);
  for (const each of xds.tls.refusals) assert.match(each, /does not speak HTTP\/2/);
});

test('P24: connections are counted once, and before their handshake', async t => {
  const xds = await serveSecureXds(t, 'TLSv1.3', { peerConnections: 2 });
  xds.board.publish(publication(snapshot('fleet', { CDS: { a: '1' } })));
  const first = await assertServed(xds.client([id]));
  const silent = connectPlain(xds.port, '127.0.0.1');
  silent.on('error', () => {});
  await until('it is counted', async () => {
    const probe = connectPlain(xds.port, '127.0.0.1');
    probe.on('error', () => {});
    await new Promise(resolve => probe.once('connect', resolve));
    return new Promise<boolean>(resolve => {
      probe.once('close', () => resolve(true));
      setTimeout(() => resolve(false), 100).unref();
    }).finally(() => probe.destroy());
  });
  await assertNothing(xds.client([id]));
  silent.destroy();
  await until('there is room', async () => {
    const stream = ask(xds.client([id]));
    return Promise.race([stream.response(1).then(() => true), stream.ended.then(() => false)]);
  });
  first.delta({ typeUrl: urls.LDS });
  await first.response(2);
});

test('new certificates are for new connections; open streams go on', async t => {
  const { ca, tls, board, client, clientWith } = await serve(t);
  const open = await assertServed(client([id]));
  open.ack(await open.response(1));
  const next = new CertificateAuthority();
  const { certificate, key } = next.issue({ names: serverNames });
  tls.material = { certificate, key, clientCa: next.certificate };
  await assertNothing(client([id]));
  await assertNothing(clientWith(ca.issue({ names: [id] }), { ca: next.certificate }));
  await assertServed(clientWith(next.issue({ names: [id] }), { ca: next.certificate }));
  board.publish(publication(snapshot('fleet', { CDS: { a: '2' } })));
  assert.equal((await open.response(2)).resources[0]?.content, '2');
});

test('P30: a certificate that its authority has revoked is let in no more, also when that is found out later', async t => {
  const { ca, tls, clientWith } = await serve(t);
  const [good, bad] = [ca.issue({ names: [id] }), ca.issue({ names: [id] })];
  const before = await assertServed(clientWith(bad));
  const material = tls.material;
  tls.material = { ...material, clientCrl: ca.revoke([bad]) };
  await assertServed(clientWith(good));
  await assertNothing(clientWith(bad));
  assert.match(tls.refusals.at(-1) ?? '', /the certificate of the client is revoked/);
  // What is open goes on.
  before.delta({ typeUrl: urls.LDS });
  await before.response(2);
  tls.material = { ...material, clientCrl: ca.revoke([], -1) };
  await assertNothing(clientWith(good));
  assert.match(tls.refusals.at(-1) ?? '', /list of its authority in --xds-client-crl is out of date/);
  tls.material = { ...material, clientCrl: new CertificateAuthority('another').revoke([]) };
  await assertNothing(clientWith(good));
  assert.match(tls.refusals.at(-1) ?? '', /has no list in --xds-client-crl/);
});

const pem = ({ certificate, key }: KeyPair) => ({ cert: certificate, key });

/** What comes of a connection: `reached` is whether the server said something of HTTP/2 on it. */
async function visit(
  t: TestContext,
  port: number,
  options: ConnectionOptions,
): Promise<{ readonly sessions: readonly Buffer[]; readonly reached: boolean; readonly reused: boolean }> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ALPNProtocols: ['h2'], ...options });
  t.after(() => socket.destroy());
  const sessions: Buffer[] = [];
  socket.on('session', session => sessions.push(session));
  let reused = false;
  socket.once('secureConnect', () => {
    reused = socket.isSessionReused();
  });
  const reached = await new Promise<boolean>(resolve => {
    socket.once('data', data => resolve(data[3] === 4));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
  return { sessions, reached, reused };
}

test('P22: REST polls end at once, also while somebody is in his handshake', async t => {
  const { ca, board } = await serve(t);
  const { certificate, key } = ca.issue({ names: serverNames });
  const tls = new TestTls({ certificate, key, clientCa: ca.certificate });
  const { port, close } = await startXdsRest({ host: '127.0.0.1', port: 0 }, { board, tls, report: () => {} });
  const slow = connectPlain({ port, host: '127.0.0.1' });
  slow.on('error', () => {});
  const gone = new Promise(resolve => slow.once('close', resolve));
  await once(slow, 'connect');
  slow.write(Buffer.from([22, 3, 1, 0, 200]));
  const before = performance.now();
  await close();
  assert.ok(performance.now() - before < 2_000, 'it waits for no handshake');
  await gone;
});
