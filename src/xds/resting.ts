import { memo2 } from '../base/memo.ts';
import { diffTypes } from '../snapshot/diff.ts';
import { type Snapshot, type TypeSnapshot, wireVersion } from '../snapshot/snapshot.ts';
import type { ClientState } from './client-state.ts';
import type { Lane, MachineState } from './lanes.ts';
import type { MachineEvent } from './machine.ts';
import { targetsOf } from './order.ts';
import { publishedVersion, retired } from './overlay.ts';
import { clusterUrl, resourceType } from './resource-type.ts';
import { nothing } from './retired.ts';
import { isEmpty, NONE } from './subscription.ts';
import type { Targets } from './targets.ts';
import { isPlain, shortestTtl } from './view.ts';
import { aimedAt } from './withheld.ts';

/**
 * A client rests when it holds all that is published for it and nothing is under way. Of its state, `restOf` leaves out
 * what is published, and `restingAt` puts that of any snapshot in its place:
 *
 * - `restingAt(restOf(state), state.published)` is the state;
 * - where `passed(rest, from, to)` gives events, the step of `restingAt(rest, from)` for the publication of `to` leads to
 *   `restingAt(rest, to)` with these events and nothing else.
 *
 * So of a client that rests nothing is made for publications that do not concern it, and none of them is kept for it.
 */
export type Rest = ClientState;

/** A client was found to hold a set without being sent anything. */
type Current = Extract<MachineEvent, { readonly kind: 'current' }>;

/** Undefined for a client that does not rest, or of which that is not obvious. */
export function restOf(state: ClientState): Rest | undefined {
  const { published, order, aimed } = state;
  if (!published || aimed?.goal !== published || !isIdle(state) || !areAt(state, published)) return undefined;
  return {
    ...state,
    published: undefined,
    aimed: undefined,
    order: { ...order, goal: undefined, released: undefined },
    lanes: state.lanes.map(lane => withState(lane, { target: undefined, sent: undefined, acked: undefined })),
    // The lanes say the same.
    targets: noTargets,
  };
}

/** The state of a client that rests where this is published. */
export function restingAt(rest: Rest, published: Snapshot): ClientState {
  const order = { ...rest.order, goal: published, released: published };
  const wanted = targetsOf(order);
  const targets: Targets = new Map(rest.lanes.map(({ state }) => [state.typeUrl, wanted(state)]));
  return {
    ...rest,
    published,
    aimed: aimedAt(undefined, published, rest.isolation, rest.lanes),
    order,
    lanes: rest.lanes.map(lane => {
      const target = targets.get(lane.state.typeUrl)?.target;
      return withState(lane, { target, sent: target, acked: target });
    }),
    targets,
  };
}

const noTargets: Targets = new Map();

function withState(lane: Lane, change: Pick<MachineState, 'target' | 'sent' | 'acked'>): Lane {
  return { ...lane, state: { ...lane.state, ...change } };
}

/** Nothing runs, is owed, or is kept back. */
function isIdle({ order, isolation, trial, rewarmed, beats, timers, tally }: ClientState): boolean {
  const { proving, retiring, settling, lingering, closing, reopening } = order;
  if (timers > 0 || order.timers > 0 || trial || beats.size > 0 || rewarmed.length > 0) return false;
  if (isolation.rejects.length > 0 || isolation.trials.size > 0) return false;
  if (proving.length > 0 || retiring !== nothing || lingering !== nothing || closing.sets.size > 0 || reopening)
    return false;
  if (order.warming !== undefined || order.warmed !== undefined || settling.sets.size > 0) return false;
  for (const [typeUrl, { lanes, unsettled, rejected, leftover }] of tally) {
    // What comes of many streams of a type is told for all of them.
    if (lanes > 1 || unsettled > 0 || rejected > 0 || leftover > 0) return false;
    // What a client without routes may have brought is let go of only where it has some.
    if (lanes > 0 && settling !== nothing && resourceType(typeUrl).order === 'using') return false;
  }
  return true;
}

