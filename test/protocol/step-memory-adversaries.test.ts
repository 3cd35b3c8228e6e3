import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NodeIdentity, Publication } from '../../src/snapshot/board.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { Client, type ClientInput, type ClientStep, type Steps } from '../../src/xds/client.ts';
import type { ClientSettings, ClientState } from '../../src/xds/client-state.ts';
import { startState, stepState } from '../../src/xds/client-step.ts';
import type { Variant } from '../../src/xds/events.ts';
import { FrameEncoder } from '../../src/xds/frame.ts';
import { StepMemory } from '../../src/xds/step-memory.ts';
import { type Contents, type Sets, snapshot, type TypeName, testNode, urls } from '../support/xds-fixtures.ts';
import { seeded } from './seeded.ts';

/**
 * Clients that do what no proxy does: several streams of either variant, requests with anybody's nonces, names that are
 * given up and taken again, nodes that become others, things that are had by other names or only on demand. Whatever
 * they do, each is told what it is told without the memory.
 */

const settings: ClientSettings = {
  order: { gateLimit: 1, linger: 2, lingerLimit: 3, grace: 4, reopening: 5 },
  rejection: { pause: 6, retryAfter: 7, retryLimit: 8 },
  limits: { names: 8, types: 5 },
};
const types = ['CDS', 'EDS', 'LDS', 'RDS', 'VHDS', 'SDS'] as const;
const frames = new FrameEncoder('test');

/** Lists that were read from requests of the same bytes are one object. */
const lists: readonly (readonly string[])[] = [
  [],
  ['*'],
  ['a'],
  ['b', 'missing'],
  ['a', 'b', 'c'],
  ['*', 'a'],
  ['r/a', 'alias'],
  ['alias', 'b', 'c', 'd', 'e', 'f'],
];
const brought: readonly ReadonlyMap<string, string>[] = [new Map([['a', '1']]), new Map([['gone', '1']])];
const features = [
  'xds.config.supports-resource-ttl',
  'xds.config.resource-in-sotw',
  'xds.config.supports-resource-errors',
];
const nodes: readonly NodeIdentity[] = [
  testNode,
  { ...testNode, userAgent: 'envoy' },
  { ...testNode, features },
  { ...testNode, cluster: 'other' },
];

interface OpenStream {
  readonly streamId: number;
  readonly variant: Variant;
  readonly type: TypeName | undefined;
  readonly nonces: Map<string, string[]>;
}

interface Asking {
  readonly stream: number;
  readonly type: (typeof types)[number];
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly has: ReadonlyMap<string, string>;
  readonly versionInfo: string;
  readonly nonce: 'newest' | 'earlier' | 'nobodys' | 'none' | 'of another type';
  readonly error: string | undefined;
  readonly node: number | undefined;
}

let streamIds = 0;

/** A client in the memory, and one that is told the same and finds every step itself. */
class Twins {
  readonly #one: Client;
  readonly #other: Client;
  #streams: OpenStream[] = [];
  #timers: readonly number[] = [];
  readonly #node: number;

  constructor(steps: Steps, node: number) {
    this.#one = new Client(steps);
    this.#other = new Client({ start: startState(settings), step: stepState });
    this.#node = node;
  }

  step(input: ClientInput): void {
    const [one, other] = [this.#one.step(input), this.#other.step(input)];
    assert.deepEqual(shown(one), shown(other));
    for (const { streamId, body, nonce } of one.responses) {
      const nonces = this.#streams.find(each => each.streamId === streamId)?.nonces;
      nonces?.set(body.typeUrl, [...(nonces.get(body.typeUrl) ?? []), nonce]);
    }
    this.#timers = [...this.#timers, ...one.timers.map(each => each.id)];
    // The stream that has made it is ended.
    if (one.fault !== undefined && 'streamId' in input) this.#end(input.streamId);
  }

  #end(streamId: number): void {
    this.#streams = this.#streams.filter(each => each.streamId !== streamId);
    this.step({ kind: 'left', streamId });
  }

