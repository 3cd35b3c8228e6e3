import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_UNANSWERED, startDelta, stepDelta } from '../../../src/xds/delta.ts';
import type { DeltaRequest, Input, SotwRequest, Told } from '../../../src/xds/machine.ts';
import { aim, evaluate, proven, schedule } from '../../../src/xds/order.ts';
import { startOrder } from '../../../src/xds/order-state.ts';
import { startSotw, stepSotw } from '../../../src/xds/sotw.ts';
import { recounted, type Tally } from '../../../src/xds/tally.ts';
import { type Contents, snapshot, typeSnapshot, urls } from '../../support/xds-fixtures.ts';

const target = (contents: Contents) => ({ kind: 'target', target: typeSnapshot('EDS', contents) }) as const;
const bad = { code: 13, message: 'bad' };

function sotwRequest(names: readonly string[], request: Partial<Told<SotwRequest>> = {}): Input<SotwRequest> {
  return {
    kind: 'request',
    request: { typeUrl: urls.EDS, versionInfo: '', names, answers: 'newest', error: undefined, ...request },
  };
}

function deltaRequest(request: Partial<Told<DeltaRequest>>): Input<DeltaRequest> {
  const none = { subscribe: [], unsubscribe: [], has: new Map(), answers: 'none', error: undefined } as const;
  return { kind: 'request', request: { typeUrl: urls.EDS, ...none, ...request } };
}

function playSotw(...inputs: readonly Input<SotwRequest>[]) {
  let state = startSotw(urls.EDS);
  const kinds: string[] = [];
  let responses = 0;
  for (const input of inputs) {
    const step = stepSotw(state, input);
    state = step.state;
    responses += step.responses.length;
    kinds.push(...step.events.map(event => event.kind));
  }
  return { state, kinds, responses };
}

test('R35: streams that are told the same share one body, and who is told of no errors shares it with all', () => {
  const set = target({ a: '1' });
  const ask = (knowsErrors: boolean, names: readonly string[]) => {
    const { state } = stepSotw({ ...startSotw(urls.EDS), knowsErrors }, set);
    return stepSotw(state, sotwRequest(names)).responses[0]?.body;
  };
  const told = ask(true, ['a', 'ghost']);
  assert.match(told?.errors?.[0]?.message ?? '', /ClusterLoadAssignment "ghost"/);
  assert.equal(ask(true, ['ghost', 'a']), told);
  assert.equal(ask(true, ['a']), ask(false, ['a']));
  assert.equal(ask(false, ['a', 'ghost'])?.errors, undefined);
});

test('R42: the acknowledgement of other resources does not make up for a rejection', () => {
  const { state, kinds } = playSotw(
    target({ a: '1', b: '1' }),
    sotwRequest(['a']),
    sotwRequest(['a', 'b'], { answers: 0, error: bad }),
    { kind: 'proceed', again: [] },
    sotwRequest(['a', 'b'], { answers: 0 }),
  );
  assert.deepEqual(kinds, ['subscribed', 'sent', 'subscribed', 'nacked', 'sent']);
  assert.deepEqual([state.rejected, [...(state.acked?.resources.keys() ?? [])]], [true, ['b']]);
});

test('a rejection is over when what was rejected is no more, or no longer wanted', () => {
  const rejected = [target({ a: '1', b: '1' }), sotwRequest(['a']), sotwRequest(['a'], { answers: 0, error: bad })];
  assert.equal(playSotw(...rejected).state.rejected, true);
  const gone = playSotw(...rejected, target({ b: '1' }));
  assert.deepEqual([gone.state.rejected, gone.kinds.at(-1)], [false, 'current']);
  const unwanted = playSotw(...rejected, sotwRequest([], { answers: 'newest' }));
  assert.deepEqual([unwanted.state.rejected, unwanted.kinds.at(-1)], [false, 'current']);
});

test('R42: what was rejected is news again when something else was to come under its name meanwhile', () => {
  const { responses } = playSotw(
    target({ a: '1', b: '1' }),
    sotwRequest(['a']),
    sotwRequest(['a'], { answers: 0, error: bad }),
    { kind: 'gate', open: false },
    target({ a: '2', b: '1' }),
    target({ a: '1', b: '2' }),
    { kind: 'gate', open: true },
  );
  assert.equal(responses, 2);
  const silent = playSotw(
    target({ a: '1', b: '1' }),
    sotwRequest(['a']),
    sotwRequest(['a'], { answers: 0, error: bad }),
    target({ a: '1', b: '2' }),
  );
  assert.equal(silent.responses, 1, 'what others are sent is no news of it');
});