/** Every lane holds what it is to move to, of what is published, and has been told of it like all of its type. */
function areAt({ order, lanes, targets }: ClientState, published: Snapshot): boolean {
  if (order.goal !== published || order.released !== published || targets.size !== lanes.length) return false;
  const wanted = targetsOf(order);
  return lanes.every(({ state }) => {
    const { target, keepLeftover } = wanted(state);
    const known = targets.get(state.typeUrl);
    if (!target || known?.target !== target || known.keepLeftover !== keepLeftover) return false;
    return state.keepLeftover === keepLeftover && state.acked === target && isAt(state, target);
  });
}

/** Nothing would be sent if the target were another without a difference for the subscription. */
function isAt(state: MachineState, target: TypeSnapshot): boolean {
  if (!state.started || !state.open || state.sent !== target || state.target !== target) return false;
  if (!isEmpty(state.again) || !isEmpty(state.doubtful)) return false;
  return 'has' in state ? state.has.size === 0 && !state.asked : state.claims === '';
}

/**
 * What is told of a client that rests when, after one snapshot, another is published which does not concern it. Undefined
 * if it does, or if that is not obvious. Keeps to what subscriptions by plain names do not hold, and to types that nothing
 * waits for.
 */
export function passed(rest: Rest, from: Snapshot, to: Snapshot): readonly Current[] | undefined {
  if (from === to) return none;
  const changes = namesBetween(from, to);
  if (!changes) return undefined;
  let events = none;
  for (const { state } of rest.lanes) {
    const change = changes.get(state.typeUrl);
    if (!change) continue;
    const { wildcard, globs, names } = state.subscription;
    if (wildcard || globs || meet(change.names, names)) return undefined;
    events = events === none ? change.events : [...events, ...change.events];
  }
  return events;
}

const none: readonly Current[] = [];

/** What is another in a type. */
export interface Change {
  readonly names: ReadonlySet<string>;
  /** For who has asked for none of them. */
  readonly events: readonly Current[];
}

/** By type; undefined if there is more to the change than names, so that it concerns everybody. */
export const namesBetween = memo2((from: Snapshot, to: Snapshot): ReadonlyMap<string, Change> | undefined => {
  if (from.types.size !== to.types.size || !to.types.has(clusterUrl)) return undefined;
  const changes = new Map<string, Change>();
  for (const [typeUrl, set] of to.types) {
    const before = from.types.get(typeUrl);
    if (before === set) continue;
    if (!before || isOrdered(typeUrl) || !isPlainChange(before, set)) return undefined;
    const { changed, removed } = diffTypes(before, set);
    const events: readonly Current[] = [{ kind: 'current', typeUrl, version: publishedVersion(set) }];
    changes.set(typeUrl, { names: new Set([...changed.map(each => each.name), ...removed]), events });
  }
  return changes;
});

/** Of clusters and what refers to them, others may have to wait. */
function isOrdered(typeUrl: string): boolean {
  return typeUrl === clusterUrl || resourceType(typeUrl).order === 'using';
}

function isPlainChange(from: TypeSnapshot, to: TypeSnapshot): boolean {
  // What is retired lingers for all.
  if (resourceType(to.typeUrl).order === 'made' && retired(from, to)) return false;
  if (to.numbered !== undefined && wireVersion(from) !== to.numbered) return false;
  return [from, to].every(set => !set.errors && !set.withheld && isPlain(set, NONE) && shortestTtl(set) === undefined);
}

function meet(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  const [few, many] = some.size < others.size ? [some, others] : [others, some];
  return few.size > FEW ? manyMeet(few, many) : anyIn(few, many);
}

/** Looked for in less time than it takes to look up what came of it for another client. */
const FEW = 64;

const manyMeet = memo2(anyIn);

function anyIn(few: ReadonlySet<string>, many: ReadonlySet<string>): boolean {
  for (const name of few) if (many.has(name)) return true;
  return false;
}
