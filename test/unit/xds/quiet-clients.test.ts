import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { Board, type NodeIdentity, type Publication } from '../../../src/snapshot/board.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { Client, type ClientInput } from '../../../src/xds/client.ts';
import type { Outgoing } from '../../../src/xds/client-driver.ts';
import { startState, stepState } from '../../../src/xds/client-step.ts';
import { Clients } from '../../../src/xds/clients.ts';
import type { XdsEvent } from '../../../src/xds/events.ts';
import { FrameEncoder } from '../../../src/xds/frame.ts';
import { defaultLimits } from '../../../src/xds/limits.ts';
import { readNode } from '../../../src/xds/node-identity.ts';
import { Pacer } from '../../../src/xds/pacer.ts';
import { RequestReader } from '../../../src/xds/request.ts';
import { defaultXdsSettings } from '../../../src/xds/service.ts';
import { StreamDriver } from '../../../src/xds/stream-driver.ts';
import { seeded } from '../../protocol/seeded.ts';
import { type Contents, snapshot, urls } from '../../support/xds-fixtures.ts';
import { writeDelta } from '../../support/xds-wire.ts';

/**
 * Clients that rest are told together of what does not concern them. Each is to be told just what it would be told by
 * itself, by a client that takes a step for every publication.
 */

const keys = ['k1', 'k2'] as const;
type Key = (typeof keys)[number];
type Type = 'EDS' | 'SDS';
const { order, rejection } = defaultXdsSettings;

/** What both are compared by: all that is told of types, without the order of types in one publication. */
function told(events: readonly (Pick<XdsEvent, 'kind'> & { readonly typeUrl?: string })[]): readonly string[] {
  return events
    .flatMap(each => {
      const { clientId: _, bytes: __, ...rest } = each as Record<string, unknown>;
      return 'typeUrl' in rest ? [JSON.stringify(rest)] : [];
    })
    .sort();
}

/** One proxy, as it is served and as it would be by itself. */
class Peer {
  readonly #streamId: number;
  readonly #driver: StreamDriver;
  readonly #plain = new Client({ start: startState({ order, rejection }), step: stepState });
  readonly #reader = new RequestReader();
  readonly #node: string;
  #pending: { readonly typeUrl: string; readonly nonce: string }[] = [];
  expected: XdsEvent[] = [];
  gone = false;

  constructor(streamId: number, key: Key, house: House) {
    this.#streamId = streamId;
    this.#node = `${key}-${streamId}`;
    const port = {
      certificate: undefined,
      peer: `peer-${streamId}`,
      write: (_: Outgoing, done: () => void) => done(),
      end: () => {},
    };
    const settings = { streamId, variant: 'delta', impliedType: undefined, nonceSalt: 1 } as const;
    this.#driver = new StreamDriver(settings, port, house.shared, house.clients);
    this.#expect({ kind: 'joined', stream: settings });
    const { current } = house.board;
    if (current) this.#expect({ kind: 'publication', publication: current });
  }

  ask(type: Type, subscribe: readonly string[], unsubscribe: readonly string[]): void {
    this.#say(writeDelta({ typeUrl: urls[type], node: this.#node, subscribe, unsubscribe }));
  }

  publish(publication: Publication): void {
    if (!this.gone) this.#expect({ kind: 'publication', publication });
  }

  answer(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { typeUrl, nonce } of pending) this.#say(writeDelta({ typeUrl, nonce }));
  }

  leave(): void {
    this.gone = true;
    this.#driver.close('gone');
  }

  #say(bytes: Buffer): void {
    if (this.gone) return;
    this.#driver.received(bytes);
    const { node, ...request } = this.#reader.delta(bytes);
    const reading = node && readNode(node, defaultLimits);
    const identity: NodeIdentity | undefined = reading?.kind === 'node' ? reading.node : undefined;
    this.#expect({ kind: 'delta', streamId: this.#streamId, request, node: identity });
  }

  #expect(input: ClientInput): void {
    const { events, responses } = this.#plain.step(input);
    this.expected.push(...(events as readonly XdsEvent[]));
    this.#pending.push(...responses.map(({ body, nonce }) => ({ typeUrl: body.typeUrl, nonce })));
  }
}

class House {
  readonly board = new Board();
  readonly events: XdsEvent[] = [];
  readonly shared = {
    settings: { order, rejection },
    limits: defaultLimits,
    random: () => 0,
    frames: new FrameEncoder('test'),
    pacer: new Pacer({ limit: 1_000_000, patience: 1_000 }),
    emit: (event: XdsEvent) => void this.events.push(event),
  };
  readonly clients = new Clients(this.board, this.shared);
  readonly #proxies = new Map<number, Peer>();
  #snapshots: ReadonlyMap<string, Snapshot> = new Map();
  #moved = false;
  #assign: Publication['assign'] = assign(false);
  #ids = 0;

  open(key: Key): Peer {
    const id = ++this.#ids;
    const proxy = new Peer(id, key, this);
    this.#proxies.set(id, proxy);
    return proxy;
  }

