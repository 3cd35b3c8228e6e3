import { Interner } from '../base/interner.ts';
import { memo1, memo2 } from '../base/memo.ts';
import { diffTypes, type TypeDiff } from '../snapshot/diff.ts';
import { globAround } from '../snapshot/names.ts';
import { type EncodedResource, type TypeSnapshot, wireVersion } from '../snapshot/snapshot.ts';
import { absentResource } from './absent.ts';
import { errorsOwed, type NamedError } from './resource-errors.ts';
import { resourceType } from './resource-type.ts';
import { covers, NONE, type Subscription } from './subscription.ts';
import { askedAndSeen, askedBy, isPlain, viewOf } from './view.ts';

/**
 * What a response carries beside its nonce. One object for all streams that are owed the same, so that it is encoded
 * once (see `frame.ts`).
 */
export interface ResponseBody {
  readonly typeUrl: string;
  /** Of the set that it brings the client to. */
  readonly version: string;
  readonly resources: readonly EncodedResource[];
  /** Delta only. Disjoint from the names of `resources` (R28). */
  readonly removed: readonly string[];
  /** Only for clients that know of them; disjoint from both (R35). */
  readonly errors?: readonly NamedError[];
  /** Says only that the resources are still there (R34). */
  readonly beat?: true;
  /** The rest follows when this is answered (R50). */
  readonly more?: true;
}

/** What a stream is owed: the way from `from` (undefined: nothing was sent yet) to `to`. */
export interface Owing {
  readonly from: TypeSnapshot | undefined;
  readonly to: TypeSnapshot;
  readonly subscription: Subscription;
  /** To be sent even if unchanged: newly subscribed (R16), or in doubt. Its wildcard asks for everything. */
  readonly again: Subscription;
  /** The client is told why it does not get what it asks for by name (R35). */
  readonly knowsErrors: boolean;
}

/** @returns undefined if nothing has to be sent. */
type BodyOf = (owing: Owing) => ResponseBody | undefined;

/** Stands for "nothing was sent yet" where a key must be an object. */
const nothing = {};

/** @param otherwise what carries errors when nothing else has to be sent. */
function memoised(make: BodyOf, otherwise = nothingNew): BodyOf {
  const plain = remembered(make);
  const explained = remembered(owing => {
    const { from, to, subscription, again } = owing;
    const errors = errorsOwed(from, to, subscription, again);
    const body = plain(owing);
    return errors.length > 0 ? withErrors(body ?? otherwise(to, subscription), errors) : body;
  });
  return owing => (owing.knowsErrors ? explained : plain)(owing);
}

/** Names that are looked for one by one, and changes: of more, it is remembered what comes of them. */
const FEW_NAMES = 8;
const FEW_CHANGES = 64;

/**
 * Finds out at once what obviously concerns a plain subscription by name. There may be thousands, of which a change
 * concerns few: nothing is to be remembered of the others, and all that it concerns alike are sent the same.
 *
 * @param whole a body holds all that is subscribed, and not only what has changed.
 */
function obvious(bodyOf: BodyOf, { whole: isWhole = false } = {}): BodyOf {
  return owing => {
    const changed = changedFor(owing);
    if (changed?.length === 0) return undefined;
    const others = isWhole || !changed || owing.to.withheld || changed.some(each => each.unsent);
    return others ? bodyOf(owing) : changedBody(owing.to, changed);
  };
}

/** What has changed of the names; undefined if some have gone, or there may be more to say. */
function changedFor(owing: Owing): readonly EncodedResource[] | undefined {
  const { from, to, subscription, again } = owing;
  const { wildcard, names } = subscription;
  if (!from || isRenumbered(owing) || again !== NONE || wildcard || from.errors || to.errors) return undefined;
  // Of a name that is withheld no longer, and gone, somebody may be owed a reason (R35).
  if (from.withheld) return undefined;
  if (!isPlain(from, subscription) || !isPlain(to, subscription)) return undefined;
  if (names.size <= FEW_NAMES) return changedOf(from, to, names);
  const { changed, removed } = diffTypes(from, to);
  if (changed.length + removed.length > FEW_CHANGES || removed.some(name => names.has(name))) return undefined;
  return changed.filter(each => names.has(each.name));
}

