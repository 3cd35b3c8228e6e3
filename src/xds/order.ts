import type { Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import { isSettled, type TypeState } from './machine.ts';
import { holds, mergeRetired, overlay, retired } from './overlay.ts';
import { clusterUrl, emptyOf, resourceType } from './resource-type.ts';
import { isWarm, warmUp } from './warming.ts';

/**
 * Make before break for one client (R37, R41): which set each of its types is to move to now.
 *
 * Clusters and endpoints go to the new set and what it retires, at once. Listeners and routes follow when the client can
 * use the new clusters, or after `gateLimit`. When those are acknowledged, or after `gateLimit` again, what was retired
 * lingers for requests in flight, as long as one on the old routes may take (R37a), and goes. A client that acknowledges
 * nothing is only slower (R12). Where nobody has asked for listeners or routes, nothing is retired: what is no more goes
 * at once.
 *
 * On an aggregated stream the acknowledgement of clusters says that they can be used. On a stream of their own it comes
 * before their endpoints have been asked for; there, those must have been acknowledged as well (R37a).
 */
export interface OrderSettings {
  /** Milliseconds. */
  readonly gateLimit: number;
  /** Milliseconds that what was retired lingers where a snapshot does not say how long a request may take. */
  readonly linger: number;
  /** Milliseconds that it lingers at most. */
  readonly lingerLimit: number;
  /** Milliseconds that a client which comes back has to ask for routes, before it counts as having none. */
  readonly grace: number;
}

interface Retired {
  /** By type URL. */
  readonly sets: ReadonlyMap<string, TypeSnapshot>;
  /** And what the client brought from an earlier stream. */
  readonly leftover: boolean;
  /** Milliseconds that a request on the old routes may take, as far as it is known. */
  readonly longest?: number | undefined;
}

export interface OrderState {
  /** The newest published snapshot. */
  readonly goal: Snapshot | undefined;
  /** The goal when clusters were last sent, if newer than `released`: what their acknowledgement proves. */
  readonly proving: Snapshot | undefined;
  /** What listeners and routes follow. */
  readonly released: Snapshot | undefined;
  /** All that can be acknowledged of its clusters was, and they are given the time that they need beyond that, */
  readonly warming: Snapshot | undefined;
  /** or have had it. */
  readonly warmed: Snapshot | undefined;
  /** Retired by goals whose routes are not acknowledged yet. */
  readonly retiring: Retired;
  /** No longer referred to, but perhaps in use. */
  readonly lingering: Retired;
  /**
   * Clusters that are being removed: their endpoints go when they are gone. A client that still warms one answers only
   * when it has them.
   */
  readonly closing: Retired;
  /** Ids of running timers: until routes go ahead of clusters that are not acknowledged, */
  readonly gate: number | undefined;
  /** until clusters have had the time that they need after their endpoints, */
  readonly warm: number | undefined;
  /** until retired clusters go ahead of routes that are not acknowledged, */
  readonly settle: number | undefined;
  /** until a client counts as having no routes, */
  readonly grace: number | undefined;
  /** until requests on old routes have ended. */
  readonly linger: number | undefined;
  /** How many were started, which is the newest id. */
  readonly timers: number;
}

export interface TimerRequest {
  readonly id: number;
  readonly afterMs: number;
  /** Whoever starts it draws a time up to half as long again, so that many do not run out together. */
  readonly jitter?: true;
}

const noSets: ReadonlyMap<string, TypeSnapshot> = new Map();
const nothing: Retired = { sets: noSets, leftover: false };

export const startOrder: OrderState = {
  goal: undefined,
  proving: undefined,
  released: undefined,
  warming: undefined,
  warmed: undefined,
  retiring: { ...nothing, leftover: true },
  lingering: nothing,
  closing: nothing,
  gate: undefined,
  warm: undefined,
  settle: undefined,
  grace: undefined,
  linger: undefined,
  timers: 0,
};

/** A type that the client has asked for on one of its streams; on an aggregated one together with others. */
export interface Asked {
  readonly aggregated: boolean;
  readonly state: TypeState;
}
/** All of them. A type may be asked for on several streams, as endpoints are without ADS. */
export type Progress = readonly Asked[];

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
  return order.proving === order.goal ? order : { ...order, proving: order.goal };
}

