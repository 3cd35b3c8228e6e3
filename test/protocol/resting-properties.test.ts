import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { Client, type ClientInput, type ClientResponse } from '../../src/xds/client.ts';
import type { ClientState } from '../../src/xds/client-state.ts';
import { startState, stepState } from '../../src/xds/client-step.ts';
import type { Variant } from '../../src/xds/events.ts';
import * as resting from '../../src/xds/resting.ts';
import { NONE } from '../../src/xds/subscription.ts';
import { type Contents, publication, type Sets, snapshot, testNode, urls } from '../support/xds-fixtures.ts';
import { seeded } from './seeded.ts';

/**
 * What is left out of the state of a client that rests, and put into it again, is the state that its step would lead to:
 * at every state that clients come to, for every snapshot of their history.
 */

const settings = {
  order: { gateLimit: 1, linger: 2, lingerLimit: 3, grace: 4, reopening: 5 },
  rejection: { pause: 6, retryAfter: 7, retryLimit: 8 },
};
const types = ['CDS', 'EDS', 'LDS', 'RDS', 'SDS'] as const;
type Type = (typeof types)[number];
type Rules = Pick<typeof resting, 'restOf' | 'restingAt' | 'passed'>;

const none: readonly string[] = [];
const nothing: ReadonlyMap<string, string> = new Map();
const features = ['xds.config.supports-resource-ttl', 'xds.config.supports-resource-errors'];
const nodes = [testNode, { ...testNode, userAgent: 'envoy' }, { ...testNode, features }];
let streamIds = 0;

/** How often something was found to be as it is to be. */
interface Seen {
  rested: number;
  passed: number;
}

/** A proxy that asks for names of its own, at each of whose states the rules are looked at. */
class Asker {
  readonly #client: Client;
  readonly #variant: Variant;
  readonly #aggregated: boolean;
  readonly #node: (typeof nodes)[number];
  readonly #streams = new Map<string, number>();
  readonly #asked = new Map<Type, readonly string[]>();
  readonly #nonces = new Map<Type, string>();
  readonly #rules: Rules;
  readonly #seen: Seen;
  readonly #published: Snapshot[] = [];
  #sets: Sets = {};
  #inbox: ClientResponse[] = [];
  #timers: readonly number[] = [];

  constructor(variant: Variant, aggregated: boolean, node: number, rules: Rules, seen: Seen) {
    this.#client = new Client({ start: startState(settings), step: stepState });
    this.#variant = variant;
    this.#aggregated = aggregated;
    this.#node = nodes[node] ?? testNode;
    this.#rules = rules;
    this.#seen = seen;
  }

