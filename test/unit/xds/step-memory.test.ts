import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { Client, type ClientInput, type ClientResponse } from '../../../src/xds/client.ts';
import { type StateInput, stepState } from '../../../src/xds/client-step.ts';
import { areAlike } from '../../../src/xds/converged.ts';
import type { Variant } from '../../../src/xds/events.ts';
import { StepMemory } from '../../../src/xds/step-memory.ts';
import { publication, snapshot, type TypeName, testNode, urls } from '../../support/xds-fixtures.ts';

const settings = {
  order: { gateLimit: 1, linger: 2, lingerLimit: 3, grace: 4, reopening: 5 },
  rejection: { pause: 6, retryAfter: 7, retryLimit: 8 },
};
const types = ['CDS', 'EDS', 'LDS', 'RDS'] as const;
const lists: Readonly<Record<(typeof types)[number], readonly string[]>> = {
  CDS: [],
  EDS: ['a', 'b'],
  LDS: [],
  RDS: ['r'],
};
const none: readonly string[] = [];
const nothing: ReadonlyMap<string, string> = new Map();

function sets(endpoints: string, cluster = '1') {
  return { CDS: { a: cluster, b: '1' }, EDS: { a: endpoints, b: '1' }, LDS: { l: '1' }, RDS: { r: 'to-a' } };
}

let streamIds = 0;

/** A proxy of a fleet, that asks for everything and acknowledges when it is told to. */
class Member {
  readonly client: Client;
  readonly #variant: Variant;
  readonly #aggregated: boolean;
  readonly #streams = new Map<TypeName, number>();
  #inbox: ClientResponse[] = [];
  readonly #timers: number[] = [];
  readonly #endpoints: readonly string[];

  constructor(memory: StepMemory, variant: Variant, aggregated = true, endpoints = lists.EDS) {
    this.client = new Client(memory);
    this.#endpoints = endpoints;
    this.#variant = variant;
    this.#aggregated = aggregated;
  }

  publish(published: Snapshot): void {
    this.#step({ kind: 'publication', publication: publication(published) });
  }

  start(): void {
    const id = `node-${++streamIds}`;
    for (const type of types) {
      if (!this.#aggregated || this.#streams.size === 0) this.#open(this.#aggregated ? undefined : urls[type]);
      this.#streams.set(type, streamIds);
      this.#ask(type, '', id);
      this.acknowledge();
    }
  }

  #open(impliedType: string | undefined): void {
    const stream = { streamId: ++streamIds, variant: this.#variant, impliedType, nonceSalt: 1 };
    this.#step({ kind: 'joined', stream });
  }

  acknowledge(): void {
    for (let response = this.#inbox.shift(); response; response = this.#inbox.shift()) {
      const { typeUrl, version } = response.body;
      const type = types.find(each => urls[each] === typeUrl);
      assert.ok(type);
      this.#ask(type, response.nonce, undefined, version);
    }
  }

  /** Answers and timers, until there are no more. */
  settle(): void {
    this.acknowledge();
    for (let id = this.#timers.shift(); id !== undefined; id = this.#timers.shift()) {
      this.#step({ kind: 'timer', id });
      this.acknowledge();
    }
  }

  #ask(type: (typeof types)[number], nonce: string, id?: string, versionInfo = ''): void {
    const common = { typeUrl: urls[type], nonce, error: undefined };
    const node = id === undefined ? undefined : { ...testNode, id };
    const streamId = this.#streams.get(type) ?? 0;
    const names = type === 'EDS' ? this.#endpoints : lists[type];
    this.#step(
      this.#variant === 'sotw'
        ? { kind: 'sotw', streamId, node, request: { ...common, versionInfo, names } }
        : {
            kind: 'delta',
            streamId,
            node,
            request: { ...common, subscribe: nonce === '' ? names : none, unsubscribe: none, has: nothing },
          },
    );
  }

  #step(input: ClientInput): void {
    const { responses, timers, fault } = this.client.step(input);
    assert.equal(fault, undefined);
    this.#timers.push(...timers.map(each => each.id));
    this.#inbox.push(...responses);
  }
}

function fleet(memory: StepMemory, count: number, variant: Variant, aggregated: boolean, published: Snapshot) {
  return Array.from({ length: count }, () => {
    const proxy = new Member(memory, variant, aggregated);
    proxy.publish(published);
    proxy.start();
    return proxy;
  });
}

/** Proxies each of which asks for ten names of its own, and contents of which one changes. */
function ownNames(memory: StepMemory, variant: Variant) {
  const names = Array.from({ length: 200 }, (_, index) => `c${index}`);
  const each = (version: string) => Object.fromEntries(names.map(name => [name, name === 'c7' ? version : '1']));
  const all = (version: string) => ({ ...sets('1'), CDS: each('1'), EDS: each(version) });
  const first = snapshot('fleet', all('1'));
  const proxies = Array.from({ length: 20 }, (_, at) => {
    const own = new Member(memory, variant, true, names.slice(at * 10, at * 10 + 10));
    own.publish(first);
    own.start();
    return own;
  });
  return { proxies, first, all };
}

