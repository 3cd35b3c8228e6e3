import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { shareStructure } from '../../../src/base/memo.ts';
import { compile } from '../../../src/ir/compile.ts';
import type { FleetIr } from '../../../src/ir/ir.ts';
import { Policy, type PolicyInput } from '../../../src/policy/kinds.ts';
import { noOperationalState, type OperationalState } from '../../../src/policy/operational-state.ts';
import { sound } from './planted.ts';

const big = {
  ...sound,
  services: {
    ...sound.services,
    named: { endpoints: [{ address: 'named.internal:80' }, { address: '10.0.3.1:80' }] },
    seats: {
      endpoints: [1, 2, 3].map(each => ({
        address: `10.0.2.${each}:15006`,
        inbound: { application: '127.0.0.1:8080', node: `seat-${each}` },
      })),
    },
  },
  routes: {
    ...sound.routes,
    split: {
      gateways: ['public'],
      hosts: ['split.example.com'],
      rules: [
        { name: 'a', match: { path: '/a' }, to: [{ service: 'named' }] },
        {
          name: 'b',
          to: [
            { service: 'catalog', version: 'v1' },
            { service: 'catalog', version: 'v2' },
          ],
        },
      ],
    },
  },
  fleets: {
    ...sound.fleets,
    second: { match: { cluster: 'second' }, gateways: ['public'] },
    seats: { match: { cluster: 'seats' }, sidecar: { service: 'seats', upstreams: ['catalog', 'api'] } },
  },
} satisfies PolicyInput;

/** A compile whose policy keeps what did not change, as the controller does it. */
function builder() {
  let last: Policy | undefined;
  return (input: PolicyInput, state: OperationalState = noOperationalState, ips: readonly string[] = ['10.0.3.2']) => {
    last = shareStructure(last, Policy.parse(structuredClone(input)));
    return compile({ policy: last, state: structuredClone(state), resolved: new Map([['named.internal', [...ips]]]) });
  };
}

/** Names of the pieces that are in `after` and are not the same objects as in `before`. */
function changes(before: readonly FleetIr[], after: readonly FleetIr[]): readonly string[] {
  const pieces = (fleets: readonly FleetIr[]) =>
    fleets.flatMap(fleet => [
      [fleet.key, fleet] as const,
      ...[...fleet.listeners, ...fleet.routeTables, ...fleet.clusters].map(
        each => [`${fleet.key}: ${each.name}`, each] as const,
      ),
    ]);
  const known = new Set<unknown>(pieces(before).map(([, piece]) => piece));
  return pieces(after).flatMap(([name, piece]) => (known.has(piece) ? [] : [name]));
}

const state = (change: Partial<OperationalState>): OperationalState => ({ ...noOperationalState, ...change });
const by = { by: 'ann', since: 1 };

