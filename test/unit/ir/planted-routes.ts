import type { PolicyInput } from '../../../src/policy/kinds.ts';
import type { Planted } from './planted.ts';

type RuleInput = NonNullable<PolicyInput['routes']>[string]['rules'][number];
const to = [{ service: 'catalog' }];
const split = [
  { service: 'catalog', version: 'v1' },
  { service: 'catalog', version: 'v2' },
];
const rules = (...list: RuleInput[]): PolicyInput => ({
  routes: { more: { gateways: ['public'], hosts: ['more.example.com'], rules: list } },
});

const sessions = (path: string) => ({
  endpoints: [{ address: '10.0.9.1:80' }],
  sessions: { cookie: { name: 'lane', path } },
});

/** Mistakes of routes. */
export const routesPlanted: readonly Planted[] = [
  {
    code: 'route.service_not_found',
    path: 'routes.more.rules[0].to[1].service',
    change: rules({ to: [...to, { service: 'catlog' }] }),
    says: 'did you mean "catalog"?',
  },
  {
    code: 'route.version_not_found',
    path: 'routes.more.rules[0].to[0].version',
    change: rules({ to: [{ service: 'catalog', version: 'v3' }] }),
    says: 'did you mean "v1"?',
  },
  {
    code: 'route.version_not_found',
    path: 'routes.more.rules[0].to[0].version',
    change: rules({ to: [{ service: 'api', version: 'v1' }] }),
    says: 'match.apiVersion',
  },
  {
    code: 'route.gateway_not_found',
    path: 'routes.more.gateways[0]',
    change: { routes: { more: { gateways: ['publik'], rules: [{ to }] } } },
    says: 'did you mean "public"?',
  },
  {
    code: 'route.session_clash',
    path: 'routes.more.rules[2].to[0].service',
    change: {
      services: { one: sessions('/'), two: sessions('/shop') },
      ...rules(
        { match: { path: '/a' }, to: [{ service: 'one' }] },
        { match: { path: '/b' }, to: [{ service: 'one' }] },
        { to: [{ service: 'two' }] },
      ),
    },
    says: '"two" and "one"',
  },
  {
    code: 'route.sticky_unnamed',
    path: 'routes.more.rules[0].sticky',
    change: rules({ to: [...to, { service: 'api' }], sticky: 'cookie' }),
    says: 'sticky: { cookie: { name: shop-version } }',
  },
  {
    code: 'route.sticky_conflict',
    path: 'routes.more.rules[0].responseHeaders.remove[1]',
    change: rules({ to: split, sticky: 'cookie', responseHeaders: { remove: ['server', 'Set-Cookie'] } }),
    says: '"set-cookie"',
  },
  {
    code: 'route.sticky_conflict',
    path: 'routes.more.rules[0].responseHeaders.set.set-cookie',
    change: rules({ to: split, sticky: 'cookie', responseHeaders: { set: { 'Set-Cookie': 'a=b' } } }),
    says: 'responseHeaders.add',
  },
  {
    code: 'route.sticky_conflict',
    path: 'routes.more.rules[0].responseHeaders.add.x-lane',
    change: rules({ to: split, sticky: { header: { name: 'X-Lane' } }, responseHeaders: { add: { 'x-lane': '1' } } }),
    says: '"x-lane"',
  },
  {
    code: 'route.sticky_clash',
    path: 'routes.more.rules[2].sticky',
    change: rules(
      { name: 'one', match: { path: '/a' }, to: split, sticky: 'cookie' },
      { match: { path: '/b' }, to: [...split].reverse(), sticky: 'cookie' },
      { to: split.slice(1), sticky: 'cookie' },
    ),
    says: 'the rule "one"',
  },
  {
    code: 'route.sticky_clash',
    path: 'routes.more.rules[1].sticky',
    change: rules(
      { match: { path: '/a' }, to: split, sticky: { header: { name: 'x-lane' } } },
      { to: split.slice(1), sticky: { header: { name: 'X-Lane' } } },
    ),
    says: 'rule number 1',
  },
  {
    code: 'route.sticky_clash',
    path: 'routes.more.rules[0].sticky',
    change: {
      services: { one: sessions('/shop') },
      ...rules(
        { match: { path: '/a' }, to: split, sticky: { cookie: { name: 'lane' } } },
        { to: [{ service: 'one' }] },
      ),
    },
    says: 'sessions of "one"',
  },
  {
    code: 'route.sticky_hash_destinations',
    path: 'routes.more.rules[0].to',
    change: rules({ to: [...split, { service: 'api' }], sticky: { hashBy: [{ header: 'x-user' }] } }),
    says: 'here are 3',
  },
  {
    code: 'route.sticky_hash_conflict',
    path: 'routes.more.rules[0].sticky.hashBy',
    change: {
      services: {
        hashed: {
          endpoints: [{ address: '10.0.7.1:80' }],
          loadBalancing: { policy: 'maglev', hashBy: [{ header: 'x-user' }, { sourceIp: true }] },
        },
      },
      ...rules({ to: [{ service: 'hashed' }], sticky: { hashBy: [{ header: 'x-user' }, { sourceIp: true }] } }),
    },
    says: 'services.hashed.loadBalancing.hashBy',
  },
  {
    code: 'route.sticky_hash_conflict',
    path: 'routes.more.rules[0].sticky.hashBy',
    change: {
      services: {
        first: { endpoints: [{ address: '10.0.7.1:80' }], fallback: 'hashed' },
        hashed: {
          endpoints: [{ address: '10.0.7.2:80' }],
          loadBalancing: { policy: 'maglev', hashBy: [{ sourceIp: true }] },
        },
      },
      ...rules({ to: [{ service: 'first' }], sticky: { hashBy: [{ header: 'x-user' }] } }),
    },
    says: 'services.hashed.loadBalancing.hashBy',
  },
  {
    code: 'route.protocol_mismatch',
    path: 'routes.more.rules[0].to[0].service',
    change: {
      services: { dns: { protocol: 'udp', endpoints: [{ address: '10.0.7.1:53' }] } },
      ...rules({ to: [{ service: 'dns' }] }),
    },
    says: 'udp listener',
  },
  {
    code: 'retries.timeout_not_retried',
    path: 'routes.more.rules[0].retries.perTryTimeout',
    change: rules({ to, retries: { on: ['retriable4xx'], perTryTimeout: '500ms' } }),
  },
  {
    code: 'route.not_attached',
    path: 'routes.more',
    change: { routes: { more: { rules: [{ to }] } } },
    says: 'mesh: true',
  },
  {
    code: 'route.not_attached',
    path: 'routes.more',
    change: { routes: { more: { mesh: true, rules: [{ to: [{ service: 'api' }] }] } } },
    says: 'upstreams',
  },
  {
    code: 'route.duplicate_host',
    path: 'routes.shop.hosts[0]',
    change: { routes: { more: { gateways: ['public'], hosts: ['shop.example.com'], rules: [{ to }] } } },
    says: '"more" of gateway "public"',
  },
  {
    code: 'route.duplicate_host',
    path: 'routes.more.hosts[1]',
    change: { routes: { more: { gateways: ['public'], hosts: ['a.example', 'A.example'], rules: [{ to }] } } },
    says: 'twice',
  },
  {
    code: 'route.duplicate_host',
    path: 'routes.more.hosts[0]',
    change: {
      routes: {
        less: { mesh: true, hosts: ['x'], rules: [{ to }] },
        more: { mesh: true, hosts: ['x'], rules: [{ to }] },
      },
    },
    says: 'of the mesh',
  },
  {
    code: 'route.duplicate_rule',
    path: 'routes.more.rules[1].name',
    change: rules({ name: 'a', match: { path: '/a' }, to }, { name: 'a', to }),
    says: 'number 1',
  },
  {
    code: 'route.shadowed_rule',
    path: 'routes.more.rules[1]',
    change: rules({ name: 'all', to }, { match: { path: '/a' }, to }),
    says: '"all"',
  },
  {
    code: 'route.weights_sum_to_zero',
    path: 'routes.more.rules[0].to',
    change: rules({ to: [{ service: 'catalog', weight: 0 }] }),
  },
  {
    code: 'route.duplicate_destination',
    path: 'routes.more.rules[0].to[1]',
    change: rules({ to: [...to, { service: 'catalog', weight: 5 }] }),
    says: '"catalog"',
  },
  {
    code: 'route.protocol_mismatch',
    path: 'routes.more.rules[0].to[0].service',
    change: rules({ to: [{ service: 'db' }] }),
    says: 'tcp',
  },
  {
    code: 'route.api_version_not_found',
    path: 'routes.more.rules[0].match.apiVersion',
    change: rules({ match: { apiVersion: 'lastest' }, to: [{ service: 'api' }] }),
    says: 'did you mean "latest"?',
  },
  {
    code: 'route.api_versioning_missing',
    path: 'routes.more.rules[0].match.apiVersion',
    change: rules({ match: { apiVersion: 'v1' }, to }),
    says: 'services.catalog.apiVersioning',
  },
  {
    code: 'route.api_versioning_missing',
    path: 'routes.more.rules[0].match.apiVersion',
    change: rules({ match: { apiVersion: 'v1' }, to: [{ service: 'api' }, { service: 'paths' }] }),
    says: 'different',
  },
  {
    code: 'route.api_versioning_missing',
    path: 'routes.more.rules[0].match.apiVersion',
    change: rules({ match: { apiVersion: 'v1' }, respond: { status: 200 } }),
    says: 'no service',
  },
  {
    code: 'route.api_version_path',
    path: 'routes.more.rules[0].match.path',
    change: rules({ match: { apiVersion: 'v1', path: '/items' }, to: [{ service: 'paths' }] }),
    says: '"/api"',
  },
  {
    code: 'route.api_version_path',
    path: 'routes.more.rules[0].match.path',
    change: rules({ match: { apiVersion: 'v1', path: { regex: '/(api|web)/.*' } }, to: [{ service: 'paths' }] }),
    says: 'cannot be told',
  },
  {
    code: 'schema.regex_too_complex',
    path: 'routes.more.rules[0].match.path',
    change: rules({ match: { path: `/api/${'long/'.repeat(20)}` }, to: [{ service: 'paths' }] }),
    says: 'shorten the path',
  },
  {
    code: 'route.rewrite_conflict',
    path: 'routes.more.rules[0].rewrite.prefix',
    change: rules({ match: { path: { regex: '/a+' } }, rewrite: { prefix: '/' }, to }),
  },
  {
    code: 'route.rewrite_conflict',
    path: 'routes.more.rules[0].rewrite.host',
    change: rules({ rewrite: { host: 'x' }, redirect: { host: 'y' } }),
    says: 'redirect',
  },
  {
    code: 'route.rewrite_conflict',
    path: 'routes.more.rules[0].rewrite.regex',
    change: rules({
      match: { path: '/api', apiVersion: 'v1' },
      rewrite: { regex: { pattern: 'a', replacement: 'b' } },
      to: [{ service: 'paths' }],
    }),
    says: 'stripped',
  },
  {
    code: 'route.rewrite_conflict',
    path: 'routes.more.rules[0].redirect.prefix',
    change: rules({ match: { path: { template: '/{a}' } }, redirect: { prefix: '/c' } }),
  },
];
