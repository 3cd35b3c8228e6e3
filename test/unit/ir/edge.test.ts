import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import { addresses, codes, compiled, fleet, listener, rule, virtualHosts } from './compiled.ts';

const shop = {
  services: {
    catalog: {
      timeout: '3s',
      endpoints: [
        { address: '10.0.0.12:80', zone: 'b', labels: { version: 'v1' } },
        { address: '10.0.0.11:80', zone: 'a', labels: { version: 'v1' } },
        { address: '10.0.0.13:80', priority: 1, labels: { version: 'v2' } },
        { address: '10.0.0.14:80', state: 'disabled', labels: { version: 'v2' } },
        { address: '10.0.0.15:80', state: 'draining', labels: { version: 'v2' } },
      ],
      versions: { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' } } },
    },
    basket: {
      protocol: 'grpc',
      endpoints: [{ address: '10.0.0.21:80' }],
      loadBalancing: { policy: 'maglev', hashBy: [{ header: 'x-user' }] },
      retries: { attempts: 3 },
    },
    db: { protocol: 'tcp', endpoints: [{ address: '10.0.0.31:5432' }] },
    unused: { endpoints: [{ address: '10.0.0.41:80' }] },
  },
  gateways: {
    public: {
      listeners: [
        { port: 80, protocol: 'http' },
        { port: 80, protocol: 'http', address: '::' },
        { port: 5432, protocol: 'tcp', to: [{ service: 'db' }] },
      ],
    },
    raw: { listeners: [{ port: 9000, protocol: 'tcp', to: [{ service: 'db' }, { service: 'basket', weight: 2 }] }] },
  },
  routes: {
    shop: {
      gateways: ['public'],
      hosts: ['Shop.example.com', '*.example.com'],
      rules: [
        {
          name: 'split',
          match: { path: '/split' },
          to: [
            { service: 'catalog', version: 'v2', weight: 5 },
            { service: 'catalog', version: 'v1', weight: 95 },
          ],
        },
        { match: { path: '/old' }, redirect: { path: '/new' } },
        { name: 'closed', match: { path: '/closed' }, respond: { status: 503 } },
        { name: 'basket', match: { path: '/basket' }, to: [{ service: 'basket' }] },
        { name: 'own', match: { path: '/own' }, to: [{ service: 'basket' }], timeout: '1s', retries: { attempts: 0 } },
        { name: 'everyone', to: [{ service: 'catalog' }] },
      ],
    },
  },
  fleets: {
    edge: { match: { cluster: 'edge' }, gateways: ['public'] },
    second: { match: { cluster: 'second' }, gateways: ['public', 'raw'] },
  },
} satisfies PolicyInput;

describe('edge fleets', () => {
  const result = compiled(shop);
  const edge = fleet(result, 'edge');

  it('has no problems', () => assert.deepEqual(codes(result.problems), []));

  it('has the listeners of its gateways, by name', () => {
    assert.deepEqual(
      edge.listeners.map(({ name, address, port, kind, role }) => [name, address, port, kind, role]),
      [
        ['gateway/public/5432', '0.0.0.0', 5432, 'tcp', 'edge'],
        ['gateway/public/80', '0.0.0.0', 80, 'http', 'edge'],
        ['gateway/public/[::]:80', '::', 80, 'http', 'edge'],
      ],
    );
    const raw = listener(fleet(result, 'second'), 'gateway/raw/9000');
    assert.deepEqual(raw.kind === 'tcp' && raw.to, [
      { destination: 'db', cluster: 'db', serviceName: 'db', weight: 1 },
      { destination: 'basket', cluster: 'basket', serviceName: 'basket', weight: 2 },
    ]);
  });

  it('has one route table per gateway that speaks HTTP, with a virtual host per route', () => {
    assert.deepEqual(
      fleet(result, 'second').routeTables.map(table => table.name),
      ['gateway/public'],
    );
    const [host, ...others] = virtualHosts(edge, 'gateway/public');
    assert.equal(others.length, 0);
    assert.equal(host?.name, 'shop');
    assert.deepEqual(host?.domains, ['*.example.com', 'shop.example.com']);
    assert.deepEqual(
      host?.rules.map(each => [each.name, each.action.kind]),
      [
        ['shop/split', 'forward'],
        ['shop/#2', 'redirect'],
        ['shop/closed', 'respond'],
        ['shop/basket', 'forward'],
        ['shop/own', 'forward'],
        ['shop/everyone', 'forward'],
      ],
    );
  });

  it('has only the clusters that it refers to', () => {
    const names = (key: string) => fleet(result, key).clusters.map(cluster => cluster.name);
    assert.deepEqual(names('edge'), ['basket', 'catalog', 'catalog@v1', 'catalog@v2', 'db']);
  });

  it('sorts endpoints by priority, zone and address, and leaves disabled ones out', () => {
    assert.deepEqual(addresses(edge, 'catalog'), ['10.0.0.15:80', '10.0.0.11:80', '10.0.0.12:80', '10.0.0.13:80']);
    assert.deepEqual(addresses(edge, 'catalog@v2'), ['10.0.0.15:80', '10.0.0.13:80']);
    assert.deepEqual(addresses(edge, 'catalog@v1'), ['10.0.0.11:80', '10.0.0.12:80']);
  });

  it('keeps destinations in their order, with their weights', () => {
    const { action } = rule(edge, 'shop/split');
    assert.deepEqual(action.kind === 'forward' && action.to, [
      { destination: 'catalog@v2', cluster: 'catalog@v2', serviceName: 'catalog', weight: 5 },
      { destination: 'catalog@v1', cluster: 'catalog@v1', serviceName: 'catalog', weight: 95 },
    ]);
  });

  it("takes timeout and retries from the rule, else from the service, else the protocol's", () => {
    const settings = (name: string) => {
      const { action } = rule(edge, name);
      return action.kind === 'forward' && [action.timeout, action.retries.attempts];
    };
    assert.deepEqual(settings('shop/everyone'), [3000, 1]);
    assert.deepEqual(settings('shop/basket'), [0, 3]);
    assert.deepEqual(settings('shop/own'), [1000, 0]);
    const plain = compiled({
      ...shop,
      services: { ...shop.services, catalog: { ...shop.services.catalog, timeout: undefined } },
    });
    const { action } = rule(fleet(plain, 'edge'), 'shop/everyone');
    assert.equal(action.kind === 'forward' && action.timeout, 30_000);
  });

  it('names the service that requests are hashed for', () => {
    const { action } = rule(edge, 'shop/basket');
    assert.equal(action.kind === 'forward' && action.hashService?.loadBalancing.policy, 'maglev');
    const other = rule(edge, 'shop/everyone').action;
    assert.equal(other.kind === 'forward' && other.hashService, undefined);
  });

  it('names the versioning that all services of a rule share', () => {
    const versioned = { in: { header: {} }, versions: { v1: {}, v2: {} } };
    const services = {
      a: { apiVersioning: versioned, endpoints: [{ address: '10.0.0.1:80' }] },
      b: { apiVersioning: versioned, endpoints: [{ address: '10.0.0.2:80' }] },
      c: { endpoints: [{ address: '10.0.0.3:80' }] },
    };
    const rules = [
      { name: 'ab', match: { path: '/ab' }, to: [{ service: 'b' }, { service: 'a' }] },
      { name: 'ac', match: { path: '/ac' }, to: [{ service: 'a' }, { service: 'c' }] },
      { name: 'c', to: [{ service: 'c' }] },
    ];
    const of = fleet(
      compiled({
        ...shop,
        services,
        gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
        routes: { shop: { gateways: ['public'], rules } },
        fleets: { edge: shop.fleets.edge },
      }),
      'edge',
    );
    assert.equal(rule(of, 'shop/ab').apiVersioning?.serviceName, 'b');
    assert.equal(rule(of, 'shop/ac').apiVersioning, undefined);
    assert.equal(rule(of, 'shop/c').apiVersioning, undefined);
  });

  it('shares clusters and route tables between fleets', () => {
    const second = fleet(result, 'second');
    for (const cluster of edge.clusters) assert.ok(second.clusters.includes(cluster), cluster.name);
    assert.equal(edge.routeTables[0], second.routeTables[0]);
  });
});

describe('endpoints by host name', () => {
  const policy = {
    services: {
      catalog: {
        endpoints: [
          { address: 'Catalog.internal:80', weight: 7 },
          { address: '10.0.0.2:80' },
          { address: 'gone.internal:80' },
        ],
      },
    },
    gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
    routes: { shop: { gateways: ['public'], rules: [{ to: [{ service: 'catalog' }] }] } },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
  } satisfies PolicyInput;

  it('are one for each address; one that is also declared counts once, as declared', () => {
    const result = compiled(policy, { resolved: { 'catalog.internal': ['10.0.0.1', '10.0.0.2', '::1'] } });
    const cluster = fleet(result, 'edge').clusters[0];
    assert.deepEqual(cluster?.kind === 'service' && cluster.endpoints.map(each => [each.declared, each.weight]), [
      ['Catalog.internal:80', 7],
      ['10.0.0.2:80', 1],
      ['Catalog.internal:80', 7],
    ]);
    assert.deepEqual(addresses(fleet(result, 'edge'), 'catalog'), ['10.0.0.1:80', '10.0.0.2:80', '::1:80']);
  });

  it('are left out with a warning until they are resolved', () => {
    const result = compiled(policy);
    assert.deepEqual(addresses(fleet(result, 'edge'), 'catalog'), ['10.0.0.2:80']);
    assert.deepEqual(codes(result.problems), [
      'service.unresolved_name services.catalog.endpoints[0].address',
      'service.unresolved_name services.catalog.endpoints[2].address',
    ]);
    assert.ok(result.problems.every(each => each.severity === 'warning'));
  });
});
