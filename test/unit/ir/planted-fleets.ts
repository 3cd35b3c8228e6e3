import type { PolicyInput } from '../../../src/policy/kinds.ts';
import { inbound, type Planted } from './planted.ts';

const sidecar = (
  change: NonNullable<NonNullable<PolicyInput['fleets']>[string]['sidecar']>,
  services: PolicyInput['services'] = {},
): PolicyInput => ({ services, fleets: { more: { match: { cluster: 'more' }, sidecar: change } } });
const gateway = (...listeners: NonNullable<PolicyInput['gateways']>[string]['listeners']): PolicyInput => ({
  gateways: { more: { listeners } },
  fleets: { more: { match: { cluster: 'more' }, gateways: ['more'] } },
});
const beside = (address: string, more: object = {}) => ({
  neighbour: { endpoints: [{ address, inbound: { ...inbound, ...more } }] },
});
const tcp = (...destinations: { service: string; version?: string; weight?: number }[]) =>
  gateway({ port: 90, protocol: 'tcp', to: destinations });

const to = [{ service: 'catalog' }];
const datagrams: PolicyInput['services'] = { dns: { protocol: 'udp', endpoints: [{ address: '10.0.7.1:53' }] } };

/** Mistakes of gateways. */
export const gatewaysPlanted: readonly Planted[] = [
  {
    code: 'gateway.service_not_found',
    path: 'gateways.more.listeners[0].to[0].service',
    change: tcp({ service: 'dbb' }),
    says: 'did you mean "db"?',
  },
  {
    code: 'gateway.version_not_found',
    path: 'gateways.more.listeners[0].to[0].version',
    change: tcp({ service: 'db', version: 'v1' }),
  },
  {
    code: 'gateway.protocol_mismatch',
    path: 'gateways.more.listeners[0].to[0].service',
    change: { ...gateway({ port: 90, protocol: 'tcp', to: [{ service: 'dns' }] }), services: datagrams },
    says: 'speaks udp',
  },
  {
    code: 'gateway.protocol_mismatch',
    path: 'gateways.more.listeners[0].to[0].service',
    change: gateway({ port: 90, protocol: 'udp', to: [{ service: 'db' }] }),
    says: 'speaks tcp',
  },
  {
    code: 'gateway.port_overlap',
    path: 'gateways.more.listeners[1].port',
    change: {
      ...gateway(
        { port: 90, protocol: 'udp', to: [{ service: 'dns' }] },
        { port: 90, protocol: 'udp', to: [{ service: 'dns' }] },
      ),
      services: datagrams,
    },
  },
  {
    code: 'gateway.duplicate_destination',
    path: 'gateways.more.listeners[0].to[1]',
    change: tcp({ service: 'db' }, { service: 'db' }),
  },
  {
    code: 'gateway.weights_sum_to_zero',
    path: 'gateways.more.listeners[0].to',
    change: tcp({ service: 'db', weight: 0 }),
  },
  {
    code: 'gateway.port_overlap',
    path: 'gateways.more.listeners[1].port',
    change: gateway({ port: 90, protocol: 'http', address: '127.0.0.1' }, { port: 90, protocol: 'http' }),
    says: 'number 1',
  },
  {
    code: 'gateway.port_overlap',
    path: 'gateways.more.listeners[1].port',
    change: gateway({ port: 90, protocol: 'http', address: '::' }, { port: 90, protocol: 'http', address: '::1' }),
  },
  {
    code: 'gateway.unused',
    path: 'gateways.more',
    change: { gateways: { more: { listeners: [{ port: 90, protocol: 'http' }] } } },
  },
];

const nearby: PolicyInput['services'] = {
  near: {
    endpoints: [
      { address: '10.0.9.1:80', zone: 'a' },
      { address: '10.0.9.2:80', zone: 'b' },
    ],
    loadBalancing: { policy: 'roundRobin', zones: 'ownFirst' },
  },
};

