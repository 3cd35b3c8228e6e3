import { memo2 } from '../base/memo.ts';
import type { EncodedResource, TypeSnapshot } from '../snapshot/snapshot.ts';
import { namesMissing, type ResponseBody } from './body.ts';
import { beatBody } from './heartbeat.ts';
import { heldAfter, heldThen, heldUnsaid, namesOf } from './held.ts';
import {
  type Answers,
  type Input,
  isSettled,
  type MachineEvent,
  type RequestError,
  type Step,
  type TypeState,
  type Unanswered,
} from './machine.ts';
import { publishedVersion } from './overlay.ts';
import { split } from './split.ts';
import { covers, isEmpty, minus, NONE, type Subscription, subscriptionOf, union, within } from './subscription.ts';

/** What both variants do alike once they know what to send and what was answered. */

/** A machine at the start of a stream's interest in a type. */
export function initialState(typeUrl: string, whole: boolean): TypeState {
  return {
    typeUrl,
    whole,
    subscription: NONE,
    target: undefined,
    sent: undefined,
    acked: undefined,
    acceptedVersion: undefined,
    rejected: false,
    resumes: false,
    unanswered: [],
    inParts: false,
    again: NONE,
    fresh: NONE,
    anew: NONE,
    rewarmed: NONE,
    doubtful: NONE,
    leftover: [],
    keepLeftover: false,
    open: true,
    knowsErrors: false,
  };
}

/** Hands a body to the stream: from now on the client is on its way to `target`. What is too much is owed again (R50). */
export function send<S extends TypeState>(state: S, target: TypeSnapshot, all: ResponseBody): Step<S> {
  const { first, rest } = split(all);
  const sent = sendWhole(state, target, first);
  if (!rest) return sent;
  return { ...sent, state: { ...sent.state, again: askedNames(rest, state.subscription), inParts: true } };
}

/** The same in one response, however large it is. */
export function sendWhole<S extends TypeState>(state: S, target: TypeSnapshot, body: ResponseBody): Step<S> {
  const { again, fresh } = state;
  const unanswered = [...state.unanswered, { led: target, snapshot: target, body, again, fresh }];
  const event: MachineEvent = {
    kind: 'sent',
    typeUrl: state.typeUrl,
    version: publishedVersion(target),
    resources: body.resources.length,
    removed: body.removed.length,
  };
  return {
    state: { ...state, sent: target, again: NONE, unanswered, inParts: false },
    responses: [{ body }],
    events: [event],
  };
}

/** Keeps alive what the client holds, unless the last sign of life is still unanswered (R34). */
export function beat<S extends TypeState>(state: S, version: string | undefined, everything: boolean): Step<S> {
  const body = state.open && !state.unanswered.at(-1)?.body.beat ? beatBody(state, version, everything) : undefined;
  if (!body || !state.sent) return quiet(state);
  const unanswered = [...state.unanswered, { led: state.sent, snapshot: state.sent, body, again: NONE, fresh: NONE }];
  return { state: { ...state, unanswered }, responses: [{ body }], events: [] };
}

/** Nothing has to be sent for the client to be at `target`. */
export function settle<S extends TypeState>(state: S, target: TypeSnapshot): Step<S> {
  const rejected = state.rejected && !forgiven(state);
  const unanswered = upTo(target, state.unanswered);
  const moved = { ...state, sent: target, again: NONE, rejected, unanswered, inParts: false };
  if (rejected || state.unanswered.length > 0 || isSettled(state)) return quiet(moved);
  const event: MachineEvent = { kind: 'current', typeUrl: state.typeUrl, version: publishedVersion(target) };
  const doubtful = within(state.doubtful, state.subscription);
  return {
    state: { ...moved, doubtful, acked: heldUnsaid({ ...state, doubtful }, target) },
    responses: [],
    events: [event],
  };
}

/** What may call for sending, other than a request. */
export type Prompt = Exclude<Input<never>, { readonly kind: 'request' | 'beat' }>;

