import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { compile } from '../../../src/ir/compile.ts';
import type { FleetIr } from '../../../src/ir/ir.ts';
import type { Policy } from '../../../src/policy/kinds.ts';
import { noOperationalState, type OperationalState } from '../../../src/policy/operational-state.ts';
import { parse } from '../../../src/policy/parse.ts';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import { diffTypes } from '../../../src/snapshot/diff.ts';
import { translate } from '../../../src/translate/translate.ts';
import { fleetsOf, goldenCases } from '../../support/golden-case.ts';

const versions = (fleets: readonly FleetIr[]) =>
  Object.fromEntries(fleets.map(fleet => [fleet.key, buildSnapshot(fleet.key, translate(fleet)).version]));

/** The same value with the keys of every object the other way round; lists stay. */
function backwards(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(backwards);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, each]) => [key, backwards(each)]),
  );
}

describe('the same policy written in another order is the same bytes', () => {
  for (const each of goldenCases()) {
    it(each.name, () => {
      const policy = JSON.stringify(backwards(parseYaml(each.policy)));
      assert.deepEqual(versions(fleetsOf({ ...each, policy })), versions(fleetsOf(each)));
    });
  }
});

const perType = (variant: string) => `, xds: { streams: perType, variant: ${variant} }`;

const withoutFleets = `
services:
  catalog:
    endpoints:
      - { address: 10.0.0.1:80, labels: { version: v1 } }
      - { address: 10.0.0.2:80, labels: { version: v2 } }
    versions: { v1: { labels: { version: v1 } }, v2: { labels: { version: v2 } } }
  checkout: { endpoints: [{ address: 10.0.0.3:80 }] }
gateways:
  public: { listeners: [{ port: 80, protocol: http }] }
routes:
  shop:
    gateways: [public]
    rules:
      - { name: pay, match: { path: { prefix: /pay } }, to: [{ service: checkout }] }
      - { name: split, to: [{ service: catalog, version: v1, weight: 9 }, { service: catalog, version: v2 }] }
      - { name: rest, to: [{ service: catalog }] }
`;

const policy = policyOf(`${withoutFleets}
fleets:
  edge: { match: { cluster: edge }, gateways: [public] }
  other: { match: { cluster: other }, gateways: [public] }
`);

function policyOf(text: string): Policy {
  const { policy: read, problems } = parse([{ file: 'policy.yaml', format: 'yaml', text }]);
  assert.ok(read, JSON.stringify(problems));
  return read;
}

function fleetsWith(state: Partial<OperationalState>): readonly FleetIr[] {
  return compile({ policy, state: { ...noOperationalState, ...state }, resolved: new Map() }).fleets;
}

/** Names of what differs between the snapshots of one fleet. */
function changes(from: FleetIr | undefined, to: FleetIr | undefined): readonly string[] {
  assert.ok(from && to);
  const [before, after] = [from, to].map(fleet => buildSnapshot('edge', translate(fleet)));
  return [...(after?.types ?? [])].flatMap(([url, type]) => {
    const diff = diffTypes(before?.types.get(url), type);
    return [...diff.changed.map(each => each.name), ...diff.removed].map(name => `${url.split('.').at(-1)} ${name}`);
  });
}

const by = { by: 'test', since: 0 };

describe('translate', () => {
  it('gives the same resources for the same fleet', () => {
    const [fleet] = fleetsWith({});
    assert.ok(fleet);
    assert.equal(translate(fleet), translate(fleet));
  });

  it('shares resources between fleets', () => {
    const [edge, other] = fleetsWith({});
    assert.ok(edge && other);
    const shared = new Set(translate(edge));
    for (const resource of translate(other)) assert.ok(shared.has(resource), resource.name);
  });

  it('shares resources between fleets that are told alike, and makes others only where they refer to something', () => {
    const xds = { plain: '', one: perType('delta'), two: perType('delta'), old: perType('sotw') };
    const fleets = Object.entries(xds).map(
      ([name, how]) => `  ${name}: { match: { cluster: ${name} }, gateways: [public]${how} }\n`,
    );
    const mixed = policyOf(`${withoutFleets}\nfleets:\n${fleets.join('')}`);
    const translated = new Map(
      compile({ policy: mixed, state: noOperationalState, resolved: new Map() }).fleets.map(each => [
        each.key,
        translate(each),
      ]),
    );
    const others = (of: string, than: string) => {
      const known = new Set(translated.get(than));
      return (translated.get(of) ?? []).filter(each => !known.has(each)).map(each => each.type.split('.').at(-1));
    };
    assert.deepEqual(others('one', 'two'), []);
    for (const than of ['plain', 'old']) {
      assert.deepEqual(others('one', than), ['Cluster', 'Cluster', 'Cluster', 'Cluster', 'Listener']);
    }
  });

  it('makes anew what a changed endpoint touches, and nothing else', () => {
    const [before] = fleetsWith({});
    const drain = { kind: 'endpoint', service: 'catalog', address: '10.0.0.1:80', state: 'draining', ...by } as const;
    const [after] = fleetsWith({ endpoints: [drain] });
    assert.ok(before && after);
    const known = new Set(translate(before));
    const fresh = translate(after).filter(resource => !known.has(resource));
    assert.deepEqual(
      fresh.map(each => `${each.type.split('.').at(-1)} ${each.name}`),
      ['ClusterLoadAssignment catalog', 'ClusterLoadAssignment catalog@v1'],
    );
    assert.deepEqual(
      changes(before, after),
      fresh.map(each => `ClusterLoadAssignment ${each.name}`),
    );
  });

  it('makes anew the routes that a shift touches, and nothing else', () => {
    const weights = { 'catalog@v1': 1, 'catalog@v2': 1 };
    const shift = { kind: 'shift', route: 'shop', rule: 'split', weights, ...by } as const;
    const [before] = fleetsWith({});
    const [after] = fleetsWith({ shifts: [shift] });
    assert.deepEqual(changes(before, after), ['RouteConfiguration gateway/public']);
  });
});
