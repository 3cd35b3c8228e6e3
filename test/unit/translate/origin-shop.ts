import type { PolicyPath } from '../../../src/base/problem.ts';
import { compile } from '../../../src/ir/compile.ts';
import type { FleetIr } from '../../../src/ir/ir.ts';
import { Policy, type PolicyInput } from '../../../src/policy/kinds.ts';
import { noOperationalState } from '../../../src/policy/operational-state.ts';

/** A policy in which each field stands somewhere. */
export const shop = {
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
      failover: 'whenAllDown',
    },
    hashed: {
      endpoints: [{ address: '10.0.1.1:80' }],
      loadBalancing: { policy: 'ringHash', hashBy: [{ header: 'x-user' }, { query: 'user' }], maxLoad: '125%' },
      retryBudget: { percent: '20%' },
      apiVersioning: { in: { header: {} }, versions: { v1: { state: 'retired' }, v2: {} }, default: 'v2' },
    },
    loaded: {
      endpoints: [
        { address: '10.0.4.1:80', zone: 'a' },
        { address: '10.0.4.2:80', zone: 'b' },
      ],
      loadBalancing: {
        policy: 'clientSideWeightedRoundRobin',
        utilizationMetrics: ['named_metrics.queue'],
        outOfBand: { interval: '9s', port: 9001 },
        zones: { mode: 'byLoad', utilizationMetrics: ['cpu_utilization'], outOfBand: { interval: '8s', port: 9002 } },
      },
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
      sidecar: {
        service: 'checkout',
        upstreams: ['catalog', { service: 'db', port: 15432 }, 'hashed', 'checkout', 'loaded'],
      },
    },
  },
} satisfies PolicyInput;

/** What a policy comes to. */
export function fleetsOf(input: PolicyInput): { readonly policy: Policy; readonly fleets: readonly FleetIr[] } {
  const policy = Policy.parse(input);
  const resolved = new Map([['catalog.test', ['10.9.0.1', '10.9.0.2']]]);
  return { policy, fleets: compile({ policy, state: noOperationalState, resolved }).fleets };
}

export function valueAt(value: unknown, path: PolicyPath): unknown {
  return path.reduce((at: unknown, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], value);
}
