import { addressKey } from './base/address.ts';
import type { HealthView } from './base/endpoint-health.ts';
import { memo1 } from './base/memo.ts';
import type { Control } from './control/control.ts';
import type { Fleet } from './fleet/fleet.ts';
import { fleetOf, type ProxyStatus } from './fleet/proxy.ts';
import { type AdminPlace, adminPlace } from './ir/admin-address.ts';
import type { FleetIr, ServiceClusterIr } from './ir/ir.ts';
import { EndpointHealthSource, type HealthTarget } from './sources/endpoint-health.ts';
import { type AdminQuery, adminQuery } from './sources/envoy-admin.ts';
import { systemNameQuery } from './sources/name-query.ts';

/** How the proxies find their endpoints, as far as the policy says where to ask them. */
export interface WatchedEndpoints {
  /** Goes on until the signal; never rejects. */
  follow(): Promise<void>;
  view(proxy: ProxyStatus): HealthView;
}

/** Asks the connected proxies of every fleet that declares its `admin`. Stands beside all else: nothing waits for it. */
export function watchEndpoints({
  control,
  fleet,
  signal,
  query = adminQuery({ query: systemNameQuery({ timeoutMs: 1000 }), timeoutMs: 2000, largest: 8 * 1024 * 1024 }),
}: {
  readonly control: Pick<Control, 'accepted'>;
  readonly fleet: Pick<Fleet, 'proxies'>;
  readonly signal: AbortSignal;
  readonly query?: AdminQuery;
}): WatchedEndpoints {
  const declared = () => byKey(control.accepted?.fleets ?? nothing);
  const placeOf = ({ node, peer, assignment }: ProxyStatus): AdminPlace => {
    const admin = declared().get(fleetOf({ assignment }) ?? '')?.admin;
    return adminPlace(admin, { id: node.id, metadata: node.metadata, peer });
  };
  const targetOf = (proxy: ProxyStatus, place: AdminPlace): HealthTarget | undefined => {
    const of = declared().get(fleetOf(proxy) ?? '');
    const every = of?.admin?.every;
    if (place.kind === 'none' || !of || every === undefined) return undefined;
    return { node: proxy.node.id, address: place.address, within: place.within, endpoints: endpointsOf(of), every };
  };
  const targets = (): readonly HealthTarget[] => {
    if (!hasAdmin(control.accepted?.fleets ?? nothing)) return [];
    return fleet.proxies().flatMap(proxy => targetOf(proxy, placeOf(proxy)) ?? []);
  };
  const now = () => performance.now();
  const source = new EndpointHealthSource({ targets, query, now, random: Math.random, signal });
  return {
    follow: () => source.follow(),
    view: proxy => {
      const place = placeOf(proxy);
      const target = targetOf(proxy, place);
      if (target) return source.view(target);
      return { kind: 'unknown', why: place.kind === 'none' ? place.why : 'it belongs to no fleet' };
    },
  };
}

const nothing: readonly FleetIr[] = [];
const endpointsOf = memo1(
  ({ clusters }: FleetIr) =>
    new Map(clusters.flatMap(each => (each.kind === 'service' ? [[each.name, addressesOf(each)] as const] : []))),
);
const addressesOf = memo1(
  (cluster: ServiceClusterIr) => new Set(cluster.endpoints.map(each => addressKey(each.address))),
);
const byKey = memo1((fleets: readonly FleetIr[]) => new Map(fleets.map(each => [each.key, each])));
const hasAdmin = memo1((fleets: readonly FleetIr[]) => fleets.some(each => each.admin !== undefined));
