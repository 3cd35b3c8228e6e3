import { compareText } from '../base/compare.ts';
import { keepingEach, memo1 } from '../base/memo.ts';
import { changedNames } from '../base/records.ts';
import { destinationParts } from '../policy/destination.ts';
import type { Fleet } from '../policy/fleet.ts';
import { destinationsBehind } from './fallback.ts';
import { gatewayIr } from './gateways.ts';
import type { ClusterIr, FleetIr, ListenerIr, OwnZoneIr, RouteTableIr, VirtualHostIr } from './ir.ts';
import { keeping, keepingList } from './kept.ts';
import type { Model } from './model.ts';
import { lookup, sortedUnique } from './order.ts';
import { declaredZones, ownZonesFor } from './own-zones.ts';

/** The parts of a fleet, in any order. */
interface Parts {
  readonly listeners: readonly ListenerIr[];
  readonly routeTables: readonly RouteTableIr[];
  /** Lists that are each sorted by name. */
  readonly clusters: readonly (readonly ClusterIr[])[];
  /** Where its proxies stand. */
  readonly zones: readonly OwnZoneIr[];
}

const keepListeners = keepingList<ListenerIr>();
const keepTables = keepingList<RouteTableIr>();
const keepClusters = keepingList<ClusterIr>();
const keepFleet = keeping<FleetIr>();
/** A route table whose weights change still sends to the same clusters, so they need no sorting. */
const keepKeys = keepingList<string>();
const keepUsed = keeping<readonly ClusterIr[]>();

const byName = (a: { readonly name: string }, b: { readonly name: string }) => compareText(a.name, b.name);

/** Puts a fleet, or one of its sub-fleets, together: everything sorted by name, every cluster once. */
export function fleetIr(
  fleet: Fleet,
  about: Pick<FleetIr, 'key' | 'fleetName' | 'role' | 'members'>,
  parts: Parts,
): FleetIr {
  const listeners = keepListeners(fleet, about.key, [...parts.listeners].sort(byName));
  const routeTables = keepTables(fleet, about.key, [...parts.routeTables].sort(byName));
  const clusters = keepClusters(fleet, about.key, union(parts.clusters));
  const ownZones = ownZonesFor(fleet, about.key, clusters, parts.zones);
  const from = [listeners, routeTables, clusters, ownZones, about.role, ...(about.members ?? [])];
  return keepFleet(fleet, about.key, from, () => ({
    ...about,
    match: fleet.match,
    ...(fleet.identity && { identity: fleet.identity }),
    ...(fleet.admin && { admin: fleet.admin }),
    xds: fleet.xds,
    listeners,
    routeTables,
    clusters,
    ownZones,
  }));
}

function union(lists: readonly (readonly ClusterIr[])[]): readonly ClusterIr[] {
  const [first = [], ...others] = lists.filter(list => list.length > 0);
  return others.length === 0 ? first : [...new Set(lists.flat())].sort(byName);
}

/** Clusters of services that listeners and route tables of an owner send to: lists sorted by name. */
export function clustersUsed(
  model: Model,
  owner: object,
  listeners: readonly ListenerIr[],
  tables: readonly RouteTableIr[],
): readonly (readonly ClusterIr[])[] {
  const ofTables = tables.map(table => {
    const keys = sortedKeys(keepKeys(owner, table.name, keysOfHosts(owner, table.name, table.virtualHosts).flat()));
    return keepUsed(keys, '', model.endpoints, () => clustersOfKeys(model, keys));
  });
  const keys = listeners.flatMap(listener =>
    listener.kind === 'http' ? [] : [listener.to].flat().map(each => each.cluster),
  );
  return [...ofTables, clustersFor(model, sortedUnique(keys))];
}

/** The clusters by these names, as far as they are declared, and those that they need; sorted by name. */
export function clustersFor({ clustersOf }: Model, names: readonly string[]): readonly ClusterIr[] {
  const all: ClusterIr[] = [];
  let several = false;
  for (const name of names) {
    const found = clustersOf(name);
    several ||= found.length > 1;
    all.push(...found);
  }
  return several ? [...new Set(all)].sort(byName) : all;
}

/** One cluster for each of a list of names, and what decided them. */
interface Used extends Pick<Model, 'moved'> {
  readonly services: Model['policy']['services'];
  readonly clusters: readonly ClusterIr[];
}

const lastUsed = new WeakMap<readonly string[], Used>();

/** {@link clustersFor} for names that stay the same list: only those of services that have changed are looked up anew. */
function clustersOfKeys(model: Model, keys: readonly string[]): readonly ClusterIr[] {
  const last = lastUsed.get(keys);
  const again = last && renewed(model, keys, last);
  const clusters = again ?? clustersFor(model, keys);
  // Where one stands for several, or none is declared, places do not tell what belongs to which name.
  const alike =
    again !== undefined || (clusters.length === keys.length && clusters.every((each, at) => each.name === keys[at]));
  if (alike) lastUsed.set(keys, { services: model.policy.services, moved: model.moved, clusters });
  else lastUsed.delete(keys);
  return clusters;
}

function renewed(model: Model, keys: readonly string[], last: Used): readonly ClusterIr[] | undefined {
  const changed = changedNames(last.services, model.policy.services);
  if (!changed) return undefined;
  const places = placesOfServices(keys);
  const clusters = last.clusters.slice();
  for (const service of new Set([...changed, ...last.moved, ...model.moved])) {
    for (const at of places.get(service) ?? []) {
      const [found, another] = model.clustersOf(keys[at] ?? '');
      if (!found || another) return undefined;
      clusters[at] = found;
    }
  }
  return clusters;
}

const placesOfServices = memo1((keys: readonly string[]): ReadonlyMap<string, readonly number[]> => {
  const places = new Map<string, number[]>();
  for (const [at, key] of keys.entries()) {
    for (const each of destinationsBehind(key)) {
      const { service } = destinationParts(each);
      const known = places.get(service);
      if (known) known.push(at);
      else places.set(service, [at]);
    }
  }
  return places;
});

const keysOfHosts = keepingEach((host: VirtualHostIr): readonly string[] =>
  host.rules.flatMap(({ action }) => (action.kind === 'forward' ? action.to.map(each => each.cluster) : [])),
);
const sortedKeys = memo1((keys: readonly string[]) => sortedUnique(keys));

/** What an edge fleet holds: its gateways. */
export function edgeFleet(model: Model, name: string, fleet: Fleet): FleetIr {
  const gateways = sortedUnique(fleet.gateways ?? []).flatMap(gatewayName => {
    const gateway = lookup(model.policy.gateways, gatewayName);
    return gateway ? [gatewayIr(model, gatewayName, gateway)] : [];
  });
  const listeners = gateways.flatMap(gateway => gateway.listeners);
  const routeTables = gateways.flatMap(gateway => gateway.routeTable ?? []);
  const clusters = clustersUsed(model, model.policy.gateways, listeners, routeTables);
  return fleetIr(
    fleet,
    { key: name, fleetName: name, role: 'edge', members: undefined },
    { listeners, routeTables, clusters, zones: declaredZones(fleet) },
  );
}
