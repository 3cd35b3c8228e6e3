import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ProblemCode, problemCodes } from '../../../src/base/problem.ts';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import { codes, compiled } from './compiled.ts';
import { sound } from './planted.ts';
import { fleetsPlanted, gatewaysPlanted } from './planted-fleets.ts';
import { routesPlanted } from './planted-routes.ts';
import { servicesPlanted } from './planted-services.ts';

const planted = [...servicesPlanted, ...routesPlanted, ...gatewaysPlanted, ...fleetsPlanted];

/** Codes of the stage that are planted elsewhere. */
const elsewhere: readonly ProblemCode[] = ['override.suspended', 'override.endpoint_gone', 'service.name_shrunk'];

function changed(change: PolicyInput): PolicyInput {
  return {
    services: { ...sound.services, ...change.services },
    gateways: { ...sound.gateways, ...change.gateways },
    routes: { ...sound.routes, ...change.routes },
    fleets: { ...sound.fleets, ...change.fleets },
  };
}

describe('problems of structure', () => {
  it('are none in a sound policy', () => assert.deepEqual(codes(compiled(sound).problems), []));

  for (const { code, path, change, says, also = [] } of planted) {
    it(`${code} at ${path}${says === undefined ? '' : `, saying ${says}`}`, () => {
      const { problems } = compiled(changed(change));
      assert.deepEqual([...codes(problems)].sort(), [`${code} ${path}`, ...also].sort());
      const text = problems.map(each => `${each.message} ${each.hint ?? ''}`).join('\n');
      assert.ok(says === undefined || text.includes(says), text);
    });
  }

  it('are each planted', () => {
    const mine = /^(service|route|apiVersioning|gateway|fleet|override)\./;
    const seen = new Set([...planted.map(each => each.code), ...elsewhere]);
    const missing = Object.keys(problemCodes).filter(code => mine.test(code) && !seen.has(code as ProblemCode));
    assert.deepEqual(missing, []);
  });

  it('are all found in one pass', () => {
    const all = planted.filter(({ change }) => change.routes?.['more']?.rules);
    const rules = all.flatMap(({ change }) => change.routes?.['more']?.rules ?? []);
    const { problems } = compiled(
      changed({ routes: { more: { gateways: ['public'], hosts: ['more.example.com'], rules } } }),
    );
    assert.ok(new Set(problems.map(each => each.code)).size >= 10);
  });
});

describe('what is no problem', () => {
  const none = (change: PolicyInput) => assert.deepEqual(codes(compiled(changed(change)).problems), []);
  const more = (...rules: NonNullable<PolicyInput['routes']>[string]['rules']) =>
    none({ routes: { more: { gateways: ['public'], hosts: ['more.example.com'], rules } } });

  it('the same host at two gateways, and in the mesh', () => {
    none({
      gateways: { other: { listeners: [{ port: 81, protocol: 'http' }] } },
      fleets: { other: { match: { cluster: 'other' }, gateways: ['other'] } },
      routes: {
        a: { gateways: ['other'], hosts: ['shop.example.com'], rules: [{ to: [{ service: 'catalog' }] }] },
        b: { mesh: true, hosts: ['shop.example.com'], rules: [{ to: [{ service: 'catalog' }] }] },
      },
    });
  });

  it('all IPv4 and all IPv6 addresses on one port', () => {
    none({
      gateways: {
        other: {
          listeners: [
            { port: 90, protocol: 'http' },
            { port: 90, protocol: 'http', address: '::' },
          ],
        },
      },
      fleets: { other: { match: { cluster: 'other' }, gateways: ['other'] } },
    });
  });

  it('a tcp listener that sends to a service that speaks HTTP', () => {
    none({
      gateways: { other: { listeners: [{ port: 90, protocol: 'tcp', to: [{ service: 'catalog', version: 'v1' }] }] } },
      fleets: { other: { match: { cluster: 'other' }, gateways: ['other'] } },
    });
  });

  it('an alias as apiVersion and as default', () => {
    more({ match: { apiVersion: 'latest' }, to: [{ service: 'api' }] });
    const apiVersioning = { in: { header: {} }, versions: { v1: {} }, default: 'old', aliases: { old: 'v1' } };
    none({ services: { more: { endpoints: [{ address: '10.0.1.1:80' }], apiVersioning } } });
  });

  it('a path below, at or above the place of its apiVersion', () => {
    const to = [{ service: 'paths' }];
    more(
      { match: { apiVersion: 'v1', path: '/api/items' }, to },
      { match: { apiVersion: 'v2', path: { exact: '/api' } }, to },
      { match: { apiVersion: 'v2', path: { template: '/api/{item}' } }, to },
      { match: { apiVersion: 'v2', path: '/' }, to },
      { match: { apiVersion: 'v1' }, to },
    );
  });

  it('one cookie for the sessions of versions, of other paths, and of other hosts', () => {
    const service = (path: string) => ({
      endpoints: [{ address: '10.0.1.1:80', labels: { version: 'v1' } }],
      versions: { v1: { labels: { version: 'v1' } } },
      sessions: { cookie: { name: 'lane', path } },
    });
    const route = (host: string, ...to: { service: string; version?: string }[]) => ({
      gateways: ['public'],
      hosts: [host],
      rules: [{ to }],
    });
    none({
      services: { a: service('/a'), b: service('/ab'), all: service('/') },
      routes: {
        paths: route('a.test', { service: 'a' }, { service: 'b' }),
        versions: route('b.test', { service: 'all' }, { service: 'all', version: 'v1' }),
        version: route('c.test', { service: 'all' }, { service: 'a', version: 'v1' }),
        host: route('d.test', { service: 'all' }),
      },
    });
  });

  it('fleets that some field tells apart', () => {
    const gateways = ['public'];
    none({
      fleets: {
        a: { match: { cluster: 'x', metadata: { tier: 'a-*' } }, gateways },
        b: { match: { cluster: 'x', metadata: { tier: 'b-*' } }, gateways },
        c: { match: { cluster: 'x*y', id: '*' }, gateways },
      },
    });
  });

  it('sidecars of one machine with addresses or ports of their own', () => {
    const inbound = { application: '127.0.0.1:8081' };
    const services = { neighbour: { endpoints: [{ address: '10.0.0.21:15007', inbound }] } };
    for (const outbound of [{ port: 15002 }, { address: '127.0.0.2' }]) {
      const sidecar = { service: 'neighbour', upstreams: ['catalog'], outbound };
      none({ services, fleets: { neighbour: { match: { cluster: 'n' }, sidecar } } });
    }
  });

  it('a fleet for each of two sidecars of one service on one machine', () => {
    const endpoints = [1, 2].map(each => ({
      address: `127.0.0.${each}:9000`,
      inbound: { application: `127.0.0.1:808${each}`, node: `n${each}` },
    }));
    const fleet = (each: number) => ({
      match: { id: `n${each}`, cluster: 'n' },
      sidecar: { service: 'n', upstreams: ['catalog'], outbound: { port: 15000 + each } },
    });
    none({ services: { n: { endpoints } }, fleets: { n1: fleet(1), n2: fleet(2) } });
  });
});
