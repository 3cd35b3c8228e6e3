import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { SnapshotBoard, XdsServer } from '../../src/index.ts';
import { XdsClient } from '../support/xds-client.ts';
import { snapshot, urls } from '../support/xds-fixtures.ts';

interface Interceptors {
  readonly BaseServerInterceptingCall: { prototype: { sendMessage: (...given: unknown[]) => void } };
}
const { BaseServerInterceptingCall } = createRequire(import.meta.url)(
  '@grpc/grpc-js/build/src/server-interceptors.js',
) as Interceptors;

test('grpc-js is given no response to copy', async t => {
  const copying = t.mock.method(BaseServerInterceptingCall.prototype, 'sendMessage');
  const board = new SnapshotBoard(() => 'k');
  const content = 'x'.repeat(100_000);
  board.set('k', snapshot('k', { EDS: { a: content } }));
  const server = new XdsServer(board, { transport: 'grpc-js' });
  const client = new XdsClient(await server.listen({ port: 0 }), 'delta');
  t.after(async () => {
    client.cancel();
    await server.close();
  });
  client.delta({ typeUrl: urls.EDS, node: 'n', subscribe: ['a'] });
  const response = await client.response(1);
  assert.equal(response.resources[0]?.content, content);
  assert.equal(copying.mock.callCount(), 0);
});
