import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareStructure } from '../../../src/base/memo.ts';
import type { Problem } from '../../../src/base/problem.ts';
import { type Build, type BuildOutcome, pipeline } from '../../../src/control/pipeline.ts';
import { compile } from '../../../src/ir/compile.ts';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import type { Override } from '../../../src/policy/operational-state.ts';
import { Chance } from '../../support/chance.ts';

/**
 * What is taken over from the build before comes to what a build of everything comes to: policies change by chance, and
 * each is built upon the last one and, of texts read anew, upon nothing. Snapshots and problems are the same.
 */

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const hosts: ReadonlyMap<string, readonly string[]> = new Map([['name.internal', ['10.9.0.1', '10.9.0.2']]]);

interface State {
  readonly services: Record<string, NonNullable<PolicyInput['services']>[string]>;
  readonly routes: Record<string, NonNullable<PolicyInput['routes']>[string]>;
  readonly gateways: Record<string, NonNullable<PolicyInput['gateways']>[string]>;
  readonly fleets: Record<string, NonNullable<PolicyInput['fleets']>[string]>;
}

const listener = (port: number) => ({ listeners: [{ port, protocol: 'http' as const }] });

const plain = {
  endpoints: [{ address: '10.0.0.1:80' }, { address: '10.0.0.2:80', labels: { v: '1' } }],
  versions: { v1: { labels: { v: '1' } } },
};

class World {
  readonly chance: Chance;
  state: State;
  overrides: readonly Override[] = [];
  computed: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map();
  resolved: ReadonlyMap<string, readonly string[]> = hosts;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.state = {
      services: Object.fromEntries(names.map(name => [name, plain])),
      routes: {},
      gateways: { one: listener(8001), two: listener(8002) },
      fleets: {
        first: { match: { cluster: 'first' }, gateways: ['one', 'two'] },
        second: { match: { cluster: 'second' }, gateways: ['one'] },
        third: { match: { cluster: 'third' }, sidecar: { upstreams: ['b', 'c'] } },
      },
    };
  }

  service(): State['services'][string] {
    const { chance } = this;
    return {
      endpoints: Array.from({ length: 1 + chance.below(3) }, (_, at) => ({
        address: chance.happens(0.1) ? 'name.internal:80' : `10.0.${chance.below(2)}.${at + 1}:80`,
        weight: 1 + chance.below(3),
        labels: { v: String(1 + (at % 2)) },
        ...(chance.happens(0.3) ? { zone: 'z' } : {}),
      })),
      ...(chance.happens(0.7) ? { versions: { v1: { labels: { v: '1' } } } } : {}),
      ...(chance.happens(0.2) ? { fallback: chance.of(names) } : {}),
      ...(chance.happens(0.2) ? { timeout: '7s' } : {}),
      ...(chance.happens(0.1) ? { maintenance: { on: true } } : {}),
      ...(chance.happens(0.1) ? { loadBalancing: { policy: 'roundRobin', zones: { mode: 'ownFirst' } } } : {}),
      ...(chance.happens(0.2) ? { loadBalancing: { policy: 'maglev', hashBy: [this.hash()] } } : {}),
      ...(chance.happens(0.1) ? { sessions: { cookie: { name: 'own' } } } : {}),
    };
  }

  hash(): { readonly header: string; readonly terminal: true } {
    return { header: this.chance.happens(0.8) ? 'x-user' : 'x-other', terminal: true };
  }

  route(name: string): State['routes'][string] {
    const { chance } = this;
    const to = chance
      .some(names)
      .slice(0, 2)
      .map(service => ({
        service,
        ...(chance.happens(0.2) ? { version: 'v1' } : {}),
        weight: 1 + chance.below(9),
      }));
    return {
      gateways: [...chance.some(['one', 'two'])],
      hosts: [chance.happens(0.1) ? 'shared.test' : `${name}.test`],
      rules: [{ name: 'rule', to, ...(chance.happens(0.3) ? { sticky: { hashBy: [{ header: 'x-user' }] } } : {}) }],
      ...(chance.happens(0.2) ? { mesh: true } : {}),
    };
  }

  /** Undoes nothing on purpose: what is wrong now may be mended by a later change. */
  change(): void {
    const { chance } = this;
    const { services, routes, gateways, fleets } = this.state;
    const [name, kind] = [chance.of(names), chance.below(12)];
    const by = { by: 'ann', since: 1 };
    if (kind < 3) this.state = { ...this.state, services: { ...services, [name]: this.service() } };
    else if (kind === 3) {
      const { [name]: _, ...left } = services;
      this.state = { ...this.state, services: left };
    } else if (kind === 4) this.state = { ...this.state, routes: { ...routes, [name]: this.route(name) } };
    else if (kind === 5) {
      const { [name]: _, ...left } = routes;
      this.state = { ...this.state, routes: left };
    } else if (kind === 6) {
      const to = routes[name]?.rules?.[0]?.to ?? [];
      const weights = Object.fromEntries(
        to.map(each => [each.version ? `${each.service}@${each.version}` : each.service, 1 + chance.below(9)]),
      );
      this.overrides = [
        ...(chance.happens(0.3) ? [] : this.overrides),
        { kind: 'shift', route: name, rule: 'rule', weights, ...by },
      ];
    } else if (kind === 7) {
      const address = services[name]?.endpoints?.[0]?.address ?? '10.0.0.1:80';
      const weight = 1 + chance.below(9);
      this.overrides = [
        ...(chance.happens(0.3) ? [] : this.overrides),
        { kind: 'endpoint', service: name, address, weight, ...by },
      ];
    } else if (kind === 8) {
      const of = chance.of(['service', 'route'] as const);
      this.overrides = [...(chance.happens(0.5) ? [] : this.overrides), { kind: 'maintenance', of, name, ...by }];
      this.computed = chance.happens(0.5) ? new Map() : new Map([[name, new Map([['10.0.0.1:80', 5]])]]);
    } else if (kind === 9) {
      this.resolved = chance.happens(0.5) ? hosts : new Map([['name.internal', ['10.9.0.3']]]);
    } else if (kind === 10) {
      const port = 8001 + 10 * chance.below(2);
      this.state = { ...this.state, gateways: { ...gateways, one: listener(port) } };
    } else {
      const first = { match: { cluster: 'first' }, gateways: [...chance.some(['one', 'two'])] };
      this.state = { ...this.state, fleets: { ...fleets, first } };
    }
  }
}

