import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatPath } from '../../../src/base/problem.ts';
import type { Resource } from '../../../src/base/resource.ts';
import { type Clue, originOf } from '../../../src/translate/origin.ts';
import { translate } from '../../../src/translate/translate.ts';
import { fleetsOf, shop, valueAt } from './origin-shop.ts';

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
      'load_balancing_policy.policies[0].typed_extension_config.typed_config.consistent_hashing_lb_config.hash_balance_factor',
      'services.hashed.loadBalancing.maxLoad',
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
    ['edge', 'ClusterLoadAssignment', 'catalog@v2', 'policy.overprovisioning_factor', 'services.catalog.failover'],
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

function hostOf(name: string): readonly string[] {
  const table = translate(fleets.find(each => each.key === 'edge')!).find(each => each.name === 'gateway/public');
  const { virtual_hosts: hosts } = table!.message as {
    readonly virtual_hosts: readonly { readonly name: string; readonly routes: readonly { readonly name: string }[] }[];
  };
  return hosts.find(each => each.name === name)!.routes.map(each => each.name);
}

describe('the origin of what keeps callers', () => {
  const { services, gateways, routes, fleets } = shop;
  const to = ['v1', 'v2'].map(version => ({ service: 'catalog', version }));
  const [, , everyone] = routes.shop.rules;
  const rules = [
    {
      match: { path: '/cookie' },
      to: [{ service: 'hashed' }, ...to],
      sticky: { cookie: { name: 'a' } },
      responseHeaders: { add: { 'set-cookie': 'own=1' } },
    },
    { match: { path: '/header' }, to: to.slice(1), sticky: { header: { name: 'x-lane' } } },
    { match: { path: '/bare' }, to: to.slice(1), sticky: 'cookie' as const },
    { ...everyone },
    { match: { path: '/hash' }, to: to.toReversed(), sticky: { hashBy: [{ header: 'x-user' }, { query: 'user' }] } },
  ];
  const sticky = fleetsOf({ services, gateways, fleets, routes: { shop: { ...routes.shop, rules } } });
  const table = 'virtual_hosts[0].routes';
  const cases = [
    [`${table}[0].match.cookies[0]`, 'rules[0].match'],
    [`${table}[0].route.cluster`, 'rules[0].to'],
    [`${table}[1].route.cluster`, 'rules[0].to'],
    [`${table}[0].response_headers_to_add[0].header.value`, 'rules[0].responseHeaders.add.set-cookie'],
    [`${table}[3].route.weighted_clusters.clusters[2].weight`, 'rules[0].to[2].weight'],
    [`${table}[3].route.weighted_clusters.clusters[2].response_headers_to_add[0].header.value`, 'rules[0].sticky'],
    [`${table}[4].response_headers_to_add[0].header.value`, 'rules[1].sticky'],
    [`${table}[6].response_headers_to_add[0].header.value`, 'rules[2].sticky'],
    [`${table}[9].route.weighted_clusters.clusters[0].weight`, 'rules[4].to[1].weight'],
    [`${table}[9].route.weighted_clusters.use_hash_policy`, 'rules[4].sticky.hashBy'],
    [`${table}[9].route.hash_policy[1].query_parameter.name`, 'rules[4].sticky.hashBy[1]'],
  ] as const;
  const ask = (field: string) => {
    const fleet = sticky.fleets.find(({ key }) => key === 'edge')!;
    const resource = translate(fleet).find(({ name }) => name === 'gateway/public')!;
    return formatPath(originOf(sticky.policy, fleet, resource, { field }));
  };
  for (const [field, expected] of cases) {
    it(`${field} is ${expected}`, () => assert.equal(ask(field), `routes.shop.${expected}`));
  }

  it('is the service of the destination for its sessions', () => {
    assert.equal(ask(`${table}[1].typed_per_filter_config["a"]`), 'services.catalog.sessions');
    assert.equal(ask(`${table}[0].typed_per_filter_config["a"]`), 'routes.shop.rules[0]');
  });
});