  change(type: 'EDS' | 'SDS', name: string, content: string): void {
    this.publish({ ...this.#sets, [type]: { ...this.#sets[type], [name]: content } });
  }

  publish(sets: Sets): void {
    this.#sets = sets;
    const published = snapshot('fleet', sets, this.#published.at(-1));
    this.#published.push(published);
    this.#step({ kind: 'publication', publication: publication(published) });
  }

  ask(type: Type, names: readonly string[], without: readonly string[] = none): void {
    this.#asked.set(type, names);
    this.#request(type, this.#nonces.get(type) ?? '', { names, without });
  }

  answer(choice: number, message?: string): void {
    const response = this.#inbox[choice % Math.max(1, this.#inbox.length)];
    const type = types.find(each => urls[each] === response?.body.typeUrl);
    if (!response || !type) return;
    this.#inbox = this.#inbox.filter(each => each !== response);
    this.#nonces.set(type, response.nonce);
    this.#request(type, response.nonce, { version: response.body.version, message });
  }

  settle(): void {
    for (let times = 0; times < 60 && this.#inbox.length + this.#timers.length > 0; times++) {
      if (this.#inbox.length > 0) this.answer(0);
      else this.runTimer(0);
    }
  }

  runTimer(choice: number): void {
    const id = this.#timers[choice % Math.max(1, this.#timers.length)];
    if (id === undefined) return;
    this.#timers = this.#timers.filter(each => each !== id);
    this.#step({ kind: 'timer', id });
  }

  gate(open: boolean): void {
    this.#step({ kind: 'gate', streams: [...this.#streams.values()], open });
  }

  leave(type: Type): void {
    const name = this.#aggregated ? 'all' : type;
    const streamId = this.#streams.get(name);
    if (streamId === undefined || !this.#streams.delete(name)) return;
    this.#inbox = this.#inbox.filter(each => each.streamId !== streamId);
    this.#step({ kind: 'left', streamId });
  }

  #stream(type: Type): number {
    const name = this.#aggregated ? 'all' : type;
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const streamId = ++streamIds;
    this.#streams.set(name, streamId);
    const impliedType = this.#aggregated ? undefined : urls[type];
    this.#step({ kind: 'joined', stream: { streamId, variant: this.#variant, impliedType, nonceSalt: 3 } });
    return streamId;
  }

  #request(
    type: Type,
    nonce: string,
    {
      names = none,
      without = none,
      version = '',
      message,
    }: { names?: readonly string[]; without?: readonly string[]; version?: string; message?: string | undefined },
  ): void {
    const streamId = this.#stream(type);
    const error = message === undefined ? undefined : { code: 13, message };
    const common = { typeUrl: urls[type], nonce, error };
    const node = this.#node;
    if (this.#variant === 'sotw') {
      const request = { ...common, versionInfo: version, names: this.#asked.get(type) ?? none };
      this.#step({ kind: 'sotw', streamId, node, request });
    } else {
      const request = { ...common, subscribe: names, unsubscribe: without, has: nothing };
      this.#step({ kind: 'delta', streamId, node, request });
    }
  }

  #step(input: ClientInput): void {
    const { responses, timers } = this.#client.step(input);
    this.#inbox.push(...responses);
    this.#timers = [...this.#timers, ...timers.map(each => each.id)];
    this.#look(this.#client.state);
  }

  #look(state: ClientState): void {
    const rest = this.#rules.restOf(state);
    const from = state.published;
    if (!rest || !from) return;
    this.#seen.rested++;
    assert.deepEqual(present(this.#rules.restingAt(rest, from)), present(state));
    for (const to of this.#published) {
      const events = this.#rules.passed(rest, from, to);
      if (!events) continue;
      if (to !== from) this.#seen.passed++;
      const { state: after, ...told } = stepState(state, { kind: 'publication', published: to });
      assert.deepEqual(told, { responses: [], events, timers: [] });
      assert.deepEqual(present(after), present(this.#rules.restingAt(rest, to)));
    }
  }
}

/** A field that is undefined is the same as one that is not there. */
function present({ order: { closing, settling, ...order }, ...state }: ClientState): object {
  const kept = [closing, settling].map(({ longest = -1, ...rest }) => ({ ...rest, longest }));
  return { ...state, order, kept };
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const content = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom('1', '2', '3') },
  { weight: 1, arbitrary: fc.constantFrom('1 ttl=3000', '1 onDemand', '4 aliases=alias', 'error=UNAVAILABLE later') },
);
const contents = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), content), {
  minLength: 3,
  maxLength: 6,
  selector: ([name]) => name,
});
const ordered = fc.record({ cluster: fc.constantFrom('1', '2', '1 apart'), to: fc.constantFrom('a', 'b') });
type Ordered = typeof ordered extends fc.Arbitrary<infer T> ? T : never;

function setsOf({ cluster, to }: Ordered, EDS: Contents, SDS: Contents): Sets {
  return { CDS: { a: cluster, b: '1' }, EDS, SDS, LDS: { l: cluster }, RDS: { r: `to-${to}` } };
}

const sets = fc
  .tuple(ordered, contents, contents)
  .map(([order, EDS, SDS]) => setsOf(order, Object.fromEntries(EDS), Object.fromEntries(SDS)));
/** Lists that were read from requests of the same bytes are one object. */
const lists = [['a'], ['b'], ['b', 'c'], ['missing'], ['alias'], ['*'], none];
const move = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('publish' as const), sets }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      type: fc.constantFrom('EDS' as const, 'SDS' as const),
      name: fc.constantFrom(...names),
      content,
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      type: fc.constantFrom(...types),
      list: fc.constantFrom(...lists),
      without: fc.constantFrom(none, none, ['a'], ['b', 'missing']),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      choice: fc.nat(3),
      message: fc.constantFrom(...Array(6).fill(undefined), 'no'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('timer' as const), choice: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gate' as const), open: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), type: fc.constantFrom(...types) }) },
);

/** Of any client whatever it asks for first. */
function property(variant: Variant, aggregated: boolean, seen: Seen, rules: Rules = resting) {
  const first = fc.uniqueArray(fc.constantFrom(...types), { minLength: 1 });
  return fc.property(
    first,
    fc.constantFrom(...lists),
    sets,
    fc.array(move, { maxLength: 40 }),
    fc.nat(2),
    (asked, list, start, moves, node) => {
      const proxy = new Asker(variant, aggregated, node, rules, seen);
      proxy.publish(start);
      for (const type of asked) proxy.ask(type, type === 'CDS' || type === 'LDS' ? none : list);
      proxy.settle();
      for (const each of moves) {
        if (each.kind === 'publish') proxy.publish(each.sets);
        else if (each.kind === 'change') proxy.change(each.type, each.name, each.content);
        else if (each.kind === 'settle') proxy.settle();
        else if (each.kind === 'ask') proxy.ask(each.type, each.list, each.without);
        else if (each.kind === 'answer') proxy.answer(each.choice, each.message);
        else if (each.kind === 'timer') proxy.runTimer(each.choice);
        else if (each.kind === 'gate') proxy.gate(each.open);
        else proxy.leave(each.type);
      }
    },
  );
}

for (const variant of ['sotw', 'delta'] as const) {
  for (const aggregated of [true, false]) {
    test(`who rests goes on as by a step (${variant}, ${aggregated ? 'one stream' : 'several streams'})`, () => {
      const seen: Seen = { rested: 0, passed: 0 };
      fc.assert(property(variant, aggregated, seen), seeded(300));
      assert.ok(seen.rested > 500, `rested ${seen.rested} times`);
      assert.ok(seen.passed > 300, `was not concerned ${seen.passed} times`);
    });
  }
}

/** The state with other lanes of its types. */
function withLanes(state: ClientState, change: object): ClientState {
  return { ...state, lanes: state.lanes.map(lane => ({ ...lane, state: { ...lane.state, ...change } })) };
}

const faults: Readonly<Record<string, Partial<Rules>>> = {
  'names are not looked at': {
    passed: (rest, from, to) => resting.passed(withLanes(rest, { subscription: NONE }), from, to),
  },
  'nothing is told': { passed: (...given) => resting.passed(...given) && [] },
  'lanes keep what they had': {
    restingAt: (rest, published) => ({ ...resting.restingAt(rest, published), lanes: rest.lanes }),
  },
  'who is still being sent something rests': { restOf: state => resting.restOf({ ...state, tally: new Map() }) },
};

for (const [fault, rules] of Object.entries(faults)) {
  test(`a planted fault is found: ${fault}`, () => {
    const planted = { ...resting, ...rules };
    const found = (['sotw', 'delta'] as const).some(
      variant => fc.check(property(variant, true, { rested: 0, passed: 0 }, planted), seeded(300)).failed,
    );
    assert.ok(found);
  });
}
