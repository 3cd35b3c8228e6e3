import { compareText } from '../base/compare.ts';
import type { HealthView } from '../base/endpoint-health.ts';
import { typeName } from '../base/type-name.ts';
import type { DepartedProxy, Fleet } from '../fleet/fleet.ts';
import { fleetOf, type ProxyStatus, type TypeStatus } from '../fleet/proxy.ts';
import type { Board } from '../snapshot/board.ts';
import type { RecentSets } from '../snapshot/recent-sets.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { ProxyReply, ProxyState, ProxyTypeReply, TypeName } from './api.ts';
import { noPlaces, type Places } from './places.ts';
import { whyRejected, withheldOf, withheldReplies } from './rejection-replies.ts';
import { instant } from './replies.ts';

/**
 * Every proxy that is connected, and those that have gone, by fleet and id; proxies without a fleet come last.
 *
 * @param places of what proxies rejected; without it they are not told
 */
export function proxyTable(
  {
    fleet,
    board,
    recent,
    endpointHealth,
  }: {
    readonly fleet: Fleet;
    readonly board: Board;
    readonly recent?: RecentSets;
    readonly endpointHealth?: (proxy: ProxyStatus) => HealthView;
  },
  places: Places = noPlaces,
): readonly ProxyReply[] {
  const snapshots = board.current?.snapshots;
  const rows = [
    ...fleet
      .proxies()
      .map(each => ({ ...connected(each, { snapshots, places, recent }), ...adminOf(endpointHealth?.(each)) })),
    ...fleet.departed().map(each => departed(each)),
  ];
  return rows.sort((a, b) => compareText(a.fleet ?? '\uffff', b.fleet ?? '\uffff') || compareText(a.id, b.id));
}

/** What is known of the admin interface of a proxy that was asked. */
function adminOf(view: HealthView | undefined): Pick<ProxyReply, 'admin'> {
  if (view?.kind === 'known') {
    const { ahead } = view;
    return { admin: { answers: true, ...(ahead === undefined ? {} : { clockAhead: Math.round(ahead) }) } };
  }
  return view?.silent ? { admin: { answers: false, why: view.why } } : {};
}

type Seen = Pick<ProxyStatus, 'node' | 'peer' | 'variant' | 'assignment' | 'connectedAt'>;

function identity({ node, peer, variant, assignment, connectedAt }: Seen) {
  return {
    id: node.id,
    cluster: node.cluster,
    zone: node.zone,
    fleet: fleetOf({ assignment }) ?? null,
    ...(assignment?.kind === 'unmatched' && assignment.nearest !== undefined
      ? { nearestFleet: assignment.nearest }
      : {}),
    variant,
    envoyVersion: node.version,
    peer,
    ...(node.certificate && { certificate: [...node.certificate.uris, ...node.certificate.hosts] }),
    connectedAt: instant(connectedAt),
  };
}

function departed(proxy: DepartedProxy): ProxyReply {
  const gone = { since: instant(proxy.lastSeen), disconnectedAt: instant(proxy.lastSeen) };
  if (proxy.assignment?.kind === 'refused') {
    const state = { state: 'refused', why: proxy.assignment.why } as const;
    return { ...identity(proxy), ...state, ...gone, types: {} };
  }
  const why = `not connected since ${instant(proxy.lastSeen)}: ${proxy.reason}`;
  return { ...identity(proxy), state: 'disconnected', why, ...gone, types: {} };
}

interface Surroundings {
  readonly snapshots: ReadonlyMap<string, Snapshot> | undefined;
  readonly places: Places;
  readonly recent: RecentSets | undefined;
}

