import type { LastGood, Withheld } from '../snapshot/withhold.ts';
import { culprits } from './culprit.ts';
import type { Rejected } from './events.ts';
import type { MachineEvent, RequestError } from './machine.ts';

/**
 * What a client rejects, found out resource by resource (R42): it is named by the client, or found by halving what was
 * rejected and sending the halves one after another, with a pause before each. Meanwhile and afterwards the client keeps
 * its last good content of it and is sent everything else.
 *
 * Pure: the functions return the isolation as it is after what they are told.
 */
export interface Isolation {
  /** Found out. */
  readonly rejects: readonly Reject[];
  /** Not yet found out, by type URL. */
  readonly trials: ReadonlyMap<string, Trial>;
  /** How often contents were rejected before, by type, name and version. They are tried again later each time. */
  readonly tried: ReadonlyMap<string, number>;
}

/** A content that the client rejects. */
export interface Reject extends Withheld {
  readonly error: RequestError;
}

type Group = readonly Withheld[];

interface Trial {
  /** What is being sent; nothing while it waits for its time. */
  readonly trying: Group;
  /** What comes next, the first one last. */
  readonly waiting: readonly Waiting[];
  /** What the client said last. */
  readonly error: RequestError;
  /** Rejections that are still put up with. */
  readonly left: number;
}

interface Waiting {
  readonly group: Group;
  /** One of its contents was rejected, unless one of the other half was. */
  readonly guilty: boolean;
}

/** Enough to find a few among thousands; a client that rejects everything is not sent everything one by one. */
const MOST_REJECTIONS = 40;

export const nothingRejected: Isolation = { rejects: [], trials: new Map(), tried: new Map() };

/** What must not be sent for now. */
export function withheldBy({ rejects, trials }: Isolation): Group {
  const waiting = [...trials.values()].flatMap(trial => trial.waiting.flatMap(each => each.group));
  return waiting.length > 0 ? [...rejects, ...waiting] : rejects;
}

/** What is told of it. */
export function withheldEvent({ rejects, trials }: Isolation): MachineEvent {
  const suspects = [...trials.values()].flatMap(({ waiting, error }) =>
    waiting.flatMap(({ group }) => group.map(each => rejected({ ...each, error }))),
  );
  return { kind: 'withheld', rejects: rejects.map(rejected), suspects };
}

function rejected({ typeUrl, name, version, instead, error: { code, message } }: Reject): Rejected {
  return { typeUrl, name, version, code, message, instead: instead?.unsent ? 'unknown' : instead?.version };
}

/** What was rejected. */
export interface Refused {
  /** Contents that the client did not have before. */
  readonly suspects: Group;
  /** All names of the response, in its order. */
  readonly names: readonly string[];
}

/** A response was rejected. */
export function refused(isolation: Isolation, typeUrl: string, response: Refused, error: RequestError): Isolation {
  const trial = isolation.trials.get(typeUrl);
  // Several responses that hold the same may be under way.
  const known = new Set(isolation.rejects.map(keyOf));
  const held = response.suspects.filter(each => !known.has(keyOf(each)));
  if (response.suspects.length === 0) return withTrial(isolation, typeUrl, undefined);
  const left = (trial?.left ?? MOST_REJECTIONS) - 1;
  const waiting = withoutAny(unproven(trial?.waiting ?? []), held);
  if (left <= 0) return giveUp(isolation, typeUrl, [...held, ...waiting.flatMap(each => each.group)], error);
  const reasons = reasonsOf(typeUrl, { ...response, suspects: held }, error);
  // What is known to be guilty explains it.
  if (reasons.size === 0 && held.length === response.suspects.length) {
    return sifted(isolation, typeUrl, { trying: [], waiting: split(waiting, held), error, left });
  }
  const rejects = held.flatMap(each => {
    const message = reasons.get(each.name);
    return message === undefined ? [] : [{ ...each, error: { ...error, message } }];
  });
  // Nothing is known against the others: they need not wait.
  const trying = held.filter(({ name }) => !reasons.has(name));
  return sifted(withRejects(isolation, rejects), typeUrl, { trying, waiting, error, left });
}

