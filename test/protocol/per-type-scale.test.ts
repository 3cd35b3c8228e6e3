import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientInput, startClient, stepClient } from '../../src/xds/client.ts';
import type { ClientStep } from '../../src/xds/client-state.ts';
import { FrameEncoder } from '../../src/xds/frame.ts';
import { publication, snapshot, testNode, urls } from '../support/xds-fixtures.ts';

for (const variant of ['sotw', 'delta'] as const) {
  test(`R41: of 1,000 streams of endpoints a change concerns those that asked for it, and is encoded once (${variant})`, () => {
    const names = Array.from({ length: 1000 }, (_, index) => `c${index}`);
    const sets = (changed: string) => ({
      CDS: Object.fromEntries(names.map(name => [name, '1'])),
      EDS: Object.fromEntries(names.map(name => [name, name === 'c7' ? changed : '1'])),
    });
    const frames = new FrameEncoder('test');
    const long = 1_000_000;
    const order = { gateLimit: long, linger: long, lingerLimit: long, grace: long, reopening: long };
    let state = startClient({ order, rejection: { pause: long, retryAfter: long, retryLimit: long } });
    const step = (input: ClientInput): ClientStep => {
      const result = stepClient(state, input);
      state = result.state;
      for (const { body, nonce } of result.responses) frames.frame(variant, body, false).withNonce(nonce);
      return result;
    };
    const ask = (streamId: number, name: string, nonce = ''): ClientStep => {
      const common = { typeUrl: urls.EDS, nonce, error: undefined };
      const node = testNode;
      return variant === 'sotw'
        ? step({ kind: 'sotw', streamId, node, request: { ...common, versionInfo: '', names: [name] } })
        : step({
            kind: 'delta',
            streamId,
            node,
            request: { ...common, subscribe: nonce === '' ? [name] : [], unsubscribe: [], has: new Map() },
          });
    };
    const first = snapshot('fleet', sets('1'));
    step({ kind: 'publication', publication: publication(first) });
    // One name has two streams, as when a changed cluster warms.
    const streams = [...names, 'c7'].map((name, index) => ({ streamId: index + 1, name }));
    for (const { streamId, name } of streams) {
      step({ kind: 'joined', stream: { streamId, variant, impliedType: urls.EDS, nonceSalt: 0 } });
      const [response] = ask(streamId, name).responses;
      assert.ok(response);
      ask(streamId, name, response.nonce);
    }
    assert.equal(frames.counts.frames, 1000);
    const { responses, events } = step({
      kind: 'publication',
      publication: publication(snapshot('fleet', sets('2'), first)),
    });
    assert.deepEqual(
      responses.map(each => each.streamId).sort((a, b) => a - b),
      [8, 1001],
    );
    assert.equal(new Set(responses.map(each => each.body)).size, 1, 'one body');
    assert.equal(frames.counts.frames, 1001, 'one frame');
    assert.deepEqual(
      events.map(each => each.kind),
      ['sent', 'sent'],
      'nobody is told of the other streams',
    );
    const unmoved = state.lanes.filter(lane => lane.state.unanswered.length === 0);
    assert.equal(unmoved.length, 999);
    assert.ok(
      unmoved.every(lane => lane.state.acked === lane.state.target),
      'they hold the new set as it is',
    );
  });
}
