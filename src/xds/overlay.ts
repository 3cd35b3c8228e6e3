import { memo2 } from '../base/memo.ts';
import { diffTypes } from '../snapshot/diff.ts';
import type { TypeSnapshot } from '../snapshot/snapshot.ts';
import { versionOf } from '../snapshot/type-version.ts';
import type { Withheld } from '../snapshot/withhold.ts';

/**
 * Sets between two published ones, for make-before-break (R37): what is new, together with what is no longer wanted but
 * still referred to. They are snapshots like any other, made once per pair and shared by all streams on the same way.
 */

const publishedOf = new WeakMap<TypeSnapshot, TypeSnapshot>();

/** The version of the published set whose resources the set holds in full; for a published set, its own. */
export function publishedVersion(snapshot: TypeSnapshot): string {
  return (publishedOf.get(snapshot) ?? snapshot).version;
}

/** What `to` no longer has of `from`, except for what it withholds; undefined if nothing. */
export const retired: (from: TypeSnapshot, to: TypeSnapshot) => TypeSnapshot | undefined = memo2((from, to) => {
  const removed = diffTypes(from, to).removed.filter(name => !to.withheld?.has(name));
  return removed.length === 0 ? undefined : setOf(from, new Set(removed));
});

function setOf(from: TypeSnapshot, names: ReadonlySet<string>): TypeSnapshot {
  const resources = new Map([...from.resources].filter(([name]) => names.has(name)));
  return { typeUrl: from.typeUrl, version: versionOf(from.typeUrl, resources), resources };
}

/** A set in which contents are replaced by what stands in their place. The set itself if it has none of them. */
export function replacedIn(set: TypeSnapshot, contents: readonly Withheld[]): TypeSnapshot {
  const found = contents.filter(
    ({ typeUrl, name, version }) => typeUrl === set.typeUrl && set.resources.get(name)?.version === version,
  );
  if (found.length === 0) return set;
  const resources = new Map(set.resources);
  for (const { name, instead } of found) {
    if (instead) resources.set(name, instead);
    else resources.delete(name);
  }
  return { typeUrl: set.typeUrl, version: versionOf(set.typeUrl, resources), resources };
}

/** All of `newer`, and what `older` has beyond it. `newer` itself if that is nothing. */
const beyond = memo2((newer: TypeSnapshot, older: TypeSnapshot): TypeSnapshot => {
  const names = new Set([...newer.resources.keys(), ...older.resources.keys()]);
  if (names.size === newer.resources.size) return newer;
  const resources = new Map(
    [...names].sort().flatMap(name => {
      const resource = newer.resources.get(name) ?? older.resources.get(name);
      return resource ? [[name, resource] as const] : [];
    }),
  );
  return { ...newer, version: versionOf(newer.typeUrl, resources), resources };
});

/** Two sets of retired resources as one; of a name in both, the newer one's. */
export function mergeRetired(
  newer: TypeSnapshot | undefined,
  older: TypeSnapshot | undefined,
): TypeSnapshot | undefined {
  return newer && older ? beyond(newer, older) : (newer ?? older);
}

/** A published set with what is still kept of earlier ones. The published set itself if there is nothing to keep. */
export function overlay(published: TypeSnapshot, kept: TypeSnapshot | undefined): TypeSnapshot {
  if (kept === undefined) return published;
  const made = beyond(published, kept);
  if (made !== published) publishedOf.set(made, published);
  return made;
}

/** True if `held` has every resource of `wanted`, at its version. Of a published set and itself at once. */
export function holds(held: TypeSnapshot, wanted: TypeSnapshot): boolean {
  return held === wanted || publishedOf.get(held) === wanted || diffTypes(held, wanted).changed.length === 0;
}

/** True if `held` has something under every name of `wanted`. */
export function names(held: TypeSnapshot, wanted: TypeSnapshot | undefined): boolean {
  if (wanted === undefined || held === wanted || publishedOf.get(held) === wanted) return true;
  return diffTypes(wanted, held).removed.length === 0;
}

/** Names whose content differs between two sets that both have them: what Envoy warms anew (R39). */
export const replaced: (from: TypeSnapshot, to: TypeSnapshot) => readonly string[] = memo2((from, to) =>
  diffTypes(from, to)
    .changed.map(each => each.name)
    .filter(name => from.resources.has(name)),
);