test('R9: a rejection that is repeated with a changed subscription is told once', () => {
  const { kinds } = playSotw(
    target({ a: '1', b: '1' }),
    sotwRequest(['a']),
    sotwRequest(['a'], { answers: 0, error: bad }),
    sotwRequest(['a', 'missing'], { answers: 'newest', error: bad }),
  );
  assert.deepEqual(kinds, ['subscribed', 'sent', 'nacked', 'subscribed']);
});

test('a set that concerns nobody is held at once, though the answer to the one before is still to come', () => {
  let state = startDelta(urls.EDS);
  const play = (input: Input<DeltaRequest>) => {
    const step = stepDelta(state, input);
    state = step.state;
    return step;
  };
  play(target({ a: '1' }));
  play(deltaRequest({ subscribe: ['a'] }));
  play(target({ a: '1', other: '1' }));
  assert.deepEqual(play(deltaRequest({ subscribe: ['b'], unsubscribe: ['b'] })).responses, []);
  play(deltaRequest({ answers: 0 }));
  assert.equal(state.acked, state.target);
});

test('an acknowledgement stands for all that was sent before it', () => {
  let state = startDelta(urls.EDS);
  const inputs = [target({ a: '1', b: '1' }), deltaRequest({ subscribe: ['a'] }), deltaRequest({ subscribe: ['b'] })];
  for (const input of inputs) state = stepDelta(state, input).state;
  assert.equal(state.unanswered.length, 2);
  state = stepDelta(state, deltaRequest({ answers: 1 })).state;
  assert.equal(state.unanswered.length, 0);
});

test('a client that asks and never answers is answered only so often', () => {
  let state = startDelta(urls.EDS);
  state = stepDelta(state, target({ a: '1' })).state;
  let responses = 0;
  for (let times = 0; times < 100; times++) {
    const step = stepDelta(state, deltaRequest({ subscribe: ['a'] }));
    state = step.state;
    responses += step.responses.length;
  }
  assert.equal(state.unanswered.length, MAX_UNANSWERED);
  assert.equal(responses, MAX_UNANSWERED);
});

test('steps change nothing outside: the same state and input give the same step', () => {
  const state = stepSotw(startSotw(urls.EDS), target({ a: '1' })).state;
  const before = structuredClone({
    ...state,
    target: undefined,
    subscription: undefined,
    again: undefined,
    doubtful: undefined,
  });
  const [one, two] = [stepSotw(state, sotwRequest(['a'])), stepSotw(state, sotwRequest(['a']))];
  assert.deepEqual(one, two);
  assert.deepEqual(
    { ...state, target: undefined, subscription: undefined, again: undefined, doubtful: undefined },
    before,
  );
});

test('the order moves no further without news, and starts no timer twice', () => {
  const limits = { gateLimit: 1, linger: 1, lingerLimit: 1, grace: 1, reopening: 1 };
  const [first, second] = [snapshot('f', { CDS: { a: '1' } }), snapshot('f', { CDS: { a: '1', b: '1' } })];
  const third = snapshot('f', { CDS: { c: '1' } });
  const clusters = {
    ...startDelta(urls.CDS),
    acked: second.types.get(urls.CDS),
    sent: second.types.get(urls.CDS),
    target: second.types.get(urls.CDS),
  };
  const states = [clusters, { ...startDelta(urls.RDS), resumes: true }];
  const progress = {
    lanes: states.map(state => ({ aggregated: true, state })),
    tally: states.reduce<Tally>((tally, state) => recounted(tally, undefined, state), new Map()),
  };
  const moving = aim(proven(aim(aim(startOrder, first), second)), third);
  const { order, timers } = schedule(evaluate(moving, progress), progress, limits);
  assert.equal(order.released, second, 'routes may follow as far as clusters are acknowledged');
  assert.equal(timers.length, 1, 'what the third retires is not waited for before routes follow it');
  assert.equal(evaluate(order, progress), order);
  assert.deepEqual(schedule(order, progress, limits), { order, timers: [] });
});
