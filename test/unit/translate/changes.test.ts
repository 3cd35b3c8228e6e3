import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compile } from '../../../src/ir/compile.ts';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import { noOperationalState } from '../../../src/policy/operational-state.ts';
import { parse } from '../../../src/policy/parse.ts';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import { diffTypes } from '../../../src/snapshot/diff.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { translate } from '../../../src/translate/translate.ts';

interface Facts {
  readonly weights: readonly number[];
  readonly connectTimeout: number;
  readonly timeout: number;
}

const facts = fc.record({
  weights: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
  connectTimeout: fc.integer({ min: 100, max: 900 }),
  timeout: fc.integer({ min: 1, max: 60 }),
});
const policies = fc.array(facts, { minLength: 1, maxLength: 6 });

/** A service, a gateway and a route for each, and one fleet of them all. */
function policyOf(all: readonly Facts[]): PolicyInput {
  const each = <T>(make: (facts: Facts, index: number) => T) =>
    Object.fromEntries(all.map((one, index) => [`s${index}`, make(one, index)]));
  return {
    services: each(({ weights, connectTimeout }, index) => ({
      endpoints: weights.map((weight, at) => ({ address: `10.0.${index}.${at + 1}:80`, weight })),
      connectTimeout: `${connectTimeout}ms`,
    })),
    gateways: each((_, index) => ({ listeners: [{ port: 8000 + index, protocol: 'http' as const }] })),
    routes: each(({ timeout }, index) => ({
      gateways: [`s${index}`],
      rules: [{ to: [{ service: `s${index}` }], timeout: `${timeout}s` }],
    })),
    fleets: { edge: { match: { cluster: 'edge' }, gateways: all.map((_, index) => `s${index}`) } },
  };
}

function snapshotOf(parts: readonly PolicyInput[]): Snapshot {
  const documents = parts.map((part, index) => ({
    file: `${index}`,
    format: 'json' as const,
    text: JSON.stringify(part),
  }));
  const { policy, problems } = parse(documents);
  assert.ok(policy, JSON.stringify(problems));
  const { fleets } = compile({ policy, state: noOperationalState, resolved: new Map() });
  assert.ok(fleets[0]);
  return buildSnapshot('edge', translate(fleets[0]));
}

const changes: Readonly<Record<string, (facts: Facts) => Facts>> = {
  ClusterLoadAssignment: ({ weights: [first = 1, ...rest], ...others }) => ({
    ...others,
    weights: [first + 1, ...rest],
  }),
  Cluster: each => ({ ...each, connectTimeout: each.connectTimeout + 1 }),
  RouteConfiguration: each => ({ ...each, timeout: each.timeout + 1 }),
};

test('one change gives a new version to what it touches, and to nothing else', () => {
  fc.assert(
    fc.property(policies, fc.nat(), fc.constantFrom(...Object.keys(changes)), (all, seed, type) => {
      const at = seed % all.length;
      const changed = all.map((each, index) => (index === at ? (changes[type]?.(each) ?? each) : each));
      const [before, after] = [snapshotOf([policyOf(all)]), snapshotOf([policyOf(changed)])];
      const touched = [...after.types].flatMap(([url, next]) => {
        const diff = diffTypes(before.types.get(url), next);
        return [...diff.changed.map(each => each.name), ...diff.removed].map(
          name => `${url.split('.').at(-1)} ${name}`,
        );
      });
      assert.deepEqual(touched, [`${type} ${type === 'RouteConfiguration' ? 'gateway/' : ''}s${at}`]);
    }),
    { numRuns: 150 },
  );
});

test('resources spread over documents in any order, and endpoints in any order, are the same bytes', () => {
  fc.assert(
    fc.property(policies, fc.infiniteStream(fc.nat()), (all, seeds) => {
      const shuffled = <T>(list: readonly T[]): T[] =>
        list
          .map(item => [seeds.next().value ?? 0, item] as const)
          .toSorted(([a], [b]) => a - b)
          .map(([, item]) => item);
      const policy = policyOf(all);
      const services = Object.entries(policy.services ?? {}).map(([name, service]) => ({
        services: { [name]: { ...service, endpoints: shuffled(service.endpoints ?? []) } },
      }));
      const routes = Object.entries(policy.routes ?? {}).map(([name, route]) => ({ routes: { [name]: route } }));
      const rest = [{ gateways: policy.gateways ?? {} }, { fleets: policy.fleets ?? {} }];
      assert.equal(snapshotOf(shuffled([...services, ...routes, ...rest])).version, snapshotOf([policy]).version);
    }),
    { numRuns: 100 },
  );
});
