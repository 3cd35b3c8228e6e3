import assert from 'node:assert/strict';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import type { ResponseBody } from '../../src/xds/body.ts';
import { Client, type ClientInput, type ClientResponse } from '../../src/xds/client.ts';
import { MAX_UNANSWERED } from '../../src/xds/delta.ts';
import type { Variant } from '../../src/xds/events.ts';
import { resourceType } from '../../src/xds/resource-type.ts';
import { StepMemory } from '../../src/xds/step-memory.ts';
import { publication, type Sets, snapshot, testNode, urls } from '../support/xds-fixtures.ts';

/** How a client rejects: as Envoy while applying, or while reading, with nobody or the first culprit named by its place. */
export type Style = 'usual' | 'silent' | 'first';
export type TimerKind = 'pause' | 'linger' | 'again' | 'gate';

/** Told apart by what they are set to. */
const times: Readonly<Record<Exclude<TimerKind, 'linger'>, number>> = {
  gate: 100_000,
  pause: 10_000,
  again: 1_000_000,
};
const settings = {
  order: { gateLimit: times.gate, linger: 1, lingerLimit: 1, grace: 2, reopening: 2 },
  rejection: { pause: times.pause, retryAfter: times.again, retryLimit: 8 * times.again },
};
/** One for all: what it remembers of a client is true for the next. */
const memory = new StepMemory(settings);

const types = ['CDS', 'EDS', 'LDS', 'RDS', 'SDS'] as const;
type Type = (typeof types)[number];

/** A type on a stream. */
interface Line {
  readonly streamId: number;
  readonly type: Type;
  readonly names: Set<string>;
  readonly inbox: ClientResponse[];
  nonce: string;
  version: string;
  started: boolean;
}

/**
 * A proxy that rejects certain contents and goes on with what it had, and a naive account of what it is owed. It follows
 * its clusters with the names of endpoints, as Envoy does. On streams of single types every name has a stream.
 */
export class RejectingClient {
  readonly #variant: Variant;
  readonly #aggregated: boolean;
  #rejects: (type: Type, name: string, content: string) => boolean;
  #client = new Client(memory);
  #published: Snapshot | undefined;
  #sets: Sets = {};
  #lines: Line[] = [];
  #streams = 0;
  #timers: { readonly id: number; readonly kind: TimerKind }[] = [];
  /** Clusters that were applied, and are acknowledged when they have endpoints. */
  #warming: (() => void) | undefined;
  readonly #holds = new Map<Type, Map<string, string>>(types.map(type => [type, new Map()]));
  /** `type name`, since when it was published and subscribed without a break. */
  readonly #had = new Set<string>();
  /** `type name` that was missing from sets which the client may still be led through on the way to the newest. */
  readonly #interrupted = new Set<string>();
  /** `type name content` that was found to be bad, and must not come again. */
  readonly #forbidden = new Set<string>();
  /** `type name content` that was rejected when the client had accepted nothing before. */
  readonly #without = new Set<string>();
  /** Route configurations, `name content`, that came although they lead to what was rejected. */
  readonly #dangling = new Set<string>();
  readonly #everPublished = new Set<string>();
  /** `type name` → the publication since which it is there without a break. */
  readonly #since = new Map<string, number>();
  /** `type name content` → the newest publication that had it. */
  readonly #newest = new Map<string, number>();
  #publications = 0;
  readonly #nonces = new Set<string>();
  /** Rejections since the last publication, attempt or subscription. */
  #rejections = 0;

  constructor(variant: Variant, aggregated: boolean, rejects: (type: Type, name: string, content: string) => boolean) {
    this.#variant = variant;
    this.#aggregated = aggregated;
    this.#rejects = rejects;
  }

