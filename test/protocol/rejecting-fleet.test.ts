import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientInput, type ClientResponse, Client as PureClient } from '../../src/xds/client.ts';
import type { Variant } from '../../src/xds/events.ts';
import { FrameEncoder } from '../../src/xds/frame.ts';
import type { TimerRequest } from '../../src/xds/order-state.ts';
import { StepMemory } from '../../src/xds/step-memory.ts';
import {
  type Contents,
  publication,
  type Sets,
  snapshot,
  type TypeName,
  testNode,
  urls,
} from '../support/xds-fixtures.ts';

/** Milliseconds, told apart by what they are. */
const rejection = { pause: 1_000, retryAfter: 10_000, retryLimit: 80_000 };
const order = { gateLimit: 1, linger: 1, lingerLimit: 1, grace: 1, reopening: 1 };
/** One for all: what it remembers of a client is true for the next. */
const memory = new StepMemory({ order, rejection });

/** A client of one type that rejects some contents, and says whose they are or nothing. */
class Client {
  readonly #variant: Variant;
  readonly #type: TypeName;
  readonly #names: readonly string[];
  readonly #says: (bad: readonly string[]) => string;
  readonly #client = new PureClient(memory);
  readonly sent: (readonly string[])[] = [];
  readonly responses: ClientResponse[] = [];
  timers: readonly TimerRequest[] = [];
  rejects: (content: string) => boolean = () => false;
  readonly holds = new Map<string, string>();

  constructor(variant: Variant, type: TypeName, names: readonly string[], says: (bad: readonly string[]) => string) {
    this.#variant = variant;
    this.#type = type;
    this.#names = names;
    this.#says = says;
    this.#step({ kind: 'joined', stream: { streamId: 1, variant, impliedType: undefined, nonceSalt: 0 } });
    this.#ask('', this.#names);
  }

  publish(published: ReturnType<typeof publication>): void {
    this.#step({ kind: 'publication', publication: published });
  }

  retry(): void {
    this.#step({ kind: 'retry' });
  }

  /** The newest timer runs out. */
  wait(): void {
    const timer = this.timers.at(-1);
    assert.ok(timer);
    this.#step({ kind: 'timer', id: timer.id });
  }

  /** All pauses are over, until nothing is tried any more. */
  settle(): void {
    while (this.timers.at(-1)?.afterMs === rejection.pause) {
      const before = this.timers.length;
      this.wait();
      if (this.timers.length === before) return;
    }
  }

  #ask(nonce: string, subscribe: readonly string[], message?: string): void {
    const error = message === undefined ? undefined : { code: 13, message };
    const common = { typeUrl: urls[this.#type], nonce, error };
    this.#step(
      this.#variant === 'sotw'
        ? { kind: 'sotw', streamId: 1, request: { ...common, versionInfo: '', names: this.#names }, node: testNode }
        : {
            kind: 'delta',
            streamId: 1,
            request: { ...common, subscribe, unsubscribe: [], has: new Map() },
            node: testNode,
          },
    );
  }

  #step(input: ClientInput): void {
    const { responses, timers } = this.#client.step(input);
    this.timers = [...this.timers, ...timers];
    for (const response of responses) this.#take(response);
  }

  #take(response: ClientResponse): void {
    const { resources, removed } = response.body;
    this.responses.push(response);
    this.sent.push(resources.map(each => each.name));
    const bad = resources.filter(each => this.rejects(each.version)).map(each => each.name);
    if (bad.length === 0) {
      for (const { name, version } of resources) this.holds.set(name, version);
      for (const name of removed) this.holds.delete(name);
    }
    this.#ask(response.nonce, [], bad.length > 0 ? this.#says(bad) : undefined);
  }
}

const named = (bad: readonly string[]) =>
  `Error adding/updating cluster(s) ${bad.map(name => `${name}: cluster manager: bad`).join(', ')}`;
const silent = () => 'bad';
const many = Array.from({ length: 100 }, (_, index) => `n${index}`);
const all = (content: string, of = many): Contents => Object.fromEntries(of.map(name => [name, content]));

function publishing() {
  let last: ReturnType<typeof snapshot> | undefined;
  return (sets: Sets) => {
    last = snapshot('fleet', sets, last);
    return publication(last);
  };
}

for (const variant of ['sotw', 'delta'] as const) {
  test(`R42: what one client rejects, others of its fleet get (${variant})`, () => {
    const next = publishing();
    const clients = [0, 1, 2].map(() => new Client(variant, 'CDS', [], named));
    const [picky] = clients;
    assert.ok(picky);
    picky.rejects = content => content === 'odd';
    const [first, second] = [next({ CDS: { a: '1', b: '1' } }), next({ CDS: { a: 'odd', b: '2', c: '1' } })];
    for (const published of [first, second]) for (const client of clients) client.publish(published);
    assert.deepEqual(
      clients.map(({ holds }) => Object.fromEntries(holds)),
      [{ a: '1', b: '2', c: '1' }, ...[1, 2].map(() => ({ a: 'odd', b: '2', c: '1' }))],
    );
  });

  test(`R10, R42: who rejects everything is sent a bounded number of attempts (${variant})`, () => {
    const next = publishing();
    const client = new Client(variant, 'EDS', many, silent);
    client.publish(next({ EDS: all('1') }));
    assert.equal(client.holds.size, many.length);
    client.rejects = content => content === '2';
    client.publish(next({ EDS: all('2') }));
    client.settle();
    const attempts = client.sent.length;
    assert.ok(attempts <= 41, `${attempts} responses`);
    client.settle();
    assert.equal(client.sent.length, attempts);
    assert.deepEqual(Object.fromEntries(client.holds), all('1'));
    client.publish(next({ EDS: all('3') }));
    assert.deepEqual(Object.fromEntries(client.holds), all('3'));
  });

  test(`R10: what is rejected is tried again by itself, later each time, and at once when asked for (${variant})`, () => {
    const next = publishing();
    const client = new Client(variant, 'CDS', [], named);
    client.rejects = content => content === 'odd';
    client.publish(next({ CDS: { a: 'odd' } }));
    for (let count = 0; count < 4; count++) client.wait();
    assert.deepEqual(
      client.timers.filter(each => each.jitter).map(each => each.afterMs),
      [10_000, 20_000, 40_000, 80_000, 80_000],
    );
    assert.deepEqual(
      client.sent.filter(each => each.length > 0),
      Array.from({ length: 5 }, () => ['a']),
    );
    client.rejects = () => false;
    client.retry();
    assert.deepEqual(Object.fromEntries(client.holds), { a: 'odd' });
  });

  test(`R42: a fleet that rejects the same costs as many encodings as one client (${variant})`, () => {
    const frames = new FrameEncoder('test');
    const next = publishing();
    const names = [...'abcdefgh'];
    const clients = Array.from({ length: 500 }, () => new Client(variant, 'EDS', names, silent));
    for (const client of clients) client.rejects = content => content === 'odd';
    for (const published of [next({ EDS: all('1', names) }), next({ EDS: { ...all('2', names), f: 'odd' } })]) {
      for (const client of clients) client.publish(published);
    }
    for (const client of clients) client.settle();
    for (const { holds } of clients) assert.deepEqual(Object.fromEntries(holds), { ...all('2', names), f: '1' });
    const [one] = clients;
    for (const { responses } of clients) for (const { body } of responses) frames.frame(variant, body);
    assert.ok(one && one.responses.length > 4);
    assert.equal(frames.counts.frames, one.responses.length);
  });
}