/** Moves on as far as acknowledgements allow. Idempotent. */
export function evaluate(order: OrderState, progress: Progress): OrderState {
  const opened = closed(released(order, progress), progress);
  const { retiring, lingering } = opened;
  if (!hasUsers(progress)) {
    return retiring.sets.size === 0 ? opened : { ...opened, retiring: { ...retiring, sets: noSets } };
  }
  const settled = opened.released === opened.goal && usersSettled(opened, progress);
  if (!settled || retiring === nothing) return opened;
  if (!isAny(retiring, progress)) return { ...opened, retiring: nothing };
  return isAny(lingering, progress) ? opened : { ...opened, retiring: nothing, lingering: retiring };
}

function closed(order: OrderState, progress: Progress): OrderState {
  if (order.closing.sets.size === 0) return order;
  const clusters = clustersIn(progress)?.state;
  const gone = !clusters || (clusters.target === targetOf(order, clusters).target && isSettled(clusters));
  return gone ? { ...order, closing: nothing } : order;
}

/** A timer has run out; one that was given up since says nothing. */
export function expire(order: OrderState, id: number, progress: Progress): OrderState {
  if (id === order.gate) return { ...order, gate: undefined, released: order.goal, proving: undefined };
  if (id === order.warm) return { ...order, warm: undefined, warmed: order.warming };
  if (id === order.linger) {
    const closing = merge(order.lingering.sets, order.closing);
    return { ...order, linger: undefined, lingering: nothing, closing };
  }
  if (id === order.grace) return { ...order, grace: undefined, retiring: { ...order.retiring, leftover: false } };
  if (id !== order.settle) return order;
  const ended = { ...order, settle: undefined };
  return usersRejected(progress) ? ended : { ...ended, retiring: nothing, lingering: order.retiring };
}

