import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NodeIdentity } from '../../src/snapshot/board.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { Client, type ClientInput, type ClientResponse, type ClientStep } from '../../src/xds/client.ts';
import { startState, stepState } from '../../src/xds/client-step.ts';
import type { Variant } from '../../src/xds/events.ts';
import { FrameEncoder } from '../../src/xds/frame.ts';
import { StepMemory } from '../../src/xds/step-memory.ts';
import { publication, type Sets, snapshot, type TypeName, testNode, urls } from '../support/xds-fixtures.ts';
import { seeded } from './seeded.ts';

const settings = {
  order: { gateLimit: 1, linger: 2, lingerLimit: 3, grace: 4, reopening: 5 },
  rejection: { pause: 6, retryAfter: 7, retryLimit: 8 },
};
const types = ['CDS', 'EDS', 'LDS', 'RDS'] as const;
const frames = new FrameEncoder('test');

/** Lists that were read from requests of the same bytes are one object. */
const lists: readonly (readonly string[])[] = [[], ['a'], ['b'], ['a', 'b', 'c'], ['a', 'b', 'missing'], ['*']];
const has: readonly ReadonlyMap<string, string>[] = [new Map(), new Map([['a', '1']]), new Map([['gone', '1']])];
const nodes: readonly NodeIdentity[] = [
  testNode,
  { ...testNode, userAgent: 'envoy' },
  { ...testNode, features: ['xds.config.supports-resource-ttl', 'xds.config.supports-resource-errors'] },
];

/** A client in the memory, and one that is told the same and finds every step itself. */
class Twins {
  readonly #variant: Variant;
  readonly #one: Client;
  readonly #other = new Client({ start: startState(settings), step: stepState });
  readonly #node: NodeIdentity;
  readonly #aggregated: boolean;
  readonly #streams = new Map<string, number>();
  readonly #asked = new Map<TypeName, readonly string[]>();
  /** Of the responses that were dealt with last. */
  readonly #nonces = new Map<TypeName, string>();
  #inbox: ClientResponse[] = [];
  #answered: readonly ClientResponse[] = [];
  #timers: readonly number[] = [];

  constructor(memory: StepMemory, variant: Variant, node: NodeIdentity, aggregated: boolean) {
    this.#variant = variant;
    this.#one = new Client(memory);
    this.#node = node;
    this.#aggregated = aggregated;
  }

  get state() {
    return this.#one.state;
  }