/** What the client says against suspects, by name. */
function reasonsOf(typeUrl: string, { suspects, names }: Refused, error: RequestError): ReadonlyMap<string, string> {
  const suspected = new Set(suspects.map(each => each.name));
  const named = culprits(typeUrl, error.message, names).filter(each => suspected.has(each.name));
  return new Map(named.map(each => [each.name, each.reason]));
}

/** Contents that are looked at anew wait no longer, and any of them may be why another half was taken for guilty. */
function withoutAny(waiting: readonly Waiting[], contents: Group): readonly Waiting[] {
  const anew = new Set(contents.map(keyOf));
  const left = waiting.map(each => kept(each.group, one => !anew.has(keyOf(one))));
  if (left.every((group, index) => group === waiting[index]?.group)) return waiting;
  return left.flatMap(group => (group.length > 0 ? [{ group, guilty: false }] : []));
}

/** What was being tried was accepted. */
export function accepted(isolation: Isolation, typeUrl: string): Isolation {
  const trial = isolation.trials.get(typeUrl);
  return trial ? sifted(isolation, typeUrl, { ...trial, trying: [] }) : isolation;
}

/** Some of what was being tried is not asked for any more, so nobody knows whether it would have been accepted. */
export function forgone(isolation: Isolation, typeUrl: string): Isolation {
  const trial = isolation.trials.get(typeUrl);
  if (!trial) return isolation;
  return sifted(isolation, typeUrl, { ...trial, trying: [], waiting: unproven(trial.waiting) });
}

/** True if something waits to be tried and nothing is being tried. */
export function isPaused({ trials }: Isolation): boolean {
  return [...trials.values()].some(trial => trial.trying.length === 0);
}

/** It is time to try what comes next. */
export function resumed(isolation: Isolation): Isolation {
  let known = isolation;
  for (const [typeUrl, trial] of isolation.trials) {
    const first = trial.waiting.at(-1);
    if (trial.trying.length > 0 || !first) continue;
    known = withTrial(known, typeUrl, { ...trial, trying: first.group, waiting: trial.waiting.slice(0, -1) });
  }
  return known;
}

/** What comes next is the other half of what was tried, and may well be good. */
function unproven(waiting: readonly Waiting[]): readonly Waiting[] {
  const other = waiting.at(-1);
  return other?.guilty ? [...waiting.slice(0, -1), { ...other, guilty: false }] : waiting;
}

/** A single content that is known to be guilty need not be tried, and a guilty group only in halves. */
function sifted(isolation: Isolation, typeUrl: string, trial: Trial): Isolation {
  let { waiting } = trial;
  let known = isolation;
  for (let first = waiting.at(-1); first?.guilty; first = waiting.at(-1)) {
    const rest = waiting.slice(0, -1);
    const [only, ...others] = first.group;
    if (only && others.length === 0) known = withRejects(known, [{ ...only, error: trial.error }]);
    waiting = others.length > 0 ? split(rest, first.group) : rest;
  }
  const over = waiting.length === 0 && trial.trying.length === 0;
  return withTrial(known, typeUrl, over ? undefined : { ...trial, waiting });
}

/** One of the group is guilty: its halves, the first to be tried. */
function split(waiting: readonly Waiting[], group: Group): readonly Waiting[] {
  if (group.length === 1) return pushed(waiting, group, true);
  const middle = Math.ceil(group.length / 2);
  return pushed(pushed(waiting, group.slice(middle), true), group.slice(0, middle), false);
}

function pushed(waiting: readonly Waiting[], group: Group, guilty: boolean): readonly Waiting[] {
  return group.length === 0 ? waiting : [...waiting, { group, guilty }];
}

function giveUp(isolation: Isolation, typeUrl: string, group: Group, error: RequestError): Isolation {
  const message = `one of ${group.length} was rejected, and which one could not be found out: ${error.message}`;
  const rejects = group.map(each => ({ ...each, error: { ...error, message } }));
  return withTrial(withRejects(isolation, rejects), typeUrl, undefined);
}

