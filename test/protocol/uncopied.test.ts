import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { SnapshotBoard, XdsServer } from '../../src/index.ts';
import { framed } from '../../src/xds/frame.ts';
import { snapshot, urls } from '../support/xds-fixtures.ts';
import { readResponse, writeDelta } from '../support/xds-wire.ts';

interface Interceptors {
  readonly BaseServerInterceptingCall: { prototype: { sendMessage: (...given: unknown[]) => void } };
}
const { BaseServerInterceptingCall } = createRequire(import.meta.url)(
  '@grpc/grpc-js/build/src/server-interceptors.js',
) as Interceptors;

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

test('grpc-js is given no response to copy', async t => {
  const copying = t.mock.method(BaseServerInterceptingCall.prototype, 'sendMessage');
  const board = new SnapshotBoard(() => 'k');
  const content = 'x'.repeat(100_000);
  board.set('k', snapshot('k', { EDS: { a: content } }));
  const server = new XdsServer(board, { transport: 'grpc-js' });
  const session = connect(`http://127.0.0.1:${await server.listen({ port: 0 })}`);
  t.after(async () => {
    session.destroy();
    await server.close();
  });
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request(headers);
  stream.write(framed([writeDelta({ typeUrl: urls.EDS, node: 'n', subscribe: ['a'] })]));
  let received = Buffer.alloc(0);
  while (received.length < 5 || received.length < 5 + received.readUInt32BE(1)) {
    const [piece] = (await once(stream, 'data')) as [Buffer];
    received = Buffer.concat([received, piece]);
  }
  assert.equal(readResponse('delta', received.subarray(5)).resources[0]?.content, content);
  assert.equal(copying.mock.callCount(), 0);
});
