import { typeUrl } from '../../proto/codec.ts';
import type { Cluster } from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { RouteAction, RouteConfiguration } from '../../proto/gen/envoy.config.route.v3.ts';
import type { HttpConnectionManager } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { TcpProxy } from '../../proto/gen/envoy.extensions.filters.network.tcp_proxy.v3.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import { memo1 } from '../base/memo.ts';
import { type Resource, type ServedType, servedTypes } from '../translate/resource.ts';

/** Another resource that a resource cannot work without. */
export interface Reference {
  readonly type: ServedType;
  readonly name: string;
}

/** What a resource refers to, without repetitions. */
export const referencesOf: (resource: Resource) => readonly Reference[] = memo1(resource => {
  const found = new Map<string, Reference>();
  for (const each of references(resource)) found.set(`${each.type} ${each.name}`, each);
  return [...found.values()];
});

/** The name by which a message calls itself; it must be the one it is served under (R32). */
export function ownName(resource: Resource): string | undefined {
  const message = resource.message as { readonly name?: string; readonly cluster_name?: string };
  return resource.type === servedTypes.endpoint ? message.cluster_name : message.name;
}

function references({ type, message }: Resource): readonly Reference[] {
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

const toClusters = (names: readonly (string | undefined)[]): readonly Reference[] =>
  names.flatMap(name => (name ? [{ type: servedTypes.cluster, name }] : []));

/** The load assignment that an EDS cluster asks for. */
export function assignmentName(cluster: Cluster): string | undefined {
  return cluster.type === 'EDS' ? cluster.eds_cluster_config?.service_name || cluster.name : undefined;
}

function ofCluster(cluster: Cluster): readonly Reference[] {
  const name = assignmentName(cluster);
  return name === undefined ? [] : [{ type: servedTypes.endpoint, name }];
}

function ofListener(listener: Listener): readonly Reference[] {
  const chains = [
    ...(listener.filter_chains ?? []),
    ...(listener.default_filter_chain ? [listener.default_filter_chain] : []),
  ];
  return chains
    .flatMap(chain => chain.filters ?? [])
    .flatMap(({ typed_config: config }) => {
      if (isConnectionManager(config)) return ofConnectionManager(config);
      return isTcpProxy(config) ? ofTcpProxy(config) : [];
    });
}

function ofConnectionManager({ rds, route_config: inline }: HttpConnectionManager): readonly Reference[] {
  if (inline) return ofRoutes(inline);
  return rds?.route_config_name ? [{ type: servedTypes.route, name: rds.route_config_name }] : [];
}

function ofTcpProxy({ cluster, weighted_clusters: weighted }: TcpProxy): readonly Reference[] {
  return toClusters([cluster, ...(weighted?.clusters ?? []).map(each => each.name)]);
}

function ofRoutes(table: RouteConfiguration): readonly Reference[] {
  const actions = (table.virtual_hosts ?? [])
    .flatMap(host => host.routes ?? [])
    .flatMap(({ route }) => (route ? [route] : []));
  return [...actions.flatMap(ofAction), ...toClusters((table.request_mirror_policies ?? []).map(each => each.cluster))];
}

function ofAction(action: RouteAction): readonly Reference[] {
  return toClusters([
    action.cluster,
    ...(action.weighted_clusters?.clusters ?? []).map(each => each.name),
    ...(action.request_mirror_policies ?? []).map(each => each.cluster),
  ]);
}

/** Narrows a filter's configuration to the HTTP connection manager. */
export function isConnectionManager(config: Any | undefined): config is Any & HttpConnectionManager {
  return (
    config?.['@type'] === typeUrl('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager')
  );
}

function isTcpProxy(config: Any | undefined): config is Any & TcpProxy {
  return config?.['@type'] === typeUrl('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy');
}