/**
 * Something else is to be sent: contents that are gone are rejected no longer, and where one of those that are under
 * suspicion has gone, none of them is. @param stays whether a content is not gone.
 */
export function republished(isolation: Isolation, stays: (each: Withheld) => boolean): Isolation {
  if (isolation === nothingRejected) return isolation;
  const rejects = kept(isolation.rejects, stays);
  let known: Isolation = rejects === isolation.rejects ? isolation : { ...isolation, rejects };
  for (const [typeUrl, { trying, waiting }] of isolation.trials) {
    const suspects = [...trying, ...waiting.flatMap(each => each.group)];
    // What was changed may be what was wrong.
    if (!suspects.every(stays)) known = withTrial(known, typeUrl, undefined);
  }
  if (known === isolation) return isolation;
  if (known.rejects.length === 0 && known.trials.size === 0) return nothingRejected;
  const keys = new Set(known.rejects.map(keyOf));
  return { ...known, tried: new Map([...known.tried].filter(([key]) => keys.has(key))) };
}

/** Everything that `can` be sent is to be tried again. @param forget how often it was. */
export function retried(isolation: Isolation, can: (each: Withheld) => boolean, forget: boolean): Isolation {
  const again = isolation.rejects.filter(can);
  if (again.length === 0) return isolation;
  const tried = new Map(forget ? [] : isolation.tried);
  for (const each of forget ? [] : again) tried.set(keyOf(each), attempts(isolation, each) + 1);
  return { rejects: isolation.rejects.filter(each => !can(each)), trials: isolation.trials, tried };
}

/** What a client was found to have of what it rejects, or may reject, stands in its place from now on. */
export function informed(isolation: Isolation, lastGood: LastGood): Isolation {
  const better = <T extends Withheld>(each: T): T => {
    const good = each.instead ? undefined : lastGood(each.typeUrl, each.name);
    return good && good.version !== each.version ? { ...each, instead: good } : each;
  };
  const rejects = mapped(isolation.rejects, better);
  let known: Isolation = rejects === isolation.rejects ? isolation : { ...isolation, rejects };
  for (const [typeUrl, trial] of isolation.trials) {
    const waiting = mapped(trial.waiting, each => {
      const group = mapped(each.group, better);
      return group === each.group ? each : { ...each, group };
    });
    if (waiting !== trial.waiting) known = withTrial(known, typeUrl, { ...trial, waiting });
  }
  return known;
}

/** Milliseconds until what is rejected is to be tried again, twice as long each time. */
export function retryAfter(isolation: Isolation, first: number, most: number): number {
  const fewest = isolation.rejects.reduce((least, each) => Math.min(least, attempts(isolation, each)), 30);
  return Math.min(first * 2 ** fewest, most);
}

function attempts({ tried }: Isolation, each: Withheld): number {
  return tried.get(keyOf(each)) ?? 0;
}

function keyOf({ typeUrl, name, version }: Withheld): string {
  return JSON.stringify([typeUrl, name, version]);
}

function withRejects(isolation: Isolation, added: readonly Reject[]): Isolation {
  return added.length === 0 ? isolation : { ...isolation, rejects: [...isolation.rejects, ...added] };
}

function withTrial(isolation: Isolation, typeUrl: string, trial: Trial | undefined): Isolation {
  if (!trial && !isolation.trials.has(typeUrl)) return isolation;
  const trials = new Map(isolation.trials);
  if (trial) trials.set(typeUrl, trial);
  else trials.delete(typeUrl);
  return { ...isolation, trials };
}

/** The list itself if nothing goes. */
function kept<T>(list: readonly T[], stays: (each: T) => boolean): readonly T[] {
  return list.every(stays) ? list : list.filter(stays);
}

/** The list itself if nothing changes. */
function mapped<T>(list: readonly T[], change: (each: T) => T): readonly T[] {
  const changed = list.map(change);
  return changed.every((each, index) => each === list[index]) ? list : changed;
}