/** The machine after that, from which it is to go on. Undefined if nothing has come of it. */
export function prompted<S extends TypeState>(state: S, input: Prompt): S | undefined {
  switch (input.kind) {
    case 'target': {
      const { target, keepLeftover = false } = input;
      if (target === state.target && keepLeftover === state.keepLeftover) return undefined;
      return retargeted(state, target, keepLeftover);
    }
    case 'gate':
      return { ...state, open: input.open };
    case 'proceed':
      return owed(state, input.again);
    case 'again': {
      const again = within(subscriptionOf(false, input.names), state.subscription);
      return isEmpty(again) ? undefined : reminded(state, again);
    }
  }
}

/** What the client may have put aside is to be sent again (R39). */
function reminded<S extends TypeState>(state: S, names: Subscription): S {
  return { ...state, again: union(state.again, names), rewarmed: union(state.rewarmed, names) };
}

/** What is in doubt and can be said again: of what a set withholds, nothing is said. */
export function inDoubt(doubtful: Subscription, { withheld }: TypeSnapshot): Subscription {
  if (isEmpty(doubtful) || !withheld) return doubtful;
  return subscriptionOf(
    false,
    [...doubtful.names].filter(name => !withheld.has(name)),
  );
}

/**
 * A machine with another target. What that withholds no longer is owed whatever it is now: where the client has rejected
 * it, nobody knows what the client made of it, and what it has accepted elsewhere may be gone.
 */
function retargeted<S extends TypeState>(state: S, target: TypeSnapshot | undefined, keepLeftover: boolean): S {
  const next = { ...state, target, keepLeftover };
  if (!target || target === state.target) return next;
  const lifted = namesLifted(state, target);
  const back = [...inDoubt(state.doubtful, target).names].filter(name => isBack(name, state, target));
  const owed = [...lifted, ...back, ...standIns(state, target)];
  if (owed.length === 0) return next;
  return { ...next, again: union(next.again, within(subscriptionOf(false, owed), next.subscription)) };
}

/** What is withheld no longer, and the client may have in another content. */
function namesLifted(state: TypeState, target: TypeSnapshot): readonly string[] {
  return [...(state.target?.withheld ?? [])].filter(name => {
    if (target.withheld?.has(name)) return false;
    return state.doubtful.names.has(name) || heldThen(state, name)?.version !== contentOf(target, name);
  });
}

/** Something else was to come meanwhile, so this is news even if it is what was sent last. */
function isBack(name: string, { target: before, sent, unanswered }: TypeState, target: TypeSnapshot): boolean {
  if (!sent || unanswered.some(({ body }) => namesOf(body).names.has(name))) return false;
  const version = contentOf(target, name);
  return contentOf(sent, name) === version && contentOf(before, name) !== version;
}

function contentOf(set: TypeSnapshot | undefined, name: string): string | undefined {
  return set?.resources.get(name)?.version;
}

/** Names of what stands in the place of what is withheld, and that the client does not have on this stream, or not use. */
function standIns(state: TypeState, { withheld, resources }: TypeSnapshot): readonly string[] {
  if (!withheld || !state.sent) return [];
  return [...withheld].filter(name => {
    const instead = resources.get(name);
    return instead !== undefined && !instead.unsent && !usesThen(state, instead);
  });
}

/** True if the client has the content, and uses it, when it accepts all that is under way. */
function usesThen(state: TypeState, { name, version }: EncodedResource): boolean {
  const isSpokenOf = state.unanswered.some(({ body }) => state.whole || namesOf(body).names.has(name));
  if (!isSpokenOf && state.rewarmed.names.has(name)) return false;
  return heldThen(state, name)?.version === version;
}

/** A rejection is over when nothing that was rejected is subscribed any more. */
export function forgiven({ rejected, doubtful, subscription, target }: TypeState): boolean {
  return rejected && isEmpty(within(target ? inDoubt(doubtful, target) : doubtful, subscription));
}

/** An answer to the newest response now stands for the target too. */
function upTo(snapshot: TypeSnapshot, unanswered: readonly Unanswered[]): readonly Unanswered[] {
  const newest = unanswered.at(-1);
  return newest ? [...unanswered.slice(0, -1), { ...newest, snapshot }] : unanswered;
}

/** Counts a request as the answer to the response that it is about, if that is an open one (R6, R9). */
export function credit<S extends TypeState>(state: S, answers: Answers, error: RequestError | undefined): Step<S> {
  const answered = typeof answers === 'number' ? state.unanswered[answers] : undefined;
  if (typeof answers !== 'number' || !answered) return quiet(state);
  // A client takes responses in their order, so this answers the earlier ones too.
  const rest = { ...state, unanswered: state.unanswered.slice(answers + 1) };
  return error ? rejectedBy(rest, answered, error) : accepted(rest, answered);
}