/** One row of it. */
export function connected(proxy: ProxyStatus, { snapshots, places, recent }: Surroundings): ProxyReply {
  const fleet = fleetOf(proxy);
  const snapshot = fleet === undefined ? undefined : snapshots?.get(fleet);
  const types: Partial<Record<TypeName, ProxyTypeReply>> = {};
  for (const [url, type] of proxy.types) {
    const name = typeName(url);
    if (!name) continue;
    const published = fleet === undefined ? undefined : recent?.since(fleet, url);
    const due = Math.max(published ?? proxy.connectedAt, proxy.connectedAt);
    types[name] = typeReply(type, snapshot?.types.get(url)?.version, withheldOf(proxy, url), due);
  }
  const about = { places, ...(fleet !== undefined && { fleet }), ...(snapshot && { snapshot }) };
  const standing = standingOf(proxy, types, about);
  const since = { since: sinceWhen(standing.state, types) ?? instant(proxy.connectedAt) };
  return { ...identity(proxy), ...standing, ...since, types, ...withheldReplies(proxy, fleet, places) };
}

/** It is in order since its last acknowledgement, and in disorder since the first thing that it has not acknowledged. */
function sinceWhen(state: ProxyState, types: ProxyReply['types']): string | undefined {
  const all = Object.values(types);
  const behind = all.flatMap(each => each.behindSince ?? []).sort();
  if (state !== 'synced') return behind[0];
  return all
    .flatMap(each => each.ackedAt ?? [])
    .sort()
    .at(-1);
}

/** @param due since when what is intended could have been there, in milliseconds since the epoch */
function typeReply(type: TypeStatus, intended: string | undefined, withheld: number, due: number): ProxyTypeReply {
  const { sent, acked, ackedAt, rejection } = type;
  const state = withheld > 0 ? 'rejected' : typeState(type, intended);
  return {
    state,
    ...(ackedAt === undefined ? {} : { ackedAt: instant(ackedAt) }),
    ...(state === 'synced' || state === 'notAsked' ? {} : { behindSince: instant(due) }),
    intended: intended ?? null,
    sent: sent ?? null,
    acked: acked ?? null,
    ...(withheld > 0 ? { withheld } : {}),
    ...(rejection ? { rejection: { ...rejection, at: instant(rejection.at) } } : {}),
  };
}

/** What it acknowledged last may not be what it shall hold by now: then something newer is due. */
function typeState({ state, acked }: TypeStatus, intended: string | undefined): ProxyTypeReply['state'] {
  if (state !== 'synced' || intended === undefined || acked === intended) return state;
  return 'stale';
}

interface Standing {
  readonly state: ProxyState;
  readonly why?: string;
}

/** The worst of a proxy's types, or what keeps it from being given any. */
function standingOf(
  proxy: ProxyStatus,
  types: ProxyReply['types'],
  about: Parameters<typeof whyRejected>[1],
): Standing {
  const { assignment } = proxy;
  if (assignment === undefined) return { state: 'pending', why: 'nothing is served yet: no policy has been accepted' };
  if (assignment.kind === 'unmatched') return { state: 'unmatched', why: assignment.why };
  if (assignment.kind === 'ambiguous') {
    return { state: 'ambiguous', why: `it fits several fleets: ${assignment.keys.join(', ')}` };
  }
  if (assignment.kind === 'refused') return { state: 'refused', why: assignment.why };
  const all = Object.entries(types);
  const inState = (state: ProxyTypeReply['state']) => all.filter(([, type]) => type.state === state);
  const names = (state: ProxyTypeReply['state']) => inState(state).map(([name]) => name);
  const rejected = whyRejected(proxy, about);
  if (rejected !== undefined) return { state: 'rejected', why: rejected };
  const pending = names('pending').join(', ');
  if (pending !== '') return { state: 'pending', why: `it has not acknowledged ${pending} yet` };
  const stale = names('stale').join(', ');
  if (stale !== '') return { state: 'stale', why: `it holds an older ${stale}, and nothing newer is on its way yet` };
  if (inState('synced').length === 0) return { state: 'pending', why: 'it has just connected' };
  return { state: 'synced' };
}
