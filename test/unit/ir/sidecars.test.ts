import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import { codes, compiled, fleet, listener, rule, virtualHosts } from './compiled.ts';

const services = {
  catalog: {
    timeout: '2s',
    endpoints: [{ address: '10.0.0.1:80', labels: { version: 'v2' } }],
    versions: { v2: { labels: { version: 'v2' } } },
  },
  search: { protocol: 'http2', endpoints: [{ address: '10.0.0.2:80' }] },
  db: { protocol: 'tcp', endpoints: [{ address: '10.0.0.3:5432' }] },
  checkout: {
    protocol: 'grpc',
    endpoints: [
      { address: '10.0.0.21:15006', inbound: { application: '127.0.0.1:8080', node: 'checkout-1' } },
      { address: '10.0.0.22:15006', inbound: { application: '127.0.0.1:8080', node: 'checkout-2' } },
      { address: '10.0.0.23:8080' },
    ],
  },
} satisfies PolicyInput['services'];

const sidecar = {
  service: 'checkout',
  upstreams: ['search', 'catalog', { service: 'db', port: 15432 }],
};

const mesh = (...hosts: string[]) => ({
  mesh: true,
  hosts,
  rules: [{ name: 'beta', to: [{ service: 'catalog', version: 'v2' }] }],
});

const policy = {
  services,
  routes: { catalog: mesh('catalog.mesh') },
  fleets: { checkout: { match: { cluster: 'checkout' }, sidecar } },
} satisfies PolicyInput;

describe('outbound of sidecars', () => {
  const result = compiled(policy);
  const first = fleet(result, 'checkout/10.0.0.21:15006');

  it('has no problems', () => assert.deepEqual(codes(result.problems), []));

  it('has one HTTP port for all, and a port for each tcp upstream', () => {
    const outbound = first.listeners.filter(each => each.role === 'outbound');
    assert.deepEqual(
      outbound.map(({ name, kind, address, port }) => [name, kind, address, port]),
      [
        ['outbound', 'http', '127.0.0.1', 15001],
        ['outbound/db', 'tcp', '127.0.0.1', 15432],
      ],
    );
    const db = listener(first, 'outbound/db');
    assert.deepEqual(db.kind === 'tcp' && db.to, [{ destination: 'db', cluster: 'db', serviceName: 'db', weight: 1 }]);
  });

  it('has a virtual host for each route of the mesh, and one for what is left of each upstream', () => {
    assert.deepEqual(
      virtualHosts(first, 'outbound').map(({ name, domains }) => [name, domains]),
      [
        ['catalog', ['catalog.mesh']],
        ['upstream/catalog', ['catalog']],
        ['upstream/search', ['search.mesh', 'search']],
      ],
    );
    const { action } = rule(first, 'upstream/catalog');
    assert.ok(action.kind === 'forward');
    assert.deepEqual(action.to, [{ destination: 'catalog', cluster: 'catalog', serviceName: 'catalog', weight: 1 }]);
    assert.equal(action.timeout, 2000);
  });

  it('drops the virtual host of an upstream whose hosts a route takes over', () => {
    const all = compiled({ ...policy, routes: { catalog: mesh('catalog.mesh', 'catalog') } });
    assert.deepEqual(
      virtualHosts(fleet(all, 'checkout/10.0.0.21:15006'), 'outbound').map(({ name }) => name),
      ['catalog', 'upstream/search'],
    );
  });

  it('has the clusters of its upstreams, and versions only where a route sends to them', () => {
    assert.deepEqual(
      first.clusters.map(cluster => cluster.name),
      ['catalog', 'catalog@v2', 'db', 'inbound/checkout', 'search'],
    );
    const without = compiled({ ...policy, routes: {} });
    assert.deepEqual(
      fleet(without, 'checkout/10.0.0.21:15006').clusters.map(cluster => cluster.name),
      ['catalog', 'db', 'inbound/checkout', 'search'],
    );
  });

  it('has no HTTP port without an upstream that speaks HTTP', () => {
    const fleets = { caller: { match: { id: 'x' }, sidecar: { upstreams: [{ service: 'db', port: 15432 }] } } };
    const caller = fleet(compiled({ services, fleets }), 'caller');
    assert.deepEqual(
      caller.listeners.map(each => each.name),
      ['outbound/db'],
    );
    assert.deepEqual(caller.routeTables, []);
  });

  it('is given a route of the mesh only if it can reach all of its services', () => {
    const routes = {
      both: { mesh: true, hosts: ['both'], rules: [{ to: [{ service: 'catalog' }, { service: 'search' }] }] },
    };
    const caller = (...upstreams: string[]) => ({ caller: { match: { id: 'x' }, sidecar: { upstreams } } });
    const hosts = (...upstreams: string[]) =>
      virtualHosts(fleet(compiled({ services, routes, fleets: caller(...upstreams) }), 'caller'), 'outbound').map(
        each => each.name,
      );
    assert.deepEqual(hosts('catalog', 'search'), ['both', 'upstream/catalog', 'upstream/search']);
    assert.deepEqual(hosts('catalog'), ['upstream/catalog']);
    assert.deepEqual(codes(compiled({ services, routes, fleets: caller('catalog') }).problems), [
      'fleet.route_partly_reachable fleets.caller.sidecar.upstreams',
      'route.not_attached routes.both',
    ]);
  });
});

