import type { Fleet } from '../policy/fleet.ts';
import { gatewayIr } from './gateways.ts';
import type { ClusterIr, FleetIr, ListenerIr, RouteTableIr, VirtualHostIr, WeightedClusterIr } from './ir.ts';
import { keeping, keepingList } from './kept.ts';
import type { Model } from './model.ts';
import { compareText, lookup, sortedUnique } from './order.ts';

/** The parts of a fleet, in any order. */
interface Parts {
  readonly listeners: readonly ListenerIr[];
  readonly routeTables: readonly RouteTableIr[];
  readonly clusters: Iterable<ClusterIr>;
}

const keepListeners = keepingList<ListenerIr>();
const keepTables = keepingList<RouteTableIr>();
const keepClusters = keepingList<ClusterIr>();
const keepFleet = keeping<FleetIr>();

const byName = (a: { readonly name: string }, b: { readonly name: string }) => compareText(a.name, b.name);

/** Puts a fleet, or one of its sub-fleets, together: everything sorted by name, every cluster once. */
export function fleetIr(
  fleet: Fleet,
  about: Pick<FleetIr, 'key' | 'fleetName' | 'role' | 'members'>,
  parts: Parts,
): FleetIr {
  const listeners = keepListeners(fleet, about.key, [...parts.listeners].sort(byName));
  const routeTables = keepTables(fleet, about.key, [...parts.routeTables].sort(byName));
  const clusters = keepClusters(fleet, about.key, [...new Set(parts.clusters)].sort(byName));
  const from = [listeners, routeTables, clusters, about.role, ...(about.members ?? [])];
  return keepFleet(fleet, about.key, from, () => ({ ...about, match: fleet.match, listeners, routeTables, clusters }));
}

/** The clusters of services that listeners and route tables send to. */
export function clustersUsed(
  { clusterOf }: Model,
  listeners: readonly ListenerIr[],
  tables: readonly RouteTableIr[],
): readonly ClusterIr[] {
  const keys = new Set<string>();
  for (const listener of listeners) if (listener.kind === 'tcp') addKeys(keys, listener.to);
  for (const table of tables) for (const host of table.virtualHosts) addKeysOfHost(keys, host);
  return [...keys].flatMap(key => {
    const at = key.indexOf('@');
    return (at < 0 ? clusterOf(key) : clusterOf(key.slice(0, at), key.slice(at + 1))) ?? [];
  });
}

function addKeysOfHost(keys: Set<string>, host: VirtualHostIr): void {
  for (const { action } of host.rules) if (action.kind === 'forward') addKeys(keys, action.to);
}

function addKeys(keys: Set<string>, to: readonly WeightedClusterIr[]): void {
  for (const { cluster } of to) keys.add(cluster);
}

/** What an edge fleet holds: its gateways. */
export function edgeFleet(model: Model, name: string, fleet: Fleet): FleetIr {
  const gateways = sortedUnique(fleet.gateways ?? []).flatMap(gatewayName => {
    const gateway = lookup(model.policy.gateways, gatewayName);
    return gateway ? [gatewayIr(model, gatewayName, gateway)] : [];
  });
  const listeners = gateways.flatMap(gateway => gateway.listeners);
  const routeTables = gateways.flatMap(gateway => gateway.routeTable ?? []);
  return fleetIr(
    fleet,
    { key: name, fleetName: name, role: 'edge', members: undefined },
    { listeners, routeTables, clusters: clustersUsed(model, listeners, routeTables) },
  );
}
