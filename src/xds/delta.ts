import { canonicalName } from '../snapshot/names.ts';
import type { EncodedResource } from '../snapshot/snapshot.ts';
import { deltaBody, resumedBody, withReasons, withRemoved } from './body.ts';
import type { DeltaRequest, Input, Step, Told, TypeState } from './machine.ts';
import {
  beat,
  credit,
  forgiven,
  inDoubt,
  initialState,
  prompted,
  quiet,
  send,
  settle,
  subscribed,
  then,
  underWayOf,
} from './progress.ts';
import { resourceType } from './resource-type.ts';
import {
  covers,
  EVERYTHING,
  isEmpty,
  minus,
  NONE,
  type Subscription,
  subscriptionOf,
  subscriptionOfList,
  union,
  within,
} from './subscription.ts';
import { askedBy } from './view.ts';

/** Incremental xDS, one type of one stream. */
export interface DeltaState extends TypeState {
  readonly started: boolean;
  /** Subscribed to everything by a first request without names, not by `*` (R22). */
  readonly legacy: boolean;
  /** What a reconnecting client says it has, until it has been compared with the target (R18). */
  readonly has: ReadonlyMap<string, string>;
  /** The same for as long as it is not known to hold anything else (R42). */
  readonly brought: ReadonlyMap<string, string>;
  /** The client waits for names that it has asked for, so an unanswered response does not hold them back (R16). */
  readonly asked: boolean;
}

/** Answers to subscriptions may overtake acknowledgements, up to as many. */
export const MAX_UNANSWERED = 16;

const hasNothing: ReadonlyMap<string, string> = new Map();

export function startDelta(typeUrl: string): DeltaState {
  const start = initialState(typeUrl, false);
  return { ...start, started: false, legacy: false, has: hasNothing, brought: hasNothing, asked: false };
}

/**
 * One step of the delta protocol for one type of a stream. Pure: all it knows is its arguments.
 *
 * A changed set waits until the client has answered; names that it newly asks for are answered at once, with the newest
 * state (R8, R16).
 */
export function stepDelta(state: DeltaState, input: Input<DeltaRequest>): Step<DeltaState> {
  switch (input.kind) {
    case 'request':
      return onRequest(state, input.request, input.waits === true);
    case 'beat':
      return state.unanswered.length >= MAX_UNANSWERED ? quiet(state) : beat(state, state.sent?.version, false);
    default: {
      const next = prompted(state, input);
      return next ? advance(withoutLeftover(next)) : quiet(state);
    }
  }
}

/** What was kept until now and is no more is asked for again, and thereby answered by its removal. */
function withoutLeftover(state: DeltaState): DeltaState {
  if (state.keepLeftover || state.leftover.length === 0) return state;
  const again = union(state.again, within(subscriptionOf(false, state.leftover), state.subscription));
  return { ...state, leftover: [], again };
}

function onRequest(state: DeltaState, request: Told<DeltaRequest>, waits: boolean): Step<DeltaState> {
  const answered = forgetful(credit(state, request.answers, request.error));
  const next = state.started ? resubscribe(answered.state, request) : subscribeFirst(answered.state, request);
  const told =
    next.subscription === state.subscription && state.started
      ? answered.events
      : [subscribed(next), ...answered.events];
  const step = { ...answered, state: next, events: told };
  return waits || step.refused ? step : then(step, advance);
}

function subscribeFirst(state: DeltaState, { subscribe, unsubscribe, has: brought }: Told<DeltaRequest>): DeltaState {
  const legacy = subscribe.length === 0 && resourceType(state.typeUrl).emptyIsWildcard;
  const asked = legacy ? EVERYTHING : subscriptionOfList(subscribe);
  const subscription = minus(asked, subscriptionOfList(unsubscribe));
  const has = stillCovered(canonicalVersions(brought), subscription);
  // Of everything that a resuming client subscribes to, it is owed only what it lacks.
  const again = has.size > 0 ? NONE : within(subscriptionOf(subscription.wildcard, []), subscription);
  return {
    ...state,
    started: true,
    legacy,
    subscription,
    has,
    brought: has,
    again: union(state.again, again),
    asked: true,
    resumes: has.size > 0,
  };
}

