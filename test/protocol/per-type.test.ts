import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientInput, type ClientStep, startClient, stepClient } from '../../src/xds/client.ts';
import { FrameEncoder } from '../../src/xds/frame.ts';
import { publication, snapshot, testNode, urls } from '../support/xds-fixtures.ts';
import { conversation, type Line, type Variant } from './several-streams.ts';

const before = { CDS: { old: '1' }, EDS: { old: '1' }, LDS: { l: '1' }, RDS: { r: 'to-old' } };
const after = { CDS: { new: '1' }, EDS: { new: '1' }, LDS: { l: '2' }, RDS: { r: 'to-new' } };
const both = ['sotw', 'delta'] as const;

/** A client that holds `before`: a stream for each type. */
const started: readonly Line[] = [
  { publish: before },
  { ask: 'cds', type: 'CDS' },
  { expect: ['cds: old=1'] },
  { ask: 'old', type: 'EDS', names: ['old'] },
  { ack: 'cds' },
  { expect: ['old: old=1'] },
  { ack: 'old' },
  { ask: 'lds', type: 'LDS' },
  { expect: ['lds: l=1'] },
  { ask: 'rds', type: 'RDS', names: ['r'] },
  { ack: 'lds' },
  { expect: ['rds: r=to-old'] },
  { ack: 'rds' },
];

const added = (variant: Variant) => (variant === 'sotw' ? 'cds: new=1 old=1' : 'cds: new=1');
const removed = (variant: Variant) => (variant === 'sotw' ? 'cds: new=1' : 'cds: ~old');

conversation('R41, R37a: routes wait for the endpoints that name the new cluster', both, variant => [
  ...started,
  { publish: after },
  { expect: [added(variant)] },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['lds: l=2', 'rds: r=to-new'] },
]);

conversation('R41: an acknowledgement of other endpoints opens nothing', both, variant => [
  ...started,
  { publish: { ...after, CDS: { new: '1', old: '1' }, EDS: { old: '2', new: '1' } } },
  { expect: [added(variant), 'old: old=2'] },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { ack: 'old' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['lds: l=2', 'rds: r=to-new'] },
]);

