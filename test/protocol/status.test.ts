import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { encode } from '../../proto/codec.ts';
import { AnswerStreams } from '../../src/xds/answer-streams.ts';
import { clientStatusDiscovery, type PacedAnswer } from '../../src/xds/client-status.ts';
import { grpcTransport } from '../../src/xds/grpc-js.ts';
import { http2Transport } from '../../src/xds/http2/transport.ts';
import type { RpcService } from '../../src/xds/rpc.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { snapshot, urls } from '../support/xds-fixtures.ts';
import { serveXds } from '../support/xds-server.ts';
import { testTransport, testXdsSettings } from '../support/xds-transport.ts';
import { compiled } from '../unit/ir/compiled.ts';

const clusters = ['envoy.service.cluster.v3.ClusterDiscoveryService', 'FetchClusters'] as const;
/** Cut off at the lengths to which texts are shortened, they end in half a character. */
const cluster = (length: number) => `${'x'.repeat(length - 1)}😀`;

function request(fields: object): Buffer {
  return Buffer.from(encode('envoy.service.discovery.v3.DiscoveryRequest', fields));
}

test('P24: a reason that is cut off within a character is told all the same', async t => {
  const { board, call } = await serveXds(t);
  const { assign } = compiled({
    gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
  });
  board.publish({ snapshots: new Map(), assign });
  const reply = await call(...clusters, request({ node: { id: 'a', cluster: cluster(100) } }));
  assert.ok('code' in reply);
  assert.equal(reply.code, 'NOT_FOUND');
  assert.match(reply.details, /the node's cluster is "xxx/);
});

test('P24: whatever a rule for keys says of a node that it cannot place, only its stream ends', async t => {
  const { board, port } = await serveXds(t);
  const fleet = snapshot('fleet', { CDS: { a: '1' } });
  board.publish({
    snapshots: new Map([['fleet', fleet]]),
    assign: node => {
      if (node.cluster !== '') throw new Error(`no key for ${node.cluster}\ud83d`);
      return { kind: 'assigned', key: 'fleet' };
    },
  });
  const other = new XdsClient(port, 'delta');
  t.after(() => other.cancel());
  other.delta({ typeUrl: urls.CDS, node: 'b' });
  await other.response(1);
  const ads = new XdsClient(port, 'sotw');
  ads.raw(request({ type_url: urls.CDS, node: { id: 'a', cluster: cluster(256) } }));
  const { code, details } = await ads.ended;
  assert.equal(code, status.INTERNAL);
  assert.match(details, /no key for xxx/);
  other.delta({ typeUrl: urls.LDS });
  await other.response(2);
});

test('P24: a reason that repeats a long text is short, and the connection goes on', async t => {
  const { call, publish } = await serveXds(t);
  publish({ CDS: { a: '1' } });
  const reply = await call(...clusters, request({ type_url: 't'.repeat(1_000_000), node: { id: 'a' } }));
  assert.ok('code' in reply);
  assert.equal(reply.code, 'INVALID_ARGUMENT');
  assert.match(reply.details, /^this method serves .*t…$/);
  assert.ok('bytes' in (await call(...clusters, request({ node: { id: 'a' } }))));
});

for (const method of ['FetchClientStatus', 'StreamClientStatus'] as const) {
  test(`CSDS, P7: ${method} is broken off when its answer is not read, and takes no more room`, async t => {
    let underWay = 0;
    const answer = async (): Promise<PacedAnswer> => {
      underWay++;
      const left = () => void underWay--;
      return { outcome: { kind: 'answer', message: Buffer.alloc(1_000_000) }, left };
    };
    const streams = new AnswerStreams(50);
    const service: RpcService = {
      name: clientStatusDiscovery,
      streams: { StreamClientStatus: stream => streams.serve(stream, answer) },
      unary: { FetchClientStatus: answer },
    };
    const made = testTransport === 'http2' ? http2Transport : grpcTransport;
    const transport = made([service], { ...testXdsSettings, answerLimit: 50 });
    const listener = createServer(socket => transport.inject(socket.on('error', () => {})));
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    t.after(() => {
      listener.close();
      transport.destroy();
    });
    const { port } = listener.address() as AddressInfo;
    const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
    t.after(() => session.destroy());
    await once(session, 'remoteSettings');
    const call = session.request({
      ':method': 'POST',
      ':path': `/${clientStatusDiscovery}/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.on('error', () => {});
    call.write(Buffer.alloc(5));
    if (method === 'FetchClientStatus') call.end();
    await until('it is answered', () => underWay === 1);
    await until('it takes no more room', () => underWay <= 0);
    await until('it is broken off', () => call.closed);
    assert.equal(session.destroyed, false);
  });
}
