import type { Cluster } from '../../proto/gen/envoy.config.cluster.v3.ts';
import {
  clusterUrl,
  endpointUrl,
  extensionConfigUrl,
  listenerUrl,
  routeUrl,
  runtimeUrl,
  scopedRouteUrl,
  secretUrl,
} from '../xds/resource-type.ts';

/** Another resource that a resource cannot work without. */
export interface ResourceReference {
  readonly typeUrl: string;
  readonly name: string;
}

type Node = Readonly<Record<string, unknown>>;

/** Types whose clients know a resource by what it calls itself. */
const named: ReadonlySet<string> = new Set([
  clusterUrl,
  listenerUrl,
  routeUrl,
  scopedRouteUrl,
  secretUrl,
  runtimeUrl,
  extensionConfigUrl,
]);

/** The name that a message must have; `''` if it has none, undefined if its type asks for none. */
export function namesIn(typeUrl: string, message: object): string | undefined {
  const { name = '', cluster_name: assignment = '' } = message as { name?: string; cluster_name?: string };
  if (typeUrl === endpointUrl) return assignment;
  return named.has(typeUrl) ? name : undefined;
}

/**
 * What a message in JSON form refers to, each once: by EDS, RDS, SDS and ECDS, as long as a source is no file, and the
 * clusters of routes, TCP proxies and aggregate clusters.
 */
export function referencesIn(typeUrl: string, message: object): readonly ResourceReference[] {
  const found = new Map<string, ResourceReference>();
  const add = (to: string, name: unknown): void => {
    if (typeof name === 'string' && name !== '') found.set(`${to} ${name}`, { typeUrl: to, name });
  };
  if (typeUrl === clusterUrl) ofCluster(message as Cluster, add);
  if (typeUrl === scopedRouteUrl) add(routeUrl, (message as Node)['route_configuration_name']);
  walk(message, add);
  return [...found.values()];
}

type Add = (typeUrl: string, name: unknown) => void;

function ofCluster({ name, type, eds_cluster_config: eds, cluster_type: custom }: Cluster, add: Add): void {
  if (type === 'EDS' && isAsked(eds?.eds_config)) add(endpointUrl, eds?.service_name || name);
  if (isNode(custom?.typed_config)) for (const each of list(custom.typed_config['clusters'])) add(clusterUrl, each);
}

function walk(value: unknown, add: Add): void {
  if (Array.isArray(value)) {
    for (const each of value) walk(each, add);
    return;
  }
  if (!isNode(value)) return;
  ofNode(value, add);
  for (const each of Object.values(value)) walk(each, add);
}

/** Field names that mean the same wherever they stand. */
function ofNode(node: Node, add: Add): void {
  const { rds, route, sds_config: sds, config_discovery: discovery, name } = node;
  if (isNode(rds) && isAsked(rds['config_source'])) add(routeUrl, rds['route_config_name']);
  if (isAsked(sds)) add(secretUrl, name);
  if (isNode(discovery) && isAsked(discovery['config_source'])) add(extensionConfigUrl, name);
  if (isNode(route)) ofAction(route, add);
  if (node['@type'] === tcpProxy) ofAction(node, add);
}

const tcpProxy = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

/** What says where requests or connections go. */
function ofAction(action: Node, add: Add): void {
  add(clusterUrl, action['cluster']);
  const weighted = action['weighted_clusters'];
  const clusters = isNode(weighted) ? weighted['clusters'] : undefined;
  for (const each of [...list(clusters)]) if (isNode(each)) add(clusterUrl, each['name']);
  for (const each of list(action['request_mirror_policies'])) if (isNode(each)) add(clusterUrl, each['cluster']);
}

/** A source that is not a file: it may well lead to us. */
function isAsked(source: unknown): boolean {
  return isNode(source) && source['path'] === undefined && source['path_config_source'] === undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
