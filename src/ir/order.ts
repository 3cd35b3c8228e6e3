import { compareText } from '../base/compare.ts';
import { memo1 } from '../base/memo.ts';

const sorted = memo1((record: object): readonly (readonly [string, unknown])[] =>
  Object.entries(record).sort(([a], [b]) => compareText(a, b)),
);

/** Entries by name, so that the order in which people write things has no meaning. */
export function sortedEntries<T>(record: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return sorted(record) as readonly (readonly [string, T])[];
}

/** The record's own value under `name`; never something inherited. */
export function lookup<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Each value once, in order of code units. */
export function sortedUnique(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort(compareText);
}
