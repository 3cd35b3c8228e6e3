import { Interner } from '../base/interner.ts';
import { memo1 } from '../base/memo.ts';
import { canonicalName, globAround, isGlob } from '../snapshot/names.ts';

/**
 * Which resources of a type: everything, and/or by name. Interned: equal sets are one object in the whole process, so
 * that what is made for one stream is found again for all that subscribe to the same.
 */
export interface Subscription {
  readonly wildcard: boolean;
  /** Canonical (R43), in order. */
  readonly names: ReadonlySet<string>;
  /** Some of the names stand for all that lie below them (R44). */
  readonly globs: boolean;
}

const WILDCARD = '*';

const subscriptions = new Interner<Subscription>();

/** The one object for this set. */
export function subscriptionOf(wildcard: boolean, names: Iterable<string>): Subscription {
  const sorted = [...new Set(names)].sort();
  const made = (): Subscription => Object.freeze({ wildcard, names: new Set(sorted), globs: sorted.some(isGlob) });
  return subscriptions.one(JSON.stringify([wildcard, sorted]), made);
}

export const NONE: Subscription = subscriptionOf(false, []);
export const EVERYTHING: Subscription = subscriptionOf(true, []);

/** What a list of names stands for, `*` being everything. Remembered per list, so a repeated list costs nothing. */
export const subscriptionOfList: (names: readonly string[]) => Subscription = memo1(names =>
  subscriptionOf(names.includes(WILDCARD), names.filter(name => name !== WILDCARD).map(canonicalName)),
);

export function isEmpty(subscription: Subscription): boolean {
  return !subscription.wildcard && subscription.names.size === 0;
}

/** True if the name is subscribed, by itself, by a glob or by the wildcard. */
export function covers(subscription: Subscription, name: string): boolean {
  if (subscription.wildcard || subscription.names.has(name)) return true;
  const glob = subscription.globs ? globAround(name) : undefined;
  return glob !== undefined && subscription.names.has(glob);
}

export function union(a: Subscription, b: Subscription): Subscription {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  return subscriptionOf(a.wildcard || b.wildcard, [...a.names, ...b.names]);
}

/** `a` without what `b` holds. */
export function minus(a: Subscription, b: Subscription): Subscription {
  if (isEmpty(b) || isEmpty(a)) return a;
  if (a === b) return NONE;
  return subscriptionOf(
    a.wildcard && !b.wildcard,
    [...a.names].filter(name => !b.names.has(name)),
  );
}

/** What of `wanted` is still subscribed. */
export function within(wanted: Subscription, subscription: Subscription): Subscription {
  if (isEmpty(wanted)) return NONE;
  if (wanted === subscription) return wanted;
  const wildcard = wanted.wildcard && subscription.wildcard;
  return subscriptionOf(
    wildcard,
    [...wanted.names].filter(name => covers(subscription, name)),
  );
}