function changedOf(
  from: TypeSnapshot,
  to: TypeSnapshot,
  names: Iterable<string>,
): readonly EncodedResource[] | undefined {
  const changed: EncodedResource[] = [];
  for (const name of names) {
    const [before, after] = [from.resources.get(name), to.resources.get(name)];
    if (before === after) continue;
    if (!after) return undefined;
    if (before?.version !== after.version) changed.push(after);
  }
  return changed;
}

/** By the names. */
const changedBodies = memo1((_to: TypeSnapshot) => new Interner<ResponseBody>());

function changedBody(to: TypeSnapshot, resources: readonly EncodedResource[]): ResponseBody {
  const key = JSON.stringify(resources.map(each => each.name));
  return changedBodies(to).one(key, () => bringing(to, resources));
}

/** A body that brings resources of a set, and says nothing else. */
function bringing(to: TypeSnapshot, resources: readonly EncodedResource[]): ResponseBody {
  return { typeUrl: to.typeUrl, version: wireVersion(to), resources, removed: [] };
}

function nothingNew(to: TypeSnapshot, _subscription: Subscription): ResponseBody {
  return bringing(to, []);
}

/** Of what is told with a reason, nothing else is said: that it is not found means that it is removed (R28, R35). */
function withErrors(body: ResponseBody, errors: readonly NamedError[]): ResponseBody {
  const told = new Set(errors.map(({ name }) => name));
  return { ...body, removed: body.removed.filter(name => !told.has(name)), errors };
}

function remembered(make: BodyOf): BodyOf {
  const table = memo2((_to: TypeSnapshot, _subscription: Subscription) =>
    memo1((_from: object) => memo1((_again: Subscription): { body?: ResponseBody | undefined } => ({}))),
  );
  return owing => {
    const slot = table(owing.to, owing.subscription)(owing.from ?? nothing)(owing.again);
    if (!('body' in slot)) slot.body = make(owing);
    return slot.body;
  };
}

/** A whole set as one response. Remembered apart from its reason, since many reasons lead to it. */
const whole = memo2(
  (to: TypeSnapshot, subscription: Subscription): ResponseBody => bringing(to, subscribed(to, subscription)),
);

/** SotW, types whose absence deletes: everything subscribed, if any of it changed or is asked for (R15, R16, R26). */
export const completeBody: BodyOf = obvious(
  memoised(owing => {
    const { from, to, subscription, again } = owing;
    if (again.wildcard || [...again.names].some(name => askedBy(to, name).length > 0)) return whole(to, subscription);
    const { changed, removed } = changes({ from, to, subscription });
    return changed.length > 0 || removed.length > 0 || isRenumbered(owing) ? whole(to, subscription) : undefined;
  }, whole),
  { whole: true },
);

/** SotW, other types: what changed or is asked for, if it exists; absence says nothing (R27, R29). */
export const partialBody: BodyOf = obvious(
  memoised(owing => {
    const { to, subscription } = owing;
    if (wantsAll(owing) || isRenumbered(owing)) {
      const body = whole(to, subscription);
      return body.resources.length > 0 ? body : undefined;
    }
    const resources = wanted(owing);
    return resources.length > 0 ? bringing(to, resources) : undefined;
  }),
);

/** Delta: what changed or is asked for, and the names of what is gone or asked for in vain (R16, R28, R29). */
export const deltaBody: BodyOf = obvious(
  memoised(owing => {
    const { to, subscription, again } = owing;
    const absence = absent(owing, gone(owing), askedInVain(owing));
    if (wantsAll(owing)) {
      const body = whole(to, subscription);
      const untold = again.wildcard ? untoldTables(to, body.resources) : [];
      if (untold.length > 0) {
        return withAbsence(body, { ...absence, removed: [...new Set([...absence.removed, ...untold])].sort() });
      }
      if (isAny(absence)) return withAbsence(body, absence);
      // The first wildcard answer is owed even when there is nothing (R25).
      return body.resources.length > 0 || again.wildcard ? body : undefined;
    }
    const resources = wanted(owing);
    if (resources.length === 0 && !isAny(absence) && !again.wildcard) return undefined;
    return withAbsence(bringing(to, resources), absence);
  }),
);

