import type { Bootstrap } from '../../proto/gen/envoy.config.bootstrap.v3.ts';
import type { Cluster } from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { ClusterLoadAssignment } from '../../proto/gen/envoy.config.endpoint.v3.ts';
import type { Filter, FilterChain, Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { RouteConfiguration } from '../../proto/gen/envoy.config.route.v3.ts';
import type { Resource } from '../base/resource.ts';
import { readableResources } from './readable.ts';
import { assignmentName, isConnectionManager } from './references.ts';

/**
 * All that a fleet holds as one static Envoy configuration, so that a proxy can start while we are down (P2).
 *
 * Of `base`, a proxy's bootstrap, everything stays but what needs us: with both, Envoy would never replace the static
 * copies by what xDS brings. The proxy comes back under control by a restart with its own bootstrap.
 */
export function bundle(resources: readonly Resource[], base: Bootstrap): Bootstrap {
  const { clusters, endpoints, listeners, routes } = readableResources(resources);
  const assignments = new Map(endpoints.map(each => [each.cluster_name, each]));
  const tables = new Map(routes.map(each => [each.name, each]));
  const { static_resources: fixed, ...rest } = withoutControlPlane(base);
  return {
    ...rest,
    static_resources: {
      ...fixed,
      clusters: [...(fixed?.clusters ?? []), ...clusters.map(each => staticCluster(each, assignments))],
      listeners: [...(fixed?.listeners ?? []), ...listeners.map(each => staticListener(each, tables))],
    },
  };
}

/**
 * The static cluster that leads to us stays, since statistics or logs may be sent there too: it is only a place that
 * nobody answers at for now.
 */
function withoutControlPlane(base: Bootstrap): Bootstrap {
  const { dynamic_resources: _dynamic, cluster_manager: manager, layered_runtime: runtime, ...rest } = base;
  const { local_cluster_name: _local, load_stats_config: _reports, ...kept } = manager ?? {};
  return {
    ...rest,
    ...(Object.keys(kept).length > 0 ? { cluster_manager: kept } : {}),
    static_resources: {
      ...base.static_resources,
      clusters: (base.static_resources?.clusters ?? []).filter(each => each.type !== 'EDS'),
    },
    ...(runtime ? { layered_runtime: { layers: (runtime.layers ?? []).filter(layer => !layer.rtds_layer) } } : {}),
  };
}

type Assignments = ReadonlyMap<string | undefined, ClusterLoadAssignment>;

function staticCluster(cluster: Cluster, assignments: Assignments): Cluster {
  const assignment = assignmentName(cluster);
  if (assignment === undefined) return cluster;
  const { eds_cluster_config: _eds, ...rest } = cluster;
  return { ...rest, type: 'STATIC', load_assignment: { ...assignments.get(assignment), cluster_name: cluster.name } };
}

type Tables = ReadonlyMap<string | undefined, RouteConfiguration>;

function staticListener(listener: Listener, tables: Tables): Listener {
  return { ...listener, filter_chains: (listener.filter_chains ?? []).map(chain => staticChain(chain, tables)) };
}

function staticChain(chain: FilterChain, tables: Tables): FilterChain {
  return { ...chain, filters: (chain.filters ?? []).map(filter => staticFilter(filter, tables)) };
}

function staticFilter(filter: Filter, tables: Tables): Filter {
  const config = filter.typed_config;
  if (!isConnectionManager(config) || !config.rds) return filter;
  const { rds, ...rest } = config;
  const table = tables.get(rds.route_config_name) ?? { name: rds.route_config_name };
  return { ...filter, typed_config: { ...rest, route_config: table } };
}
