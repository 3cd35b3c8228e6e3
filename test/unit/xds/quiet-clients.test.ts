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
import { type Nest, QuietClients } from '../../../src/xds/quiet-clients.ts';
import { RequestReader } from '../../../src/xds/request.ts';
import type { Rest } from '../../../src/xds/resting.ts';
import { defaultXdsSettings } from '../../../src/xds/service.ts';
import { StreamDriver } from '../../../src/xds/stream-driver.ts';
import { subscriptionOfList } from '../../../src/xds/subscription.ts';
import { seeded } from '../../protocol/seeded.ts';
import { type Contents, snapshot, urls } from '../../support/xds-fixtures.ts';
import { readResponse, writeDelta } from '../../support/xds-wire.ts';

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
      // Of those that are gone, nothing more is to be told.
      assert.deepEqual(told(own), told(proxy.expected), `proxy ${id}`);
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
const below = ['xdstp://x/T/p/m', 'xdstp://x/T/p/n'];
const name = fc.constantFrom(...names);
const any = fc.constantFrom(...names, ...below);
const content = fc.constantFrom('1', '2', '3');
const key = fc.constantFrom(...keys);
const type = fc.constantFrom('EDS' as const, 'SDS' as const);
const few = fc.uniqueArray(any, { minLength: 1, maxLength: 3 });
const asked = fc.oneof(
  { weight: 20, arbitrary: any },
  { weight: 2, arbitrary: fc.constantFrom('xdstp://x/T/p/*', 'xdstp://x/T/q/*') },
  { weight: 1, arbitrary: fc.constant('*') },
);
const some = fc.uniqueArray(asked, { maxLength: 2 });
const move = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('change' as const), key, type, few, content }) },
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
      const start: Contents = Object.fromEntries([...names, ...below].map(each => [each, '0']));
      for (const each of keys) house.change(each, { CDS: { c: '1' }, EDS: start, SDS: start });
      for (const [index, asked] of names.entries()) {
        const proxy = house.open(index % 3 === 0 ? 'k2' : 'k1');
        proxy.ask('EDS', [asked], []);
        proxy.ask('SDS', ['a', asked], []);
      }
      house.open('k1').ask('EDS', ['xdstp://x/T/p/*'], []);
      house.open('k2').ask('EDS', ['*'], []);
      await house.compare();
      for (const each of moves) {
        if (each.kind === 'change')
          house.change(each.key, { [each.type]: Object.fromEntries(each.few.map(one => [one, each.content])) });
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

/** One that rests, by itself: keeps what it has been told of when it goes on. */
class Resting {
  readonly id: number;
  readonly nests: Nest<Resting>[] = [];
  told: ReturnType<Nest<Resting>['leave']> | undefined;
  #nest: Nest<Resting> | undefined;

  constructor(id: number) {
    this.id = id;
  }

  get rests(): boolean {
    return this.#nest !== undefined;
  }

  nestle(nest: Nest<Resting>): void {
    this.nests.push(nest);
    this.#nest = nest;
  }

  wake(): void {
    this.told = this.#nest?.leave(this.id) ?? this.told;
    this.#nest = undefined;
  }
}

/** Nobody but those who are added, at a publication that can be changed. */
function alone() {
  const events: XdsEvent[] = [];
  const woken: number[] = [];
  const quiet = new QuietClients<Resting>(
    event => void events.push(event),
    ({ id }) => void woken.push(id),
  );
  const rule = assign(false);
  const at = (contents: Contents, before?: Snapshot) => {
    const published = snapshot('k1', { CDS: { c: '1' }, EDS: contents }, before);
    return { published, publication: { snapshots: new Map([['k1', published]]), assign: rule } };
  };
  const first = at({ a: '1', b: '1' });
  const add = (client: Resting, rest: Rest, now = first) => quiet.add(client, { rest, key: 'k1', ...now });
  return { quiet, events, woken, at, first, add };
}

function restWith(...asked: readonly string[]): Rest {
  return { lanes: [{ state: { typeUrl: urls.EDS, subscription: subscriptionOfList(asked) } }] } as unknown as Rest;
}

test('only who has been told of the same is told together with the others', () => {
  const { quiet, at, first, add } = alone();
  const [one, other] = [new Resting(1), new Resting(2)];
  assert.ok(add(one, restWith('a')));
  const second = at({ a: '1', b: '2' }, first.published);
  assert.ok(!add(other, restWith('a'), second), 'it is ahead');
  assert.ok(!add(other, restWith('a'), { ...first, publication: second.publication }));
  assert.ok(!add(other, restWith('a'), { ...first, published: second.published }));
  assert.ok(!other.rests);
  quiet.publish(second.publication);
  assert.ok(!add(other, restWith('a')), 'it is behind');
  assert.ok(add(other, restWith('a'), second));
});

test('who is concerned goes on from what was published before, the others are told', () => {
  const { quiet, events, woken, at, first, add } = alone();
  const [one, other] = [new Resting(1), new Resting(2)];
  add(one, restWith('a'));
  add(other, restWith('b'));
  const second = at({ a: '1', b: '2' }, first.published);
  quiet.publish(second.publication);
  assert.deepEqual(woken, [2]);
  assert.deepEqual(other.told, first);
  assert.deepEqual(
    events.map(({ kind, clientId }) => [kind, clientId]),
    [['current', 1]],
  );
  one.wake();
  assert.deepEqual(one.told, second);
});

test('a publication that is broken wakes all, who have not been told of it', () => {
  const broken: readonly Publication['snapshots'][] = [
    { get: () => assert.fail('broken') } as unknown as Publication['snapshots'],
    new Map([['k1', { key: 'k1', version: '', types: undefined } as unknown as Snapshot]]),
    new Map(),
  ];
  for (const snapshots of broken) {
    const { quiet, events, woken, at, first, add } = alone();
    const both = [new Resting(1), new Resting(2)];
    for (const each of both) add(each, restWith('a'));
    quiet.publish({ snapshots, assign: first.publication.assign });
    assert.deepEqual([woken, events], [[1, 2], []]);
    for (const each of both) assert.equal(each.told?.publication, first.publication);
    const second = at({ a: '2', b: '1' }, first.published);
    assert.ok(add(new Resting(3), restWith('a'), second), 'nobody is here who was told of another');
  }
});

test('another rule wakes all', () => {
  const { quiet, events, woken, first, add } = alone();
  for (const id of [1, 2]) add(new Resting(id), restWith('a'));
  quiet.publish({ ...first.publication, assign: assign(false) });
  assert.deepEqual([woken, events], [[1, 2], []]);
});

test('who comes back is put where it was, however often it goes on', () => {
  const { add } = alone();
  const [client, rest] = [new Resting(1), restWith('a')];
  for (let time = 0; time < 200; time++) {
    add(client, rest);
    client.wake();
  }
  assert.equal(new Set(client.nests).size, 1);
});

test('of those who do not come back nothing stays, and those who are here are told all the same', () => {
  const { quiet, events, at, first, add } = alone();
  const stays = new Resting(0);
  add(stays, restWith('a'));
  const gone = Array.from({ length: 1_000 }, (_, index) => new Resting(index + 1));
  for (const each of gone) {
    add(each, restWith('a'));
    each.wake();
  }
  const [client, rest] = [new Resting(2_000), restWith('a')];
  for (let time = 0; time < 10; time++) {
    add(client, rest);
    client.wake();
  }
  assert.ok(new Set(client.nests).size <= 2, 'it comes back to where it was');
  const looked = new Set<Nest<Resting>>();
  for (const nest of gone.flatMap(each => each.nests)) {
    const { clients } = nest;
    const get = () => {
      looked.add(nest);
      return clients;
    };
    Object.defineProperty(nest, 'clients', { get });
  }
  const second = at({ a: '1', b: '2' }, first.published);
  quiet.publish(second.publication);
  assert.ok(looked.size < 100, `${looked.size} that are empty are told`);
  assert.deepEqual(
    events.map(({ clientId }) => clientId),
    [0],
  );
  looked.clear();
  quiet.publish({ ...second.publication, assign: assign(false) });
  assert.ok(looked.size < 100, `${looked.size} that are empty are woken`);
  assert.deepEqual(stays.told, second);
});

/** Streams of proxies that acknowledge at once, and one publication after another. */
function proxies() {
  const house = new House();
  const open = (node: string, type: Type, subscribe: readonly string[]) => {
    const streamId = ++streams;
    const written: string[] = [];
    const port = {
      certificate: undefined,
      peer: node,
      write: ({ frame, nonce }: Outgoing, done: () => void) => {
        const { resources } = readResponse('delta', frame.withNonce(nonce));
        written.push(...resources.map(each => `${each.name}=${each.content}`));
        done();
        nonces.push(nonce);
      },
      end: () => {},
    };
    const nonces: string[] = [];
    const settings = { streamId, variant: 'delta', impliedType: urls[type], nonceSalt: 1 } as const;
    const driver = new StreamDriver(settings, port, house.shared, house.clients);
    const ask = (...more: readonly string[]) =>
      driver.received(writeDelta({ typeUrl: urls[type], node, subscribe: more }));
    const answer = () => {
      for (const nonce of nonces.splice(0)) driver.received(writeDelta({ typeUrl: urls[type], nonce }));
    };
    ask(...subscribe);
    answer();
    return { driver, written, ask, answer };
  };
  let streams = 0;
  const change = async (EDS: Contents) => {
    house.change('k1', { EDS });
    for (let turn = 0; turn < 4; turn++) await setImmediate();
  };
  return { house, open, change };
}

/** One proxy that rests, and has been told of the last publication together with others. */
async function resting() {
  const { house, open, change } = proxies();
  house.change('k1', { CDS: { c: '1' }, EDS: { a: '1', b: '1' }, SDS: { s: '1' } });
  const stream = open('k1-1', 'EDS', ['a']);
  await change({ b: '2' });
  assert.equal(house.clients.awake, 0);
  await change({ b: '3' });
  const [client] = house.clients.ofNode('k1-1');
  assert.ok(client);
  return { house, open, change, stream, client };
}

test('nothing is told of a client that has gone while it rested', async () => {
  const { house, change, stream } = await resting();
  stream.driver.close('gone');
  assert.equal(house.clients.awake, 0);
  await change({ b: '4' });
  await change({ a: '4' });
  assert.deepEqual(house.events.at(-1), { kind: 'closed', clientId: 1, reason: 'gone' });
});

test('a client that rests may have another stream, and is told of what both ask for', async () => {
  const { house, open, change, stream } = await resting();
  house.change('k1', { EDS: { b: '4' } });
  await change({});
  const before = house.events.length;
  const second = open('k1-1', 'SDS', ['s']);
  const types = new Set(house.events.slice(before).flatMap(each => ('typeUrl' in each ? [each.typeUrl] : [])));
  assert.deepEqual([...types], [urls.SDS], 'of the other type it was told before');
  assert.equal(house.clients.ofNode('k1-1').length, 1);
  assert.deepEqual([stream.written, second.written], [['a=1'], ['s=1']]);
  house.change('k1', { SDS: { s: '2' } });
  await change({ a: '2' });
  assert.deepEqual(
    [stream.written, second.written],
    [
      ['a=1', 'a=2'],
      ['s=1', 's=2'],
    ],
  );
});

test('a client that goes on knows the newest that it was told of while it rested', async () => {
  const { house, stream, client } = await resting();
  assert.notEqual(client.told, house.board.current, 'it is told together with others');
  stream.ask('b');
  assert.deepEqual(stream.written, ['a=1', 'b=3']);
  assert.equal(client.told, house.board.current);
});

test('a client that rested and waits for room is sent what it waits for', async () => {
  const { house, change, stream } = await resting();
  const { pacer } = house.shared;
  const write = {};
  pacer.begin(write, 1_000_000);
  await change({ a: '2' });
  assert.deepEqual([stream.written, house.clients.awake], [['a=1'], 1]);
  pacer.end(write);
  for (let turn = 0; turn < 4; turn++) await setImmediate();
  assert.deepEqual(stream.written, ['a=1', 'a=2']);
});
