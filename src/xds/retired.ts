import type { Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import { mergeRetired, retired } from './overlay.ts';
import { resourceType } from './resource-type.ts';
import { anyCounted, type Tally } from './tally.ts';

/** What is published no longer, and stays for a while all the same. */
export interface Retired {
  /** By type URL. */
  readonly sets: ReadonlyMap<string, TypeSnapshot>;
  /** And what the client brought from an earlier stream. */
  readonly leftover: boolean;
  /** Milliseconds that a request on the old routes may take, as far as it is known. */
  readonly longest?: number | undefined;
}

const noSets: ReadonlyMap<string, TypeSnapshot> = new Map();
export const nothing: Retired = { sets: noSets, leftover: false };

export function isAny({ sets, leftover }: Retired, tally: Tally): boolean {
  return sets.size > 0 || (leftover && anyCounted(tally, 'leftover'));
}

/** What of a snapshot goes with the next, of types whose old ones are removed last. */
export function retiredBy(from: Snapshot, to: Snapshot): ReadonlyMap<string, TypeSnapshot> {
  const found = new Map<string, TypeSnapshot>();
  for (const [url, type] of to.types) {
    const before = from.types.get(url);
    const made = resourceType(url).order === 'made';
    const gone = before && before !== type && made ? retired(before, type) : undefined;
    if (gone) found.set(url, gone);
  }
  return found;
}

export function merge(
  newer: ReadonlyMap<string, TypeSnapshot>,
  older: Retired,
  longest: number | undefined = older.longest,
): Retired {
  if (newer.size === 0) return older;
  const sets = new Map(older.sets);
  for (const [url, type] of newer) {
    const both = mergeRetired(type, older.sets.get(url));
    if (both) sets.set(url, both);
  }
  return { ...older, sets, longest: longest === undefined ? undefined : Math.max(longest, older.longest ?? 0) };
}

/** With what was retired later, oldest first. */
export function mergeAll(older: Retired, later: readonly Retired[]): Retired {
  return later.reduce((all, each) => {
    const both = merge(each.sets, all, each.longest);
    return each.leftover && !both.leftover ? { ...both, leftover: true } : both;
  }, older);
}

/** What is kept of a type, newest first. */
export function keptOf(typeUrl: string, kept: readonly Retired[]): TypeSnapshot | undefined {
  return kept.reduce<TypeSnapshot | undefined>((all, { sets }) => mergeRetired(all, sets.get(typeUrl)), undefined);
}

export function withoutSets(kept: Retired): Retired {
  return kept.sets.size === 0 ? kept : { ...kept, sets: noSets };
}