  /** What it is in, and not only what it has been told. */
  compare(): void {
    assert.deepEqual(present(this.#one.state), present(this.#other.state));
  }

  open(variant: Variant, type: TypeName | undefined): void {
    if (this.#streams.length >= 4) return;
    const streamId = ++streamIds;
    this.#streams.push({ streamId, variant, type, nonces: new Map() });
    const impliedType = type && urls[type];
    this.step({ kind: 'joined', stream: { streamId, variant, impliedType, nonceSalt: 3 } });
  }

  ask(asking: Asking): void {
    const stream = this.#stream(asking.stream);
    if (!stream) return;
    const { streamId, variant } = stream;
    const node = asking.node === undefined ? nodes[this.#node] : nodes[asking.node];
    const typeUrl = urls[stream.type ?? asking.type];
    const { subscribe, unsubscribe, has, versionInfo } = asking;
    const error = asking.error === undefined ? undefined : { code: 13, message: asking.error };
    const common = { typeUrl, nonce: this.#nonce(stream, typeUrl, asking.nonce), error };
    if (variant === 'sotw') {
      this.step({ kind: 'sotw', streamId, node, request: { ...common, versionInfo, names: subscribe } });
    } else {
      this.step({ kind: 'delta', streamId, node, request: { ...common, subscribe, unsubscribe, has } });
    }
  }

  #stream(choice: number): OpenStream | undefined {
    return this.#streams[choice % Math.max(1, this.#streams.length)];
  }

  #nonce({ nonces }: OpenStream, typeUrl: string, kind: Asking['nonce']): string {
    const own = nonces.get(typeUrl) ?? [];
    if (kind === 'newest') return own.at(-1) ?? '';
    if (kind === 'earlier') return own.at(-2) ?? '';
    if (kind === 'of another type') return [...nonces].find(([url]) => url !== typeUrl)?.[1].at(-1) ?? '';
    return kind === 'none' ? '' : '0123456789abcdef';
  }

  /** Acknowledges everything and lets all time pass, until nothing is under way. */
  settle(): void {
    for (let round = 0; round < 6; round++) {
      let said = false;
      for (const stream of this.#streams) {
        for (const [typeUrl, nonces] of stream.nonces) {
          const newest = nonces.at(-1);
          const lane = this.#one.state.lanes.find(
            each => each.state.typeUrl === typeUrl && each.state.unanswered.length > 0,
          );
          if (newest === undefined || !lane) continue;
          said = true;
          this.#acknowledge(stream, typeUrl, newest);
        }
      }
      const timers = this.#timers;
      this.#timers = [];
      for (const id of timers) this.step({ kind: 'timer', id });
      if (!said && timers.length === 0) return;
    }
  }

  #acknowledge({ streamId, variant, type }: OpenStream, typeUrl: string, nonce: string): void {
    const common = { typeUrl: type ? '' : typeUrl, nonce, error: undefined };
    const node = undefined;
    const lane = this.#one.state.lanes.find(each => each.state.typeUrl === typeUrl && 'list' in each.state);
    const names = lane && 'list' in lane.state ? (lane.state.list ?? none) : none;
    if (variant === 'sotw')
      this.step({ kind: 'sotw', streamId, node, request: { ...common, versionInfo: 'v', names } });
    else
      this.step({
        kind: 'delta',
        streamId,
        node,
        request: { ...common, subscribe: none, unsubscribe: none, has: nothing },
      });
  }

  timer(choice: number): void {
    const id = this.#timers[choice % Math.max(1, this.#timers.length)];
    if (id === undefined) return;
    this.#timers = this.#timers.filter(each => each !== id);
    this.step({ kind: 'timer', id });
  }

  gate(choice: number, open: boolean): void {
    const stream = this.#stream(choice);
    if (stream) this.step({ kind: 'gate', streams: [stream.streamId], open });
  }

  leave(choice: number): void {
    const stream = this.#stream(choice);
    if (stream) this.#end(stream.streamId);
  }
}

const none: readonly string[] = [];
const nothing: ReadonlyMap<string, string> = new Map();

/** All that leaves a client, byte for byte. */
function shown({ responses, ...told }: ClientStep) {
  const bytes = responses.map(({ streamId, variant, limited, body, nonce }) => [
    streamId,
    frames.frame(variant, body, limited).withNonce(nonce).toString('latin1'),
  ]);
  return { ...told, bytes };
}

/** A field that is undefined is the same as one that is not there. */
function present(state: ClientState): object {
  const { retiring, settling, lingering, closing, ...order } = state.order;
  const kept = [retiring, settling, lingering, closing].map(({ longest = -1, ...rest }) => ({ ...rest, longest }));
  return { ...state, order, kept };
}

/** Nothing that is shared may be changed by who has it. */
function frozen<T>(value: T, depth = 6): T {
  if (typeof value !== 'object' || value === null || depth === 0 || Object.isFrozen(value)) return value;
  if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) {
    Object.freeze(value);
    for (const each of Object.values(value)) frozen(each, depth - 1);
  }
  return value;
}

/** A memory that may be lost at any time, as after a collection of garbage, and whose steps nobody can change. */
class ForgetfulSteps implements Steps {
  readonly start = startState(settings);
  #memory = new StepMemory(settings);
  asked = 0;
  found = 0;

  readonly step: Steps['step'] = (state, input) => {
    this.asked++;
    const before = this.#memory.found;
    const step = frozen(this.#memory.step(state, input));
    this.found += this.#memory.found - before;
    return step;
  };

  forget(): void {
    this.#memory = new StepMemory(settings);
  }
}

const contents = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.constantFrom(
    '1',
    '2',
    '3',
    '3 ttl=3000',
    '1 onDemand',
    '2 onDemand',
    '4 aliases=alias',
    'error=UNAVAILABLE later',
  ),
);
const clusters = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2', '1 apart', '2 onDemand'));
const sets = fc
  .record({
    CDS: clusters,
    EDS: contents,
    LDS: contents,
    SDS: contents,
    hosts: contents,
    to: fc.constantFrom('a', 'b'),
  })
  .map(
    ({ to, hosts, ...made }): Sets => ({
      ...made,
      RDS: { r: `to-${to}` },
      VHDS: Object.fromEntries(Object.entries(hosts).map(([name, each]) => [`r/${name}`, each])) as Contents,
    }),
  );

