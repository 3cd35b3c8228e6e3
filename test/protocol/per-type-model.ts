import assert from 'node:assert/strict';
import { Client, type ClientInput, type ClientResponse } from '../../src/xds/client.ts';
import type { DeltaRequest, SotwRequest } from '../../src/xds/machine.ts';
import type { TimerRequest } from '../../src/xds/order-state.ts';
import { clusterUrl, endpointUrl, listenerUrl, routeUrl } from '../../src/xds/resource-type.ts';
import { StepMemory } from '../../src/xds/step-memory.ts';
import { publication, type Sets, snapshot, testNode } from '../support/xds-fixtures.ts';

/** Told apart by what they are set to: only what ends lingering may run out, for this client is slow but answers all. */
const limits = { gateLimit: 100_000, linger: 1, lingerLimit: 1, grace: 2, reopening: 3 };
const envoyNode = { ...testNode, userAgent: 'envoy' };
const rejection = { pause: 1_000_000, retryAfter: 1_000_000, retryLimit: 1_000_000 };
/** One for all: what it remembers of a client is true for the next. */
const memory = new StepMemory({ order: limits, rejection });

/** A stream of one type: what is on its way, in either direction. */
interface Stream {
  id: number;
  readonly typeUrl: string;
  readonly inbox: Came[];
  readonly outbox: ClientInput[];
  /** Versions by name, as of the newest response. */
  readonly has: Map<string, string>;
}

/** A cluster as Envoy has it: with a stream for its endpoints, and ready when they have come. */
interface Cluster {
  readonly version: string;
  readonly endpoints: Stream;
}

type Came = Pick<ClientResponse, 'body' | 'nonce'>;

/**
 * An Envoy on streams of single types: acknowledges clusters at once, opens a stream for the endpoints of each that is
 * new or has changed, and uses it when they have come; until then the one before it serves. What is on different streams
 * arrives in any order, on either side.
 */
export class PerTypeModel {
  readonly #variant: 'sotw' | 'delta';
  #client = new Client(memory);
  #published: ReturnType<typeof snapshot> | undefined;
  #timers: TimerRequest[] = [];
  #streamIds = 0;
  readonly #streams = new Map<number, Stream>();
  readonly #active = new Map<string, Cluster>();
  readonly #warming = new Map<string, Cluster>();
  #listeners: ReadonlyMap<string, string> = new Map();
  #route: string | undefined;

  constructor(variant: 'sotw' | 'delta') {
    this.#variant = variant;
  }

  publish(sets: Sets): void {
    this.#published = snapshot('fleet', sets, this.#published);
    this.#step({ kind: 'publication', publication: publication(this.#published) });
  }

  start(): void {
    this.#open(clusterUrl, []);
    this.drain();
    this.#open(listenerUrl, []);
    this.#open(routeUrl, ['r']);
    this.drain();
  }

