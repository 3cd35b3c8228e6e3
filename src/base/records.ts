import { compareText } from './compare.ts';
import { memo2Told } from './memo.ts';

/** Records of many names that follow one another: what is other in the next one is known without a walk over all of it. */

type Entries = readonly (readonly [string, unknown])[];

const entries = new WeakMap<object, Entries>();
/** By the record before and the one after: places, in the order of names, of what is another value. */
const places = memo2Told(comparedPlaces);

/** Entries by name, the same list each time. */
export function entriesByName(record: object): Entries {
  const known = entries.get(record);
  if (known) return known;
  const found = Object.entries(record);
  // Nearly always they are in order: whoever reads a policy has seen to it.
  const ordered = found.every(([name], at) => at === 0 || (found[at - 1]?.[0] ?? '') < name);
  const made = ordered ? found : found.sort(([a], [b]) => compareText(a, b));
  entries.set(record, made);
  return made;
}

/** Places, in the order of names, at which the second of two records has another value; undefined where names came or went. */
export function changedPlaces(before: object, after: object): readonly number[] | undefined {
  return before === after ? [] : places.of(before, after);
}

function comparedPlaces(before: object, after: object): readonly number[] | undefined {
  const [old, now] = [entriesByName(before), entriesByName(after)];
  if (old.length !== now.length) return undefined;
  const changed: number[] = [];
  for (let at = 0; at < now.length; at++) {
    const [was, is] = [old[at], now[at]];
    if (!was || !is || was[0] !== is[0]) return undefined;
    if (was[1] !== is[1]) changed.push(at);
  }
  return changed;
}

/** The names of what another record has otherwise; undefined where names came or went. */
export function changedNames(before: object, after: object): readonly string[] | undefined {
  return changedPlaces(before, after)?.flatMap(at => entriesByName(after)[at]?.[0] ?? []);
}

/**
 * A record, in the order of its names, with other values under some of them; the record itself where they are not other.
 * Names that it does not have are passed over. What it differs in need not be looked for.
 */
export function withValues<T extends object>(record: T, values: ReadonlyMap<string, unknown>): T {
  const old = entriesByName(record);
  const now = old.slice();
  const changed: number[] = [];
  for (const [name, value] of values) {
    const at = placeOf(old, name);
    if (at === undefined || old[at]?.[1] === value) continue;
    now[at] = [name, value];
    changed.push(at);
  }
  if (changed.length === 0) return record;
  const made = Object.fromEntries(now) as T;
  entries.set(made, now);
  places.know(
    record,
    made,
    changed.sort((a, b) => a - b),
  );
  return made;
}

function placeOf(all: Entries, name: string): number | undefined {
  let [low, high] = [0, all.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareText(all[middle]?.[0] ?? '', name);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