conversation(
  'R41: what is replaced lingers until routes are acknowledged, and beyond; its endpoints go last',
  both,
  variant => [
    ...started,
    { publish: after },
    { expect: [added(variant)] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { ack: 'cds' },
    { expect: ['new: new=1'] },
    { ack: 'new' },
    { expect: ['lds: l=2', 'rds: r=to-new'] },
    { ack: 'lds' },
    { expect: [] },
    { ack: 'rds' },
    { expect: [] },
    { timers: true },
    { expect: [removed(variant)] },
    { close: 'old' },
    { ack: 'cds' },
    { expect: [] },
  ],
);

conversation(
  'R41, R12: a client that never acknowledges endpoints gets its routes when the time is over',
  both,
  variant => [
    ...started,
    { publish: after },
    { expect: [added(variant)] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { ack: 'cds' },
    { expect: ['new: new=1'] },
    { timers: true },
    { expect: ['lds: l=2', 'rds: r=to-new'] },
  ],
);

conversation('R41: routes that are asked for late are those that the client can use', both, variant => [
  ...started.slice(0, 9),
  { ack: 'lds' },
  { publish: after },
  { expect: [added(variant)] },
  { ask: 'rds', type: 'RDS', names: ['r'] },
  { expect: ['rds: r=to-old'] },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { ack: 'rds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['lds: l=2', 'rds: r=to-new'] },
]);

conversation('R41: a delayed stream of routes keeps what they lead to', both, variant => [
  ...started.slice(0, -1),
  { publish: after },
  { expect: [added(variant)] },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['lds: l=2'] },
  { ack: 'lds' },
  { expect: [] },
  { ack: 'rds' },
  { expect: ['rds: r=to-new'] },
  { ack: 'rds' },
  { timers: true },
  { expect: [removed(variant)] },
]);

conversation('R39: a changed cluster warms on a stream of its own, while the one before it lives', both, () => [
  ...started,
  { publish: { ...before, CDS: { old: '2' }, RDS: { r: 'weights' } } },
  { expect: ['cds: old=2'] },
  { ask: 'again', type: 'EDS', names: ['old'] },
  { ack: 'cds' },
  { expect: ['again: old=1', 'rds: r=weights'] },
  { publish: { ...before, CDS: { old: '2' }, EDS: { old: '2' }, RDS: { r: 'weights' } } },
  { expect: ['old: old=2'] },
  { ack: 'again' },
  { expect: ['again: old=2'] },
  { close: 'old' },
  { ack: 'again' },
  { ack: 'rds' },
]);

conversation(
  'R41, R39: a new cluster that changes before it can be used is waited for as it is then',
  both,
  variant => [
    ...started,
    { publish: after },
    { expect: [added(variant)] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { expect: ['new: new=1'] },
    { ack: 'new' },
    { publish: { ...after, CDS: { new: '2' } } },
    { ack: 'cds' },
    { expect: [variant === 'sotw' ? 'cds: new=2 old=1' : 'cds: new=2'] },
    { ack: 'cds' },
    { expect: [] },
    { ask: 'newer', type: 'EDS', names: ['new'] },
    { close: 'new' },
    { expect: ['newer: new=1'] },
    { ack: 'newer' },
    { expect: ['lds: l=2', 'rds: r=to-new'] },
  ],
);

conversation(
  'R41: a name that comes back is waited for anew, whatever its stream had acknowledged before',
  both,
  variant => [
    ...started,
    { publish: after },
    { expect: [added(variant)] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { ack: 'cds' },
    { expect: ['new: new=1'] },
    { ack: 'new' },
    { expect: ['lds: l=2', 'rds: r=to-new'] },
    { ack: 'lds' },
    { ack: 'rds' },
    { timers: true },
    { expect: [removed(variant)] },
    { ack: 'cds' },
    ...(variant === 'sotw' ? [] : [{ expect: ['old: ~old'] }, { ack: 'old' }]),
    { publish: { ...before, CDS: { old: '1', new: '1' }, EDS: { old: '1', new: '1' } } },
    { expect: [variant === 'sotw' ? 'cds: new=1 old=1' : 'cds: old=1', 'old: old=1'] },
    { ack: 'cds' },
    { ack: 'old' },
    { expect: [] },
    { ask: 'again', type: 'EDS', names: ['old'] },
    { close: 'old' },
    { expect: ['again: old=1'] },
    { ack: 'again' },
    { expect: ['lds: l=1', 'rds: r=to-old'] },
  ],
);

conversation('R41: a stream that ends leaves the others, and what they wait for', both, variant => [
  ...started,
  { publish: after },
  { expect: [added(variant)] },
  { close: 'lds' },
  { close: 'old' },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['rds: r=to-new'] },
  { ask: 'lds again', type: 'LDS' },
  { expect: ['lds again: l=2'] },
]);

conversation(
  'R41: clusters and listeners over ADS, endpoints and routes on streams of their own, are one client',
  both,
  variant => [
    { publish: before },
    { ask: 'ads', type: 'CDS', ads: true },
    { expect: ['ads: old=1'] },
    { ask: 'old', type: 'EDS', names: ['old'] },
    { expect: ['old: old=1'] },
    { ack: 'old' },
    { ack: 'ads', type: 'CDS' },
    { ask: 'ads', type: 'LDS', ads: true },
    { expect: ['ads: l=1'] },
    { ack: 'ads', type: 'LDS' },
    { ask: 'rds', type: 'RDS', names: ['r'] },
    { expect: ['rds: r=to-old'] },
    { ack: 'rds' },
    { publish: after },
    { expect: [added(variant).replace('cds', 'ads')] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { expect: ['new: new=1'] },
    { ack: 'new' },
    // On ADS the acknowledgement of clusters comes when they can be used (R38).
    { expect: [] },
    { ack: 'ads', type: 'CDS' },
    { expect: ['ads: l=2', 'rds: r=to-new'] },
    { ack: 'ads', type: 'LDS' },
    { ack: 'rds' },
    { timers: true },
    { expect: [removed(variant).replace('cds', 'ads')] },
  ],
);

for (const apart of [{ connection: 'two' }, { node: 'another-node' }] as const) {
  conversation(
    `R41: streams of another ${Object.keys(apart)[0]} are another client`,
    both,
    variant => [
      ...started,
      { ask: 'cds 2', type: 'CDS', ...apart },
      { expect: ['cds 2: old=1'] },
      { ask: 'rds 2', type: 'RDS', names: ['r'], ...apart },
      { expect: ['rds 2: r=to-old'] },
      { ack: 'cds 2' },
      { ack: 'rds 2' },
      { publish: after },
      { expect: [added(variant), added(variant).replace('cds', 'cds 2')] },
      { ask: 'new 2', type: 'EDS', names: ['new'], ...apart },
      { ack: 'cds 2' },
      { ack: 'cds' },
      { expect: ['new 2: new=1'] },
      { ack: 'new 2' },
      { expect: ['rds 2: r=to-new'] },
      { ask: 'new', type: 'EDS', names: ['new'] },
      { expect: ['new: new=1'] },
      { ack: 'new' },
      { expect: ['lds: l=2', 'rds: r=to-new'] },
    ],
    ['loopback'],
  );
}

conversation(
  'R41: two ADS streams of a node on a connection are two clients',
  both,
  variant => [
    { publish: before },
    ...['first', 'second'].flatMap((name): Line[] => [
      { ask: name, type: 'CDS', ads: true },
      { expect: [`${name}: old=1`] },
      { ack: name, type: 'CDS' },
      { ask: name, type: 'RDS', names: ['r'], ads: true },
      { expect: [`${name}: r=to-old`] },
      { ack: name, type: 'RDS' },
    ]),
    { publish: after },
    { expect: ['first', 'second'].map(name => added(variant).replace('cds', name)) },
    { ack: 'second', type: 'CDS' },
    { expect: ['second: r=to-new'] },
    { ack: 'first', type: 'CDS' },
    { expect: ['first: r=to-new'] },
  ],
  ['loopback'],
);

for (const variant of both) {
  test(`R41: of 1,000 streams of endpoints a change concerns those that asked for it, and is encoded once (${variant})`, () => {
    const names = Array.from({ length: 1000 }, (_, index) => `c${index}`);
    const sets = (changed: string) => ({
      CDS: Object.fromEntries(names.map(name => [name, '1'])),
      EDS: Object.fromEntries(names.map(name => [name, name === 'c7' ? changed : '1'])),
    });
    const frames = new FrameEncoder('test');
    const long = 1_000_000;
    const order = { gateLimit: long, linger: long, lingerLimit: long, grace: long };
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
