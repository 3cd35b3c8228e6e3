import { sameItems, shareStructure } from '../base/memo.ts';

interface Entry<R> {
  readonly from: readonly unknown[];
  readonly result: R;
}

/** Returns what it made before, as long as it is made `from` the same things. */
export type Keep<R> = (owner: object, slot: string, from: readonly unknown[], make: () => R) => R;

/** The last two are kept, so that a preview between two builds costs the second one nothing. */
const remembered = 2;

/**
 * Memoisation for results made of a varying number of things. Results are remembered per owner (an object of the
 * policy, as long as it lives) and slot; `from` is compared item by item, by identity. `make` must be pure and depend
 * on owner, slot and `from` alone.
 */
export function keeping<R>(finish: (last: R | undefined, made: R) => R = (_, made) => made): Keep<R> {
  const known = new WeakMap<object, Map<string, readonly Entry<R>[]>>();
  return (owner, slot, from, make) => {
    const slots = known.get(owner) ?? new Map<string, readonly Entry<R>[]>();
    known.set(owner, slots);
    const entries = slots.get(slot) ?? [];
    const hit = entries.find(entry => sameItems(entry.from, from));
    if (hit) {
      if (hit !== entries[0]) slots.set(slot, [hit, ...entries.filter(entry => entry !== hit)]);
      return hit.result;
    }
    const result = finish(entries[0]?.result, make());
    slots.set(slot, [{ from, result }, ...entries].slice(0, remembered));
    return result;
  };
}

/** {@link keeping} for small plain data: what is equal to the last result is that very object, whatever it was made from. */
export function keepingEqual<R>(): Keep<R> {
  return keeping<R>(shareStructure);
}

/** {@link keeping} for a list that is made of nothing but its items: the same items give the same list. */
export function keepingList<T>(): (owner: object, slot: string, items: readonly T[]) => readonly T[] {
  const keep = keeping<readonly T[]>();
  return (owner, slot, items) => keep(owner, slot, items, () => items);
}
