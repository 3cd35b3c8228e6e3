import { typeUrl } from '../../proto/codec.ts';
import type { Cluster } from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { RouteConfiguration, VirtualHost } from '../../proto/gen/envoy.config.route.v3.ts';
import type { ClusterConfig } from '../../proto/gen/envoy.extensions.clusters.aggregate.v3.ts';
import type { HttpConnectionManager } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { TcpProxy } from '../../proto/gen/envoy.extensions.filters.network.tcp_proxy.v3.ts';
import type { UdpProxyConfig, Route as UdpRoute } from '../../proto/gen/envoy.extensions.filters.udp.udp_proxy.v3.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import { memo1 } from '../base/memo.ts';
import { type Resource, type ServedType, servedTypes } from '../base/resource.ts';

/** Another resource that a resource cannot work without. */
export interface Reference {
  readonly type: ServedType;
  readonly name: string;
}

/** What a resource refers to, without repetitions. */
export function referencesOf({ type, message }: Resource): readonly Reference[] {
  switch (type) {
    case servedTypes.cluster:
      return ofCluster(message as Cluster);
    case servedTypes.endpoint:
    case servedTypes.runtime:
      return [];
    case servedTypes.listener:
      return ofListener(message as Listener);
    case servedTypes.route:
      return ofRoutes(message as RouteConfiguration);
  }
}

/** The name by which a message calls itself; it must be the one it is served under (R32). */
export function ownName(resource: Resource): string | undefined {
  const message = resource.message as { readonly name?: string; readonly cluster_name?: string };
  return resource.type === servedTypes.endpoint ? message.cluster_name : message.name;
}

/** Each name once. */
function references(type: ServedType, names: Iterable<string | undefined>): readonly Reference[] {
  return [...new Set(names)].flatMap(name => (name ? [{ type, name }] : []));
}

/** The load assignment that an EDS cluster asks for. */
export function assignmentName(cluster: Cluster): string | undefined {
  return cluster.type === 'EDS' ? cluster.eds_cluster_config?.service_name || cluster.name : undefined;
}

function ofCluster(cluster: Cluster): readonly Reference[] {
  return [
    ...references(servedTypes.endpoint, [assignmentName(cluster)]),
    ...references(servedTypes.cluster, memberNames(cluster)),
  ];
}

/** The clusters that an aggregate one chooses from. Each of them will do. */
function memberNames({ cluster_type: custom }: Cluster): readonly string[] {
  const config = custom?.typed_config;
  return isAggregate(config) ? (config.clusters ?? []) : [];
}

function ofListener(listener: Listener): readonly Reference[] {
  const chains = [
    ...(listener.filter_chains ?? []),
    ...(listener.default_filter_chain ? [listener.default_filter_chain] : []),
  ];
  const configs = chains.flatMap(chain => chain.filters ?? []).map(filter => filter.typed_config);
  const managers = configs.filter(isConnectionManager);
  const inline = managers.flatMap(({ route_config: table }) => (table ? clustersOfTable(table) : []));
  return [
    ...references(
      servedTypes.route,
      managers.map(({ route_config: table, rds }) => (table ? undefined : rds?.route_config_name)),
    ),
    ...references(servedTypes.cluster, [
      ...inline,
      ...configs.filter(isTcpProxy).flatMap(clustersOfProxy),
      ...(listener.listener_filters ?? []).flatMap(each => clustersOfDatagrams(each.typed_config)),
    ]),
  ];
}

/** The only cluster that all datagrams of a listener go to, or the one that those go to that nothing else matches. */
function clustersOfDatagrams(config: Any | undefined): readonly (string | undefined)[] {
  if (config?.['@type'] !== typeUrl('envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig')) return [];
  const { cluster, matcher } = config as UdpProxyConfig;
  const route = matcher?.on_no_match?.action?.typed_config as UdpRoute | undefined;
  return [cluster, route?.cluster];
}

function clustersOfProxy({ cluster, weighted_clusters: weighted }: TcpProxy): readonly (string | undefined)[] {
  return [cluster, ...(weighted?.clusters ?? []).map(each => each.name)];
}

function ofRoutes(table: RouteConfiguration): readonly Reference[] {
  return references(servedTypes.cluster, clustersOfTable(table));
}

function clustersOfTable(table: RouteConfiguration): readonly (string | undefined)[] {
  const mirrors = (table.request_mirror_policies ?? []).map(each => each.cluster);
  return [...(table.virtual_hosts ?? []).flatMap(clustersOfHost), ...mirrors];
}

/** Per virtual host: of many in a table, a change makes one anew. */
const clustersOfHost = memo1((host: VirtualHost): readonly (string | undefined)[] => {
  const names: (string | undefined)[] = [];
  for (const { route } of host.routes ?? []) {
    if (!route) continue;
    names.push(route.cluster);
    for (const each of route.weighted_clusters?.clusters ?? []) names.push(each.name);
    for (const each of route.request_mirror_policies ?? []) names.push(each.cluster);
  }
  return names;
});

/** Narrows a filter's configuration to the HTTP connection manager. */
export function isConnectionManager(config: Any | undefined): config is Any & HttpConnectionManager {
  return (
    config?.['@type'] === typeUrl('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager')
  );
}

function isAggregate(config: Any | undefined): config is Any & ClusterConfig {
  return config?.['@type'] === typeUrl('envoy.extensions.clusters.aggregate.v3.ClusterConfig');
}

function isTcpProxy(config: Any | undefined): config is Any & TcpProxy {
  return config?.['@type'] === typeUrl('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy');
}
