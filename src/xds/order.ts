import type { Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import { isSettled, type TypeState } from './machine.ts';
import { holds, mergeRetired, overlay, retired } from './overlay.ts';
import { clusterUrl, emptyOf, resourceType } from './resource-type.ts';

/**
 * Make before break on one stream (R37): which set each type is to move to now.
 *
 * Clusters and endpoints go to the new set and what it retires, at once. Listeners and routes follow when the clusters
 * are acknowledged, or after `gateLimit`. When those are acknowledged, or after `gateLimit` again, what was retired
 * lingers for requests in flight (R37a), and goes. A client that acknowledges nothing is only slower (R12). Where nobody
 * has asked for listeners or routes, nothing is retired: what is no more goes at once.
 */
export interface OrderSettings {
  /** Milliseconds. */
  readonly gateLimit: number;
  /** Milliseconds; as long as a request on an old route may take. */
  readonly linger: number;
  /** Milliseconds that a client which comes back has to ask for routes, before it counts as having none. */
  readonly grace: number;
}

interface Retired {
  /** By type URL. */
  readonly sets: ReadonlyMap<string, TypeSnapshot>;
  /** And what the client brought from an earlier stream. */
  readonly leftover: boolean;
}

export interface OrderState {
  /** The newest published snapshot. */
  readonly goal: Snapshot | undefined;
  /** The goal when clusters were last sent, if newer than `released`: what their acknowledgement proves. */
  readonly proving: Snapshot | undefined;
  /** What listeners and routes follow. */
  readonly released: Snapshot | undefined;
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
}

const noSets: ReadonlyMap<string, TypeSnapshot> = new Map();
const nothing: Retired = { sets: noSets, leftover: false };

export const startOrder: OrderState = {
  goal: undefined,
  proving: undefined,
  released: undefined,
  retiring: { ...nothing, leftover: true },
  lingering: nothing,
  closing: nothing,
  gate: undefined,
  settle: undefined,
  grace: undefined,
  linger: undefined,
  timers: 0,
};

/** The types that the stream has asked for. */
export type Progress = ReadonlyMap<string, TypeState>;

/** A new snapshot to move to. */
export function aim(order: OrderState, goal: Snapshot): OrderState {
  if (order.goal === goal) return order;
  const retiring = order.goal ? merge(retiredBy(order.goal, goal), order.retiring) : order.retiring;
  return { ...order, goal, retiring };
}

/** Clusters were sent: their acknowledgement will stand for the present goal. */
export function proven(order: OrderState): OrderState {
  return order.proving === order.goal ? order : { ...order, proving: order.goal };
}

/** Moves on as far as acknowledgements allow. Idempotent. */
export function evaluate(order: OrderState, progress: Progress): OrderState {
  const opened = closed(release(order, progress), progress);
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
  const clusters = progress.get(clusterUrl);
  const gone = !clusters || (clusters.target === targetOf(order, clusters).target && isSettled(clusters));
  return gone ? { ...order, closing: nothing } : order;
}

/** A timer has run out; one that was given up since says nothing. */
export function expire(order: OrderState, id: number, progress: Progress): OrderState {
  if (id === order.gate) return { ...order, gate: undefined, released: order.goal, proving: undefined };
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
  const wanted = [
    { key: 'gate', wanted: users && order.released !== order.goal, afterMs: settings.gateLimit },
    { key: 'settle', wanted: users && retiring && !lingering, afterMs: 2 * settings.gateLimit },
    { key: 'grace', wanted: !users && retiring, afterMs: settings.grace },
    { key: 'linger', wanted: lingering, afterMs: settings.linger },
  ] as const;
  let next = order;
  const timers: TimerRequest[] = [];
  for (const { key, wanted: needed, afterMs } of wanted) {
    if (needed === (next[key] !== undefined)) continue;
    const id = needed ? next.timers + 1 : undefined;
    next = { ...next, [key]: id, timers: id ?? next.timers };
    if (id !== undefined) timers.push({ id, afterMs });
  }
  return { order: next, timers };
}

const none: readonly TimerRequest[] = [];

/** Nothing is under way between types, and no timer runs. */
function atRest(order: OrderState): boolean {
  const { retiring, lingering, gate, settle, grace, linger } = order;
  const timers = (gate ?? settle ?? grace ?? linger) !== undefined;
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

function release(order: OrderState, progress: Progress): OrderState {
  if (order.goal === undefined || order.released === order.goal) return order;
  const clusters = progress.get(clusterUrl);
  if (!clusters || reached(clusters, order.goal)) return { ...order, released: order.goal, proving: undefined };
  const { proving } = order;
  if (!proving || !reached(clusters, proving)) return order;
  // Progress of its own, so the way to the goal gets a time of its own.
  return { ...order, released: proving, proving: undefined, gate: undefined };
}

/** True if the client has acknowledged all clusters of the snapshot, and nothing under way takes any of them away. */
function reached({ acked, unanswered }: TypeState, snapshot: Snapshot): boolean {
  const wanted = snapshot.types.get(clusterUrl);
  if (wanted === undefined) return true;
  return acked !== undefined && holds(acked, wanted) && unanswered.every(each => holds(each.snapshot, wanted));
}

function usersSettled(order: OrderState, progress: Progress): boolean {
  for (const [url, state] of progress) {
    const wanted = isUser(url) && order.goal ? typeIn(order.goal, url) : undefined;
    if (wanted && !(state.target === wanted && isSettled(state))) return false;
  }
  return true;
}

/** A client that rejected new routes lives on old ones, and on the clusters that they name. */
function usersRejected(progress: Progress): boolean {
  return [...progress].some(([url, state]) => isUser(url) && state.rejected);
}

function hasUsers(progress: Progress): boolean {
  for (const typeUrl of progress.keys()) if (isUser(typeUrl)) return true;
  return false;
}

function isUser(typeUrl: string): boolean {
  return resourceType(typeUrl).order === 'using';
}

function isMade(typeUrl: string): boolean {
  return resourceType(typeUrl).order === 'made';
}

function isAny({ sets, leftover }: Retired, progress: Progress): boolean {
  return sets.size > 0 || (leftover && [...progress.values()].some(state => state.leftover.length > 0));
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

function merge(newer: ReadonlyMap<string, TypeSnapshot>, older: Retired): Retired {
  if (newer.size === 0) return older;
  const sets = new Map(older.sets);
  for (const [url, type] of newer) {
    const both = mergeRetired(type, older.sets.get(url));
    if (both) sets.set(url, both);
  }
  return { ...older, sets };
}