/** How many steps are found by what is done. */
function found(memory: StepMemory, act: () => void): number {
  const before = memory.found;
  act();
  return memory.found - before;
}

for (const variant of ['sotw', 'delta'] as const) {
  for (const aggregated of [true, false]) {
    describe(`the steps of a fleet (${variant}, ${aggregated ? 'one stream' : 'several streams'})`, () => {
      const first = snapshot('fleet', sets('1'));
      const second = snapshot('fleet', sets('2'), first);
      const third = snapshot('fleet', sets('3'), second);

      it('are found once: for a push, and for its acknowledgement', () => {
        const memory = new StepMemory(settings);
        const proxies: Member[] = [];
        const join = (count: number) =>
          found(memory, () => proxies.push(...fleet(memory, count, variant, aggregated, first)));
        const one = join(1);
        const others = join(9);
        // A collection of garbage meanwhile may have them found once more.
        assert.ok(others <= one, `${others} for nine others, ${one} for one`);
        assert.equal(
          found(memory, () => {
            for (const each of proxies) each.publish(second);
          }),
          1,
        );
        assert.equal(
          found(memory, () => {
            for (const each of proxies) each.acknowledge();
          }),
          1,
        );
      });

      it('are those of one again when a slow client has caught up', () => {
        const memory = new StepMemory(settings);
        const proxies = fleet(memory, 4, variant, aggregated, first);
        const [slow, ...others] = proxies;
        assert.ok(slow);
        for (const published of [second, third]) {
          for (const each of proxies) each.publish(published);
          for (const each of others) each.acknowledge();
        }
        assert.notEqual(slow.client.state, others[0]?.client.state);
        slow.acknowledge();
        assert.equal(slow.client.state, others[0]?.client.state);
      });

      it('are those of one again when what has gone has lingered, for who was there and who comes later', () => {
        const memory = new StepMemory(settings);
        const { CDS, ...others } = sets('2');
        const without = snapshot('fleet', { ...others, CDS: { a: CDS.a } }, first);
        const [early] = fleet(memory, 1, variant, aggregated, first);
        early?.publish(without);
        early?.settle();
        const [late] = fleet(memory, 1, variant, aggregated, without);
        late?.settle();
        assert.equal(early?.client.state, late?.client.state);
      });

      it('keep nothing alive that no client needs', async () => {
        const memory = new StepMemory(settings);
        const idle = new Member(memory, variant, aggregated);
        const last: { publication: Snapshot } = { publication: first };
        const old = olds(memory, fleet(memory, 3, variant, aggregated, first), idle, last);
        await collected();
        assert.deepEqual(
          old.map(each => each.deref() !== undefined),
          old.map(() => false),
        );
      });
    });
  }
}

