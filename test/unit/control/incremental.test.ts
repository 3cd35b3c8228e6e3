import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareStructure } from '../../../src/base/memo.ts';
import { type Build, pipeline } from '../../../src/control/pipeline.ts';
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
    };
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
      rules: [{ name: 'rule', to }],
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

for (const seed of [1, 2, 3, 4]) {
  test(`builds upon builds are builds (seed ${seed})`, () => {
    const world = new World(seed);
    let last: Build | undefined;
    let built = 0;
    for (let step = 0; step < 150; step++) {
      const { state } = world;
      world.change();
      const input = ({ policy, sources }: ReturnType<typeof read>) =>
        policy && {
          ...{ policy, sources, overrides: world.overrides, resolved: world.resolved, computed: world.computed },
          quarantines: [],
        };
      const [one, other] = [input(read(world.state)), input(read(world.state))];
      // What is wrong by itself is found before anything is built.
      if (!one || !other) {
        world.state = state;
        continue;
      }
      const whole = pipeline.build(other, undefined);
      const upon = pipeline.build(one, last);
      assert.equal(upon.kind, whole.kind, `step ${step}`);
      if (upon.kind === 'failed' || whole.kind === 'failed') {
        const all = (each: typeof upon | typeof whole) => (each.kind === 'failed' ? each.problems : []);
        assert.deepEqual(all(upon), all(whole), `step ${step}`);
        world.state = state;
        continue;
      }
      built++;
      assert.deepEqual(upon.build.problems, whole.build.problems, `step ${step}`);
      assert.deepEqual(upon.build.overrides, whole.build.overrides, `step ${step}`);
      assert.deepEqual(upon.build.fleets, whole.build.fleets, `step ${step}`);
      assert.deepEqual(contents(upon.build), contents(whole.build), `step ${step}`);
      last = upon.build;
    }
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
  let wrong = 0;
  for (let step = 0; step < 200; step++) {
    world.change();
    const { policy: fresh } = read(world.state);
    const { policy: other } = read(world.state);
    if (!fresh || !other) continue;
    last = shareStructure(last, fresh);
    const state = { shifts: [], endpoints: [], maintenance: [] };
    const [upon, whole] = [last, other].map(policy => compile({ policy, state, resolved: world.resolved }));
    assert.deepEqual(upon?.problems, whole?.problems, `step ${step}`);
    if (whole?.problems.some(each => each.severity === 'error')) wrong++;
  }
  assert.ok(wrong > 20, `only ${wrong} policies had errors`);
});
