import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Client, type ClientInput, type ClientResponse } from '../../src/xds/client.ts';
import type { DeltaRequest, SotwRequest } from '../../src/xds/machine.ts';
import { StepMemory } from '../../src/xds/step-memory.ts';
import { publication, type Sets, snapshot, type TypeName, testNode, urls } from '../support/xds-fixtures.ts';

/** Told apart by what they are set to: only what ends lingering may run out, for this client is slow but answers all. */
const limits = { gateLimit: 100_000, linger: 1, lingerLimit: 1, grace: 2, reopening: 2 };
/** One for all: what it remembers of a client is true for the next. */
const memory = new StepMemory({ order: limits, rejection: { pause: 1, retryAfter: 1, retryLimit: 1 } });

/** As Envoy does it: asks for endpoints of the clusters it has, and acknowledges clusters when it has those. */
class EnvoyModel {
  readonly #variant: 'sotw' | 'delta';
  readonly #client = new Client(memory);
  #inbox: ClientResponse[] = [];
  #timers: number[] = [];
  #unacknowledged: ClientResponse | undefined;
  #published: ReturnType<typeof snapshot> | undefined;
  readonly #holds = new Map<TypeName, Map<string, string>>();
  readonly #nonces = new Map<TypeName, string>();
  #endpointNames: readonly string[] = [];

  constructor(variant: 'sotw' | 'delta') {
    this.#variant = variant;
    const stream = { streamId: 1, variant, impliedType: undefined, nonceSalt: 0 };
    this.#client.step({ kind: 'joined', stream });
  }

  publish(sets: Sets): void {
    this.#published = snapshot('fleet', sets, this.#published);
    this.#step({ kind: 'publication', publication: publication(this.#published) });
  }

  start(): void {
    this.#ask('CDS', [], []);
    this.drain();
    this.#ask('LDS', [], []);
    this.#ask('RDS', ['r'], ['r']);
    this.drain();
  }

  /** Deals with the oldest response. */
  handle(): void {
    const response = this.#inbox.shift();
    if (!response) return;
    const type = (Object.keys(urls) as TypeName[]).find(each => urls[each] === response.body.typeUrl);
    assert.ok(type);
    this.#apply(type, response);
    this.#nonces.set(type, response.nonce);
    if (type === 'CDS') {
      this.#unacknowledged = response;
      this.#followClusters();
    } else this.#answer(type);
    this.#acknowledgeClusters();
    this.#check();
  }

  runTimers(): void {
    const due = this.#timers;
    this.#timers = [];
    for (const id of due) this.#step({ kind: 'timer', id });
  }

  drain(): void {
    for (let rounds = 0; this.#inbox.length > 0; rounds++) {
      assert.ok(rounds < 200, 'the conversation comes to an end');
      this.handle();
    }
  }

  /** Everything is as published, and nothing is left of before. */
  converged(sets: Sets): void {
    for (let rounds = 0; rounds < 4; rounds++) {
      this.drain();
      this.runTimers();
    }
    for (const type of ['CDS', 'LDS', 'RDS'] as const) {
      assert.deepEqual(Object.fromEntries(this.#of(type)), sets[type], `${type} at the end`);
    }
    for (const name of this.#of('CDS').keys()) assert.equal(this.#of('EDS').get(name), sets.EDS?.[name]);
  }

  #apply(type: TypeName, { body }: ClientResponse): void {
    const holds = this.#of(type);
    if (this.#variant === 'sotw' && (type === 'CDS' || type === 'LDS')) holds.clear();
    for (const { name, version } of body.resources) holds.set(name, version);
    for (const name of body.removed) holds.delete(name);
  }

  #followClusters(): void {
    const names = [...this.#of('CDS').keys()];
    const before = this.#endpointNames;
    const added = names.filter(name => !before.includes(name));
    const dropped = before.filter(name => !names.includes(name));
    this.#endpointNames = names;
    for (const name of dropped) this.#of('EDS').delete(name);
    if (added.length + dropped.length > 0) this.#ask('EDS', names, added, dropped);
  }

  #acknowledgeClusters(): void {
    const warm = [...this.#of('CDS').keys()].every(name => this.#of('EDS').has(name));
    if (!this.#unacknowledged || !warm) return;
    this.#unacknowledged = undefined;
    this.#answer('CDS');
  }

  /** R37: whatever a route leads to is there. */
  #check(): void {
    const to = this.#of('RDS').get('r');
    if (to !== undefined) assert.ok(this.#of('CDS').has(to), `cluster ${to} of the route exists`);
    if (to !== undefined) assert.ok(this.#of('EDS').has(to), `cluster ${to} of the route has endpoints`);
  }

  #answer(type: TypeName): void {
    const names = { EDS: this.#endpointNames, RDS: ['r'] }[type as string] ?? [];
    this.#ask(type, names, []);
  }

  #ask(
    type: TypeName,
    names: readonly string[],
    subscribe: readonly string[],
    unsubscribe: readonly string[] = [],
  ): void {
    const common = { typeUrl: urls[type], nonce: this.#nonces.get(type) ?? '', error: undefined };
    const sotw: SotwRequest = { ...common, versionInfo: '', names: [...names] };
    const delta: DeltaRequest = { ...common, subscribe, unsubscribe, has: new Map() };
    this.#step(
      this.#variant === 'sotw'
        ? { kind: 'sotw', streamId: 1, request: sotw, node: testNode }
        : { kind: 'delta', streamId: 1, request: delta, node: testNode },
    );
  }

  #step(input: ClientInput): void {
    const { responses, timers, fault } = this.#client.step(input);
    assert.equal(fault, undefined);
    this.#inbox.push(...responses);
    for (const { id, afterMs } of timers) if (afterMs < limits.gateLimit) this.#timers.push(id);
  }

  #of(type: TypeName): Map<string, string> {
    const holds = this.#holds.get(type) ?? new Map<string, string>();
    this.#holds.set(type, holds);
    return holds;
  }
}

const cluster = fc.constantFrom('a', 'b', 'c', 'd');
/** A fleet whose one route leads to one of its clusters. */
const sets = fc
  .record({
    to: cluster,
    others: fc.uniqueArray(cluster),
    version: fc.constantFrom('1', '2'),
    listener: fc.constantFrom('1', '2'),
  })
  .map(({ to, others, version, listener }): Sets => {
    const clusters = [...new Set([to, ...others])];
    return {
      CDS: Object.fromEntries(clusters.map(name => [name, version])),
      EDS: Object.fromEntries(clusters.map(name => [name, `endpoints ${listener}`])),
      LDS: { l: listener },
      RDS: { r: to },
    };
  });

const moves = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('publish' as const), sets }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('handle' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('timers' as const) }) },
  ),
  { maxLength: 40 },
);

for (const variant of ['sotw', 'delta'] as const) {
  test(`R37: at no moment does a route lead to a cluster that is not there (${variant})`, () => {
    fc.assert(
      fc.property(sets, moves, sets, (first, between, last) => {
        const envoy = new EnvoyModel(variant);
        envoy.publish(first);
        envoy.start();
        for (const move of between) {
          if (move.kind === 'publish') envoy.publish(move.sets);
          else if (move.kind === 'handle') envoy.handle();
          else envoy.runTimers();
        }
        envoy.publish(last);
        envoy.converged(last);
      }),
      { numRuns: 1000 },
    );
  });
}
