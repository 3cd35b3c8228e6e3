import { keepingEach, memo1 } from '../base/memo.ts';
import type { Fleet } from '../policy/fleet.ts';
import type { Service } from '../policy/service.ts';
import type { ClusterIr, EndpointIr, OwnZoneIr } from './ir.ts';
import { keepingEqual } from './kept.ts';
import { sortedEntries } from './order.ts';

const nowhere: readonly OwnZoneIr[] = [];

/** Where the proxies of a fleet stand, as it declares it. */
export const declaredZones = memo1(({ zones }: Fleet): readonly OwnZoneIr[] =>
  sortedEntries(zones ?? {}).map(([zone, weight]) => ({ zone, weight })),
);

const keepZones = keepingEqual<readonly OwnZoneIr[]>();

/**
 * Where sidecars stand: where the endpoints do that they stand beside. Those that drain, and backups, are not counted,
 * as they send nothing on while they are given nothing.
 */
export function zonesOfEndpoints(fleet: Fleet, key: string, endpoints: readonly EndpointIr[]): readonly OwnZoneIr[] {
  return keepZones(fleet, key, [endpoints], () => {
    const sums = new Map<string, number>();
    for (const { zone, priority, state, weight } of endpoints) {
      if (zone === undefined || state !== 'active' || priority !== endpoints[0]?.priority) continue;
      sums.set(zone, (sums.get(zone) ?? 0) + weight);
    }
    return sortedEntries(Object.fromEntries(sums)).map(([zone, weight]) => ({ zone, weight }));
  });
}

/** The zones of a fleet's proxies, if something that it holds goes by them: others need not be told anew of every change. */
export function ownZonesFor(
  fleet: Fleet,
  key: string,
  clusters: readonly ClusterIr[],
  zones: readonly OwnZoneIr[],
): readonly OwnZoneIr[] {
  return goByOwnZone(fleet, key, clusters).includes(true) ? zones : nowhere;
}

const goByOwnZone = keepingEach(
  (cluster: ClusterIr): boolean => cluster.kind === 'service' && prefersOwnZone(cluster.service),
);

/** Whether the zone of the proxy is to come first for the service. */
export function prefersOwnZone({ loadBalancing }: Service): boolean {
  return loadBalancing.zones.mode === 'ownFirst';
}
