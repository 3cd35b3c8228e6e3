import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, type ClientInput, type ClientStep, type Steps } from '../../src/xds/client.ts';
import type { ClientState } from '../../src/xds/client-state.ts';
import { startState, stepState } from '../../src/xds/client-step.ts';
import { converged } from '../../src/xds/converged.ts';
import { FrameEncoder } from '../../src/xds/frame.ts';
import type { Lane } from '../../src/xds/lanes.ts';
import { StepMemory } from '../../src/xds/step-memory.ts';
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
    const client = new Client(
      new StepMemory({ order, rejection: { pause: long, retryAfter: long, retryLimit: long } }),
    );
    const step = (input: ClientInput): ClientStep => {
      const result = client.step(input);
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
    const unmoved = client.state.lanes.filter(lane => lane.state.unanswered.length === 0);
    assert.equal(unmoved.length, 999);
    assert.ok(
      unmoved.every(lane => lane.state.acked === lane.state.target),
      'they hold the new set as it is',
    );
  });
}

type Told = 'join' | 'ask' | 'acknowledge' | 'gate' | 'leave';

/** How often a step of a client with so many streams of endpoints looks at one of them. */
function looksOf(streams: number): Readonly<Record<Told, number>> {
  const names = Array.from({ length: streams + 1 }, (_, index) => `c${index}`);
  const contents = Object.fromEntries(names.map(name => [name, '1']));
  const long = 1_000_000;
  const order = { gateLimit: long, linger: long, lingerLimit: long, grace: long, reopening: long };
  let looks = 0;
  const plain = (state: ClientState): ClientState => ({ ...state, lanes: state.lanes.map(({ ...lane }) => lane) });
  const counting: Steps['step'] = (state, input) => {
    let seen = 0;
    const counted = (lanes: readonly Lane[]): readonly Lane[] =>
      lanes.map(lane => {
        const { state: known, ...rest } = lane;
        const get = () => {
          seen++;
          return known;
        };
        return Object.defineProperty({ ...rest }, 'state', { get, enumerable: true }) as Lane;
      });
    const result = stepState({ ...state, lanes: counted(state.lanes) }, input);
    looks = seen;
    const after = plain(result.state);
    seen = 0;
    converged({ ...after, lanes: counted(after.lanes) });
    looks += seen;
    return { ...result, state: after };
  };
  const settings = { order, rejection: { pause: long, retryAfter: long, retryLimit: long } };
  const client = new Client({ start: startState(settings), step: counting });
  const step = (input: ClientInput): ClientStep => client.step(input);
  const ask = (streamId: number, typeUrl: string, subscribe: readonly string[], nonce = '') => {
    const request = { typeUrl, nonce, error: undefined, subscribe, unsubscribe: [], has: new Map() };
    return step({ kind: 'delta', streamId, node: testNode, request }).responses;
  };
  const join = (streamId: number, impliedType: string) =>
    step({ kind: 'joined', stream: { streamId, variant: 'delta', impliedType, nonceSalt: 0 } });
  step({
    kind: 'publication',
    publication: publication(snapshot('fleet', { CDS: contents, EDS: contents, LDS: { l: '1' } })),
  });
  for (const [index, typeUrl] of [urls.CDS, urls.LDS].entries()) {
    join(index, typeUrl);
    ask(index, typeUrl, [], ask(index, typeUrl, [])[0]?.nonce);
  }
  const looked = { join: 0, ask: 0, acknowledge: 0, gate: 0, leave: 0 };
  for (const [index, name] of names.entries()) {
    const streamId = index + 2;
    join(streamId, urls.EDS);
    looked.join = looks;
    const [response] = ask(streamId, urls.EDS, [name]);
    looked.ask = looks;
    ask(streamId, urls.EDS, [], response?.nonce);
    looked.acknowledge = looks;
  }
  step({ kind: 'gate', streams: [7], open: false });
  looked.gate = looks;
  step({ kind: 'left', streamId: 8 });
  looked.leave = looks;
  return looked;
}

test('R41: what one stream says is not made dearer by the others', () => {
  const [few, many] = [looksOf(50), looksOf(400)];
  // A search halves some more times, where one after another would be looked at 350 times more.
  for (const key of ['join', 'ask', 'acknowledge', 'gate', 'leave'] as const) {
    assert.ok(many[key] - few[key] < 200, `${key}: ${few[key]} looks among 50 streams, ${many[key]} among 400`);
  }
});
