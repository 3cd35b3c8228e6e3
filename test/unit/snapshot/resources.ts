import type { Resource } from '../../../src/base/resource.ts';

/** Small hand-made resources for tests of what happens after translation. */

export function cluster(name: string, connectTimeout = '1s'): Resource {
  return {
    type: 'envoy.config.cluster.v3.Cluster',
    name,
    message: { name, type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } }, connect_timeout: connectTimeout },
  };
}

export function aggregate(name: string, ...clusters: readonly string[]): Resource {
  const config = { '@type': 'type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig', clusters };
  return {
    type: 'envoy.config.cluster.v3.Cluster',
    name,
    message: { name, cluster_type: { name: 'envoy.clusters.aggregate', typed_config: config } },
  };
}

export function assignment(name: string, weight = 1): Resource {
  const address = { socket_address: { address: '10.0.0.1', port_value: 80 } };
  return {
    type: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
    name,
    message: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address }, load_balancing_weight: weight }] }],
    },
  };
}

export function httpListener(name: string, routeTable: string): Resource {
  return {
    type: 'envoy.config.listener.v3.Listener',
    name,
    message: {
      name,
      filter_chains: [
        {
          filters: [
            {
              name: 'envoy.filters.network.http_connection_manager',
              typed_config: {
                '@type':
                  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                stat_prefix: name,
                rds: { route_config_name: routeTable, config_source: { ads: {} } },
              },
            },
          ],
        },
      ],
    },
  };
}

export function tcpListener(name: string, ...clusters: readonly string[]): Resource {
  const [only] = clusters;
  return {
    type: 'envoy.config.listener.v3.Listener',
    name,
    message: {
      name,
      filter_chains: [
        {
          filters: [
            {
              name: 'envoy.filters.network.tcp_proxy',
              typed_config: {
                '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
                stat_prefix: name,
                ...(clusters.length === 1
                  ? { cluster: only }
                  : { weighted_clusters: { clusters: clusters.map(each => ({ name: each, weight: 1 })) } }),
              },
            },
          ],
        },
      ],
    },
  };
}

export function routeTable(name: string, ...clusters: readonly string[]): Resource {
  return {
    type: 'envoy.config.route.v3.RouteConfiguration',
    name,
    message: {
      name,
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: clusters.map(each => ({ match: { prefix: `/${each}` }, route: { cluster: each } })),
        },
      ],
    },
  };
}