  step(input: ClientInput): void {
    const [one, other] = [this.#one.step(input), this.#other.step(input)];
    assert.deepEqual(shown(one), shown(other));
    this.#inbox.push(...one.responses);
    this.#timers = [...this.#timers, ...one.timers.map(each => each.id)];
  }

  ask(type: TypeName, list: readonly string[], without: readonly string[], brought: ReadonlyMap<string, string>): void {
    this.#asked.set(type, list);
    const streamId = this.#stream(type);
    this.#request(streamId, type, this.#nonces.get(type) ?? '', { subscribe: list, without, brought });
  }

  /** An answer to one of the responses, or once more to one that has been answered. */
  answer(choice: number, error: boolean, anew: boolean): void {
    const known = anew && this.#answered.length > 0 ? this.#answered : this.#inbox;
    const response = known[choice % Math.max(1, known.length)];
    if (!response) return;
    const type = types.find(each => urls[each] === response.body.typeUrl);
    if (!type) return;
    this.#inbox = this.#inbox.filter(each => each !== response);
    this.#answered = [...this.#answered.slice(-3), response];
    this.#nonces.set(type, response.nonce);
    const message = error ? `Error adding/updating cluster(s) a: bad` : undefined;
    this.#request(response.streamId, type, response.nonce, {}, response.body.version, message);
  }

  /** Answers and timers, until nothing is under way. */
  settle(): void {
    for (let times = 0; times < 100 && this.#inbox.length + this.#timers.length > 0; times++) {
      if (this.#inbox.length > 0) this.answer(0, false, false);
      else this.runTimer(0);
    }
  }

  runTimer(choice: number): void {
    const id = this.#timers[choice % Math.max(1, this.#timers.length)];
    if (id === undefined) return;
    this.#timers = this.#timers.filter(each => each !== id);
    this.step({ kind: 'timer', id });
  }

  gate(open: boolean): void {
    this.step({ kind: 'gate', streams: [...this.#streams.values()], open });
  }

  /** A stream ends, and is opened again when something is asked for. */
  leave(choice: number): void {
    const [name, streamId] = [...this.#streams][choice % Math.max(1, this.#streams.size)] ?? [];
    if (name === undefined || streamId === undefined) return;
    this.#streams.delete(name);
    this.#inbox = this.#inbox.filter(each => each.streamId !== streamId);
    this.step({ kind: 'left', streamId });
  }

  #stream(type: TypeName): number {
    const name = this.#aggregated ? 'all' : type;
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const streamId = ++streamIds;
    this.#streams.set(name, streamId);
    const impliedType = this.#aggregated ? undefined : urls[type];
    this.step({ kind: 'joined', stream: { streamId, variant: this.#variant, impliedType, nonceSalt: 3 } });
    return streamId;
  }

  #request(
    streamId: number,
    type: TypeName,
    nonce: string,
    asked: { subscribe?: readonly string[]; without?: readonly string[]; brought?: ReadonlyMap<string, string> },
    versionInfo = '',
    message?: string,
  ): void {
    const error = message === undefined ? undefined : { code: 13, message };
    const common = { typeUrl: urls[type], nonce, error };
    const { subscribe = noNames, without = noNames, brought = nothing } = asked;
    const node = this.#node;
    if (this.#variant === 'sotw') {
      const request = { ...common, versionInfo, names: this.#asked.get(type) ?? noNames };
      this.step({ kind: 'sotw', streamId, node, request });
    } else {
      const request = { ...common, subscribe, unsubscribe: without, has: brought };
      this.step({ kind: 'delta', streamId, node, request });
    }
  }
}

class CountingMemory extends StepMemory {
  asked = 0;

  override step(...given: Parameters<StepMemory['step']>): ReturnType<StepMemory['step']> {
    this.asked++;
    return super.step(...given);
  }
}

const noNames: readonly string[] = [];
const nothing: ReadonlyMap<string, string> = new Map();
let streamIds = 0;

/** All that leaves a client, byte for byte. */
function shown({ responses, ...told }: ClientStep) {
  const bytes = responses.map(({ streamId, variant, limited, body, nonce }) => [
    streamId,
    frames.frame(variant, body, limited).withNonce(nonce).toString('latin1'),
  ]);
  return { ...told, bytes };
}

const content = fc.constantFrom('1', '2', '3 ttl=3000');
const set = fc.dictionary(fc.constantFrom('a', 'b', 'c'), content);
const sets = fc
  .record({ CDS: set, EDS: set, LDS: set, to: fc.constantFrom('a', 'b') })
  .map(({ to, ...made }): Sets => ({ ...made, RDS: { r: `to-${to}` } }));

/** Mostly all: clients of a fleet are told the same, and what one does by itself must not become the others'. */
const who = fc.oneof({ weight: 5, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(3) });
const move = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish' as const), sets, who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rollBack' as const), choice: fc.nat(9), who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      type: fc.constantFrom(...types),
      list: fc.constantFrom(...lists),
      without: fc.constantFrom(noNames, noNames, ['a'], ['b', 'missing']),
      brought: fc.constantFrom(nothing, nothing, ...has),
      who,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      choice: fc.nat(3),
      error: fc.nat(7).map(each => each === 0),
      anew: fc.nat(2).map(each => each === 0),
      who,
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle' as const), who: fc.constant(-1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('timer' as const), choice: fc.nat(5), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gate' as const), open: fc.boolean(), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), choice: fc.nat(3), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retry' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('another' as const), node: fc.nat(2), who: fc.nat(3) }) },
);

for (const variant of ['sotw', 'delta'] as const) {
  for (const aggregated of [true, false]) {
    test(`what is remembered of others changes nothing (${variant}, ${aggregated ? 'one stream' : 'several streams'})`, () => {
      // Of all histories, so that one finds what others have left.
      const memory = new CountingMemory(settings);
      const property = fc.property(fc.array(move, { minLength: 20, maxLength: 100 }), fc.nat(2), (moves, node) => {
        const made = (index: number) => new Twins(memory, variant, nodes[index] ?? testNode, aggregated);
        const clients = [0, 1, 2, 3].map(() => made(node));
        const published: Snapshot[] = [];
        for (const each of clients) for (const type of types) each.ask(type, lists[3] ?? noNames, noNames, nothing);
        for (const each of moves) {
          if (each.kind === 'publish') published.push(snapshot('fleet', each.sets, published.at(-1)));
          if (each.kind === 'another') clients[each.who] = made(each.node);
          for (const client of each.who < 0 ? clients : clients.slice(each.who, each.who + 1)) {
            const snapshotThen =
              each.kind === 'rollBack' ? published[each.choice % Math.max(1, published.length)] : published.at(-1);
            if (each.kind === 'ask') client.ask(each.type, each.list, each.without, each.brought);
            else if (each.kind === 'answer') client.answer(each.choice, each.error, each.anew);
            else if (each.kind === 'settle') client.settle();
            else if (each.kind === 'timer') client.runTimer(each.choice);
            else if (each.kind === 'gate') client.gate(each.open);
            else if (each.kind === 'leave') client.leave(each.choice);
            else if (each.kind === 'retry') client.step({ kind: 'retry' });
            else if (snapshotThen) client.step({ kind: 'publication', publication: publication(snapshotThen) });
          }
        }
      });
      fc.assert(property, seeded(40));
      assert.ok(memory.found < 0.9 * memory.asked, `${memory.found} of ${memory.asked} were found`);
    });
  }
}