  publish(sets: Sets): void {
    this.#publications += 1;
    for (const type of types) {
      const now = sets[type] ?? {};
      for (const [name, content] of Object.entries(now)) {
        this.#everPublished.add(`${type} ${name} ${content}`);
        this.#newest.set(`${type} ${name} ${content}`, this.#publications);
        if (this.#sets[type]?.[name] === undefined) this.#since.set(`${type} ${name}`, this.#publications);
      }
      for (const name of Object.keys(this.#sets[type] ?? {})) {
        if (name in now) continue;
        this.#had.delete(`${type} ${name}`);
        this.#interrupted.add(`${type} ${name}`);
      }
      for (const key of [...this.#forbidden]) {
        const [of, name = '', ...content] = key.split(' ');
        if (of === type && now[name] !== content.join(' ')) this.#forbidden.delete(key);
      }
    }
    this.#sets = sets;
    // What SotW does not tell to be gone may lead to what is gone as well, also when the name is back.
    for (const [name, content] of this.#of('RDS')) {
      if (this.#isStale(name)) this.#dangling.add(`${name} ${content}`);
    }
    this.#rejections = 0;
    this.#published = snapshot('fleet', sets, this.#published);
    this.#step({ kind: 'publication', publication: publication(this.#published) });
  }

  /** Asks for everything. */
  start(names: Readonly<Partial<Record<Type, readonly string[]>>>): void {
    this.#ask(this.#line('CDS'));
    this.drain();
    this.#ask(this.#line('LDS'));
    for (const type of ['RDS', 'SDS'] as const) this.subscribe(type, names[type] ?? [], []);
    this.drain();
  }

  subscribe(type: Type, add: readonly string[], drop: readonly string[]): void {
    this.#rejections = 0;
    for (const name of drop) {
      this.#holds.get(type)?.delete(name);
      this.#had.delete(`${type} ${name}`);
    }
    if (this.#aggregated) {
      const line = this.#line(type);
      for (const name of add) line.names.add(name);
      for (const name of drop) line.names.delete(name);
      this.#ask(line, add, drop);
      return;
    }
    for (const name of drop) this.#hangUp(type, name);
    for (const name of add) {
      if (this.#lines.some(line => line.type === type && line.names.has(name))) continue;
      const line = this.#open(type);
      line.names.add(name);
      this.#ask(line, [name]);
    }
  }

  /** Deals with the oldest response of some type. */
  handle(pick: number, style: Style): void {
    const waiting = this.#lines.filter(line => line.inbox.length > 0);
    const line = waiting[pick % waiting.length];
    const response = line?.inbox.shift();
    if (!line || !response) return;
    line.nonce = response.nonce;
    const error = this.#apply(line.type, response.body, pick, style);
    if (error === undefined) line.version = response.body.version;
    else this.#rejections += 1;
    assert.ok(this.#rejections < 200, 'rejections are bounded');
    if (line.type === 'CDS') this.#followClusters();
    if (line.type !== 'CDS' || error !== undefined || !this.#aggregated) this.#ask(line, [], [], error);
    else {
      const answered = { ...line };
      this.#warming = () => this.#ask(answered);
    }
    this.#finishWarming(false);
    this.#check();
  }

  run(kind: TimerKind): void {
    const due = this.#timers.filter(timer => timer.kind === kind);
    this.#timers = this.#timers.filter(timer => timer.kind !== kind);
    if (kind === 'again') this.#forgive();
    for (const { id } of due) this.#step({ kind: 'timer', id });
    this.#check();
  }

  gate(open: boolean): void {
    this.#step({ kind: 'gate', streams: [...new Set(this.#lines.map(line => line.streamId))], open });
  }

  retry(): void {
    this.#forgive();
    this.#step({ kind: 'retry' });
  }

  acceptAll(): void {
    this.#without.clear();
    this.#rejects = () => false;
  }

  /** Comes back with what it has, to a server that knows nothing of it. */
  reconnect(): void {
    const names = new Map(types.map(type => [type, new Set(this.#linesOf(type).flatMap(line => [...line.names]))]));
    const versions = new Map(this.#lines.map(line => [line.type, line.version]));
    this.#client = new Client(memory);
    this.#lines = [];
    this.#timers = [];
    this.#warming = undefined;
    this.#forgive();
    if (this.#published) this.#step({ kind: 'publication', publication: publication(this.#published) });
    for (const type of types) {
      const all = [...(names.get(type) ?? [])];
      const lines = this.#aggregated || isWild(type) ? [all] : all.map(name => [name]);
      for (const each of lines) {
        const line = this.#line(type, each[0]);
        for (const name of each) line.names.add(name);
        line.version = versions.get(type) ?? '';
        const held = [...(this.#holds.get(type) ?? [])].filter(([name]) => isWild(type) || line.names.has(name));
        this.#ask(line, each, [], undefined, new Map(held));
      }
    }
  }

  /** Answers everything until nothing comes any more and no timer but that of the next attempt runs. */
  drain(...kinds: readonly TimerKind[]): void {
    for (let rounds = 0; rounds < 1000; rounds++) {
      if (this.#lines.some(line => line.inbox.length > 0)) this.handle(rounds, 'usual');
      else if (this.#finishWarming(true)) continue;
      else {
        const kind = kinds.find(each => this.#timers.some(timer => timer.kind === each));
        if (!kind) return;
        this.run(kind);
      }
    }
    assert.fail('the conversation comes to an end');
  }

  finish(): void {
    this.gate(true);
    this.drain('linger', 'pause', 'gate');
    assert.equal(this.#client.state.isolation.trials.size, 0, 'nothing is under suspicion for ever');
    this.#converged();
  }

  #converged(): void {
    const clusters = this.#of('CDS');
    for (const type of types) {
      const published = this.#sets[type] ?? {};
      const held = this.#of(type);
      for (const [name, content] of Object.entries(published)) {
        if (!this.#subscribed(type, name)) continue;
        const what = `${type} ${name} ${content}`;
        if (this.#rejects(type, name, content)) {
          assert.ok(held.has(name) || !this.#had.has(`${type} ${name}`), `its last good ${type} ${name} stays`);
        } else if (this.#isCut(content)) {
          assert.ok(held.has(name), `${what}, or its last good content`);
        } else assert.equal(held.get(name), content, what);
      }
      for (const name of held.keys()) {
        if (name in published || !this.#subscribed(type, name)) continue;
        if (type === 'CDS') assert.ok(this.#isUsed(name), `cluster ${name} is gone, unless an old route leads to it`);
        else if (type === 'EDS') assert.ok(clusters.has(name));
        else if (type === 'LDS' || this.#variant === 'delta') assert.fail(`${type} ${name} is gone`);
      }
    }
    this.#check();
  }

  /** SotW does not tell that a route configuration is gone. */
  #isStale(name: string): boolean {
    return this.#variant === 'sotw' && !(name in (this.#sets.RDS ?? {}));
  }

  /** It leads to a cluster that the client rejects, or whose endpoints, and has accepted nothing of before. */
  #isCut(content: string): boolean {
    const to = clusterOf(content);
    if (to === undefined) return false;
    return (['CDS', 'EDS'] as const).some(type => {
      const content = this.#sets[type]?.[to];
      return content !== undefined && this.#without.has(`${type} ${to} ${content}`);
    });
  }

  #isUsed(cluster: string): boolean {
    return [...this.#of('RDS').values()].some(content => clusterOf(content) === cluster);
  }

  /** R37, R42: a route configuration that changes leads to a cluster that is there. */
  #check(): void {
    for (const [name, content] of this.#of('RDS')) {
      const to = clusterOf(content);
      if (to === undefined || this.#of('CDS').has(to) || this.#isStale(name)) continue;
      assert.ok(this.#isCut(content) || this.#dangling.has(`${name} ${content}`), `cluster ${to} of ${name} exists`);
    }
  }

  #subscribed(type: Type, name: string): boolean {
    return isWild(type) || this.#linesOf(type).some(line => line.names.has(name));
  }

  #linesOf(type: Type): readonly Line[] {
    return this.#lines.filter(line => line.type === type);
  }

  #of(type: Type): Map<string, string> {
    return this.#holds.get(type) ?? new Map();
  }

  /** What comes late, of a snapshot before one that did not have the name, goes with that. */
  #isLasting(type: Type, name: string, content: string): boolean {
    if (this.#sets[type]?.[name] === undefined) return false;
    const newest = this.#newest.get(`${type} ${name} ${content}`) ?? 0;
    return newest >= (this.#since.get(`${type} ${name}`) ?? 0);
  }

  #forgive(): void {
    this.#forbidden.clear();
    this.#rejections = 0;
  }

  /** @returns what the client says if it rejects something. */
  #apply(type: Type, body: ResponseBody, pick: number, style: Style): string | undefined {
    const bad = body.resources.filter(({ name, version }) => this.#rejects(type, name, version));
    const { complete } = resourceType(urls[type]);
    const held = this.#of(type);
    const forbid = (names: readonly string[]): void => {
      for (const { name, version } of bad) {
        // What is no longer published may come back later, and then it is new.
        const known = names.includes(name) && this.#sets[type]?.[name] === version;
        if (known) this.#forbidden.add(`${type} ${name} ${version}`);
      }
    };
    const put = (name: string, content: string): void => {
      if (!this.#subscribed(type, name)) return;
      // Who has no routes yet, or routes that lead nowhere, has nothing that could break. Of what it had of a rejected
      // response nobody knows, so it cannot be gone back to.
      const before = clusterOf(held.get(name) ?? '');
      const worked = before !== undefined && this.#of('CDS').has(before) && this.#had.has(`${type} ${name}`);
      const newlyCut = worked && before !== clusterOf(content) && !this.#isCut(content);
      if (type === 'RDS' && !(newlyCut && this.#isLasting(type, name, content)))
        this.#dangling.add(`${name} ${content}`);
      held.set(name, content);
      // Of a rejected response nobody knows what was applied.
      if (bad.length === 0 && this.#isLasting(type, name, content)) this.#had.add(`${type} ${name}`);
    };
    for (const { name, version } of bad) {
      if (this.#had.has(`${type} ${name}`)) this.#without.delete(`${type} ${name} ${version}`);
      else this.#without.add(`${type} ${name} ${version}`);
    }
    if (bad.length === 0 || (style === 'usual' && complete)) {
      const names = new Set(body.resources.map(each => each.name));
      const gone =
        this.#variant === 'sotw' && complete ? [...held.keys()].filter(name => !names.has(name)) : body.removed;
      for (const name of gone) {
        held.delete(name);
        if (this.#interrupted.has(`${type} ${name}`)) this.#had.delete(`${type} ${name}`);
      }
      for (const { name, version } of body.resources) if (!this.#rejects(type, name, version)) put(name, version);
      if (bad.length === 0) return undefined;
      forbid(bad.map(each => each.name));
      return type === 'CDS'
        ? `Error adding/updating cluster(s) ${bad.map(({ name }) => `${name}: cluster manager: bad`).join(', ')}`
        : `Error adding/updating listener(s) ${bad.map(({ name }) => `${name}: error adding listener`).join('\n')}`;
    }
    if (body.resources.length === 1) forbid([bad[0]?.name ?? '']);
    if (style === 'first') {
      const index = body.resources.findIndex(each => bad.includes(each));
      const name = body.resources[index]?.name ?? '';
      forbid([name]);
      return `xDS response validation errors: [resource index ${index}: ${name}: bad]`;
    }
    if (style === 'usual') {
      const at = pick % body.resources.length;
      const order = [...body.resources.slice(at), ...body.resources.slice(0, at)];
      for (const each of order) {
        if (bad.includes(each)) break;
        put(each.name, each.version);
      }
    }
    return 'bad';
  }

  #followClusters(): void {
    const names = [...this.#of('CDS').keys()];
    const before = [...new Set(this.#linesOf('EDS').flatMap(line => [...line.names]))];
    const added = names.filter(name => !before.includes(name));
    const dropped = before.filter(name => !names.includes(name));
    if (added.length + dropped.length > 0) this.subscribe('EDS', added, dropped);
  }

  /** @param waited as long as Envoy waits for endpoints. */
  #finishWarming(waited: boolean): boolean {
    const warm = [...this.#of('CDS').keys()].every(name => this.#of('EDS').has(name));
    const acknowledge = this.#warming;
    if (!acknowledge || !(warm || waited)) return false;
    this.#warming = undefined;
    acknowledge();
    return true;
  }

  #line(type: Type, name?: string): Line {
    const found = this.#linesOf(type).find(line => this.#aggregated || name === undefined || line.names.has(name));
    return found ?? this.#open(type);
  }

  #open(type: Type): Line {
    const streamId = this.#aggregated ? 1 : ++this.#streams;
    if (!this.#lines.some(line => line.streamId === streamId)) {
      const impliedType = this.#aggregated ? undefined : urls[type];
      const stream = { streamId, variant: this.#variant, impliedType, nonceSalt: 0 };
      this.#step({ kind: 'joined', stream });
    }
    const line: Line = { streamId, type, names: new Set(), inbox: [], nonce: '', version: '', started: false };
    this.#lines.push(line);
    return line;
  }

  #hangUp(type: Type, name: string): void {
    const line = this.#linesOf(type).find(each => each.names.has(name));
    if (!line) return;
    this.#lines = this.#lines.filter(each => each !== line);
    this.#step({ kind: 'left', streamId: line.streamId });
  }

  #ask(
    line: Line,
    subscribe: readonly string[] = [],
    unsubscribe: readonly string[] = [],
    error?: string,
    has: ReadonlyMap<string, string> = new Map(),
  ): void {
    const { streamId, type, nonce } = line;
    const common = {
      typeUrl: urls[type],
      nonce,
      error: error === undefined ? undefined : { code: 13, message: error },
    };
    line.started = true;
    this.#step(
      this.#variant === 'sotw'
        ? {
            kind: 'sotw',
            streamId,
            request: { ...common, versionInfo: line.version, names: [...line.names] },
            node: testNode,
          }
        : { kind: 'delta', streamId, request: { ...common, subscribe, unsubscribe, has }, node: testNode },
    );
  }

  #step(input: ClientInput): void {
    const { responses, timers, fault } = this.#client.step(input);
    assert.equal(fault, undefined);
    for (const response of responses) this.#receive(response);
    const { released, goal } = this.#client.state.order;
    if (released === goal && this.#lines.every(line => line.inbox.length === 0)) this.#interrupted.clear();
    for (const { id, afterMs } of timers) this.#timers.push({ id, kind: kindOf(afterMs) });
  }

  #receive(response: ClientResponse): void {
    const { streamId, body, nonce } = response;
    const line = this.#lines.find(each => each.streamId === streamId && urls[each.type] === body.typeUrl);
    assert.ok(line, 'R31: of a type that is asked for');
    const { type } = line;
    assert.ok(!this.#nonces.has(`${streamId} ${nonce}`) || this.#aggregated, 'R6: a new nonce');
    this.#nonces.add(`${streamId} ${nonce}`);
    const names = [...body.resources.map(each => each.name), ...body.removed];
    assert.equal(new Set(names).size, names.length, 'R28: no name twice');
    for (const name of names) assert.ok(isWild(type) || line.names.has(name), `R31: ${type} ${name} is subscribed`);
    for (const { name, version } of body.resources) {
      const what = `${type} ${name} ${version}`;
      assert.ok(this.#everPublished.has(what), `${what} was published`);
      assert.ok(!this.#forbidden.has(what), `R10: ${what} was rejected, and is not sent again`);
    }
    line.inbox.push(response);
    const most = this.#variant === 'sotw' ? 1 : MAX_UNANSWERED;
    assert.ok(line.inbox.length <= most, 'R11: unanswered responses are bounded');
  }
}

function kindOf(afterMs: number): TimerKind {
  if (afterMs >= times.again) return 'again';
  if (afterMs >= times.gate) return 'gate';
  return afterMs >= times.pause ? 'pause' : 'linger';
}

function isWild(type: Type): boolean {
  return resourceType(urls[type]).emptyIsWildcard;
}

/** The cluster that a route configuration of this content leads to. */
function clusterOf(content: string): string | undefined {
  return /^to-(\S+)/.exec(content)?.[1];
}