  proxy(choice: number): Peer | undefined {
    return [...this.#proxies.values()][choice % Math.max(1, this.#proxies.size)];
  }

  change(key: Key, changes: Readonly<Partial<Record<Type | 'CDS', Contents>>>): void {
    const before = this.#snapshots.get(key);
    const contents = (type: Type | 'CDS'): Contents => ({
      ...Object.fromEntries(
        [...(before?.types.get(urls[type])?.resources.keys() ?? [])].map(name => [name, this.#known(key, type, name)]),
      ),
      ...changes[type],
    });
    for (const type of ['CDS', 'EDS', 'SDS'] as const)
      for (const [name, content] of Object.entries(changes[type] ?? {}))
        this.#contents.set(`${key} ${type} ${name}`, content);
    const next = snapshot(key, { CDS: contents('CDS'), EDS: contents('EDS'), SDS: contents('SDS') }, before);
    this.#snapshots = new Map([...this.#snapshots, [key, next]]);
    this.publish();
  }

  readonly #contents = new Map<string, string>();

  #known(key: Key, type: string, name: string): string {
    return this.#contents.get(`${key} ${type} ${name}`) ?? '';
  }

  /** Every other proxy has the other key from now on. */
  changeRule(): void {
    this.#moved = !this.#moved;
    this.#assign = assign(this.#moved);
    this.publish();
  }

  publish(): void {
    const publication = { snapshots: this.#snapshots, assign: this.#assign };
    this.board.publish(publication);
    for (const proxy of this.#proxies.values()) proxy.publish(publication);
  }

  /** Waits until all have been told, and compares what of. */
  async compare(): Promise<number> {
    for (let turn = 0; turn < 4; turn++) await setImmediate();
    let passed = 0;
    for (const [id, proxy] of this.#proxies) {
      const own = this.events.filter(each => each.clientId === id);
      if (!proxy.gone) assert.deepEqual(told(own), told(proxy.expected), `proxy ${id}`);
      passed += own.filter(each => each.kind === 'current').length;
      proxy.expected = [];
    }
    this.events.length = 0;
    return passed;
  }
}

function assign(moved: boolean): Publication['assign'] {
  return ({ id }) => {
    const [key = '', number] = id.split('-');
    const other = moved && Number(number) % 2 === 0;
    return { kind: 'assigned', key: other ? (key === 'k1' ? 'k2' : 'k1') : key };
  };
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const name = fc.constantFrom(...names);
const content = fc.constantFrom('1', '2', '3');
const key = fc.constantFrom(...keys);
const type = fc.constantFrom('EDS' as const, 'SDS' as const);
const some = fc.uniqueArray(name, { maxLength: 2 });
const move = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('change' as const), key, type, name, content }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('both' as const), key, name, content }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cluster' as const), key, content }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rule' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('answer' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ask' as const), who: fc.nat(9), type, some, without: some }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('open' as const), key, type, some }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), who: fc.nat(9) }) },
);

test('clients that are told together are told what each would be told by itself', async () => {
  let passed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 20, maxLength: 60 }), async moves => {
      const house = new House();
      const start: Contents = Object.fromEntries(names.map(each => [each, '0']));
      for (const each of keys) house.change(each, { CDS: { c: '1' }, EDS: start, SDS: start });
      for (const [index, asked] of names.entries()) {
        const proxy = house.open(index % 3 === 0 ? 'k2' : 'k1');
        proxy.ask('EDS', [asked], []);
        proxy.ask('SDS', ['a', asked], []);
      }
      await house.compare();
      for (const each of moves) {
        if (each.kind === 'change') house.change(each.key, { [each.type]: { [each.name]: each.content } });
        else if (each.kind === 'both') {
          const changed = { [each.name]: each.content };
          house.change(each.key, { EDS: changed, SDS: changed });
        } else if (each.kind === 'cluster') house.change(each.key, { CDS: { c: each.content } });
        else if (each.kind === 'rule') house.changeRule();
        else if (each.kind === 'again') house.publish();
        else if (each.kind === 'open') house.open(each.key).ask(each.type, each.some, []);
        else if (each.kind === 'ask') house.proxy(each.who)?.ask(each.type, each.some, each.without);
        else if (each.kind === 'leave') house.proxy(each.who)?.leave();
        else for (let who = 0; who < 20; who++) house.proxy(who)?.answer();
        passed += await house.compare();
      }
    }),
    seeded(60),
  );
  assert.ok(passed > 1_000, `not concerned ${passed} times`);
});

test('a change is told to those whom it concerns, of all that rest', async () => {
  const house = new House();
  const all = Array.from({ length: 300 }, (_, index) => `n${index}`);
  const contents = (content: string): Contents => Object.fromEntries(all.map(each => [each, content]));
  house.change('k1', { CDS: { c: '1' }, EDS: contents('1') });
  for (const each of all) house.open('k1').ask('EDS', [each], []);
  for (let who = 0; who < all.length; who++) house.proxy(who)?.answer();
  assert.equal(house.clients.awake, 300);
  house.change('k1', { EDS: { n0: '2' } });
  await house.compare();
  assert.equal(house.clients.awake, 1);
  house.proxy(0)?.answer();
  for (const content of ['3', '4']) {
    house.change('k1', { EDS: { n7: content } });
    await house.compare();
    assert.equal(house.clients.awake, 1);
    house.proxy(7)?.answer();
  }
  house.change('k1', { CDS: { c: '2' } });
  await house.compare();
  assert.equal(house.clients.awake, 300, 'clusters may concern anybody');
});