describe('inbound of sidecars', () => {
  const result = compiled(policy);
  const first = fleet(result, 'checkout/10.0.0.21:15006');
  const second = fleet(result, 'checkout/10.0.0.22:15006');

  it('listens at its own endpoint and passes on to the application', () => {
    const inbound = listener(first, 'inbound/checkout');
    assert.deepEqual(
      [inbound.address, inbound.port, inbound.role, inbound.kind === 'http' && inbound.http2],
      ['10.0.0.21', 15006, 'inbound', true],
    );
    const local = first.clusters.find(cluster => cluster.kind === 'local');
    assert.deepEqual(local?.kind === 'local' && local.application, { kind: 'ip', ip: '127.0.0.1', port: 8080 });
  });

  it("lets the callers' timeouts and retries rule", () => {
    const { action } = rule(first, 'inbound/checkout');
    assert.ok(action.kind === 'forward');
    assert.equal(action.timeout, 0);
    assert.equal(action.retries.attempts, 0);
    assert.deepEqual(action.to, [
      { destination: 'checkout', cluster: 'inbound/checkout', serviceName: 'checkout', weight: 1 },
    ]);
    assert.deepEqual(virtualHosts(first, 'inbound/checkout')[0]?.domains, ['*']);
  });

  it('makes a sub-fleet for each set of listeners, which share all else', () => {
    assert.deepEqual(
      result.fleets.map(({ key, fleetName, members }) => [key, fleetName, members]),
      [
        ['checkout/10.0.0.21:15006', 'checkout', ['checkout-1']],
        ['checkout/10.0.0.22:15006', 'checkout', ['checkout-2']],
      ],
    );
    assert.deepEqual(second.routeTables, first.routeTables);
    for (const [index, table] of second.routeTables.entries()) assert.equal(table, first.routeTables[index]);
    assert.equal(second.clusters.length, first.clusters.length);
    for (const [index, cluster] of second.clusters.entries()) assert.equal(cluster, first.clusters[index]);
    assert.equal(listener(second, 'outbound'), listener(first, 'outbound'));
    assert.notEqual(listener(second, 'inbound/checkout'), listener(first, 'inbound/checkout'));
  });

  it('makes no sub-fleets where all sidecars listen alike', () => {
    const alike = compiled({
      ...policy,
      fleets: { checkout: { match: { cluster: 'checkout' }, sidecar: { ...sidecar, bind: '0.0.0.0' } } },
    });
    const only = fleet(alike, 'checkout');
    assert.equal(only.members, undefined);
    assert.equal(listener(only, 'inbound/checkout').address, '0.0.0.0');
    assert.deepEqual(codes(alike.problems), []);
  });

  it('tells sub-fleets apart that bind the same but have different applications', () => {
    const endpoints = ['8080', '8081'].map(port => ({
      address: `10.0.0.${port.slice(2)}:15006`,
      inbound: { application: `127.0.0.1:${port}`, node: `n${port}` },
    }));
    const result = compiled({
      services: { app: { endpoints } },
      fleets: { app: { match: { cluster: 'app' }, sidecar: { service: 'app', bind: '0.0.0.0' } } },
    });
    assert.deepEqual(
      result.fleets.map(({ key, members }) => [key, members]),
      [
        ['app/0.0.0.0:15006=127.0.0.1:8080', ['n8080']],
        ['app/0.0.0.0:15006=127.0.0.1:8081', ['n8081']],
      ],
    );
  });

  it('gives one node that stands before two endpoints a listener for each', () => {
    const endpoints = [1, 2].map(each => ({
      address: `10.0.0.${each}:15006`,
      inbound: { application: `127.0.0.1:808${each}`, node: 'both' },
    }));
    const result = compiled({
      services: { app: { endpoints } },
      fleets: { app: { match: { cluster: 'app' }, sidecar: { service: 'app' } } },
    });
    assert.deepEqual(codes(result.problems), []);
    assert.deepEqual(
      fleet(result, 'app').listeners.map(each => each.name),
      ['inbound/app/10.0.0.1:15006', 'inbound/app/10.0.0.2:15006'],
    );
    assert.equal(fleet(result, 'app').clusters.length, 2);
  });

  it('passes bytes on for a tcp service', () => {
    const inbound = { application: 'unix:/run/db.sock' };
    const result = compiled({
      services: { db: { protocol: 'tcp', endpoints: [{ address: '10.0.0.3:5432', inbound }] } },
      fleets: { db: { match: { cluster: 'db' }, sidecar: { service: 'db' } } },
    });
    const db = listener(fleet(result, 'db'), 'inbound/db');
    assert.deepEqual(db.kind === 'tcp' && db.to, [
      { destination: 'db', cluster: 'inbound/db', serviceName: 'db', weight: 1 },
    ]);
    assert.deepEqual(fleet(result, 'db').routeTables, []);
    assert.deepEqual(codes(result.problems), []);
  });

  it("leaves endpoints out whose nodes the fleet's match shuts out", () => {
    const one = { match: { id: 'checkout-1' }, sidecar: { ...sidecar, upstreams: [] } };
    const result = compiled({ services, fleets: { one } });
    assert.deepEqual(
      result.fleets.map(({ key, members }) => [key, members]),
      [['one', undefined]],
    );
    assert.equal(listener(fleet(result, 'one'), 'inbound/checkout').address, '10.0.0.21');
  });
});