/** Mostly all: what one does by itself must not become the others'. */
const who = fc.oneof({ weight: 12, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(3) });
const asking: fc.Arbitrary<Asking> = fc.record({
  stream: fc.nat(3),
  type: fc.constantFrom(...types),
  subscribe: fc.constantFrom(none, none, ...lists),
  unsubscribe: fc.constantFrom(none, none, ['a'], ['*'], ['b', 'missing', 'alias']),
  has: fc.constantFrom(...Array(10).fill(nothing), ...brought),
  versionInfo: fc.constantFrom('', '', 'v'),
  nonce: fc.constantFrom('newest', 'newest', 'newest', 'earlier', 'nobodys', 'none', 'of another type'),
  error: fc.constantFrom(...Array(16).fill(undefined), 'no', 'Error adding/updating cluster(s) a: bad'),
  node: fc.constantFrom(...Array(24).fill(undefined), 0, 1, 2, 3),
});
/** From one state, each of them something a little different. */
const otherwise: fc.Arbitrary<Partial<Asking>> = fc.oneof(
  fc.constant({}),
  asking.map(({ subscribe }) => ({ subscribe })),
  asking.map(({ unsubscribe }) => ({ unsubscribe })),
  asking.map(({ has }) => ({ has })),
  asking.map(({ nonce }) => ({ nonce })),
  asking.map(({ versionInfo }) => ({ versionInfo })),
  fc.nat(3).map(node => ({ node })),
);
const move = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('scatter' as const),
      asking,
      changes: fc.array(otherwise, { minLength: 4, maxLength: 4 }),
      who: fc.constant(-1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('publish' as const), sets, other: fc.boolean(), rule: fc.boolean(), who }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rollBack' as const), choice: fc.nat(9), who }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      variant: fc.constantFrom('sotw' as const, 'delta' as const),
      type: fc.constantFrom(undefined, undefined, ...types),
      who,
    }),
  },
  { weight: 14, arbitrary: fc.record({ kind: fc.constant('ask' as const), asking, who }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('settle' as const), who: fc.constant(-1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('timer' as const), choice: fc.nat(5), who }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('gate' as const), choice: fc.nat(3), open: fc.boolean(), who }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), choice: fc.nat(3), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retry' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('another' as const), node: fc.nat(3), who: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), who: fc.constant(-1) }) },
);

const byCluster = ({ cluster }: NodeIdentity) => ({ kind: 'assigned' as const, key: cluster || 'fleet' });

test('what is remembered of others changes nothing, whatever clients do', () => {
  const steps = new ForgetfulSteps();
  const property = fc.property(fc.array(move, { minLength: 20, maxLength: 120 }), fc.nat(3), (moves, node) => {
    const clients = [0, 1, 2, 3].map(() => new Twins(steps, node));
    const published: Publication[] = [];
    const fleets = new Map<string, Snapshot>();
    for (const client of clients) client.open('delta', undefined);
    for (const each of moves) {
      if (each.kind === 'publish') {
        const key = each.other ? 'other' : 'fleet';
        fleets.set(key, snapshot(key, each.sets, fleets.get(key)));
        const assign = each.rule ? byCluster : (one: NodeIdentity) => byCluster(one);
        published.push({ snapshots: new Map(fleets), assign });
      }
      if (each.kind === 'forget') steps.forget();
      if (each.kind === 'scatter') {
        for (const [index, client] of clients.entries()) client.ask({ ...each.asking, ...each.changes[index] });
        continue;
      }
      if (each.kind === 'another') clients[each.who] = new Twins(steps, each.node);
      for (const client of each.who < 0 ? clients : clients.slice(each.who, each.who + 1)) {
        if (each.kind === 'open') client.open(each.variant, each.type);
        else if (each.kind === 'ask') client.ask(each.asking);
        else if (each.kind === 'settle') client.settle();
        else if (each.kind === 'timer') client.timer(each.choice);
        else if (each.kind === 'gate') client.gate(each.choice, each.open);
        else if (each.kind === 'leave') client.leave(each.choice);
        else if (each.kind === 'retry') client.step({ kind: 'retry' });
        else if (each.kind === 'publish' || each.kind === 'rollBack') {
          const choice = each.kind === 'publish' ? published.length - 1 : each.choice % Math.max(1, published.length);
          const publication = published[choice];
          if (publication) client.step({ kind: 'publication', publication });
        }
      }
    }
    for (const client of clients) client.compare();
  });
  fc.assert(property, seeded(60));
  assert.ok(steps.found < 0.9 * steps.asked, `${steps.found} of ${steps.asked} were found`);
});
