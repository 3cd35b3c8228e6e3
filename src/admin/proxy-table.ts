import type { HealthView } from '../base/endpoint-health.ts';
import { typeName } from '../base/type-name.ts';
import type { DepartedProxy } from '../fleet/departed.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { fleetOf, type ProxyStatus, type TypeStatus } from '../fleet/proxy.ts';
import type { Board } from '../snapshot/board.ts';
import type { RecentSets } from '../snapshot/recent-sets.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { ProxyReply, ProxyState, ProxyTypeReply, TypeName } from './api.ts';
import { noPlaces, type Places } from './places.ts';
import { hasRejected, whyRejected, withheldOf, withheldReplies } from './rejection-replies.ts';
import { instant } from './replies.ts';

/** What the table is made of. */
interface TableSources {
  readonly fleet: Fleet;
  readonly board: Board;
  readonly recent?: RecentSets;
  readonly endpointHealth?: (proxy: ProxyStatus) => HealthView;
}

/** A proxy as far as lists go by it. All else is made for those that are shown. */
export interface ProxyRow {
  readonly id: string;
  readonly peer: string;
  readonly fleet: string | null;
  readonly state: ProxyState;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Tells those with one id and one address apart; 0 of those that have gone. */
  readonly client: number;
  readonly reply: () => ProxyReply;
}

/**
 * Every proxy that is connected, and those that have gone, in no order, as they are at this moment: nothing that happens
 * during a walk over them in turns changes what they are. Each is looked at when the walk comes to it.
 *
 * @param places of what proxies rejected; without it they are not told
 */
export function proxyRows(
  { fleet, board, recent, endpointHealth }: TableSources,
  places: Places = noPlaces,
): Iterable<ProxyRow> {
  const about = { snapshots: board.current?.snapshots, places, recent };
  const [here, gone] = [fleet.proxies(), fleet.departed()];
  return rowsOf(here, gone, about, endpointHealth);
}

function* rowsOf(
  here: readonly ProxyStatus[],
  gone: readonly DepartedProxy[],
  about: Surroundings,
  endpointHealth: TableSources['endpointHealth'],
): Iterable<ProxyRow> {
  for (const proxy of here) {
    const { node, peer, clientId: client } = proxy;
    const { state, since, fleet } = lookAt(proxy, about);
    const reply = () => ({ ...connected(proxy, about), ...adminOf(endpointHealth?.(proxy)) });
    yield { id: node.id, peer, fleet: fleet ?? null, state, since, client, reply };
  }
  for (const proxy of gone) {
    const { node, peer, lastSeen: since } = proxy;
    const state = proxy.assignment?.kind === 'refused' ? 'refused' : 'disconnected';
    yield { id: node.id, peer, fleet: fleetOf(proxy) ?? null, state, since, client: 0, reply: () => departed(proxy) };
  }
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

/** Where a proxy stands with one type. */
interface TypeLook {
  readonly name: TypeName;
  readonly type: TypeStatus;
  readonly state: ProxyTypeReply['state'];
  readonly intended: string | undefined;
  readonly withheld: number;
  /** Since when what is intended could have been there, in milliseconds since the epoch. */
  readonly due: number;
}

interface Look {
  readonly fleet: string | undefined;
  readonly snapshot: Snapshot | undefined;
  readonly types: readonly TypeLook[];
  readonly state: ProxyState;
  readonly since: number;
}

function lookAt(proxy: ProxyStatus, { snapshots, recent }: Pick<Surroundings, 'snapshots' | 'recent'>): Look {
  const fleet = fleetOf(proxy);
  const snapshot = fleet === undefined ? undefined : snapshots?.get(fleet);
  const types: TypeLook[] = [];
  for (const [url, type] of proxy.types) {
    const name = typeName(url);
    if (!name) continue;
    const published = fleet === undefined ? undefined : recent?.since(fleet, url);
    const due = Math.max(published ?? proxy.connectedAt, proxy.connectedAt);
    const intended = snapshot?.types.get(url)?.version;
    const withheld = withheldOf(proxy, url);
    const state = withheld > 0 ? 'rejected' : typeState(type, intended);
    types.push({ name, type, state, intended, withheld, due });
  }
  const state = stateOf(proxy, types);
  return { fleet, snapshot, types, state, since: sinceWhen(state, types) ?? proxy.connectedAt };
}

/** One row of it. */
export function connected(proxy: ProxyStatus, about: Surroundings): ProxyReply {
  const { fleet, snapshot, types, state, since } = lookAt(proxy, about);
  const { places } = about;
  const surely = { places, ...(fleet !== undefined && { fleet }), ...(snapshot && { snapshot }) };
  const why = whyNot(proxy, state, types, surely);
  return {
    ...identity(proxy),
    state,
    ...(why === undefined ? {} : { why }),
    since: instant(since),
    types: Object.fromEntries(types.map(each => [each.name, typeReply(each)])),
    ...withheldReplies(proxy, fleet, places),
  };
}

/** It is in order since its last acknowledgement, and in disorder since the first thing that it has not acknowledged. */
function sinceWhen(state: ProxyState, types: readonly TypeLook[]): number | undefined {
  const times = types.flatMap(each =>
    state === 'synced' ? (each.type.ackedAt ?? []) : isBehind(each.state) ? each.due : [],
  );
  if (times.length === 0) return undefined;
  return state === 'synced' ? Math.max(...times) : Math.min(...times);
}

const isBehind = (state: ProxyTypeReply['state']) => state !== 'synced' && state !== 'notAsked';

function typeReply({ type, state, intended, withheld, due }: TypeLook): ProxyTypeReply {
  const { sent, acked, ackedAt, rejection } = type;
  return {
    state,
    ...(ackedAt === undefined ? {} : { ackedAt: instant(ackedAt) }),
    ...(isBehind(state) ? { behindSince: instant(due) } : {}),
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

/** The worst of a proxy's types, or what keeps it from being given any. */
function stateOf(proxy: ProxyStatus, types: readonly TypeLook[]): ProxyState {
  const { assignment } = proxy;
  if (assignment === undefined) return 'pending';
  if (assignment.kind !== 'assigned') return assignment.kind;
  if (hasRejected(proxy)) return 'rejected';
  const states = new Set(types.map(each => each.state));
  return (['pending', 'stale', 'synced'] as const).find(state => states.has(state)) ?? 'pending';
}

/** Why it is in such a state, in words; undefined where that needs none. */
function whyNot(
  proxy: ProxyStatus,
  state: ProxyState,
  types: readonly TypeLook[],
  about: Parameters<typeof whyRejected>[1],
): string | undefined {
  const { assignment } = proxy;
  if (assignment === undefined) return 'nothing is served yet: no policy has been accepted';
  if (assignment.kind === 'ambiguous') return `it fits several fleets: ${assignment.keys.join(', ')}`;
  if (assignment.kind !== 'assigned') return assignment.why;
  if (state === 'rejected') return whyRejected(proxy, about);
  const those = types.filter(each => each.state === state).map(each => each.name);
  if (state === 'stale') return `it holds an older ${those.join(', ')}, and nothing newer is on its way yet`;
  if (state !== 'pending') return undefined;
  return those.length === 0 ? 'it has just connected' : `it has not acknowledged ${those.join(', ')} yet`;
}