function resubscribe(state: DeltaState, { subscribe, unsubscribe }: Told<DeltaRequest>): DeltaState {
  if (subscribe.length === 0 && unsubscribe.length === 0) return state;
  const added = subscriptionOfList(subscribe);
  const dropped = subscriptionOfList(unsubscribe);
  const subscription = minus(union(state.subscription, added), dropped);
  // Spelling out the wildcard that an empty first request stood for asks for nothing new.
  const spelledOut = state.legacy && added.wildcard;
  const owed = spelledOut ? subscriptionOf(false, added.names) : added;
  const kept = unnamed(state, subscription, dropped);
  return {
    ...state,
    subscription,
    legacy: state.legacy && !added.wildcard && subscription.wildcard,
    // What is under way may be subscribed by an alias alone.
    again: union(
      within(union(union(state.again, owed), kept), subscription),
      spelledOut ? NONE : underWay(state, added),
    ),
    fresh: within(union(state.fresh, owed), subscription),
    anew: within(union(state.anew, within(owed, state.subscription)), subscription),
    asked: state.asked || subscribe.length > 0 || !isEmpty(kept),
    has: stillCovered(state.has, subscription),
    brought: stillCovered(state.brought, subscription),
  };
}

/** A response under way may bring what is no more to a client that asks for it now: it must be told. */
function underWay({ unanswered }: DeltaState, added: Subscription): Subscription {
  if (unanswered.length === 0) return NONE;
  const coming = unanswered.flatMap(({ body }) => body.resources);
  const asked = added.wildcard || added.globs ? coming : coming.filter(each => hasAlias(each, added));
  return subscriptionOf(
    false,
    asked.map(each => each.name),
  );
}

/**
 * Names that are still held by the wildcard after they were dropped: the client must be told which of them exist (R22).
 * What was asked for by an alias has come, or is under way, by a name of its own.
 */
function unnamed(
  { subscription, sent, unanswered }: DeltaState,
  after: Subscription,
  dropped: Subscription,
): Subscription {
  if (!(after.wildcard || after.globs) || dropped.names.size === 0) return NONE;
  const names = within(subscriptionOf(false, dropped.names), subscriptionOf(false, subscription.names));
  const came = sent ? [...names.names].flatMap(name => askedBy(sent, name)) : [];
  const coming = unanswered.flatMap(({ body }) => body.resources.filter(each => hasAlias(each, names)));
  const own = [...came, ...coming].map(each => each.name);
  return subscriptionOf(
    false,
    [...names.names, ...own].filter(name => covers(after, name)),
  );
}

function hasAlias({ aliases = [] }: EncodedResource, { names }: Subscription): boolean {
  return aliases.some(alias => names.has(alias));
}

/** What a client has brought says nothing beside what it is known to hold. */
function forgetful(step: Step<DeltaState>): Step<DeltaState> {
  const { acked, brought } = step.state;
  return acked && brought.size > 0 ? { ...step, state: { ...step.state, brought: hasNothing } } : step;
}

/** What is not subscribed is not had. The same object where all is, as mostly. */
function stillCovered(has: ReadonlyMap<string, string>, subscription: Subscription): ReadonlyMap<string, string> {
  for (const name of has.keys()) {
    if (!covers(subscription, name)) return new Map([...has].filter(([each]) => covers(subscription, each)));
  }
  return has;
}

/** Likewise. */
function canonicalVersions(has: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  for (const name of has.keys()) {
    if (canonicalName(name) !== name) return new Map([...has].map(([each, version]) => [canonicalName(each), version]));
  }
  return has;
}

/** Sends what is owed, if anything is and may be. */
function advance(state: DeltaState): Step<DeltaState> {
  const { target, subscription, sent, again } = state;
  const held = state.unanswered.length > 0 && (!state.asked || state.unanswered.length >= MAX_UNANSWERED);
  if (!state.started || !target || !state.open || held) return quiet(state);
  const ready = state.asked ? { ...state, asked: false } : state;
  if (state.has.size > 0) {
    const { body: lacking, leftover } = resumedBody(target, subscription, state.has, again);
    const kept = state.keepLeftover ? leftover : [];
    const plain = kept.length < leftover.length ? withRemoved(target, lacking, leftover) : lacking;
    const body = plain && state.knowsErrors ? withReasons(target, subscription, plain) : plain;
    const resumed = { ...ready, has: hasNothing, leftover: kept };
    return body ? send(resumed, target, body) : forgetful(settle(resumed, target));
  }
  if (sent === target && isEmpty(again) && !state.inParts && !forgiven(ready)) return quiet(ready);
  const owing = { from: sent, to: target, subscription, again, knowsErrors: state.knowsErrors };
  const body = deltaBody(owing);
  const doubt =
    sent === target ? NONE : minus(within(inDoubt(state.doubtful, target), subscription), underWayOf(state));
  // What is left when something is withheld is everything else: it was rejected together with it.
  const all = isEmpty(doubt) || !(body || target.withheld) ? body : deltaBody({ ...owing, again: union(again, doubt) });
  return all ? send(ready, target, all) : settle(ready, target);
}
