import { memo1 } from '../base/memo.ts';
import type { Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import { isSettled, type TypeState } from './machine.ts';
import type { OrderSettings, OrderState, TimerRequest } from './order-state.ts';
import { holds, names, overlay } from './overlay.ts';
import { clusterUrl, emptyOf, resourceType } from './resource-type.ts';
import { isAny, keptOf, merge, mergeAll, nothing, type Retired, retiredBy, withoutSets } from './retired.ts';
import type { Tally } from './tally.ts';
import { isWarm, mayBeWarm, warmUp } from './warming.ts';

/**
 * Make before break for one client (R37, R41): which set each of its types is to move to now.
 *
 * Clusters and endpoints go to the new set and what it retires, at once. Listeners and routes follow when the client can
 * use the new clusters, or after `gateLimit`. When those are acknowledged, or after `gateLimit` twice, what was retired
 * lingers for requests in flight, as long as one on the old routes may take (R37a), and goes. A client that acknowledges
 * nothing is only slower (R12). Where nobody has asked for listeners or routes, nothing is retired: what is no more goes
 * at once.
 *
 * Where snapshots are published faster than clients acknowledge them, listeners and routes follow through those whose
 * clusters were sent, so that they neither stand still nor run ahead.
 *
 * A client that comes back with streams of single types does so one by one. Until they are taken for complete, it keeps
 * what it brought, and its routes wait for clusters however long that takes.
 *
 * On an aggregated stream the acknowledgement of clusters says that they can be used. On a stream of their own it comes
 * before their endpoints have been asked for; there, those must have been acknowledged as well (R37a).
 */

/** Further goals join the newest. */
const MOST_PROOFS = 4;

/** A type that the client has asked for on one of its streams; on an aggregated one together with others. */
export interface Asked {
  readonly aggregated: boolean;
  readonly outdated?: true;
  readonly state: TypeState;
}
/** All of them, in the order of sending. A type may be asked for on several streams, as endpoints are without ADS. */
export interface Progress {
  readonly lanes: readonly Asked[];
  readonly tally: Tally;
}

/** A new snapshot to move to. */
export function aim(order: OrderState, goal: Snapshot): OrderState {
  if (order.goal === goal) return order;
  const retiring = order.goal
    ? merge(retiredBy(order.goal, goal), order.retiring, order.goal.longestRequest)
    : order.retiring;
  return { ...order, goal, retiring };
}

/** Clusters were sent: their acknowledgement will stand for the present goal. */
export function proven(order: OrderState): OrderState {
  const { goal, proving, retiring } = order;
  const known = goal === order.released || proving.at(-1)?.snapshot === goal;
  if (!goal || known || proving.length >= MOST_PROOFS) return order;
  return { ...order, proving: [...proving, { snapshot: goal, acked: false, retired: retiring }], retiring: nothing };
}

/** Moves on as far as acknowledgements allow. Idempotent. */
export function evaluate(order: OrderState, progress: Progress): OrderState {
  const opened = closed(released(acknowledged(order, progress), progress), progress);
  const { settling, lingering } = opened;
  if (settling === nothing && opened.retiring === nothing && opened.proving.length === 0) return opened;
  if (opened.reopening) return opened;
  if (!hasUsers(progress)) return withoutRetired(opened);
  if (settling === nothing || !usersSettled(opened, progress)) return opened;
  if (!isAny(settling, progress.tally)) return { ...opened, settling: nothing };
  return isAny(lingering, progress.tally) ? opened : { ...opened, settling: nothing, lingering: settling };
}

/** Nothing has to stay for who has no routes, but what was brought may be waited for. */
function withoutRetired(order: OrderState): OrderState {
  const { retiring, settling, proving } = order;
  if (![retiring, settling, ...proving.map(each => each.retired)].some(({ sets }) => sets.size > 0)) return order;
  return {
    ...order,
    retiring: withoutSets(retiring),
    settling: withoutSets(settling),
    proving: proving.map(each => ({ ...each, retired: withoutSets(each.retired) })),
  };
}

/** Whoever acknowledges clusters has had all that were sent before them. */
function acknowledged(order: OrderState, progress: Progress): OrderState {
  const { proving } = order;
  const acked = proving.length > 0 ? clustersIn(progress)?.state.acked : undefined;
  if (!acked) return order;
  const newest = proving.findLastIndex(({ snapshot }) => holdsClusters(acked, snapshot));
  if (newest < 0 || proving[newest]?.acked) return order;
  return { ...order, proving: proving.map((each, index) => (index <= newest ? { ...each, acked: true } : each)) };
}

function closed(order: OrderState, progress: Progress): OrderState {
  if (order.closing.sets.size === 0) return order;
  const clusters = clustersIn(progress)?.state;
  const gone = !clusters || (clusters.target === targetOf(order, clusters).target && isSettled(clusters));
  return gone ? { ...order, closing: nothing } : order;
}

/** An Envoy has lost streams that it will open again, each at its own time: how many they were, it does not say. */
export function awaitStreams(order: OrderState): OrderState {
  return { ...order, reopening: true, reopen: undefined };
}

/** A client that seemed to come with nothing, on its first streams, has something after all, and will open further ones. */
export function comesBack(order: OrderState, progress: Progress): OrderState {
  const served = progress.lanes.some(({ state }) => isUser(state.typeUrl) && state.sent);
  return awaitStreams(served ? order : { ...order, released: undefined });
}

/** A timer has run out; one that was given up since says nothing. */
export function expire(order: OrderState, id: number, progress: Progress): OrderState {
  // What was not even sent is not run ahead of, unless nothing was.
  if (id === order.gate) return release({ ...order, gate: undefined }, order.proving[0]?.snapshot ?? order.goal);
  if (id === order.warm) return { ...order, warm: undefined, warmed: order.warming };
  if (id === order.linger) {
    const closing = merge(order.lingering.sets, order.closing);
    return { ...order, linger: undefined, lingering: nothing, closing };
  }
  if (id === order.grace) return withoutLeftovers({ ...order, grace: undefined });
  if (id === order.reopen) return { ...order, reopen: undefined, reopening: false };
  if (id !== order.settle) return order;
  const ended = { ...order, settle: undefined };
  return usersRejected(progress) || leadsAnywhere(order.released)
    ? ended
    : { ...ended, settling: nothing, lingering: order.settling };
}

function withoutLeftovers(order: OrderState): OrderState {
  const without = (retired: Retired): Retired => ({ ...retired, leftover: false });
  return {
    ...order,
    retiring: without(order.retiring),
    settling: without(order.settling),
    proving: order.proving.map(each => ({ ...each, retired: without(each.retired) })),
  };
}

/** From now on listeners and routes follow this snapshot. */
function release(order: OrderState, snapshot: Snapshot | undefined): OrderState {
  const { proving, retiring, goal } = order;
  const passed = snapshot === goal ? proving.length : 1 + proving.findIndex(each => each.snapshot === snapshot);
  const retired = [...proving.slice(0, passed).map(each => each.retired), ...(snapshot === goal ? [retiring] : [])];
  return {
    ...order,
    released: snapshot,
    proving: proving.slice(passed),
    retiring: snapshot === goal ? nothing : retiring,
    settling: mergeAll(order.settling, retired),
    // The way from there to the goal gets a time of its own.
    gate: undefined,
  };
}

/** Starts the timers that the state needs and gives up those that it needs no longer. */
export function schedule(
  order: OrderState,
  progress: Progress,
  settings: OrderSettings,
): { readonly order: OrderState; readonly timers: readonly TimerRequest[] } {
  if (atRest(order)) return { order: rested(order), timers: none };
  const { reopening = false } = order;
  const users = hasUsers(progress);
  const lingering = isAny(order.lingering, progress.tally);
  const settling = isAny(order.settling, progress.tally);
  const next = users && order.released !== order.goal ? warmingNow(order, progress) : undefined;
  const warmUpMs = next ? warmUp(order.released, next) : 0;
  const wanted = [
    { key: 'gate', wanted: users && order.released !== order.goal && !reopening, afterMs: settings.gateLimit },
    { key: 'warm', wanted: next !== undefined, afterMs: Math.min(warmUpMs, settings.gateLimit) },
    { key: 'settle', wanted: users && settling && !lingering && !reopening, afterMs: 2 * settings.gateLimit },
    { key: 'grace', wanted: !users && isAnyKept(order, progress) && !reopening, afterMs: settings.grace },
    { key: 'linger', wanted: lingering, afterMs: lingerMs(order, settings) },
    { key: 'reopen', wanted: reopening, afterMs: settings.reopening },
  ] as const;
  // Time that was given to other clusters does not count.
  let scheduled = order.warming === next ? order : { ...order, warming: next, warm: undefined };
  const timers: TimerRequest[] = [];
  for (const { key, wanted: needed, afterMs } of wanted) {
    if (needed === (scheduled[key] !== undefined)) continue;
    const id = needed ? scheduled.timers + 1 : undefined;
    scheduled = { ...scheduled, [key]: id, timers: id ?? scheduled.timers };
    if (id !== undefined) timers.push({ id, afterMs });
  }
  return { order: anyRuns(scheduled) ? scheduled : withoutCount(scheduled), timers };
}

/** Added to the longest time of a request, which begins only when its body has come. */
const LINGER_MARGIN = 1000;

/** What the routes were of which a client brought leftovers is not known; the present ones are the best guess. */
function lingerMs({ lingering, goal }: OrderState, { linger, lingerLimit }: OrderSettings): number {
  const longest = lingering.longest ?? goal?.longestRequest;
  return Math.min(longest === undefined ? linger : longest + LINGER_MARGIN, lingerLimit);
}

const none: readonly TimerRequest[] = [];

/** Nothing is under way between types, and no timer runs. */
function atRest(order: OrderState): boolean {
  const kept = keptBy(order).some(({ sets, leftover }) => sets.size > 0 || leftover);
  return !anyRuns(order) && !order.reopening && !kept && order.released === order.goal;
}

function anyRuns({ gate, warm, settle, grace, linger, reopen }: OrderState): boolean {
  return (gate ?? warm ?? settle ?? grace ?? linger ?? reopen) !== undefined;
}

/** Without what only tells how it has come there, so that orders which are at rest are equal wherever they come from. */
function rested(order: OrderState): OrderState {
  const { warming, warmed, retiring, settling, lingering } = order;
  const kept = [retiring, settling, lingering];
  const known = warming === undefined && warmed === undefined && kept.every(each => each === nothing);
  if (known) return withoutCount(order);
  return withoutCount({
    ...order,
    warming: undefined,
    warmed: undefined,
    retiring: nothing,
    settling: nothing,
    lingering: nothing,
  });
}

/** Whoever waits for a timer knows which is meant (see `client.ts`). */
function withoutCount(order: OrderState): OrderState {
  return order.timers === 0 ? order : { ...order, timers: 0 };
}

/** All that is kept for routes, newest first. */
function keptBy({ retiring, proving, settling, lingering }: OrderState): readonly Retired[] {
  return [retiring, ...proving.map(each => each.retired).reverse(), settling, lingering];
}

function isAnyKept(order: OrderState, progress: Progress): boolean {
  return keptBy(order).some(each => isAny(each, progress.tally));
}

export interface Target {
  /** Undefined if there is none for the type. */
  readonly target: TypeSnapshot | undefined;
  readonly keepLeftover: boolean;
}

/** The set that a type is to move to. */
function targetOf(order: OrderState, state: TypeState): Target {
  const { typeUrl } = state;
  if (isUser(typeUrl)) {
    // A client that comes back without anything of the type has nothing that could break.
    const from = order.released ?? (state.sent === undefined && !state.resumes ? order.goal : undefined);
    return { target: from && typeIn(from, typeUrl), keepLeftover: false };
  }
  const published = order.goal && typeIn(order.goal, typeUrl);
  const used = keptBy(order);
  const kept = keptOf(typeUrl, typeUrl === clusterUrl ? used : [...used, order.closing]);
  const keepLeftover = resourceType(typeUrl).order === 'made' && used.some(each => each.leftover);
  return { target: published && overlay(published, kept), keepLeftover };
}

/** The same for one state after another: of a type that many streams have asked for, it is found out once. */
export function targetsOf(order: OrderState): (state: TypeState) => Target {
  let last: { readonly typeUrl: string; readonly target: Target } | undefined;
  return state => {
    const { typeUrl } = state;
    if (last?.typeUrl === typeUrl) return last.target;
    const target = targetOf(order, state);
    last = isUser(typeUrl) ? undefined : { typeUrl, target };
    return target;
  };
}

/** A type that is known but that the snapshot never has is empty, so that asking for it is answered (R25, R29). */
function typeIn(snapshot: Snapshot, typeUrl: string): TypeSnapshot | undefined {
  return snapshot.types.get(typeUrl) ?? emptyOf(typeUrl);
}

function released(order: OrderState, progress: Progress): OrderState {
  if (order.goal === undefined || order.released === order.goal) return order;
  const clusters = clustersIn(progress);
  // Who comes with nothing has nothing that could break.
  const isFresh = () =>
    order.released === undefined && !order.reopening && !progress.lanes.some(({ state }) => state.resumes);
  if (!clusters) return order.reopening ? order : release(order, order.goal);
  if (isFresh()) return release(order, order.goal);
  const ready = reached(order, progress).find(
    snapshot => clusters.aggregated || snapshot === order.warmed || warmUp(order.released, snapshot) === 0,
  );
  return ready ? release(order, ready) : order;
}

/** The snapshot whose clusters are given time, if any are: the same as before until it has had it. */
function warmingNow(order: OrderState, progress: Progress): Snapshot | undefined {
  const candidates = reached(order, progress);
  return candidates.find(each => each === order.warming) ?? candidates[0];
}

/** The goal and snapshots on the way to it, newest first, whose clusters have come as far as acknowledgements tell. */
function reached({ goal, proving, released: from }: OrderState, progress: Progress): readonly Snapshot[] {
  const clusters = clustersIn(progress);
  if (!clusters || !goal) return [];
  const { acked, unanswered } = clusters.state;
  if (isUnchanged(clusters.state, from, goal)) return [goal];
  if (!acked) return [];
  const sets = [acked, ...unanswered.map(each => each.snapshot)];
  // A later content of a cluster is as good: the one before it serves until it can be used.
  const kept = (snapshot: Snapshot): boolean => sets.every(set => names(set, snapshot.types.get(clusterUrl)));
  const candidates = [
    ...(holdsClusters(acked, goal) ? [goal] : []),
    ...proving.flatMap(each => (each.acked && each.snapshot !== goal ? [each.snapshot] : [])).reverse(),
  ];
  return candidates.filter(
    each =>
      kept(each) &&
      (clusters.aggregated || (mayBeWarm(progress.tally, from, each) && isWarm(progress.lanes, from, each))),
  );
}

/**
 * True if its clusters are those that listeners and routes follow already, and everything that is under way has them: no
 * answer to that would tell more.
 */
function isUnchanged({ sent, unanswered }: TypeState, from: Snapshot | undefined, goal: Snapshot): boolean {
  const wanted = goal.types.get(clusterUrl);
  if (!sent || !wanted || from?.types.get(clusterUrl) !== wanted) return false;
  return [sent, ...unanswered.map(each => each.snapshot)].every(set => holds(set, wanted));
}

function holdsClusters(acked: TypeSnapshot, snapshot: Snapshot): boolean {
  const wanted = snapshot.types.get(clusterUrl);
  return wanted === undefined || holds(acked, wanted);
}

/** What the client has of clusters, if it has asked for any. */
export function clustersIn(progress: Progress): Asked | undefined {
  // They are the first to be sent.
  const [first] = progress.lanes;
  return first?.state.typeUrl === clusterUrl ? first : undefined;
}

function usersSettled(order: OrderState, progress: Progress): boolean {
  if (leadsAnywhere(order.released)) return false;
  // They come after what is made, of which there may be very many.
  for (let index = progress.lanes.length - 1; index >= 0; index--) {
    const state = progress.lanes[index]?.state;
    if (!state || resourceType(state.typeUrl).order === 'made') return true;
    const wanted = isUser(state.typeUrl) && order.released ? typeIn(order.released, state.typeUrl) : undefined;
    if (wanted && !(state.target === wanted && isSettled(state))) return false;
  }
  return true;
}

/** True if it leaves a client with listeners or routes of which nobody knows what clusters they name. */
function leadsAnywhere(released: Snapshot | undefined): boolean {
  return released !== undefined && hasUnknownUsers(released);
}

const hasUnknownUsers = memo1(({ types }: Snapshot): boolean =>
  [...types].some(([url, { resources }]) => isUser(url) && [...resources.values()].some(each => each.unsent)),
);

/** A client that rejected new routes lives on old ones, and on the clusters that they name. */
function usersRejected(progress: Progress): boolean {
  return [...progress.tally].some(([typeUrl, { rejected }]) => isUser(typeUrl) && rejected > 0);
}

function hasUsers(progress: Progress): boolean {
  return [...progress.tally].some(([typeUrl, { lanes }]) => isUser(typeUrl) && lanes > 0);
}

/** True if a type has one target whatever a client has of it. */
export function isShared(order: OrderState, typeUrl: string): boolean {
  return order.released !== undefined || !isUser(typeUrl);
}

function isUser(typeUrl: string): boolean {
  return resourceType(typeUrl).order === 'using';
}
