import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatPath, type PolicyPath } from '../../../src/base/problem.ts';
import { compile } from '../../../src/ir/compile.ts';
import type { FleetIr } from '../../../src/ir/ir.ts';
import { Policy, type PolicyInput } from '../../../src/policy/kinds.ts';
import { noOperationalState } from '../../../src/policy/operational-state.ts';
import { type Clue, originOf } from '../../../src/translate/origin.ts';
import type { Resource } from '../../../src/translate/resource.ts';
import { translate } from '../../../src/translate/translate.ts';

const shop = {
  services: {
    catalog: {
      endpoints: [
        { address: '10.0.0.2:80', zone: 'b', labels: { version: 'v2' } },
        { address: '10.0.0.1:80', zone: 'a', labels: { version: 'v1' } },
        { address: 'catalog.test:80', priority: 1 },
        { address: '10.0.0.3:80', zone: 'a', labels: { version: 'v1' }, weight: 3 },
      ],
      versions: { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' } } },
      healthCheck: { http: { path: '/health', host: 'a.test' }, jitter: '10%' },
      loadBalancing: { policy: 'leastRequest', slowStart: { window: '30s' } },
      sessions: { cookie: { name: 'lane' } },
      timeout: '5s',
    },
    hashed: {
      endpoints: [{ address: '10.0.1.1:80' }],
      loadBalancing: { policy: 'ringHash', hashBy: [{ header: 'x-user' }, { query: 'user' }] },
      retryBudget: { percent: '20%' },
      apiVersioning: { in: { header: {} }, versions: { v1: { state: 'retired' }, v2: {} }, default: 'v2' },
    },
    db: { protocol: 'tcp', endpoints: [{ address: '10.0.2.1:5432' }] },
    checkout: {
      protocol: 'grpc',
      healthCheck: { grpc: { service: 'shop.Checkout' } },
      endpoints: [
        { address: '10.0.3.1:15006', inbound: { application: '127.0.0.1:8080', node: 'one' } },
        { address: '10.0.3.1:15007', inbound: { application: '127.0.0.1:8081', node: 'one' } },
      ],
    },
  },
  gateways: {
    public: {
      listeners: [
        { port: 81, protocol: 'http', address: '127.0.0.2' },
        { port: 80, protocol: 'http', trustedProxies: 1 },
        { port: 80, protocol: 'http', address: '127.0.0.1', reusePort: true },
      ],
    },
    raw: { listeners: [{ port: 5432, protocol: 'tcp', to: [{ service: 'db' }] }] },
  },
  routes: {
    shop: {
      gateways: ['public'],
      mesh: true,
      hosts: ['shop.test', 'buy.test'],
      rules: [
        {
          match: { path: { regex: '/a/(b|c)' }, headers: { 'x-lane': 'beta' }, query: { page: '1' }, methods: ['GET'] },
          redirect: { host: 'www.test', status: 308 },
        },
        { name: 'gone', match: { path: { exact: '/gone' } }, respond: { status: 410, body: 'It is gone.' } },
        {
          name: 'everyone',
          match: { path: { prefix: '/api' } },
          to: [
            { service: 'catalog', version: 'v1', weight: 95 },
            { service: 'catalog', version: 'v2', weight: 5 },
          ],
          idleTimeout: '9s',
          rewrite: { prefix: '/' },
          requestHeaders: { set: { 'x-a': 'b' }, remove: ['x-b'] },
          responseHeaders: { add: { 'x-c': 'd' } },
        },
        { to: [{ service: 'hashed' }], retries: { attempts: 2, on: ['gatewayError'], statuses: [503] } },
      ],
    },
  },
  fleets: {
    edge: { match: { cluster: 'edge' }, gateways: ['public', 'raw'] },
    side: {
      match: { cluster: 'side' },
      sidecar: { service: 'checkout', upstreams: ['catalog', { service: 'db', port: 15432 }, 'hashed', 'checkout'] },
    },
  },
} satisfies PolicyInput;

function fleetsOf(input: PolicyInput): { readonly policy: Policy; readonly fleets: readonly FleetIr[] } {
  const policy = Policy.parse(input);
  const resolved = new Map([['catalog.test', ['10.9.0.1', '10.9.0.2']]]);
  return { policy, fleets: compile({ policy, state: noOperationalState, resolved }).fleets };
}

const { policy, fleets } = fleetsOf(shop);
const short = (resource: Resource) => resource.type.split('.').at(-1);

function origin(key: string, type: string, name: string, clue?: Clue): string {
  const fleet = fleets.find(each => each.key === key)!;
  const resource = translate(fleet).find(each => short(each) === type && each.name === name);
  assert.ok(resource, `${key} has no ${type} ${name}`);
  return formatPath(originOf(policy, fleet, resource, clue));
}

describe('the origin of a resource', () => {
  const cases: readonly (readonly [fleet: string, type: string, name: string, expected: string])[] = [
    ['edge', 'Cluster', 'hashed', 'services.hashed'],
    ['edge', 'Cluster', 'catalog@v1', 'services.catalog.versions.v1'],
    ['edge', 'ClusterLoadAssignment', 'catalog@v2', 'services.catalog.versions.v2'],
    ['edge', 'ClusterLoadAssignment', 'switchyard/fleet', 'fleets.edge'],
    ['edge', 'Listener', 'gateway/public/81', 'gateways.public.listeners[0]'],
    ['edge', 'Listener', 'gateway/public/80', 'gateways.public.listeners[1]'],
    ['edge', 'Listener', 'gateway/public/127.0.0.1:80/shared', 'gateways.public.listeners[2]'],
    ['edge', 'Listener', 'gateway/raw/5432', 'gateways.raw.listeners[0]'],
    ['edge', 'RouteConfiguration', 'gateway/public', 'gateways.public'],
    ['edge', 'Runtime', 'switchyard', 'fleets.edge'],
    ['side', 'Listener', 'outbound', 'fleets.side.sidecar.outbound'],
    ['side', 'Listener', 'outbound/db', 'fleets.side.sidecar.upstreams[1]'],
    ['side', 'Listener', 'inbound/checkout/10.0.3.1:15007', 'services.checkout.endpoints[1]'],
    ['side', 'Cluster', 'inbound/checkout/10.0.3.1:15007', 'services.checkout'],
    ['side', 'RouteConfiguration', 'outbound', 'fleets.side.sidecar'],
    ['side', 'RouteConfiguration', 'inbound/checkout/10.0.3.1:15006', 'services.checkout'],
  ];
  for (const [fleet, type, name, expected] of cases) {
    it(`${type} ${name} is ${expected}`, () => assert.equal(origin(fleet, type, name), expected));
  }

  it('is known for every resource of every fleet', () => {
    for (const fleet of fleets) {
      for (const resource of translate(fleet)) {
        const path = originOf(policy, fleet, resource);
        assert.notEqual(valueAt(policy, path), undefined, `${resource.name}: ${formatPath(path)}`);
      }
    }
  });
});

describe('the origin of a field', () => {
  const table = 'virtual_hosts[0].routes';
  const cases: readonly (readonly [fleet: string, type: string, name: string, field: string, expected: string])[] = [
    ['edge', 'Cluster', 'catalog@v1', 'connect_timeout', 'services.catalog.connectTimeout'],
    ['edge', 'Cluster', 'catalog@v1', 'health_checks[0].timeout', 'services.catalog.healthCheck.timeout'],
    ['edge', 'Cluster', 'catalog@v1', 'nothing.known[3]', 'services.catalog.versions.v1'],
    [
      'edge',
      'Cluster',
      'hashed',
      'load_balancing_policy.policies[0].typed_extension_config.typed_config.minimum_ring_size',
      'services.hashed.loadBalancing.minimumRingSize',
    ],
    [
      'edge',
      'Cluster',
      'hashed',
      'typed_extension_protocol_options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"].common_http_protocol_options',
      'services.hashed.protocol',
    ],
    [
      'side',
      'ClusterLoadAssignment',
      'catalog',
      'endpoints[0].lb_endpoints[1].load_balancing_weight',
      'services.catalog.endpoints[3].weight',
    ],
    ['side', 'ClusterLoadAssignment', 'catalog', 'endpoints[1].lb_endpoints[0]', 'services.catalog.endpoints[0]'],
    ['side', 'ClusterLoadAssignment', 'catalog', 'endpoints[2].lb_endpoints[1]', 'services.catalog.endpoints[2]'],
    ['side', 'ClusterLoadAssignment', 'catalog', 'endpoints[2].priority', 'services.catalog.endpoints[2].priority'],
    ['edge', 'ClusterLoadAssignment', 'catalog@v2', 'endpoints[0].locality.zone', 'services.catalog.endpoints[0].zone'],
    ['edge', 'Listener', 'gateway/public/80', 'address.socket_address.port_value', 'gateways.public.listeners[1].port'],
    [
      'edge',
      'Listener',
      'gateway/public/80',
      'filter_chains[0].filters[0].typed_config.xff_num_trusted_hops',
      'gateways.public.listeners[1].trustedProxies',
    ],
    ['side', 'Listener', 'outbound/db', 'address.socket_address.port_value', 'fleets.side.sidecar.upstreams[1].port'],
    ['edge', 'RouteConfiguration', 'gateway/public', 'virtual_hosts[0].domains[1]', 'routes.shop.hosts[0]'],
    ['edge', 'RouteConfiguration', 'gateway/public', `${table}[0].match.safe_regex`, 'routes.shop.rules[0].match.path'],
    [
      'edge',
      'RouteConfiguration',
      'gateway/public',
      `${table}[0].match.headers[1].string_match`,
      'routes.shop.rules[0].match.headers.x-lane',
    ],
    ['edge', 'RouteConfiguration', 'gateway/public', `${table}[0].match.headers[0]`, 'routes.shop.rules[0].match'],
    [
      'edge',
      'RouteConfiguration',
      'gateway/public',
      `${table}[0].redirect.response_code`,
      'routes.shop.rules[0].redirect.status',
    ],
    ['edge', 'RouteConfiguration', 'gateway/public', `${table}[2].route.timeout`, 'services.catalog.timeout'],
    [
      'edge',
      'RouteConfiguration',
      'gateway/public',
      `${table}[2].route.weighted_clusters.clusters[1].weight`,
      'routes.shop.rules[2].to[1].weight',
    ],
    [
      'edge',
      'RouteConfiguration',
      'gateway/public',
      `${table}[2].route.weighted_clusters.clusters[1].typed_per_filter_config["a"]`,
      'services.catalog.sessions',
    ],
    ['side', 'RouteConfiguration', 'outbound', 'virtual_hosts[1].routes[0].route.timeout', 'services.catalog.timeout'],
  ];
  for (const [fleet, type, name, field, expected] of cases) {
    it(`${name} ${field} is ${expected}`, () => assert.equal(origin(fleet, type, name, { field }), expected));
  }

  it('is that of the rule for what is answered in the place of an old version', () => {
    const host = hostOf('shop');
    const retired = host.indexOf('shop/#4@v1:410');
    assert.ok(retired >= 0, host.join());
    const field = `virtual_hosts[0].routes[${retired}].direct_response.status`;
    assert.equal(origin('edge', 'RouteConfiguration', 'gateway/public', { field }), 'routes.shop.rules[3]');
  });
});

describe("the origin of Envoy's words", () => {
  const cases: readonly (readonly [type: string, name: string, words: string, expected: string])[] = [
    [
      'Cluster',
      'hashed',
      'Error adding/updating cluster(s) catalog@v1: bad, hashed: Proto constraint validation failed ' +
        '(ClusterValidationError.HealthChecks[0]: embedded message failed validation | caused by ' +
        'HealthCheckValidationError.Timeout: value is required): name: "hashed"',
      'services.hashed',
    ],
    [
      'Cluster',
      'catalog@v1',
      'Error adding/updating cluster(s) catalog@v1: Proto constraint validation failed ' +
        '(ClusterValidationError.HealthChecks[0]: embedded message failed validation | caused by ' +
        'HealthCheckValidationError.Timeout: value is required): , hashed: Proto constraint validation failed ' +
        '(ClusterValidationError.ConnectTimeout: value must be greater than 0s)',
      'services.catalog.healthCheck.timeout',
    ],
    // What only looks like a place must not be an error of ours.
    ['Cluster', 'catalog@v1', 'ClusterValidationError.HealthChecks[007]: x', 'services.catalog.healthCheck'],
    [
      'RouteConfiguration',
      'gateway/public',
      'Proto constraint validation failed (RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed ' +
        'validation | caused by VirtualHostValidationError.Routes[2]: embedded message failed validation | caused by ' +
        'RouteValidationError.Route: embedded message failed validation | caused by RouteActionValidationError.IdleTimeout: x)',
      'routes.shop.rules[2].idleTimeout',
    ],
    [
      'RouteConfiguration',
      'gateway/public',
      'Only unique values for domains are permitted. Duplicate entry of domain shop.test in route gateway/public',
      'routes.shop.hosts[0]',
    ],
    [
      'RouteConfiguration',
      'gateway/public',
      'Only a single wildcard domain is permitted in virtual host shop in route gateway/public',
      'routes.shop',
    ],
    ['RouteConfiguration', 'gateway/public', 'missing ): /a/(b|c)', 'routes.shop.rules[0].match.path.regex'],
    ['RouteConfiguration', 'gateway/public', "the route 'shop/gone' is not well", 'routes.shop.rules[1]'],
    ['RouteConfiguration', 'gateway/public', 'the shop is closed', 'gateways.public'],
    [
      'ClusterLoadAssignment',
      'catalog@v2',
      'malformed IP address: 10.0.0.2. Consider',
      'services.catalog.endpoints[0].address',
    ],
    [
      'Listener',
      'gateway/raw/5432',
      'Error adding/updating listener(s) gateway/raw/5432: cannot bind',
      'gateways.raw.listeners[0]',
    ],
  ];
  for (const [type, name, words, expected] of cases) {
    it(words, () => assert.equal(origin('edge', type, name, { words }), expected));
  }
});

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

function hostOf(name: string): readonly string[] {
  const table = translate(fleets.find(each => each.key === 'edge')!).find(each => each.name === 'gateway/public');
  const { virtual_hosts: hosts } = table!.message as {
    readonly virtual_hosts: readonly { readonly name: string; readonly routes: readonly { readonly name: string }[] }[];
  };
  return hosts.find(each => each.name === name)!.routes.map(each => each.name);
}

function valueAt(value: unknown, path: PolicyPath): unknown {
  return path.reduce((at: unknown, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], value);
}

function withValue(input: unknown, [key, ...rest]: PolicyPath, value: unknown): unknown {
  if (key === undefined) return value;
  const inner = withValue(valueAt(input, [key]), rest, value);
  if (Array.isArray(input)) return input.map((each, index) => (index === key ? inner : each));
  return { ...(input as object | undefined), [key]: inner };
}