/** How a type's clients are told that names do not exist. */
type Absence = Pick<ResponseBody, 'resources' | 'removed'>;

function absent(
  { to: { typeUrl }, subscription }: Pick<Owing, 'to' | 'subscription'>,
  removed: ReadonlySet<string>,
  inVain: readonly string[],
): Absence {
  if (resourceType(typeUrl).absent === undefined) {
    const names = inVain.length > 0 ? new Set([...removed, ...inVain]) : removed;
    return { resources: [], removed: [...names].sort() };
  }
  // Only who asks by name learns that there is no such name; from others it is taken.
  const unknown = inVain.filter(name => subscription.names.has(name) && !removed.has(name));
  const taken = inVain.filter(name => !subscription.names.has(name));
  return { resources: unknown.map(absentResource), removed: [...new Set([...removed, ...taken])].sort() };
}

/**
 * A name out of each route table whose virtual hosts are all on demand and none of them told of. Envoy waits for a first
 * word about each table, and an empty answer is about none; that one of its hosts is not there is one (R25, R46).
 */
function untoldTables({ typeUrl, resources }: TypeSnapshot, told: readonly EncodedResource[]): readonly string[] {
  if (resourceType(typeUrl).absent === undefined || told.length === resources.size) return [];
  const tables = new Set(told.map(each => tableOf(each.name)));
  const untold: string[] = [];
  for (const name of resources.keys()) {
    if (tables.has(tableOf(name))) continue;
    tables.add(tableOf(name));
    untold.push(name);
  }
  return untold;
}

/** A virtual host is called by its route table, a slash and its own name. */
function tableOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

function isAny({ resources, removed }: Absence): boolean {
  return resources.length > 0 || removed.length > 0;
}

function withAbsence(body: ResponseBody, { resources, removed }: Absence): ResponseBody {
  return { ...body, resources: resources.length > 0 ? [...body.resources, ...resources] : body.resources, removed };
}

/**
 * What a reconnecting delta client lacks, by the versions it says it has (R18). Private to the stream. What it has and
 * should not is told apart, for whoever decides when it may go.
 */
export function resumedBody(
  to: TypeSnapshot,
  subscription: Subscription,
  has: ReadonlyMap<string, string>,
  again: Subscription,
): { readonly body: ResponseBody | undefined; readonly leftover: readonly string[] } {
  const asked = new Set(resourcesAsked(to, again));
  const { body, inVain } = wholly(to, subscription);
  const resources = body.resources.filter(each => has.get(each.name) !== each.version || asked.has(each));
  // Nearly all of what comes back is there still, by its own name.
  const isPlainly = isPlain(to, subscription) ? to.resources : noNames;
  const leftover: string[] = [];
  for (const name of has.keys()) {
    if (!isPlainly.has(name) && covers(subscription, name) && !isSeen(to, subscription, name)) leftover.push(name);
  }
  const lacking = inVain.filter(name => !has.has(name));
  const absence = absent({ to, subscription }, noNames, lacking);
  if (resources.length === 0 && !isAny(absence)) return { body: undefined, leftover };
  return {
    body: withAbsence(bringing(to, resources), absence),
    leftover,
  };
}

/** What whoever subscribes to it sees of a set, and the names that it does not see anything of. */
const wholly = memo2((to: TypeSnapshot, subscription: Subscription) => ({
  body: whole(to, subscription),
  inVain: [...subscription.names].filter(name => !isSeen(to, subscription, name)),
}));

function isSeen(to: TypeSnapshot, subscription: Subscription, name: string): boolean {
  return askedAndSeen(to, subscription, name).length > 0;
}

function resourcesAsked(to: TypeSnapshot, again: Subscription): readonly EncodedResource[] {
  return again.wildcard ? [...to.resources.values()] : [...again.names].flatMap(name => askedBy(to, name));
}

/** The same body, and names to be removed with it. */
export function withRemoved(to: TypeSnapshot, body: ResponseBody | undefined, names: readonly string[]): ResponseBody {
  const removed = [...(body?.removed ?? []), ...names].sort();
  return { typeUrl: to.typeUrl, version: wireVersion(to), resources: body?.resources ?? [], removed };
}

