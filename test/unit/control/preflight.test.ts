import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shareStructure } from '../../../src/base/memo.ts';
import { formatProblem } from '../../../src/base/problem.ts';
import { millis } from '../../../src/base/units.ts';
import { pipeline } from '../../../src/control/pipeline.ts';
import { preflight } from '../../../src/control/preflight.ts';
import { compile } from '../../../src/ir/compile.ts';
import type { FleetIr } from '../../../src/ir/ir.ts';
import type { Policy } from '../../../src/policy/kinds.ts';
import { noOperationalState } from '../../../src/policy/operational-state.ts';
import { findViolations } from '../../../src/snapshot/validate.ts';
import { translate } from '../../../src/translate/translate.ts';
import { shopPolicy } from './controller-world.ts';

const text = shopPolicy({
  more: '  more: { match: { cluster: more }, gateways: [public] }',
});
const read = pipeline.read([{ file: 'switchyard.yaml', format: 'yaml', text }]);
const good = read.policy!;

/** A rule that becomes a route for each version of an API, and more. */
const versioned = `
services:
  web:
    endpoints: [{ address: "10.0.0.1:80" }]
    apiVersioning: { in: { path: { strip: true } }, versions: { v1: {}, v2: {}, v3: {} }, default: v3 }
gateways: { public: { listeners: [{ port: 80, protocol: http }] } }
routes: { shop: { gateways: [public], rules: [{ match: { path: /a }, to: [{ service: web }] }] } }
fleets: { edge: { match: { cluster: edge }, gateways: [public] } }
`;

const built = (policy: Policy) =>
  pipeline.build({ ...read, policy, overrides: [], resolved: new Map(), quarantines: [] }, undefined);
const fleetsOf = (policy: Policy) => compile({ policy, state: noOperationalState, resolved: new Map() }).fleets;
const sentences = (policy: Policy, fleets: readonly FleetIr[], sound?: readonly FleetIr[]) =>
  preflight(policy, fleets, sound).map(each => each.message);

/** What the schema would not let pass. */
function withTimeout(policy: Policy, connectTimeout: number): Policy {
  const other = { ...policy.services.other!, connectTimeout: millis(connectTimeout) };
  return shareStructure(policy, { ...policy, services: { ...policy.services, other } });
}

/** A fleet without one of its clusters. */
const without = (fleet: FleetIr, cluster: string): FleetIr => ({
  ...fleet,
  clusters: fleet.clusters.filter(each => each.name !== cluster),
});

describe('the pre-flight', () => {
  it('finds nothing wrong with what is right', () => assert.deepEqual(preflight(good, fleetsOf(good)), []));

  it('tells each fault once, with the place in the file, the Envoy resource, its field and a remedy', () => {
    const outcome = built(withTimeout(good, 0));
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual(outcome.problems.map(formatProblem), [
      'switchyard.yaml:9:3: error policy.inconsistent services.other.connectTimeout: What Envoys would be sent for it is ' +
        'wrong: Cluster "other": connect_timeout must be more than 0s (Envoy would not take it, so it is not sent; undo ' +
        'what led to it, and report it as a fault of Switchyard)',
    ]);
  });

  it('leads a reference to nothing back to the rule that makes it', () => {
    const edge = fleetsOf(good).find(each => each.key === 'edge')!;
    const [found, ...others] = preflight(good, [without(edge, 'catalog@v2')]);
    assert.deepEqual(others, []);
    assert.deepEqual(found?.path, ['routes', 'shop', 'rules', 2, 'to', 1]);
    assert.match(
      found.message,
      /"gateway\/public": virtual_hosts\[0\]\.routes\[2\]\.route\.weighted_clusters\.clusters\[1\]\.name refers to Cluster "catalog@v2"/,
    );
  });

  it('tells what one rule gets wrong once, however many Envoy routes it becomes', () => {
    const parsed = pipeline.read([{ file: 'shop.yaml', format: 'yaml', text: versioned }]);
    const shop = parsed.policy!.routes.shop!;
    const rules = [
      { ...shop.rules[0]!, match: { ...shop.rules[0]!.match, path: { prefix: '/a\n', ignoreCase: false } } },
    ];
    const bad = { ...parsed.policy!, routes: { shop: { ...shop, rules } } };
    assert.ok(fleetsOf(bad).flatMap(translate).flatMap(findViolations).length > 1);
    const found = preflight(bad, fleetsOf(bad));
    assert.deepEqual(
      found.map(each => each.path),
      [['routes', 'shop', 'rules', 0]],
    );
  });

  it('looks only at what has not passed before', () => {
    const bad = withTimeout(good, 0);
    const [before, after] = [fleetsOf(good), fleetsOf(bad)];
    assert.equal(sentences(bad, after, before).length, 1);
    // Said to be sound, they are not looked at.
    assert.deepEqual(sentences(bad, after, after), []);
    const [back] = after.filter(each => each.key === 'back');
    const others = before.filter(each => each.key !== 'back');
    assert.deepEqual(sentences(bad, [...others, back!], before), sentences(bad, after, before));
  });

  it('finds a reference to what has gone since', () => {
    const before = fleetsOf(good);
    preflight(good, before);
    const after = before.map(each => (each.key === 'back' ? without(each, 'other') : each));
    assert.deepEqual(
      sentences(good, after, before).map(each => each.split(': ')[1]),
      ['RouteConfiguration "gateway/back"'],
    );
  });
});
