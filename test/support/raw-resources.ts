import { any, encode, type MessageName, type MessageTypes, typeUrl } from '../../proto/codec.ts';
import type { Cluster } from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { ConfigSource } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { Route, RouteConfiguration, VirtualHost } from '../../proto/gen/envoy.config.route.v3.ts';
import type { HttpConnectionManager } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';

/** Resources in Envoy's own words, for tests of what the policy does not make. */

export const ads = { ads: {}, resource_api_version: 'V3' } as const;

/** A delta stream of the one type, over the cluster of the usual bootstrap that leads to the server. */
export const deltaStream = {
  resource_api_version: 'V3',
  api_config_source: {
    api_type: 'DELTA_GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'switchyard/xds', authority: 'switchyard' } }],
  },
} as const satisfies ConfigSource;

/** A message as a resource; `more` says what stands beside its bytes. */
export function raw<K extends MessageName>(
  type: K,
  name: string,
  message: MessageTypes[K],
  more: Partial<RawResource> = {},
): RawResource {
  return { typeUrl: typeUrl(type), name, value: encode(type, message), ...more };
}

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

type Manager = Partial<HttpConnectionManager>;

/** A listener for HTTP on loopback. Where its routes are, its filters before the router and the like stand in `http`. */
export function listener(
  name: string,
  port: number,
  http: Manager,
  chain: Omit<NonNullable<Listener['default_filter_chain']>, 'filters'> = {},
): RawResource {
  const { http_filters: filters = [], ...others } = http;
  return raw('envoy.config.listener.v3.Listener', name, {
    name,
    address: address(port),
    filter_chains: [
      {
        ...chain,
        filters: [
          {
            name: 'http',
            typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
              stat_prefix: name,
              ...others,
              http_filters: [
                ...filters,
                { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
              ],
            }),
          },
        ],
      },
    ],
  });
}

/** Routes over RDS on ADS. */
export const rds = (table: string): Manager => ({ rds: { route_config_name: table, config_source: ads } });

/** Routes within the listener. */
export const inline = (table: RouteConfiguration): Manager => ({ route_config: table });

/** All requests are answered with a text. */
export const answering = (text: string): Route => ({
  match: { prefix: '/' },
  direct_response: { status: 200, body: { inline_string: text } },
});

/** All requests go to a cluster. */
export const to = (cluster: string): Route => ({ match: { prefix: '/' }, route: { cluster } });

/** A host that all names lead to. */
export const anyHost = (...routes: readonly Route[]): VirtualHost => ({ name: 'all', domains: ['*'], routes });

export function table(name: string, ...hosts: readonly VirtualHost[]): RawResource {
  return raw('envoy.config.route.v3.RouteConfiguration', name, { name, virtual_hosts: hosts });
}

/** A cluster whose endpoints come over ADS, under its own name. */
export function edsCluster(name: string, others: Partial<Cluster> = {}, more: Partial<RawResource> = {}): RawResource {
  const message: Cluster = {
    name,
    type: 'EDS',
    connect_timeout: '1s',
    eds_cluster_config: { eds_config: ads },
    ...others,
  };
  return raw('envoy.config.cluster.v3.Cluster', name, message, more);
}

/** A cluster with endpoints of its own on loopback. */
export function fixedCluster(name: string, ports: readonly number[], more: Partial<RawResource> = {}): RawResource {
  const message: Cluster = {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: ports.map(endpoint) }] },
  };
  return raw('envoy.config.cluster.v3.Cluster', name, message, more);
}

/** Endpoints of a cluster on loopback; none say that it has none. */
export function assignment(name: string, ...ports: readonly number[]): RawResource {
  return raw('envoy.config.endpoint.v3.ClusterLoadAssignment', name, {
    cluster_name: name,
    endpoints: ports.length > 0 ? [{ lb_endpoints: ports.map(endpoint) }] : [],
  });
}

export const endpoint = (port: number) => ({ endpoint: { address: address(port) } });