describe('identity', () => {
  it('equal policies, states and answers give the same objects', () => {
    const build = builder();
    const shift = {
      kind: 'shift' as const,
      route: 'split',
      rule: 'b',
      weights: { 'catalog@v1': 1, 'catalog@v2': 9 },
      ...by,
    };
    const changed = state({
      shifts: [shift],
      endpoints: [{ kind: 'endpoint', service: 'named', address: '10.0.3.1:80', weight: 5, ...by }],
    });
    const [first, second] = [build(big, changed), build(big, changed)];
    assert.equal(first.fleets.length, 6);
    assert.deepEqual(changes(first.fleets, second.fleets), []);
    for (const [index, fleet] of first.fleets.entries()) assert.equal(fleet, second.fleets[index]);
  });

  it('one weight of an endpoint changes its clusters only', () => {
    const build = builder();
    const before = build(big);
    const named = { endpoints: [{ address: 'named.internal:80' }, { address: '10.0.3.1:80', weight: 2 }] };
    const after = build({ ...big, services: { ...big.services, named } });
    assert.deepEqual(changes(before.fleets, after.fleets), ['edge', 'edge: named', 'second', 'second: named']);
  });

  it('an override of an endpoint changes the clusters that hold it, and no service', () => {
    const build = builder();
    const before = build(big);
    const after = build(
      big,
      state({ endpoints: [{ kind: 'endpoint', service: 'catalog', address: '10.0.0.1:80', weight: 7, ...by }] }),
    );
    const changed = changes(before.fleets, after.fleets);
    assert.ok(changed.includes('edge: catalog') && changed.includes('edge: catalog@v1'));
    assert.ok(
      !changed.some(name => name.endsWith('catalog@v2') || name.endsWith('gateway/public')),
      changed.join(', '),
    );
  });

  it('a shift changes one route table and no cluster', () => {
    const build = builder();
    const before = build(big);
    const shift = {
      kind: 'shift' as const,
      route: 'split',
      rule: 'b',
      weights: { 'catalog@v1': 1, 'catalog@v2': 9 },
      ...by,
    };
    const after = build(big, state({ shifts: [shift] }));
    assert.deepEqual(changes(before.fleets, after.fleets), [
      'edge',
      'edge: gateway/public',
      'second',
      'second: gateway/public',
    ]);
    const rules = (fleets: readonly FleetIr[]) =>
      fleets[1]?.routeTables[0]?.virtualHosts.flatMap(host => host.rules) ?? [];
    const fresh = rules(after.fleets).filter(each => !rules(before.fleets).includes(each));
    assert.deepEqual(
      fresh.map(each => each.name),
      ['split/b'],
    );
  });

  it('a new answer for a name changes the clusters that it is part of', () => {
    const build = builder();
    const before = build(big);
    const after = build(big, noOperationalState, ['10.0.3.3']);
    assert.deepEqual(changes(before.fleets, after.fleets), ['edge', 'edge: named', 'second', 'second: named']);
  });

  it('a preview between two builds does not make the second one anew', () => {
    const build = builder();
    const before = build(big);
    build(
      big,
      state({
        endpoints: [{ kind: 'endpoint', service: 'catalog', address: '10.0.0.1:80', state: 'draining', ...by }],
      }),
    );
    assert.deepEqual(changes(before.fleets, build(big).fleets), []);
  });

  it('a cluster is one object for all fleets', () => {
    const { fleets } = builder()(big);
    const byName = Map.groupBy(
      fleets.flatMap(fleet => fleet.clusters),
      cluster => cluster.name,
    );
    for (const [name, clusters] of byName) assert.equal(new Set(clusters).size, 1, name);
    assert.ok((byName.get('catalog')?.length ?? 0) >= 5);
  });
});

describe('order', () => {
  const shuffled = (value: unknown, seed: readonly number[]): unknown => {
    if (Array.isArray(value)) return value.map(item => shuffled(item, seed));
    if (typeof value !== 'object' || value === null) return value;
    const keys = Object.keys(value);
    const rank = (key: string) =>
      seed[(key.length * 31 + (key.codePointAt(0) ?? 0) + keys.indexOf(key)) % seed.length] ?? 0;
    const sorted = keys.toSorted((a, b) => rank(a) - rank(b));
    return Object.fromEntries(sorted.map(key => [key, shuffled((value as Record<string, unknown>)[key], seed)]));
  };
  const compileText = (input: unknown) => {
    const { fleets, problems } = compile({
      policy: Policy.parse(input),
      state: noOperationalState,
      resolved: new Map([['named.internal', ['10.0.3.2']]]),
    });
    return { fleets, problems };
  };
  const broken = {
    ...big,
    routes: {
      ...big.routes,
      more: { rules: [{ to: [{ service: 'nothing' }] }] },
      less: { hosts: ['shop.example.com'], gateways: ['public', 'gone'], rules: [{ to: [{ service: 'db' }] }] },
    },
  };

  for (const [what, input] of [
    ['a sound policy', big],
    ['a broken policy', broken],
  ] as const) {
    it(`of keys has no meaning in ${what}`, () => {
      const expected = compileText(input);
      let moved = 0;
      fc.assert(
        fc.property(fc.array(fc.nat(), { minLength: 7, maxLength: 29 }), seed => {
          const other = shuffled(input, seed);
          if (JSON.stringify(other) !== JSON.stringify(input)) moved += 1;
          const result = compileText(other);
          assert.deepEqual(result, expected);
          // Lists and names are in the same order, too; settings keep their own keys.
          const names = (fleets: readonly FleetIr[]) =>
            JSON.stringify(fleets, [
              'key',
              'members',
              'listeners',
              'routeTables',
              'clusters',
              'name',
              'virtualHosts',
              'domains',
              'rules',
              'endpoints',
              'declared',
            ]);
          assert.equal(names(result.fleets), names(expected.fleets));
        }),
        { numRuns: 40 },
      );
      assert.ok(moved > 30);
    });
  }
});
