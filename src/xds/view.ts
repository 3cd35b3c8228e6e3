import { memo1, memo2 } from '../base/memo.ts';
import { globAround, isGlob } from '../snapshot/names.ts';
import type { EncodedResource, TypeSnapshot } from '../snapshot/snapshot.ts';
import { covers, type Subscription } from './subscription.ts';

/**
 * What a subscription sees of a set, where that takes more than comparing names: resources with other names, such that
 * the wildcard leaves out, and names that stand for many (R24, R44, R46). Views are made once for each set and interned
 * subscription, however many streams have it, and hold the set's own resources.
 */

interface Particulars {
  /** Resources by alias. */
  readonly aliases: ReadonlyMap<string, readonly EncodedResource[]>;
  readonly onDemand: boolean;
  /** The shortest time to live in milliseconds, if any is limited. */
  readonly ttl: number | undefined;
}

const particulars: (set: TypeSnapshot) => Particulars = memo1(({ resources }) => {
  const aliases = new Map<string, EncodedResource[]>();
  let onDemand = false;
  let ttl: number | undefined;
  for (const resource of resources.values()) {
    for (const alias of resource.aliases ?? []) listed(aliases, alias).push(resource);
    onDemand ||= resource.onDemand === true;
    if (resource.limited) ttl = Math.min(ttl ?? Number.POSITIVE_INFINITY, resource.limited.ttl);
  }
  return { aliases, onDemand, ttl };
});

/** True if names and the wildcard alone say what is seen. */
export function isPlain(set: TypeSnapshot, subscription: Subscription): boolean {
  const { aliases, onDemand } = particulars(set);
  return aliases.size === 0 && !(onDemand && subscription.wildcard) && !subscription.globs;
}

/** The shortest time to live of the set, in milliseconds. */
export function shortestTtl(set: TypeSnapshot): number | undefined {
  return particulars(set).ttl;
}

/** The part of a set that is subscribed, as a set. */
export const viewOf: (set: TypeSnapshot, subscription: Subscription) => TypeSnapshot = memo2((set, subscription) => {
  const resources = new Map([...set.resources].filter(([, resource]) => sees(subscription, resource)));
  return { typeUrl: set.typeUrl, version: set.version, resources };
});

function sees(subscription: Subscription, resource: EncodedResource): boolean {
  const { name, aliases = [], onDemand } = resource;
  const byName = subscription.names.has(name) || aliases.some(alias => subscription.names.has(alias));
  return byName || (onDemand ? false : covers(subscription, name));
}

/** The resources that a name asks for: one, all that have it as an alias, all members of a glob, or none. */
export function askedBy(set: TypeSnapshot, name: string): readonly EncodedResource[] {
  const found = set.resources.get(name);
  const others = particulars(set).aliases.get(name) ?? (isGlob(name) ? globs(set).get(name) : undefined) ?? [];
  return found ? [found, ...others] : others;
}

/** Those of them that the subscription sees: the wildcard does not bring what is on demand. */
export function askedAndSeen(set: TypeSnapshot, subscription: Subscription, name: string): readonly EncodedResource[] {
  const asked = askedBy(set, name);
  if (isPlain(set, subscription)) return asked.filter(each => covers(subscription, each.name));
  const { resources } = viewOf(set, subscription);
  return asked.filter(each => resources.has(each.name));
}

/** Members by glob. */
const globs: (set: TypeSnapshot) => ReadonlyMap<string, readonly EncodedResource[]> = memo1(({ resources }) => {
  const members = new Map<string, EncodedResource[]>();
  for (const resource of resources.values()) {
    const glob = globAround(resource.name);
    if (glob !== undefined && !resource.onDemand) listed(members, glob).push(resource);
  }
  return members;
});

function listed<T>(lists: Map<string, T[]>, key: string): T[] {
  const found = lists.get(key) ?? [];
  lists.set(key, found);
  return found;
}