function accepted<S extends TypeState>(before: S, answered: Unanswered): Step<S> {
  const { snapshot, body } = answered;
  // In delta nobody asks for it, and clients that differ in nothing else are alike.
  const acceptedVersion = 'has' in before ? undefined : body.version;
  const doubtful = within(minus(before.doubtful, namesOf(body)), before.subscription);
  // What is owed once more has been put aside since.
  const rewarmed = body.beat ? before.rewarmed : minus(before.rewarmed, minus(namesOf(body), before.again));
  if (body.more) return quiet({ ...before, doubtful, rewarmed, acceptedVersion });
  const acked = heldAfter({ ...before, doubtful }, answered);
  const fresh = minus(before.fresh, answered.fresh);
  const anew = minus(before.anew, answered.fresh);
  const state = { ...before, acked, fresh, anew, rewarmed, acceptedVersion };
  // Good news of other resources does not make up for a rejection.
  const open = inDoubt(doubtful, snapshot);
  if (state.rejected && !isEmpty(open)) return quiet({ ...state, doubtful });
  const event: MachineEvent = { kind: 'acked', typeUrl: state.typeUrl, version: publishedVersion(snapshot) };
  return { state: { ...state, rejected: false, doubtful: minus(doubtful, open) }, responses: [], events: [event] };
}

function rejectedBy<S extends TypeState>(state: S, answered: Unanswered, error: RequestError): Step<S> {
  const event: MachineEvent = {
    kind: 'nacked',
    typeUrl: state.typeUrl,
    version: publishedVersion(answered.snapshot),
    code: error.code,
    message: error.message,
  };
  const doubtful = union(state.doubtful, notHeld(askedNames(answered.body, state.subscription), answered, state.acked));
  return {
    state: { ...state, rejected: true, doubtful },
    responses: [],
    events: [event],
    refused: { response: answered, error },
  };
}

/** Without what the client had accepted before in the same content, unless it asked for it again. */
function notHeld(names: Subscription, { body, again }: Unanswered, acked: TypeSnapshot | undefined): Subscription {
  if (!acked) return names;
  const same = body.resources.filter(
    ({ name, version }) => acked.resources.get(name)?.version === version && !covers(again, name),
  );
  return same.length === 0
    ? names
    : minus(
        names,
        subscriptionOf(
          false,
          same.map(each => each.name),
        ),
      );
}

/** A machine that is owed names once more, unless they are on their way. */
function owed<S extends TypeState>(state: S, names: readonly string[]): S {
  const again = minus(within(subscriptionOf(false, names), state.subscription), underWayOf(state));
  return isEmpty(again) ? state : { ...state, again: union(state.again, again) };
}

/** All names for which something speaks that is under way. */
export function underWayOf({ unanswered }: TypeState): Subscription {
  return unanswered.reduce<Subscription>((all, { body }) => union(all, namesOf(body)), NONE);
}

/** The names in a body that the subscription holds: a resource may have been asked for by its aliases. */
const askedNames: (body: ResponseBody, subscription: Subscription) => Subscription = memo2((body, subscription) => {
  const ofResources = body.resources.flatMap(({ name, aliases = [] }) =>
    covers(subscription, name) ? [name] : aliases.filter(alias => subscription.names.has(alias)),
  );
  return subscriptionOf(false, [...ofResources, ...namesMissing(body)]);
});

export function quiet<S>(state: S): Step<S> {
  return { state, responses: [], events: [] };
}

/** One step after another. */
export function then<S>(first: Step<S>, next: (state: S) => Step<S>): Step<S> {
  const second = next(first.state);
  if (first.responses.length === 0 && first.events.length === 0) return second;
  return {
    ...first,
    state: second.state,
    responses: [...first.responses, ...second.responses],
    events: [...first.events, ...second.events],
  };
}

/** Tells who sees the stream's type what it subscribes to now. */
export function subscribed(state: TypeState): MachineEvent {
  const { wildcard, names } = state.subscription;
  return { kind: 'subscribed', typeUrl: state.typeUrl, wildcard, names: names.size };
}