/** Mistakes of fleets. */
export const fleetsPlanted: readonly Planted[] = [
  {
    code: 'fleet.zones_unknown',
    path: 'fleets.more',
    change: sidecar({ upstreams: ['near'] }, nearby),
    says: 'For near the zone of the proxy',
  },
  {
    code: 'fleet.zones_unknown',
    path: 'fleets.more',
    change: sidecar(
      { service: 'neighbour', upstreams: ['near'], outbound: { address: '127.0.0.2' } },
      { ...nearby, ...beside('10.0.9.3:80') },
    ),
    says: 'that they stand beside',
  },
  {
    code: 'fleet.zones_unknown',
    path: 'fleets.more',
    change: sidecar(
      { upstreams: ['far'] },
      { ...nearby, far: { endpoints: [{ address: '10.0.9.9:80' }], fallback: 'near' } },
    ),
    says: 'For near the zone of the proxy',
  },
  {
    code: 'fleet.zones_unknown',
    path: 'fleets.more',
    change: {
      services: { ...nearby, near: { ...nearby['near'], protocol: 'udp' } },
      gateways: { more: { listeners: [{ port: 53, protocol: 'udp', to: [{ service: 'near' }] }] } },
      fleets: { more: { match: { cluster: 'more' }, gateways: ['more'] } },
    },
    says: 'For near the zone of the proxy',
  },
  {
    code: 'fleet.gateway_not_found',
    path: 'fleets.more.gateways[1]',
    change: { fleets: { more: { match: { cluster: 'more' }, gateways: ['public', 'publik'] } } },
    says: 'did you mean "public"?',
  },
  {
    code: 'fleet.service_not_found',
    path: 'fleets.more.sidecar.service',
    change: sidecar({ service: 'chekout' }),
    says: 'did you mean "checkout"?',
  },
  {
    code: 'fleet.service_not_found',
    path: 'fleets.more.sidecar.upstreams[1]',
    change: sidecar({ upstreams: ['catalog', 'catlog'] }),
    says: 'did you mean "catalog"?',
  },
  {
    code: 'fleet.duplicate_upstream',
    path: 'fleets.more.sidecar.upstreams[1]',
    change: sidecar({ upstreams: ['catalog', { service: 'catalog' }] }),
  },
  {
    code: 'fleet.upstream_port_missing',
    path: 'fleets.more.sidecar.upstreams[0]',
    change: sidecar({ upstreams: ['db'] }),
  },
  {
    code: 'fleet.upstream_port_unexpected',
    path: 'fleets.more.sidecar.upstreams[0]',
    change: sidecar({ upstreams: [{ service: 'catalog', port: 99 }] }),
    says: 'http://catalog.mesh:15001',
  },
  {
    code: 'fleet.overlap',
    path: 'fleets.more.match',
    change: { fleets: { more: { match: { cluster: '*' }, gateways: ['public'] } } },
    says: '"edge"',
    also: ['fleet.overlap fleets.more.match'],
  },
  {
    code: 'fleet.overlap',
    path: 'fleets.more.match',
    change: { fleets: { more: { match: { cluster: 'ed*', metadata: { tier: 'x' } }, gateways: ['public'] } } },
    says: '"edge"',
  },
  {
    code: 'fleet.port_overlap',
    path: 'fleets.more.gateways[0]',
    change: {
      gateways: { same: { listeners: [{ port: 80, protocol: 'http', address: '10.0.0.9' }] } },
      fleets: { more: { match: { cluster: 'more' }, gateways: ['same', 'public'] } },
    },
    says: 'gateway "public"',
  },
  {
    code: 'fleet.port_overlap',
    path: 'fleets.more.sidecar',
    change: sidecar({ upstreams: ['catalog', { service: 'db', port: 15001 }] }),
    says: 'outbound HTTP port',
  },
  {
    code: 'fleet.port_overlap',
    path: 'fleets.more.sidecar',
    change: sidecar({ service: 'neighbour', bind: '0.0.0.0' }, beside('10.0.9.1:8080')),
    says: 'where the application listens',
  },
  { code: 'fleet.inbound_missing', path: 'fleets.more.sidecar.service', change: sidecar({ service: 'catalog' }) },
  {
    code: 'fleet.protocol_mismatch',
    path: 'fleets.more.sidecar.upstreams[0]',
    change: sidecar({ upstreams: ['dns'] }, datagrams),
    says: 'gateway',
  },
  {
    code: 'fleet.protocol_mismatch',
    path: 'fleets.more.sidecar.service',
    change: sidecar({ service: 'dns' }, datagrams),
  },
  {
    code: 'fleet.inbound_missing',
    path: 'fleets.more.sidecar.service',
    change: {
      services: beside('10.0.9.1:1', { node: 'b' }),
      fleets: { more: { match: { cluster: 'more', id: 'a' }, sidecar: { service: 'neighbour' } } },
    },
    says: 'match.id',
  },
  {
    code: 'fleet.bind_missing',
    path: 'fleets.more.sidecar',
    change: sidecar({ service: 'neighbour' }, beside('host.internal:1')),
    also: ['service.unresolved_name services.neighbour.endpoints[0].address'],
    says: 'set bind',
  },
  {
    code: 'fleet.member_ambiguous',
    path: 'services.neighbour.endpoints[1].inbound',
    change: sidecar(
      { service: 'neighbour' },
      {
        neighbour: {
          endpoints: [
            { address: '10.0.9.1:1', inbound: { ...inbound, node: 'a' } },
            { address: '10.0.9.2:1', inbound },
          ],
        },
      },
    ),
    says: 'bind: 0.0.0.0',
  },
  {
    code: 'fleet.machine_port_clash',
    path: 'fleets.more.sidecar',
    change: sidecar({ service: 'neighbour', upstreams: ['catalog'] }, beside('10.0.0.21:15007')),
    says: '"checkout" and "more" share 10.0.0.21',
  },
  {
    code: 'fleet.machine_port_clash',
    path: 'fleets.more.sidecar',
    change: sidecar({ service: 'neighbour', bind: '0.0.0.0' }, beside('10.0.0.21:15006')),
    says: 'outbound.address',
  },
  {
    code: 'fleet.machine_port_clash',
    path: 'fleets.more.sidecar',
    change: sidecar(
      { service: 'neighbour', upstreams: ['catalog'] },
      {
        neighbour: {
          endpoints: [1, 2].map(each => ({
            address: `127.0.0.${each}:9000`,
            inbound: { ...inbound, node: `n${each}` },
          })),
        },
      },
    ),
    says: 'make a fleet for each',
  },
  {
    code: 'fleet.route_partly_reachable',
    path: 'fleets.checkout.sidecar.upstreams',
    change: { routes: { more: { mesh: true, gateways: ['public'], rules: [{ to: [...to, { service: 'api' }] }] } } },
    says: '"api"',
  },
];
