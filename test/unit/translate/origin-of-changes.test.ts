import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatPath, type PolicyPath } from '../../../src/base/problem.ts';
import type { Resource } from '../../../src/base/resource.ts';
import type { FleetIr } from '../../../src/ir/ir.ts';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import { originOf } from '../../../src/translate/origin.ts';
import { translate } from '../../../src/translate/translate.ts';
import { fleetsOf, shop, valueAt } from './origin-shop.ts';

const { fleets } = fleetsOf(shop);

/**
 * What each change of a policy changes in messages is traced back: some field to the very place of the change, and
 * every one of them to that place or to something around it.
 */
describe('every field that a change touches leads back to it', () => {
  const service = (name: string, ...fields: readonly (string | number)[]): PolicyPath => ['services', name, ...fields];
  const rule = (index: number, ...fields: readonly (string | number)[]): PolicyPath => [
    ...['routes', 'shop', 'rules', index],
    ...fields,
  ];
  const check = (...fields: readonly string[]) => service('catalog', 'healthCheck', ...fields);
  const outlier = (...fields: readonly string[]) => service('catalog', 'outlierDetection', ...fields);
  const loaded = (...fields: readonly string[]) => service('loaded', 'loadBalancing', ...fields);
  const changes: readonly (readonly [path: PolicyPath, value: unknown])[] = [
    [service('catalog', 'connectTimeout'), '99ms'],
    [check('timeout'), '77ms'],
    [check('unhealthyAfter'), 7],
    [check('healthyAfter'), 7],
    [check('edgeInterval'), '77ms'],
    [check('unhealthyInterval'), '77ms'],
    [check('idleInterval'), '77ms'],
    [check('jitter'), '77%'],
    [check('http', 'path'), '/other'],
    [check('http', 'host'), 'b.test'],
    [check('http', 'method'), 'HEAD'],
    [check('http', 'expect'), ['204']],
    [check('http', 'retriable'), ['503']],
    [service('checkout', 'healthCheck', 'grpc', 'service'), 'other'],
    ...['consecutiveServerErrors', 'consecutiveGatewayErrors', 'consecutiveLocalErrors'].map(
      name => [outlier(name), 77] as const,
    ),
    ...['Server', 'Gateway', 'Local'].map(name => [outlier(`enforceConsecutive${name}Errors`), '77%'] as const),
    [outlier('splitLocalErrors'), true],
    [outlier('interval'), '77ms'],
    [outlier('baseEjection'), '77ms'],
    [outlier('maxEjection'), '7777s'],
    [outlier('ejectionJitter'), '77ms'],
    [outlier('maxEjected'), '77%'],
    [outlier('alwaysEjectOne'), false],
    [outlier('activeCheckRestores'), true],
    ...['enforce', 'enforceLocal'].map(name => [outlier('successRate', name), '77%'] as const),
    ...['minimumEndpoints', 'requestVolume'].map(name => [outlier('successRate', name), 77] as const),
    [outlier('successRate', 'deviationFactor'), 7],
    ...['enforce', 'enforceLocal', 'threshold'].map(name => [outlier('failurePercentage', name), '77%'] as const),
    ...['minimumEndpoints', 'requestVolume'].map(name => [outlier('failurePercentage', name), 77] as const),
    ...['maxConnections', 'maxPending', 'maxRequests', 'maxRetries'].map(
      name => [service('catalog', 'circuitBreakers', name), 77] as const,
    ),
    [service('hashed', 'retryBudget', 'percent'), '77%'],
    [service('hashed', 'retryBudget', 'minConcurrency'), 77],
    [service('catalog', 'loadBalancing', 'choiceCount'), 7],
    [service('catalog', 'loadBalancing', 'activeRequestBias'), 7],
    [service('catalog', 'loadBalancing', 'panicThreshold'), '77%'],
    [service('catalog', 'loadBalancing', 'slowStart', 'window'), '77s'],
    [service('catalog', 'loadBalancing', 'slowStart', 'aggression'), 7],
    [service('catalog', 'loadBalancing', 'slowStart', 'minWeight'), '77%'],
    [service('hashed', 'loadBalancing', 'maximumRingSize'), 77777],
    [service('hashed', 'loadBalancing', 'hashBy', 1, 'query'), 'other'],
    ...[[], ['zones']].flatMap(at => [
      [loaded(...at, 'update'), '777ms'] as const,
      [loaded(...at, 'expiration'), '77s'] as const,
      [loaded(...at, 'utilizationMetrics'), ['mem_utilization']] as const,
      [loaded(...at, 'outOfBand', 'interval'), '77s'] as const,
      [loaded(...at, 'outOfBand', 'port'), 777] as const,
      [loaded(...at, 'outOfBand', 'authority'), 'other.test'] as const,
    ]),
    [loaded('zones', 'margin'), '77%'],
    [loaded('zones', 'probe'), '77%'],
    [loaded('zones', 'smoothing'), '77s'],
    [service('catalog', 'endpoints', 3, 'weight'), 7],
    [service('catalog', 'endpoints', 1, 'state'), 'draining'],
    [service('catalog', 'timeout'), '7s'],
    [service('catalog', 'sessions', 'cookie', 'name'), 'other'],
    [['gateways', 'public', 'listeners', 1, 'trustedProxies'], 2],
    [['gateways', 'public', 'listeners', 0, 'address'], '127.0.0.7'],
    [['fleets', 'side', 'sidecar', 'outbound', 'port'], 7777],
    [['fleets', 'side', 'sidecar', 'outbound', 'address'], '127.0.0.7'],
    [['fleets', 'side', 'sidecar', 'upstreams', 1, 'port'], 7777],
    [
      ['routes', 'shop', 'hosts'],
      ['other.test', 'shop.test'],
    ],
    [rule(0, 'match', 'path', 'regex'), '/other'],
    [rule(0, 'match', 'headers', 'x-lane'), 'other'],
    [rule(0, 'match', 'query', 'page'), 'other'],
    [rule(0, 'match', 'methods'), ['PUT']],
    [rule(0, 'redirect', 'host'), 'other.test'],
    [rule(0, 'redirect', 'status'), 301],
    [rule(1, 'respond', 'status'), 404],
    [rule(1, 'respond', 'body'), 'other'],
    [rule(1, 'respond', 'contentType'), 'text/html'],
    [rule(2, 'to', 1, 'weight'), 7],
    [rule(2, 'timeout'), '7s'],
    [rule(2, 'idleTimeout'), '7s'],
    [rule(2, 'rewrite', 'prefix'), '/other'],
    [rule(2, 'requestHeaders', 'set', 'x-a'), 'other'],
    [rule(2, 'requestHeaders', 'remove'), ['other']],
    [rule(2, 'responseHeaders', 'add', 'x-c'), 'other'],
    [rule(3, 'retries', 'attempts'), 7],
    [rule(3, 'retries', 'on'), ['reset']],
    [rule(3, 'retries', 'statuses'), [504]],
    [rule(3, 'retries', 'otherHost'), false],
  ];
  /** How many steps short the way back is, where Envoy's field holds several of the policy's. */
  const coarse = new Map([
    ['services.catalog.sessions.cookie.name', 2],
    ['services.hashed.loadBalancing.hashBy[1].query', 1],
    ['routes.shop.rules[0].match.methods', 1],
    ['routes.shop.rules[2].rewrite.prefix', 1],
  ]);

  for (const [path, value] of changes) {
    it(formatPath(path), () => {
      const after = fleetsOf(withValue(shop, path, value) as PolicyInput);
      const before = new Map(fleets.flatMap(fleet => translate(fleet).map(each => [keyOf(fleet, each), each.message])));
      const found = after.fleets.flatMap(fleet =>
        translate(fleet).flatMap(resource =>
          changedFields(before.get(keyOf(fleet, resource)), resource.message).map(field =>
            originOf(after.policy, fleet, resource, { field }),
          ),
        ),
      );
      assert.ok(found.length > 0, 'nothing has changed');
      for (const each of found) {
        const common = Math.min(each.length, path.length);
        assert.deepEqual(each.slice(0, common), path.slice(0, common), formatPath(each));
      }
      const deepest = Math.max(...found.map(each => each.length));
      const exact = path.length - (coarse.get(formatPath(path)) ?? 0);
      assert.ok(deepest >= exact, `only to ${formatPath(found.find(each => each.length === deepest) ?? [])}`);
    });
  }
});

const keyOf = (fleet: FleetIr, resource: Resource) => `${fleet.key} ${resource.type} ${resource.name}`;

/** Paths of what is other in `after`, in Envoy's spelling. What came or went is its nearest ancestor on both sides. */
function changedFields(before: unknown, after: unknown, path = ''): readonly string[] {
  if (before === undefined || Object.is(before, after)) return [];
  const sameKind =
    typeof before === 'object' && typeof after === 'object' && Array.isArray(before) === Array.isArray(after);
  if (!sameKind || !before || !after) return [path];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap(key => {
    const place = Array.isArray(after)
      ? `${path}[${key}]`
      : /^\w+$/.test(key)
        ? `${path}${path && '.'}${key}`
        : `${path}["${key}"]`;
    const [old, next] = [valueAt(before, [key]), valueAt(after, [key])];
    return old === undefined || next === undefined ? [place] : changedFields(old, next, place);
  });
}

function withValue(input: unknown, [key, ...rest]: PolicyPath, value: unknown): unknown {
  if (key === undefined) return value;
  const inner = withValue(valueAt(input, [key]), rest, value);
  if (Array.isArray(input)) return input.map((each, index) => (index === key ? inner : each));
  return { ...(input as object | undefined), [key]: inner };
}
