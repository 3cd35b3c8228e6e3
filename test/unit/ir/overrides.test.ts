import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import type { EndpointOverride, TrafficShift } from '../../../src/policy/operational-state.ts';
import { addresses, codes, compiled, fleet, rule } from './compiled.ts';

const policy = {
  services: {
    catalog: {
      endpoints: [
        { address: '10.0.0.1:80', labels: { version: 'v1' } },
        { address: '[::1]:80', labels: { version: 'v2' } },
        { address: 'catalog.internal:80', labels: { version: 'v2' } },
      ],
      versions: { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' } } },
    },
  },
  gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
  routes: {
    shop: {
      gateways: ['public'],
      rules: [
        { name: 'old', match: { path: '/old' }, redirect: { path: '/' } },
        {
          name: 'everyone',
          to: [
            { service: 'catalog', version: 'v1', weight: 95 },
            { service: 'catalog', version: 'v2', weight: 5 },
          ],
        },
      ],
    },
  },
  fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
} satisfies PolicyInput;
const resolved = { 'catalog.internal': ['10.0.0.8', '10.0.0.9'] };

const shift = (change: Partial<TrafficShift>): TrafficShift => ({
  kind: 'shift',
  route: 'shop',
  rule: 'everyone',
  weights: { 'catalog@v2': 100, 'catalog@v1': 0 },
  by: 'ann',
  since: 1,
  ...change,
});
const override = (change: Partial<EndpointOverride>): EndpointOverride => ({
  kind: 'endpoint',
  service: 'catalog',
  address: '10.0.0.1:80',
  by: 'ann',
  since: 1,
  ...change,
});

const weights = (...shifts: readonly TrafficShift[]) => {
  const { action } = rule(fleet(compiled(policy, { state: { shifts }, resolved }), 'edge'), 'shop/everyone');
  return action.kind === 'forward' && action.to.map(each => each.weight);
};

describe('traffic shifts', () => {
  it('replace the weights of a rule and keep destinations of weight 0', () => {
    assert.deepEqual(weights(), [95, 5]);
    assert.deepEqual(weights(shift({})), [0, 100]);
  });

  it('are reported as active', () => {
    const each = shift({});
    const result = compiled(policy, { state: { shifts: [each] }, resolved });
    assert.deepEqual(result.overrides, [{ override: each, effect: 'active' }]);
    assert.deepEqual(result.problems, []);
  });

  for (const [what, change, path, why] of [
    ['the route is gone', { route: 'other' }, 'routes.other', /route "other" is no longer declared/],
    ['the rule is gone', { rule: 'nobody' }, 'routes.shop', /no rule "nobody"/],
    ['the rule redirects', { rule: 'old', weights: {} }, 'routes.shop.rules[0]', /does not send to services/],
    ['a destination is new', { weights: { 'catalog@v1': 1 } }, 'routes.shop.rules[1].to', /made for catalog@v1, and/],
    [
      'a destination is gone',
      { weights: { 'catalog@v1': 1, 'catalog@v2': 1, catalog: 1 } },
      'routes.shop.rules[1].to',
      /now/,
    ],
    [
      'all weights are 0',
      { weights: { 'catalog@v1': 0, 'catalog@v2': 0 } },
      'routes.shop.rules[1].to',
      /all of its weights/,
    ],
  ] as const satisfies (readonly [string, Partial<TrafficShift>, string, RegExp])[]) {
    it(`are suspended, visibly, when ${what}`, () => {
      const each = shift(change);
      const result = compiled(policy, { state: { shifts: [each] }, resolved });
      assert.deepEqual(codes(result.problems), [`override.suspended ${path}`]);
      assert.equal(result.problems[0]?.severity, 'warning');
      assert.equal(result.overrides[0]?.effect, 'suspended');
      assert.match(result.overrides[0]?.why ?? '', why);
      assert.deepEqual(weights(each), [95, 5]);
    });
  }

  it('give way to a later one of the same rule', () => {
    const later = shift({ weights: { 'catalog@v1': 1, 'catalog@v2': 2 } });
    assert.deepEqual(weights(shift({}), later), [1, 2]);
  });
});

describe('overrides of endpoints', () => {
  const of = (...endpoints: readonly EndpointOverride[]) => compiled(policy, { state: { endpoints }, resolved });
  const endpoints = (...all: readonly EndpointOverride[]) => {
    const cluster = fleet(of(...all), 'edge').clusters.find(each => each.name === 'catalog@v1');
    return cluster?.kind === 'service' ? cluster.endpoints.map(each => [each.weight, each.state]) : undefined;
  };

  it('replace weight and state', () => {
    assert.deepEqual(endpoints(override({ weight: 9 })), [[9, 'active']]);
    assert.deepEqual(endpoints(override({ state: 'draining' })), [[1, 'draining']]);
    assert.deepEqual(endpoints(override({ state: 'disabled' })), []);
  });

  it('find the endpoint however its address is spelled, and all addresses of a name', () => {
    const result = of(
      override({ address: '[0::1]:80', state: 'disabled' }),
      override({ address: 'Catalog.internal:80', state: 'disabled' }),
    );
    assert.deepEqual(addresses(fleet(result, 'edge'), 'catalog@v2'), []);
    assert.ok(result.overrides.every(each => each.effect === 'active'));
  });

  it('end with their endpoint, or its service', () => {
    for (const [change, why] of [
      [{ address: '10.0.0.7:80' }, /no longer has the endpoint 10\.0\.0\.7:80/],
      [{ service: 'other' }, /service "other" is no longer declared/],
    ] as const) {
      const result = of(override(change));
      assert.equal(result.overrides[0]?.effect, 'suspended');
      assert.match(result.overrides[0]?.why ?? '', why);
      assert.deepEqual(codes(result.problems), [`override.endpoint_gone services.${override(change).service}`]);
    }
  });
});
