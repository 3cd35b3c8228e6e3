import { typeName } from '../base/type-name.ts';
import { placeOfMatch, whyMatched } from '../control/matched.ts';
import { fleetOf, type ProxyStatus } from '../fleet/proxy.ts';
import { changesBetween } from '../snapshot/changes.ts';
import { readableSnapshot } from '../snapshot/readable.ts';
import type { RecentSets } from '../snapshot/recent-sets.ts';
import type { Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import type { ProxyConfigReply, TypeName } from './api.ts';
import type { AdminDependencies } from './dependencies.ts';
import { placeOf, placesIn } from './places.ts';
import { connected } from './proxy-table.ts';

type Differences = ProxyConfigReply['differences'];

/** Everything about one proxy's configuration. Undefined while it is given no fleet. */
export function proxyConfig(
  { control, board, recent }: AdminDependencies & { readonly recent: RecentSets },
  proxy: ProxyStatus,
  of: ProxyConfigReply['of'],
): ProxyConfigReply | undefined {
  const snapshots = board.current?.snapshots;
  const fleet = fleetOf(proxy);
  const intended = fleet === undefined ? undefined : snapshots?.get(fleet);
  if (fleet === undefined || !intended) return undefined;
  const held = heldBy(proxy, fleet, intended, recent);
  const differences: Partial<Record<TypeName, Differences[TypeName] & object>> = {};
  for (const [url] of proxy.types) {
    const name = typeName(url);
    const [before, after] = [held.get(url), intended.types.get(url)];
    if (!name || !after) continue;
    const changes = before ? changesBetween(snapshotOf(before), snapshotOf(after)) : [];
    differences[name] = {
      known: before !== undefined,
      changes: changes.map(each => ({ ...each, ...placeOf(control, fleet, url, each.name, undefined) })),
    };
  }
  const accepted = control.accepted;
  const matchedAt = accepted && placeOfMatch(accepted, fleet);
  const shown =
    of === 'intended' ? intended : { ...intended, types: new Map([...intended.types].map(heldOrNone(held))) };
  return {
    proxy: connected(proxy, { snapshots, places: placesIn(control), recent }),
    matched: (accepted && whyMatched(accepted, fleet, proxy.node)) ?? null,
    ...(matchedAt && { matchedAt: { ...matchedAt } }),
    of,
    differences,
    resources: {
      ...(readableSnapshot(shown) as object as Omit<ProxyConfigReply['resources'], 'secrets'>),
      secrets: [],
    },
  };
}

/** By type URL; a type that it holds nothing of yet is empty, and one of which nobody knows is absent. */
function heldBy(
  proxy: ProxyStatus,
  fleet: string,
  intended: Snapshot,
  recent: RecentSets,
): ReadonlyMap<string, TypeSnapshot> {
  const held = new Map<string, TypeSnapshot>();
  for (const [url, set] of intended.types) {
    const acked = proxy.types.get(url)?.acked;
    const found = acked === undefined ? emptied(set) : recent.held(fleet, url, acked);
    if (found) held.set(url, found);
  }
  return held;
}

const emptied = ({ typeUrl }: TypeSnapshot): TypeSnapshot => ({ typeUrl, version: '', resources: new Map() });

const heldOrNone =
  (held: ReadonlyMap<string, TypeSnapshot>) =>
  ([url, set]: readonly [string, TypeSnapshot]): [string, TypeSnapshot] => [url, held.get(url) ?? emptied(set)];

const snapshotOf = (set: TypeSnapshot): Snapshot => ({
  key: '',
  version: set.version,
  types: new Map([[set.typeUrl, set]]),
});
