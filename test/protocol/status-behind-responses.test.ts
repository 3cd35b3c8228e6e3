import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { SnapshotBoard, XdsServer } from '../../src/index.ts';
import { framed } from '../../src/xds/frame.ts';
import { transportNames } from '../../src/xds/rpc.ts';
import { begin } from '../support/rpc-caller.ts';
import { snapshot, urls } from '../support/xds-fixtures.ts';
import { writeDelta } from '../support/xds-wire.ts';

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

for (const transport of transportNames) {
  test(`a call that is over while responses wait to be read ends with its status (${transport})`, {
    timeout: 30_000,
  }, async t => {
    const board = new SnapshotBoard(() => 'k');
    const large = 'x'.repeat(200_000);
    board.set('k', snapshot('k', { EDS: { a: large }, SDS: { a: large } }));
    const { promise: closed, resolve } = Promise.withResolvers<string>();
    const server = new XdsServer(board, { transport, hooks: { onStreamClosed: (_, reason) => resolve(reason) } });
    const session = connect(`http://127.0.0.1:${await server.listen({ port: 0 })}`);
    t.after(async () => {
      session.destroy();
      await server.close();
    });
    const stream = begin(session, path, { 'grpc-timeout': '500m' });
    const trailers = once(stream, 'trailers');
    stream.pause();
    for (const [node, type] of [
      ['n', 'EDS'],
      [undefined, 'SDS'],
    ] as const) {
      stream.write(framed([writeDelta({ typeUrl: urls[type], node, subscribe: ['a'] })]));
      await setTimeout(100);
    }
    // Both have been sent, of which the first fills the window, and the time of the call has run out.
    await setTimeout(600);
    stream.resume();
    const [{ 'grpc-status': status }] = (await trailers) as [Record<string, string>];
    assert.equal(status, '4');
    await closed;
    assert.equal(server.clients().length, 0);
  });
}
