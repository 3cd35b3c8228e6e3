import { compareText } from '../base/compare.ts';
import { memo1, memo2 } from '../base/memo.ts';

const sorted = memo1((record: object): readonly (readonly [string, unknown])[] => {
  const entries = Object.entries(record);
  // Nearly always they are: whoever reads a policy has put them in order.
  return entries.every(([name], at) => at === 0 || (entries[at - 1]?.[0] ?? '') < name)
    ? entries
    : entries.sort(([a], [b]) => compareText(a, b));
});

/** Entries by name, so that the order in which people write things has no meaning. */
export function sortedEntries<T>(record: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return sorted(record) as readonly (readonly [string, T])[];
}

/** Places, in the order of names, at which the second of two records has another value; undefined where names came or went. */
const changedPlaces = memo2((before: object, after: object): readonly number[] | undefined => {
  if (before === after) return [];
  const [old, now] = [sorted(before), sorted(after)];
  if (old.length !== now.length) return undefined;
  const places: number[] = [];
  for (let at = 0; at < now.length; at++) {
    const [was, is] = [old[at], now[at]];
    if (!was || !is || was[0] !== is[0]) return undefined;
    if (was[1] !== is[1]) places.push(at);
  }
  return places;
});

/** The names of what another record has otherwise; undefined where names came or went. Costs a walk over both, once. */
export function changedNames(before: object, after: object): readonly string[] | undefined {
  return changedPlaces(before, after)?.flatMap(at => sorted(after)[at]?.[0] ?? []);
}

/**
 * What `make` gives for each entry of a record, in the order of their names. Of records that follow one another only what
 * is another value is made anew. `make` must be pure.
 */
export function keepingEntries<V, R>(
  make: (name: string, value: V) => R,
): (record: Readonly<Record<string, V>>) => readonly R[] {
  const known = new WeakMap<object, readonly R[]>();
  let last: WeakRef<object> | undefined;
  return record => {
    const hit = known.get(record);
    if (hit) return hit;
    const before = last?.deref();
    const places = before && changedPlaces(before, record);
    const entries = sortedEntries(record);
    const made = [...((places && before && known.get(before)) ?? entries.map(([name, value]) => make(name, value)))];
    for (const at of places ?? []) {
      const entry = entries[at];
      if (entry) made[at] = make(...entry);
    }
    known.set(record, made);
    last = new WeakRef(record);
    return made;
  };
}

/** The record's own value under `name`; never something inherited. */
export function lookup<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Each value once, in order of code units. */
export function sortedUnique(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort(compareText);
}