for (const variant of ['sotw', 'delta'] as const) {
  it(`of clients with names of their own, only who is concerned takes steps, and is compared with others (${variant})`, () => {
    const memory = new StepMemory(settings);
    const { proxies, first, all } = ownNames(memory, variant);
    const second = snapshot('fleet', all('2'), first);
    const third = snapshot('fleet', all('3'), second);
    for (const published of [second, third]) {
      const before = memory.compared;
      const steps = found(memory, () => {
        for (const each of proxies) each.publish(published);
        for (const each of proxies) each.acknowledge();
      });
      // Its push and its acknowledgement.
      assert.equal(steps, 2);
      assert.equal(memory.compared - before, 2);
    }
  });

  it(`clients that are not concerned keep nothing alive of what was published meanwhile (${variant})`, async () => {
    const memory = new StepMemory(settings);
    const { proxies, first, all } = ownNames(memory, variant);
    const last = { publication: first };
    const old = (() => {
      const snapshots: WeakRef<Snapshot>[] = [];
      for (let version = 2; version < 9; version++) {
        snapshots.push(new WeakRef(last.publication));
        last.publication = snapshot('fleet', all(String(version)), last.publication);
        for (const each of proxies) each.publish(last.publication);
        for (const each of proxies) each.acknowledge();
      }
      return snapshots;
    })();
    await collected();
    // The first is held by what this test was given.
    assert.deepEqual(
      old.slice(1).flatMap(each => each.deref() ?? []),
      [],
    );
    assert.equal(proxies[0]?.client.state.published, last.publication);
  });

  it(`equal clients that answer one after the other, and that no publication concerns, are brought together (${variant})`, () => {
    const memory = new StepMemory(settings);
    const all = (version: number, a = '2') => ({ ...sets('1'), EDS: { a, b: '1', c: String(version) } });
    const before = snapshot('fleet', all(1, '1'));
    const proxies = fleet(memory, 20, variant, true, before);
    let published = snapshot('fleet', all(1), before);
    for (const each of proxies) each.publish(published);
    for (let version = 2; version < 90; version++) {
      proxies[version - 2]?.acknowledge();
      published = snapshot('fleet', all(version), published);
      for (const each of proxies) each.publish(published);
    }
    assert.equal(new Set(proxies.map(each => each.client.state)).size, 1);
  });

  it(`what is told otherwise is another step (${variant})`, () => {
    const memory = new StepMemory(settings);
    const first = snapshot('fleet', sets('1'));
    const [one] = fleet(memory, 1, variant, true, first);
    assert.ok(one);
    one.publish(snapshot('fleet', sets('2'), first));
    const { state } = one.client;
    const { traits, published } = state;
    const error = { code: 13, message: 'bad' };
    const common = { streamId: 1, traits, published };
    const asked = (change: object, around: object = {}): StateInput => {
      const base = { typeUrl: urls.EDS, answers: 0, error: undefined };
      const own =
        variant === 'sotw'
          ? { names: lists.EDS, versionInfo: '' }
          : { subscribe: none, unsubscribe: none, has: nothing };
      return { kind: variant, ...common, ...around, request: { ...base, ...own, ...change } } as StateInput;
    };
    const names = ['a'];
    const inputs: readonly StateInput[] = [
      asked({}),
      asked({ answers: 'none' }),
      asked({ answers: 'newest' }),
      asked({ error }),
      asked({ typeUrl: urls.CDS }),
      asked({ names, subscribe: names }),
      asked({ answers: 'none', names, subscribe: names }),
      asked({ unsubscribe: names }),
      asked({ unsubscribe: ['b'] }),
      asked({}, { published: undefined }),
      asked({}, { published: first }),
      asked({ typeUrl: urls.SDS, names, subscribe: names }),
      asked({ typeUrl: urls.SDS, names, subscribe: names }, { traits: { ...traits, knowsErrors: true } }),
      { kind: 'gate', streams: [1], open: false },
      { kind: 'gate', streams: [1], open: true },
      { kind: 'gate', streams: [], open: false },
      { kind: 'publication', published: undefined },
      { kind: 'publication', published: first },
      { kind: 'left', streamId: 1 },
      { kind: 'joined', stream: { streamId: 2, variant, impliedType: undefined } },
      { kind: 'joined', stream: { streamId: 2, variant, impliedType: urls.LDS } },
      { kind: 'retry' },
    ];
    for (const input of [...inputs, ...inputs]) {
      assert.deepEqual(memory.step(state, input), stepState(state, input), JSON.stringify(input));
    }
  });
}

it('states are alike only where all that they are made of is', () => {
  const memory = new StepMemory(settings);
  const [proxy] = fleet(memory, 1, 'delta', true, snapshot('fleet', sets('1')));
  assert.ok(proxy);
  const { state } = proxy.client;
  const changed = <T extends object>(object: T): readonly T[] =>
    Object.keys(object).map(key => ({ ...object, [key]: 'another' }));
  const others = [
    ...changed(state),
    ...changed(state.order).map(order => ({ ...state, order })),
    ...state.lanes.flatMap((lane, at) => [
      ...changed(lane).map(other => ({ ...state, lanes: state.lanes.with(at, other) })),
      ...changed(lane.state).map(other => ({ ...state, lanes: state.lanes.with(at, { ...lane, state: other }) })),
    ]),
    { ...state, lanes: state.lanes.slice(1) },
    { ...state, tally: new Map() },
    { ...state, targets: new Map([...state.targets].slice(1)) },
  ];
  assert.ok(areAlike(state, { ...state, lanes: [...state.lanes], targets: new Map(state.targets), rewarmed: [] }));
  for (const [at, other] of others.entries()) {
    assert.equal(areAlike(state, other) || areAlike(other, state), false, `${at} of ${others.length}`);
  }
});

/** States and snapshots that a fleet has had, and has no more. */
function olds(
  memory: StepMemory,
  proxies: readonly Member[],
  idle: Member,
  last: { publication: Snapshot },
): readonly WeakRef<object>[] {
  const old: WeakRef<object>[] = [];
  for (let version = 10; version < 20; version++) {
    const published = snapshot('fleet', sets(String(version)), last.publication);
    last.publication = published;
    for (const each of [idle, ...proxies]) each.publish(published);
    const state = proxies[0]?.client.state;
    for (const each of proxies) each.acknowledge();
    if (version < 19 && state) old.push(new WeakRef(state), new WeakRef(published));
  }
  assert.ok(memory.found > 0);
  return old;
}

async function collected(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let times = 0; times < 5; times++) {
    await new Promise(resolve => setImmediate(resolve));
    gc();
  }
}
