import { type TypeSnapshot, wireVersion } from '../snapshot/snapshot.ts';
import { completeBody, partialBody } from './body.ts';
import type { Input, SotwRequest, Step, Told, TypeState } from './machine.ts';
import {
  beat,
  credit,
  forgiven,
  inDoubt,
  initialState,
  prompted,
  quiet,
  send,
  sendWhole,
  settle,
  subscribed,
  then,
} from './progress.ts';
import { errorOf } from './resource-errors.ts';
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
import { askedAndSeen } from './view.ts';

/** State of the world, one type of one stream. */
export interface SotwState extends TypeState {
  readonly started: boolean;
  /** A name was given on this stream: from now on no names mean nothing, not everything (R20). */
  readonly named: boolean;
  /** The newest list of names; the identical list needs no second look. */
  readonly list: readonly string[] | undefined;
  /** The version that the first request says the client has, until it has been compared with the target (R17). */
  readonly claims: string;
}

export function startSotw(typeUrl: string): SotwState {
  const { complete } = resourceType(typeUrl);
  return { ...initialState(typeUrl, complete), started: false, named: false, list: undefined, claims: '' };
}

/**
 * One step of the SotW protocol for one type of a stream. Pure: all it knows is its arguments.
 *
 * At most one response is unanswered at any time, and the next one brings the newest set (R11, R49).
 */
export function stepSotw(state: SotwState, input: Input<SotwRequest>): Step<SotwState> {
  switch (input.kind) {
    case 'request':
      return onRequest(state, input.request, input.waits === true);
    case 'beat':
      return state.unanswered.length > 0
        ? quiet(state)
        : beat(state, state.acceptedVersion, resourceType(state.typeUrl).complete);
    default: {
      const next = prompted(state, input);
      return next ? advance(next) : quiet(state);
    }
  }
}

function onRequest(state: SotwState, request: Told<SotwRequest>, waits: boolean): Step<SotwState> {
  const stale = request.answers === 'none';
  const answered = credit(subscribe(state, request), request.answers, request.error);
  const told =
    answered.state.subscription === state.subscription && state.started
      ? answered
      : { ...answered, events: [subscribed(answered.state), ...answered.events] };
  // A stale request changes what is subscribed, but only the one that follows it is answered (R7).
  return stale || waits || told.refused ? told : then(told, advance);
}

function subscribe(state: SotwState, { names, versionInfo }: Told<SotwRequest>): SotwState {
  if (names === state.list) return state;
  const named = state.named || names.length > 0;
  const subscription = subscriptionFor(state.typeUrl, names, named);
  const started = { ...state, started: true, named, list: names };
  const first = state.started ? {} : { claims: versionInfo, resumes: versionInfo !== '' };
  if (state.started && subscription === state.subscription) return started;
  const added = minus(subscription, state.subscription);
  return {
    ...started,
    ...first,
    subscription,
    again: within(union(state.again, added), subscription),
    fresh: within(union(state.fresh, added), subscription),
  };
}

function subscriptionFor(typeUrl: string, names: readonly string[], named: boolean): Subscription {
  if (names.length > 0) return subscriptionOfList(names);
  return !named && resourceType(typeUrl).emptyIsWildcard ? EVERYTHING : NONE;
}

/** Sends what is owed, if anything is and may be. */
function advance(state: SotwState): Step<SotwState> {
  const { target, subscription } = state;
  if (!state.started || !target || !state.open || state.unanswered.length > 0) return quiet(state);
  const { complete } = resourceType(state.typeUrl);
  if (state.claims !== '') {
    const unclaimed = { ...state, claims: '', acceptedVersion: state.claims };
    // Only a client that subscribes to everything and nothing else cannot have come to want more (R17).
    const current = complete && subscription === EVERYTHING && state.claims === wireVersion(target);
    // It says that it has all of it, so nothing is new to it.
    return current ? settle({ ...unclaimed, fresh: NONE }, target) : advance(unclaimed);
  }
  if (state.sent === target && isEmpty(state.again) && !state.inParts && !forgiven(state)) return quiet(state);
  const bodyOf = complete ? completeBody : partialBody;
  const owing = { from: state.sent, to: target, subscription, again: state.again, knowsErrors: state.knowsErrors };
  const body = bodyOf(owing);
  const present = isEmpty(state.doubtful) ? state : { ...state, doubtful: sayable(target, state) };
  const doubt = state.sent === target ? NONE : within(inDoubt(present.doubtful, target), subscription);
  // Something that was rejected is no more, or withheld: it may have been what was wrong with the rest.
  const cleared = target.withheld !== undefined || present.doubtful !== state.doubtful;
  const owed = union(state.again, doubt);
  // All resources then, but not all reasons why there are none.
  const repeated = complete && cleared && mayHaveMore(state, target) ? subscriptionOf(true, owed.names) : owed;
  const all = isEmpty(repeated) || !(body || cleared) ? body : bodyOf({ ...owing, again: repeated });
  if (!all) return settle(present, target);
  // Absence deletes, so what is complete stays in one piece.
  return complete ? sendWhole(present, target, all) : send(present, target, all);
}

/** Where absence deletes: a client that has rejected a response may have kept what that deleted. */
function mayHaveMore({ rejected, acked, subscription }: SotwState, { resources }: TypeSnapshot): boolean {
  return (
    rejected && [...(acked?.resources.keys() ?? [])].some(name => covers(subscription, name) && !resources.has(name))
  );
}

/** Nothing can be said of names that are no more, unless by an error; of what is withheld, later. */
function sayable(target: TypeSnapshot, { subscription, doubtful, knowsErrors }: SotwState): Subscription {
  const said = (name: string): boolean => knowsErrors && errorOf(target, subscription, name) !== undefined;
  const stays = (name: string): boolean =>
    target.withheld?.has(name) || askedAndSeen(target, subscription, name).length > 0 || said(name);
  return subscriptionOf(false, [...doubtful.names].filter(stays));
}