/** Starts the timers that the state needs and gives up those that it needs no longer. */
export function schedule(
  order: OrderState,
  progress: Progress,
  settings: OrderSettings,
): { readonly order: OrderState; readonly timers: readonly TimerRequest[] } {
  if (atRest(order)) return { order, timers: none };
  const users = hasUsers(progress);
  const lingering = isAny(order.lingering, progress);
  const retiring = isAny(order.retiring, progress);
  const next = users && order.released !== order.goal ? nextReached(order, progress) : undefined;
  const warmUpMs = next && next !== order.warmed ? warmUp(order.released, next) : 0;
  const wanted = [
    { key: 'gate', wanted: users && order.released !== order.goal, afterMs: settings.gateLimit },
    {
      key: 'warm',
      wanted: next !== undefined && next !== order.warmed,
      afterMs: Math.min(warmUpMs, settings.gateLimit),
    },
    { key: 'settle', wanted: users && retiring && !lingering, afterMs: 2 * settings.gateLimit },
    { key: 'grace', wanted: !users && retiring, afterMs: settings.grace },
    { key: 'linger', wanted: lingering, afterMs: lingerMs(order, settings) },
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
  return { order: scheduled, timers };
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
  const { retiring, lingering, gate, warm, settle, grace, linger } = order;
  const timers = (gate ?? warm ?? settle ?? grace ?? linger) !== undefined;
  const kept = retiring.sets.size > 0 || retiring.leftover || lingering.sets.size > 0 || lingering.leftover;
  return !timers && !kept && order.released === order.goal;
}

export interface Target {
  /** Undefined if there is none for the type. */
  readonly target: TypeSnapshot | undefined;
  readonly keepLeftover: boolean;
}

/** The set that a type is to move to. */
export function targetOf(order: OrderState, state: TypeState): Target {
  const { typeUrl } = state;
  if (isUser(typeUrl)) {
    // A client that has nothing of the type yet has nothing that could break.
    const from = state.sent === undefined && !state.resumes ? order.goal : order.released;
    return { target: from && typeIn(from, typeUrl), keepLeftover: false };
  }
  const { goal, retiring, lingering, closing } = order;
  const published = goal && typeIn(goal, typeUrl);
  const used = mergeRetired(retiring.sets.get(typeUrl), lingering.sets.get(typeUrl));
  const kept = typeUrl === clusterUrl ? used : mergeRetired(used, closing.sets.get(typeUrl));
  const keepLeftover = isMade(typeUrl) && (retiring.leftover || lingering.leftover);
  return { target: published && overlay(published, kept), keepLeftover };
}

/** A type that is known but that the snapshot never has is empty, so that asking for it is answered (R25, R29). */
function typeIn(snapshot: Snapshot, typeUrl: string): TypeSnapshot | undefined {
  return snapshot.types.get(typeUrl) ?? emptyOf(typeUrl);
}

function released(order: OrderState, progress: Progress): OrderState {
  if (order.goal === undefined || order.released === order.goal) return order;
  const clusters = clustersIn(progress);
  // Who comes with nothing has nothing that could break.
  const fresh = order.released === undefined && !progress.some(({ state }) => state.resumes);
  if (!clusters || fresh) return { ...order, released: order.goal, proving: undefined };
  const next = nextReached(order, progress);
  if (!next || (!clusters.aggregated && next !== order.warmed && warmUp(order.released, next) > 0)) return order;
  if (next === order.goal) return { ...order, released: next, proving: undefined };
  // Progress of its own, so the way to the goal gets a time of its own.
  return { ...order, released: next, proving: undefined, gate: undefined };
}

/** The goal, or a snapshot on the way to it, if all of its clusters have come as far as acknowledgements tell. */
function nextReached({ goal, proving, released: from }: OrderState, progress: Progress): Snapshot | undefined {
  const clusters = clustersIn(progress);
  const usable = (snapshot: Snapshot): boolean =>
    clusters !== undefined &&
    reached(clusters.state, snapshot) &&
    (clusters.aggregated || isWarm(progress, from, snapshot));
  if (goal && usable(goal)) return goal;
  return proving && usable(proving) ? proving : undefined;
}

function clustersIn(progress: Progress): Asked | undefined {
  return progress.find(({ state }) => state.typeUrl === clusterUrl);
}

/** True if the client has acknowledged all clusters of the snapshot, and nothing under way takes any of them away. */
function reached({ acked, unanswered }: TypeState, snapshot: Snapshot): boolean {
  const wanted = snapshot.types.get(clusterUrl);
  if (wanted === undefined) return true;
  return acked !== undefined && holds(acked, wanted) && unanswered.every(each => holds(each.snapshot, wanted));
}

function usersSettled(order: OrderState, progress: Progress): boolean {
  for (const { state } of progress) {
    const wanted = isUser(state.typeUrl) && order.goal ? typeIn(order.goal, state.typeUrl) : undefined;
    if (wanted && !(state.target === wanted && isSettled(state))) return false;
  }
  return true;
}

/** A client that rejected new routes lives on old ones, and on the clusters that they name. */
function usersRejected(progress: Progress): boolean {
  return progress.some(({ state }) => isUser(state.typeUrl) && state.rejected);
}

function hasUsers(progress: Progress): boolean {
  return progress.some(({ state }) => isUser(state.typeUrl));
}

function isUser(typeUrl: string): boolean {
  return resourceType(typeUrl).order === 'using';
}

function isMade(typeUrl: string): boolean {
  return resourceType(typeUrl).order === 'made';
}

function isAny({ sets, leftover }: Retired, progress: Progress): boolean {
  return sets.size > 0 || (leftover && progress.some(({ state }) => state.leftover.length > 0));
}

function retiredBy(from: Snapshot, to: Snapshot): ReadonlyMap<string, TypeSnapshot> {
  const found = new Map<string, TypeSnapshot>();
  for (const [url, type] of to.types) {
    const before = from.types.get(url);
    const gone = before && before !== type && isMade(url) ? retired(before, type) : undefined;
    if (gone) found.set(url, gone);
  }
  return found;
}

function merge(newer: ReadonlyMap<string, TypeSnapshot>, older: Retired, longest = older.longest): Retired {
  if (newer.size === 0) return older;
  const sets = new Map(older.sets);
  for (const [url, type] of newer) {
    const both = mergeRetired(type, older.sets.get(url));
    if (both) sets.set(url, both);
  }
  return { ...older, sets, longest: longest === undefined ? undefined : Math.max(longest, older.longest ?? 0) };
}
