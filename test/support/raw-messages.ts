import { encode, type MessageName, typeUrl } from '../../proto/codec.ts';
import type { MessageTypes } from '../../proto/gen/message-types.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { urls } from './xds-fixtures.ts';

export const messages = {
  CDS: 'envoy.config.cluster.v3.Cluster',
  EDS: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  LDS: 'envoy.config.listener.v3.Listener',
  RDS: 'envoy.config.route.v3.RouteConfiguration',
  SRDS: 'envoy.config.route.v3.ScopedRouteConfiguration',
  SDS: 'envoy.extensions.transport_sockets.tls.v3.Secret',
  RTDS: 'envoy.service.runtime.v3.Runtime',
  ECDS: 'envoy.config.core.v3.TypedExtensionConfig',
  VHDS: 'envoy.config.route.v3.VirtualHost',
  LEDS: 'envoy.config.endpoint.v3.LbEndpoint',
} as const satisfies Record<string, MessageName>;

export type RawType = keyof typeof messages;

const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '1s' } as const;
const filters = 'envoy.extensions.filters';
const hcmType = typeUrl(`${filters}.network.http_connection_manager.v3.HttpConnectionManager`);
const router = { name: 'router', typed_config: { '@type': typeUrl(`${filters}.http.router.v3.Router`) } };
const mutationType = typeUrl(`${filters}.http.header_mutation.v3.HeaderMutation`);
export const collection = 'xdstp://rejections/envoy.config.endpoint.v3.LbEndpoint/here';

export type Hcm = MessageTypes['envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'];
export type Hosts = NonNullable<MessageTypes['envoy.config.route.v3.RouteConfiguration']['virtual_hosts']>;
type Route = NonNullable<Hosts[number]['routes']>[number];

export function raw<T extends keyof typeof messages>(
  type: T,
  name: string,
  message: MessageTypes[(typeof messages)[T]],
) {
  return { typeUrl: urls[type], name, value: encode(messages[type], message) };
}

export function socket(port: number, address = '127.0.0.1') {
  return { socket_address: { address, port_value: port } };
}

export function listener(name: string, port: number, http: Hcm): RawResource {
  const typed_config = { '@type': hcmType, stat_prefix: name, http_filters: [router], ...http } as const;
  return raw('LDS', name, {
    name,
    address: socket(port),
    filter_chains: [{ filters: [{ name: 'http', typed_config }] }],
  });
}

export function says(text: string): Route {
  return { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: text } } };
}

const leadsTo = (cluster: string): Route => ({ match: { path: `/${cluster}` }, route: { cluster } });
export const everyHost = (...routes: Route[]): Hosts => [{ name: 'all', domains: ['*'], routes }];

export interface Ports {
  readonly main: number;
  readonly scoped: number;
  readonly hosts: number;
  readonly listeners: readonly number[];
  readonly tables: readonly number[];
  /** Of the backends. */
  readonly first: number;
  readonly second: number;
}

export function staticCluster(name: string, port: number): MessageTypes['envoy.config.cluster.v3.Cluster'] {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }];
  return { name, type: 'STATIC', connect_timeout: '1s', load_assignment: { cluster_name: name, endpoints } };
}

function edsCluster(name: string): RawResource {
  const eds_cluster_config = { eds_config: ads };
  return raw('CDS', name, { name, type: 'EDS', connect_timeout: '1s', eds_cluster_config });
}

export function mutation(name: string, value: string) {
  const header = { key: `x-${name}`, value };
  return { '@type': mutationType, mutations: { response_mutations: [{ append: { header } }] } } as const;
}

export function host(name: string, more: Hosts[number]): RawResource {
  const own = name.slice('late/'.length);
  return raw('VHDS', name, { name: own, domains: [own], routes: [says('second')], ...more });
}

/** What refers to the three of each type, and never changes. */
export function around(ports: Ports, variant: 'sotw' | 'delta'): readonly RawResource[] {
  const tables = ports.tables.map((port, index) =>
    listener(`table-${index + 1}`, port, { rds: { route_config_name: `r${index + 1}`, config_source: ads } }),
  );
  const scopes = (['first', 'second'] as const).map(edition =>
    raw('RDS', `scope-${edition}`, { name: `scope-${edition}`, virtual_hosts: everyHost(says(edition)) }),
  );
  const late: readonly RawResource[] = [
    listener('hosts', ports.hosts, { rds: { route_config_name: 'late', config_source: ads } }),
    raw('RDS', 'late', { name: 'late', vhds: { config_source: ads } }),
    edsCluster('far'),
    raw('EDS', 'far', {
      cluster_name: 'far',
      endpoints: [{ leds_cluster_locality_config: { leds_config: ads, leds_collection_name: `${collection}/*` } }],
    }),
  ];
  return [
    ...['e1', 'e2', 'e3'].map(edsCluster),
    ...[mainListener(ports.main), scopedListener(ports.scoped), ...tables, ...scopes],
    ...(variant === 'delta' ? late : []),
  ];
}

/** Leads to every cluster, with a secret and a discovered filter in the way for each of their names. */
function mainListener(port: number): RawResource {
  const secrets = ['s1', 's2', 's3'].map(name => ({
    name,
    typed_config: {
      '@type': typeUrl(`${filters}.http.credential_injector.v3.CredentialInjector`),
      overwrite: true,
      credential: {
        name: 'envoy.http.injected_credentials.generic',
        typed_config: {
          '@type': typeUrl('envoy.extensions.http.injected_credentials.generic.v3.Generic'),
          credential: { name, sds_config: ads },
          header: `x-${name}`,
        },
      },
    },
  }));
  const discovered = ['f1', 'f2', 'f3'].map(name => ({
    name,
    config_discovery: { config_source: ads, type_urls: [mutationType] },
  }));
  const always = { numerator: 100 } as const;
  const runtime: Route[] = [
    {
      match: { path: '/runtime', runtime_fraction: { default_value: always, runtime_key: 'first.percent' } },
      direct_response: { status: 200, body: { inline_string: 'first' } },
    },
    { match: { path: '/runtime' }, direct_response: { status: 200, body: { inline_string: 'second' } } },
  ];
  const clusters = ['c1', 'c2', 'c3', 'e1', 'e2', 'e3', 'far'].map(leadsTo);
  return listener('main', port, {
    // What the other variant has no cluster for is no mistake here.
    route_config: { name: 'main', validate_clusters: false, virtual_hosts: everyHost(...runtime, ...clusters) },
    http_filters: [...secrets, ...discovered, router],
  });
}

function scopedListener(port: number): RawResource {
  const fragments = [{ header_value_extractor: { name: 'x-scope', element_separator: ',', index: 0 } }];
  return listener('scoped', port, {
    scoped_routes: {
      name: 'scopes',
      scope_key_builder: { fragments },
      rds_config_source: ads,
      scoped_rds: { scoped_rds_config_source: ads },
    },
  });
}