function read(state: State) {
  const documents = [{ file: 'a.json', format: 'json' as const, text: JSON.stringify(state) }];
  return pipeline.read(documents);
}

/** What is wrong, whether it could be built or not. */
const problemsOf = (outcome: BuildOutcome) => (outcome.kind === 'failed' ? outcome.problems : outcome.build.problems);

/** What is built of policies that follow each other, each upon the last; and how each is built by itself. */
function manyBuilds(seed: number) {
  const world = new World(seed);
  const steps: { readonly step: number; readonly upon: BuildOutcome; readonly whole: () => BuildOutcome }[] = [];
  let last: Build | undefined;
  for (let step = 0; step < 150; step++) {
    const { state, overrides, resolved, computed } = world;
    world.change();
    const { state: next, overrides: given, resolved: found, computed: weights } = world;
    const build = (previous: Build | undefined) => {
      const { policy, sources } = read(next);
      const about = { overrides: given, resolved: found, computed: weights, quarantines: [] };
      return policy && pipeline.build({ policy, sources, ...about }, previous);
    };
    const upon = build(last);
    if (upon) steps.push({ step, upon, whole: () => build(undefined) ?? upon });
    if (upon?.kind === 'built') last = upon.build;
    // What is wrong by itself is found before anything is built.
    else Object.assign(world, { state, overrides, resolved, computed });
  }
  return steps;
}

for (const seed of [1, 2, 3, 4]) {
  test(`builds upon builds are builds (seed ${seed})`, () => {
    const steps = manyBuilds(seed);
    // Only now, for what is built between two builds would be what the second is compared with.
    for (const { step, upon, whole } of steps) {
      const other = whole();
      assert.equal(upon.kind, other.kind, `step ${step}`);
      assert.deepEqual(problemsOf(upon), problemsOf(other), `step ${step}`);
      if (upon.kind === 'failed' || other.kind === 'failed') continue;
      assert.deepEqual(upon.build.overrides, other.build.overrides, `step ${step}`);
      assert.deepEqual(upon.build.fleets, other.build.fleets, `step ${step}`);
      assert.deepEqual(contents(upon.build), contents(other.build), `step ${step}`);
    }
    const built = steps.filter(({ upon }) => upon.kind === 'built').length;
    assert.ok(built > 20, `only ${built} of the policies could be built`);
  });
}

/** Versions of all resources, in their order, and what else a snapshot says. */
function contents({ snapshots }: Build): unknown {
  return [...snapshots].map(([key, { version, types, longestRequest }]) => [
    key,
    version,
    longestRequest,
    [...types].map(([url, type]) => [
      url,
      type.version,
      [...type.resources].map(([name, each]) => [name, each.version]),
    ]),
  ]);
}

test('one compile upon another finds the same problems, also where nothing can be built', () => {
  const world = new World(9);
  let last: Build['policy'] | undefined;
  const steps: { readonly found: readonly Problem[]; readonly whole: () => readonly Problem[] }[] = [];
  for (let step = 0; step < 200; step++) {
    world.change();
    const { state, resolved } = world;
    const problemsIn = (previous: Build['policy'] | undefined) => {
      const policy = shareStructure(previous, read(state).policy);
      if (policy && previous) last = policy;
      const nothing = { shifts: [], endpoints: [], maintenance: [] };
      return policy ? compile({ policy, state: nothing, resolved }).problems : [];
    };
    last ??= read(state).policy;
    steps.push({ found: problemsIn(last), whole: () => problemsIn(undefined) });
  }
  for (const [step, { found, whole }] of steps.entries()) assert.deepEqual(found, whole(), `step ${step}`);
  const wrong = steps.filter(({ found }) => found.some(each => each.severity === 'error')).length;
  assert.ok(wrong > 20, `only ${wrong} policies had errors`);
});

test('a rule that hashes is looked at anew when what takes over from its service hashes otherwise', () => {
  const { a, b } = { a: { ...plain, fallback: 'b' }, b: plain };
  const hashing = (header: string) => ({ ...b, loadBalancing: { policy: 'maglev' as const, hashBy: [{ header }] } });
  const rule = { name: 'rule', to: [{ service: 'a' }], sticky: { hashBy: [{ header: 'x-user' }] } };
  const routes = { shop: { gateways: ['one'], hosts: ['shop.test'], rules: [rule] } };
  const { gateways, fleets } = new World(1).state;
  const build = (service: State['services'][string], previous?: Build) => {
    const { policy, sources } = read({ services: { a, b: service, c: plain }, routes, gateways, fleets });
    assert.ok(policy);
    return pipeline.build({ policy, sources, overrides: [], resolved: hosts, quarantines: [] }, previous);
  };
  const sound = build(hashing('x-user'));
  assert.ok(sound.kind === 'built');
  const conflict = build(hashing('x-other'), sound.build);
  assert.deepEqual(
    problemsOf(conflict).map(each => each.code),
    ['route.sticky_hash_conflict'],
  );
  assert.equal(build(hashing('x-user'), sound.build).kind, 'built');
});
