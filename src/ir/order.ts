import { compareText } from '../base/compare.ts';
import { memoUpon } from '../base/memo.ts';
import { changedPlaces, entriesByName } from '../base/records.ts';

/** Entries by name, so that the order in which people write things has no meaning. */
export function sortedEntries<T>(record: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return entriesByName(record) as readonly (readonly [string, T])[];
}

/**
 * What `make` gives for each entry of a record, in the order of their names. Of records that follow one another only what
 * is another value is made anew. `make` must be pure.
 */
export function keepingEntries<V, R>(
  make: (name: string, value: V) => R,
): (record: Readonly<Record<string, V>>) => readonly R[] {
  return memoUpon((record: Readonly<Record<string, V>>, before) => {
    const places = before && changedPlaces(before.given, record);
    const entries = sortedEntries(record);
    if (places?.length === 0) return before?.made ?? [];
    if (!before || !places) return entries.map(([name, value]) => make(name, value));
    const made = before.made.slice();
    for (const at of places) {
      const entry = entries[at];
      if (entry) made[at] = make(...entry);
    }
    return made;
  });
}

/** The record's own value under `name`; never something inherited. */
export function lookup<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Each value once, in order of code units. */
export function sortedUnique(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort(compareText);
}
