import type { ConfigSource } from '../../proto/gen/envoy.config.core.v3.ts';
import { keepingEach, memo1, memo2 } from '../base/memo.ts';
import { type Resource, servedTypes } from '../base/resource.ts';
import type {
  ClusterIr,
  FallbackClusterIr,
  FleetIr,
  ListenerIr,
  LocalClusterIr,
  OwnZoneIr,
  RouteTableIr,
  ServiceClusterIr,
} from '../ir/ir.ts';
import type { Service } from '../policy/service.ts';
import { ownFleet, runtimeLayer } from './bootstrap.ts';
import { fallbackCluster, localCluster, type ServiceClusterSettings, serviceCluster } from './cluster.ts';
import { configSource } from './config-source.ts';
import { loadAssignment, ownFleetAssignment } from './endpoint.ts';
import { envoyListener } from './listener.ts';
import { routeConfiguration } from './route.ts';

/**
 * Everything that a fleet holds, as Envoy messages. Pure. The same IR object gives the same resource object, also
 * across fleets that are alike in `xds`, so that whatever comes after works only on what changed.
 */
export const translate: (fleet: FleetIr) => readonly Resource[] = memo1(fleet => {
  const source = configSource(fleet.xds);
  const assignments = assignmentsOf(fleet.match, fleet.key, fleet.clusters);
  return [
    ...clustersIn(source)(fleet.match, fleet.key, fleet.clusters),
    ownFleetResource(fleet.ownZones),
    ...(assignments.includes(undefined) ? assignments.filter(each => each !== undefined) : (assignments as Resource[])),
    ...fleet.listeners.map(listener => listenerResource(source, listener)),
    ...fleet.routeTables.map(routeResource),
    emptyRuntime,
  ];
});

/** By the fleet's match, which stays the same object while a fleet changes otherwise. */
const clustersIn = memo1((source: ConfigSource) =>
  keepingEach((cluster: ClusterIr): Resource => clusterResource(source, cluster)),
);
const assignmentsOf = keepingEach((cluster: ClusterIr): Resource | undefined =>
  cluster.kind === 'service' ? assignmentResource(cluster) : undefined,
);

/** The layer that the bootstrap names. A proxy waits for it before it does anything else. */
const emptyRuntime: Resource = {
  type: servedTypes.runtime,
  name: runtimeLayer,
  message: { name: runtimeLayer, layer: {} },
};

/** Every proxy asks for it before anything else, and some would wait seconds for an answer that never comes (R29). */
const ownFleetResource = memo1(
  (zones: readonly OwnZoneIr[]): Resource => ({
    type: servedTypes.endpoint,
    name: ownFleet,
    message: ownFleetAssignment(ownFleet, zones),
  }),
);

function clusterResource(source: ConfigSource, cluster: ClusterIr): Resource {
  switch (cluster.kind) {
    case 'service':
      return serviceClusterResource(source, cluster);
    case 'fallback':
      return fallbackClusterResource(cluster);
    case 'local':
      return localClusterResource(cluster);
  }
}

/** By service and not by cluster, so that a drained endpoint or a new weight leaves the cluster's resource alone. */
function serviceClusterResource(source: ConfigSource, cluster: ServiceClusterIr): Resource {
  const named = resourcesOfService(source, cluster.service);
  const known = named.get(cluster.name);
  if (known) return known;
  const { name, serviceName, service }: ServiceClusterSettings = cluster;
  const made: Resource = {
    type: servedTypes.cluster,
    name,
    message: serviceCluster({ name, serviceName, service }, source),
  };
  named.set(name, made);
  return made;
}

const resourcesOfService = memo2((_source: ConfigSource, _service: Service) => new Map<string, Resource>());

const fallbackClusterResource = memo1(
  (cluster: FallbackClusterIr): Resource => ({
    type: servedTypes.cluster,
    name: cluster.name,
    message: fallbackCluster(cluster),
  }),
);

const localClusterResource = memo1(
  (cluster: LocalClusterIr): Resource => ({
    type: servedTypes.cluster,
    name: cluster.name,
    message: localCluster(cluster),
  }),
);

const assignmentResource = memo1(
  (cluster: ServiceClusterIr): Resource => ({
    type: servedTypes.endpoint,
    name: cluster.name,
    message: loadAssignment(cluster),
  }),
);

const listenerResource = memo2(
  (source: ConfigSource, listener: ListenerIr): Resource => ({
    type: servedTypes.listener,
    name: listener.name,
    message: envoyListener(listener, source),
  }),
);

const routeResource = memo1(
  (table: RouteTableIr): Resource => ({
    type: servedTypes.route,
    name: table.name,
    message: routeConfiguration(table),
  }),
);
