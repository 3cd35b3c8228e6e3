import { memo1, memo2 } from '../base/memo.ts';
import { diffTypes } from '../snapshot/diff.ts';
import type { EncodedResource, TypeSnapshot } from '../snapshot/snapshot.ts';
import { covers, NONE, type Subscription } from './subscription.ts';

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
}

/** What a stream is owed: the way from `from` (undefined: nothing was sent yet) to `to`. */
export interface Owing {
  readonly from: TypeSnapshot | undefined;
  readonly to: TypeSnapshot;
  readonly subscription: Subscription;
  /** To be sent even if unchanged: newly subscribed (R16), or in doubt. Its wildcard asks for everything. */
  readonly again: Subscription;
}

/** @returns undefined if nothing has to be sent. */
type BodyOf = (owing: Owing) => ResponseBody | undefined;

/** Stands for "nothing was sent yet" where a key must be an object. */
const nothing = {};

function memoised(make: BodyOf): BodyOf {
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
  (to: TypeSnapshot, subscription: Subscription): ResponseBody => ({
    typeUrl: to.typeUrl,
    version: to.version,
    resources: subscribed(to, subscription),
    removed: [],
  }),
);

/** SotW, types whose absence deletes: everything subscribed, if any of it changed or is asked for (R15, R16, R26). */
export const completeBody: BodyOf = memoised(owing => {
  const { from, to, subscription, again } = owing;
  const asked = again.wildcard || [...again.names].some(name => to.resources.has(name));
  return asked || differs(from, to, subscription) ? whole(to, subscription) : undefined;
});

/** SotW, other types: what changed or is asked for, if it exists; absence says nothing (R27, R29). */
export const partialBody: BodyOf = memoised(owing => {
  const { to, subscription } = owing;
  if (wantsAll(owing)) {
    const body = whole(to, subscription);
    return body.resources.length > 0 ? body : undefined;
  }
  const resources = wanted(owing);
  return resources.length > 0 ? { typeUrl: to.typeUrl, version: to.version, resources, removed: [] } : undefined;
});

/** Delta: what changed or is asked for, and the names of what is gone or asked for in vain (R16, R28, R29). */
export const deltaBody: BodyOf = memoised(owing => {
  const { to, subscription, again } = owing;
  const removed = missing(owing);
  if (wantsAll(owing)) {
    const body = whole(to, subscription);
    if (removed.length > 0) return { ...body, removed };
    // The first wildcard answer is owed even when there is nothing (R25).
    return body.resources.length > 0 || again.wildcard ? body : undefined;
  }
  const resources = wanted(owing);
  if (resources.length === 0 && removed.length === 0 && !again.wildcard) return undefined;
  return { typeUrl: to.typeUrl, version: to.version, resources, removed };
});

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
  const resources = subscribed(to, subscription).filter(
    ({ name, version }) => has.get(name) !== version || covers(again, name),
  );
  const leftover = [...has.keys()].filter(name => covers(subscription, name) && !to.resources.has(name));
  const removed = [...subscription.names].filter(name => !to.resources.has(name) && !has.has(name));
  if (resources.length === 0 && removed.length === 0) return { body: undefined, leftover };
  return { body: { typeUrl: to.typeUrl, version: to.version, resources, removed }, leftover };
}

/** The same body, and names to be removed with it. */
export function withRemoved(to: TypeSnapshot, body: ResponseBody | undefined, names: readonly string[]): ResponseBody {
  const removed = [...(body?.removed ?? []), ...names].sort();
  return { typeUrl: to.typeUrl, version: to.version, resources: body?.resources ?? [], removed };
}

/** Names that a response has brought, or taken away. */
export const namesIn: (body: ResponseBody) => readonly string[] = memo1(body => [
  ...body.resources.map(each => each.name),
  ...body.removed,
]);

function wantsAll({ from, again, subscription }: Owing): boolean {
  return from === undefined || again === subscription || (again.wildcard && subscription.wildcard);
}

function subscribed(to: TypeSnapshot, subscription: Subscription): readonly EncodedResource[] {
  return subscription.wildcard ? [...to.resources.values()] : named(to, subscription.names);
}

function named(to: TypeSnapshot, names: Iterable<string>): readonly EncodedResource[] {
  const found: EncodedResource[] = [];
  for (const name of names) {
    const resource = to.resources.get(name);
    if (resource) found.push(resource);
  }
  return found;
}

function differs(from: TypeSnapshot | undefined, to: TypeSnapshot, subscription: Subscription): boolean {
  const { changed, removed } = diffTypes(from, to);
  return changed.some(({ name }) => covers(subscription, name)) || removed.some(name => covers(subscription, name));
}

function wanted({ from, to, subscription, again }: Owing): readonly EncodedResource[] {
  const changed = diffTypes(from, to).changed.filter(({ name }) => covers(subscription, name));
  if (again === NONE) return changed;
  const seen = new Set(changed.map(each => each.name));
  const names = [...again.names].filter(name => covers(subscription, name) && !seen.has(name));
  return [...changed, ...named(to, names)];
}

function missing({ from, to, subscription, again }: Owing): readonly string[] {
  const names = new Set<string>();
  const gone = from ? diffTypes(from, to).removed : [];
  for (const name of gone) if (covers(subscription, name)) names.add(name);
  // Names that are asked for in vain, all of them at first.
  if (!from) for (const name of subscription.names) if (!to.resources.has(name)) names.add(name);
  for (const name of again.names) if (!to.resources.has(name)) names.add(name);
  return names.size > 0 ? [...names].sort() : [];
}