  /** Lets the oldest thing on one of the streams arrive; which one, the number decides. */
  handle(choice: number): void {
    const ready = [...this.#streams.values()].flatMap(stream => [
      ...(stream.outbox.length > 0 ? [() => this.#arrive(stream)] : []),
      ...(stream.inbox.length > 0 ? [() => this.#take(stream)] : []),
    ]);
    ready[choice % Math.max(1, ready.length)]?.();
  }

  runTimers(): void {
    // All streams come back in that time.
    const opening = [...this.#streams.values()].some(({ outbox }) => outbox[0]?.kind === 'joined');
    this.#run(({ afterMs }) => afterMs < limits.reopening || (!opening && afterMs === limits.reopening));
  }

  #run(isDue: (timer: TimerRequest) => boolean): void {
    const due = this.#timers.filter(isDue);
    this.#timers = this.#timers.filter(each => !due.includes(each));
    for (const { id } of due) this.#step({ kind: 'timer', id });
  }

  drain(): void {
    for (let rounds = 0; this.#busy; rounds++) {
      assert.ok(rounds < 2000, 'the conversation comes to an end');
      this.handle(0);
    }
  }

  /** Everything is as published, and nothing is left of before; `late`: perhaps only when routes have waited too long. */
  converged(sets: Sets, { late = false } = {}): void {
    for (let rounds = 0; rounds < 12; rounds++) {
      this.drain();
      this.runTimers();
      if (late && rounds >= 6) this.#run(() => true);
    }
    const active = Object.fromEntries([...this.#active].map(([name, { version }]) => [name, version]));
    assert.deepEqual(active, sets.CDS, 'clusters at the end');
    assert.equal(this.#warming.size, 0, 'nothing warms at the end');
    assert.deepEqual(Object.fromEntries(this.#listeners), sets.LDS);
    assert.deepEqual(this.#route, sets.RDS?.['r']);
    assert.equal(
      this.#client.state.streams.size,
      3 + this.#active.size,
      'the server knows of the streams that there are',
    );
  }

  get #busy(): boolean {
    return [...this.#streams.values()].some(({ inbox, outbox }) => inbox.length + outbox.length > 0);
  }

  #open(typeUrl: string, names: readonly string[]): Stream {
    const id = ++this.#streamIds;
    const stream: Stream = { id, typeUrl, inbox: [], outbox: [], has: new Map() };
    this.#begin(stream, names);
    return stream;
  }

  #begin(stream: Stream, names: readonly string[]): void {
    this.#streams.set(stream.id, stream);
    const settings = { streamId: stream.id, variant: this.#variant, impliedType: stream.typeUrl, nonceSalt: 0 };
    stream.outbox.push({ kind: 'joined', stream: settings }, this.#request(stream, names, names, ''));
  }

  /** The server starts anew, with what is published then; streams come back in any order. */
  restart(sets: Sets): void {
    this.#forget();
    this.publish(sets);
    const streams = [...this.#streams.values()].filter(({ outbox }) => outbox.every(({ kind }) => kind !== 'left'));
    this.#streams.clear();
    for (const stream of streams) this.#reopen(stream);
  }

  /** A stream ends without meaning to. */
  interrupt(choice: number): void {
    const streams = [...this.#streams.values()].filter(({ outbox }) => outbox.every(({ kind }) => kind === 'delta'));
    const stream = streams[choice % Math.max(1, streams.length)];
    if (!stream) return;
    this.#streams.delete(stream.id);
    this.#step({ kind: 'left', streamId: stream.id });
    if (this.#client.state.streams.size === 0) this.#forget();
    this.#reopen(stream);
  }

  /** The server's client ends with its last stream. */
  #forget(): void {
    this.#client = new Client(memory);
    this.#timers = [];
    if (this.#published) this.#step({ kind: 'publication', publication: publication(this.#published) });
  }

  #reopen(stream: Stream): void {
    stream.id = ++this.#streamIds;
    stream.inbox.length = 0;
    stream.outbox.length = 0;
    this.#begin(stream, this.#namesOn(stream));
  }

  #namesOn(stream: Stream): readonly string[] {
    const { typeUrl } = stream;
    return typeUrl === routeUrl ? ['r'] : typeUrl === endpointUrl ? [this.#clusterOf(stream)] : [];
  }

  #close(cluster: Cluster | undefined): void {
    if (!cluster) return;
    const { endpoints: stream } = cluster;
    stream.inbox.length = 0;
    stream.outbox.push({ kind: 'left', streamId: stream.id });
  }

  #arrive(stream: Stream): void {
    const input = stream.outbox.shift();
    if (!input) return;
    // A stream that has ended before it began to speak was never known.
    if (input.kind === 'left') this.#streams.delete(stream.id);
    this.#step(input);
    // It begins with its first request.
    if (input.kind === 'joined') this.#arrive(stream);
  }

  #take(stream: Stream): void {
    const response = stream.inbox.shift();
    if (!response) return;
    const { typeUrl } = stream;
    for (const { name, version } of response.body.resources) stream.has.set(name, version);
    for (const name of response.body.removed) stream.has.delete(name);
    if (typeUrl === clusterUrl) this.#takeClusters(response);
    else if (typeUrl === endpointUrl) this.#takeEndpoints(stream);
    else if (typeUrl === listenerUrl) this.#listeners = this.#applied(this.#listeners, response);
    else this.#route = response.body.resources.find(each => each.name === 'r')?.version ?? this.#route;
    stream.outbox.push(this.#request(stream, this.#namesOn(stream), [], response.nonce));
    this.#check();
  }

  #applied(held: ReadonlyMap<string, string>, { body }: Came): ReadonlyMap<string, string> {
    const next = new Map(this.#variant === 'sotw' ? [] : held);
    for (const { name, version } of body.resources) next.set(name, version);
    for (const name of body.removed) next.delete(name);
    return next;
  }

  #takeClusters(response: Came): void {
    const held = new Map([...this.#active, ...this.#warming].map(([name, { version }]) => [name, version]));
    const next = this.#applied(held, response);
    for (const name of held.keys()) if (!next.has(name)) this.#remove(name);
    for (const [name, version] of next) {
      if (held.get(name) === version) continue;
      this.#close(this.#warming.get(name));
      this.#warming.set(name, { version, endpoints: this.#open(endpointUrl, [name]) });
    }
  }

  #remove(name: string): void {
    for (const clusters of [this.#active, this.#warming]) {
      this.#close(clusters.get(name));
      clusters.delete(name);
    }
  }

  #takeEndpoints(stream: Stream): void {
    const name = this.#clusterOf(stream);
    const cluster = this.#warming.get(name);
    if (cluster?.endpoints !== stream) return;
    this.#close(this.#active.get(name));
    this.#active.set(name, cluster);
    this.#warming.delete(name);
  }

  #clusterOf(stream: Stream): string {
    const found = [...this.#active, ...this.#warming].find(([, { endpoints }]) => endpoints === stream);
    return found?.[0] ?? '';
  }

  /** R41: whatever a route leads to can be used. */
  #check(): void {
    if (this.#route !== undefined) assert.ok(this.#active.has(this.#route), `cluster ${this.#route} can be used`);
  }

  #request(
    { id, typeUrl, has }: Stream,
    names: readonly string[],
    subscribe: readonly string[],
    nonce: string,
  ): ClientInput {
    const sotw: SotwRequest = { typeUrl, nonce, error: undefined, versionInfo: '', names: [...names] };
    const delta: DeltaRequest = {
      typeUrl,
      nonce,
      error: undefined,
      subscribe,
      unsubscribe: [],
      has: new Map(nonce === '' ? has : []),
    };
    return this.#variant === 'sotw'
      ? { kind: 'sotw', streamId: id, request: sotw, node: envoyNode }
      : { kind: 'delta', streamId: id, request: delta, node: envoyNode };
  }

  #step(input: ClientInput): void {
    const { responses, timers, fault } = this.#client.step(input);
    assert.equal(fault, undefined);
    for (const { streamId, ...response } of responses) {
      const stream = this.#streams.get(streamId);
      // What comes on a stream that the client has closed is not read.
      if (stream && !stream.outbox.some(each => each.kind === 'left')) stream.inbox.push(response);
    }
    this.#timers.push(...timers);
  }
}