/** The same body for a client that knows of errors: removals of what it asks for by name have reasons (R35). */
export function withReasons(to: TypeSnapshot, subscription: Subscription, body: ResponseBody): ResponseBody {
  const removed = new Set(body.removed);
  const errors = errorsOwed(undefined, to, subscription, NONE).filter(({ name }) => removed.has(name));
  return errors.length > 0 ? withErrors(body, errors) : body;
}

/** All names of which a response says that there is nothing. */
export function namesMissing({ removed, errors = [] }: ResponseBody): readonly string[] {
  return errors.length > 0 ? [...removed, ...errors.map(({ name }) => name)] : removed;
}

/** All names for which a response speaks: of what it brings, aliases and globs included, and of what is missing. */
export const namesIn: (body: ResponseBody) => readonly string[] = memo1(body => [
  ...body.resources.flatMap(({ name, aliases = [] }) => {
    const glob = globAround(name);
    return glob === undefined ? [name, ...aliases] : [name, glob, ...aliases];
  }),
  ...namesMissing(body),
]);

/** Who gives versions by hand says by another one that there is something new. In delta a type's version says nothing. */
function isRenumbered({ from, to }: Owing): boolean {
  return to.numbered !== undefined && from !== undefined && wireVersion(from) !== to.numbered;
}

function wantsAll({ from, again, subscription }: Owing): boolean {
  return from === undefined || again === subscription || (again.wildcard && subscription.wildcard);
}

/** The resources of a set that are subscribed. */
export function subscribed(to: TypeSnapshot, subscription: Subscription): readonly EncodedResource[] {
  if (!isPlain(to, subscription)) return sendable(viewOf(to, subscription).resources.values());
  return sendable(subscription.wildcard ? to.resources.values() : named(to, subscription.names));
}

function sendable(resources: Iterable<EncodedResource>): readonly EncodedResource[] {
  return [...resources].filter(each => !each.unsent);
}

function named(to: TypeSnapshot, names: Iterable<string>): readonly EncodedResource[] {
  const found: EncodedResource[] = [];
  for (const name of names) {
    const resource = to.resources.get(name);
    if (resource) found.push(resource);
  }
  return found;
}

/** What has changed for the subscription between two sets, and is not withheld. */
function changes(owing: Pick<Owing, 'from' | 'to' | 'subscription'>): TypeDiff {
  const { changed, removed } = allChanges(owing);
  const { withheld } = owing.to;
  if (!withheld) return { changed, removed };
  return {
    changed: changed.filter(each => !withheld.has(each.name)),
    removed: removed.filter(name => !withheld.has(name)),
  };
}

function allChanges({ from, to, subscription }: Pick<Owing, 'from' | 'to' | 'subscription'>): TypeDiff {
  if (isPlain(to, subscription) && (!from || isPlain(from, subscription))) {
    const { changed, removed } = diffTypes(from, to);
    if (subscription.wildcard) return { changed, removed };
    const { names } = subscription;
    return { changed: changed.filter(each => names.has(each.name)), removed: removed.filter(name => names.has(name)) };
  }
  return diffTypes(from && viewOf(from, subscription), viewOf(to, subscription));
}

function wanted(owing: Owing): readonly EncodedResource[] {
  const { changed } = changes(owing);
  const { to, again, subscription } = owing;
  if (again === NONE) return sendable(changed);
  const found = new Map(changed.map(each => [each.name, each]));
  for (const name of again.names) {
    for (const each of askedAndSeen(to, subscription, name)) found.set(each.name, each);
  }
  return sendable(found.values());
}

const noNames: ReadonlySet<string> = new Set();

function gone(owing: Owing): ReadonlySet<string> {
  return owing.from ? new Set(changes(owing).removed) : noNames;
}

/** Names that are asked for in vain: at first, all that there is nothing of. */
function askedInVain({ from, to, subscription, again }: Owing): readonly string[] {
  const asked = from ? again.names : new Set([...subscription.names, ...again.names]);
  return [...asked].filter(name => askedAndSeen(to, subscription, name).length === 0);
}
