/**
 * Full rebuild, memoised by identity: a stage is written as if it rebuilt everything, and remembers results per
 * input object. Untouched inputs stay the same objects, so a change costs what it touches.
 */

/** Remembers `make(a)` for as long as `a` lives. `make` must be pure. */
export function memo1<A extends object, R>(make: (a: A) => R): (a: A) => R {
  const known = new WeakMap<A, { readonly result: R }>();
  return a => {
    const hit = known.get(a);
    if (hit) return hit.result;
    const result = make(a);
    known.set(a, { result });
    return result;
  };
}

/** Remembers `make(a, b)` per pair of objects. */
export function memo2<A extends object, B extends object, R>(make: (a: A, b: B) => R): (a: A, b: B) => R {
  return memo2Told(make).of;
}

/**
 * {@link memo2} that may also be told what it would make, by who knows it already: `know` must be given just that.
 */
export function memo2Told<A extends object, B extends object, R>(
  make: (a: A, b: B) => R,
): { readonly of: (a: A, b: B) => R; readonly know: (a: A, b: B, result: R) => void } {
  const perA = memo1((_: A) => new WeakMap<B, { readonly result: R }>());
  const know = (a: A, b: B, result: R): void => {
    perA(a).set(b, { result });
  };
  const of = (a: A, b: B): R => {
    const hit = perA(a).get(b);
    if (hit) return hit.result;
    const result = make(a, b);
    know(a, b, result);
    return result;
  };
  return { of, know };
}

/**
 * {@link memo1} for things some of which are much alike: whoever asks may name one that was made before, out of which this
 * one may be made. `make` must be pure, and give the same content whatever is named.
 */
export function memoLike<A extends object, R>(make: (given: A, like: R | undefined) => R): (given: A, like?: A) => R {
  const known = new WeakMap<A, { readonly result: R }>();
  return (given, like) => {
    const hit = known.get(given);
    if (hit) return hit.result;
    const result = make(given, like && known.get(like)?.result);
    known.set(given, { result });
    return result;
  };
}

/** What was made last, and of what. */
export interface Before<A, R> {
  readonly given: A;
  readonly made: R;
}

/**
 * {@link memo1} for things that follow one another: what is made anew may be made out of what was made last, if the thing
 * that it was made of still lives. `make` must be pure, and give the same content whatever was before.
 *
 * What is made must hold no function that `make` has made beside one that uses `before`: functions made in one place hold
 * all that any of them uses, and so each result would hold the one before it, back to the first.
 */
export function memoUpon<A extends object, R>(
  make: (given: A, before: Before<A, R> | undefined) => R,
): (given: A) => R {
  const known = new WeakMap<A, Before<A, R>>();
  let last: WeakRef<A> | undefined;
  return given => {
    const hit = known.get(given);
    if (hit) return hit.made;
    const before = last?.deref();
    const made = make(given, before && known.get(before));
    known.set(given, { given, made });
    last = new WeakRef(given);
    return made;
  };
}

/**
 * `list.map(make)` for lists that follow one another, of one owner and slot: what was made of an item is taken over where
 * the last list has the very item in the same place, and a list of which nothing else is made is the last one's. So a
 * change of long lists costs a walk over them without a look at what they hold. `make` must be pure.
 */
export function keepingEach<A, R>(
  make: (item: A) => R,
): (owner: object, slot: string, list: readonly A[]) => readonly R[] {
  const known = new WeakMap<object, Map<string, { readonly list: readonly A[]; readonly made: readonly R[] }>>();
  return (owner, slot, list) => {
    const slots = known.get(owner) ?? new Map<string, { readonly list: readonly A[]; readonly made: readonly R[] }>();
    known.set(owner, slots);
    const last = slots.get(slot);
    if (last?.list === list) return last.made;
    const made = last?.list.length === list.length ? takenOver(last, list, make) : list.map(make);
    slots.set(slot, { list, made });
    return made;
  };
}

function takenOver<A, R>(
  last: { readonly list: readonly A[]; readonly made: readonly R[] },
  list: readonly A[],
  make: (item: A) => R,
): readonly R[] {
  let changed: R[] | undefined;
  for (let at = 0; at < list.length; at++) {
    const item = list[at] as A;
    if (item === last.list[at]) continue;
    const made = make(item);
    if (made === last.made[at]) continue;
    changed ??= last.made.slice();
    changed[at] = made;
  }
  return changed ?? last.made;
}

/** Whether two lists hold the very same items. */
export function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => Object.is(item, b[index]));
}

/**
 * `next` rebuilt out of `previous`'s own objects wherever the two are deeply equal, so that identity means equality
 * for every stage that follows. Works on plain JSON-like values (records and arrays); key order does not count.
 */
export function shareStructure<T>(previous: unknown, next: T): T {
  if (previous === undefined || Object.is(previous, next)) return next;
  if (Array.isArray(next)) {
    const old = Array.isArray(previous) ? previous : [];
    const items = next.map((item, index) => shareStructure(old[index], item));
    const same = Array.isArray(previous) && old.length === items.length && items.every((item, i) => item === old[i]);
    // What has all of it that it can have stays as it is.
    return same ? (previous as T) : items.every((item, i) => item === next[i]) ? next : (items as T);
  }
  if (isRecord(next)) {
    const old = isRecord(previous) ? previous : {};
    const keys = Object.keys(next);
    // Made at the first difference only: nearly everything is equal.
    let shared: [string, unknown][] | undefined;
    for (const [index, key] of keys.entries()) {
      const known = Object.hasOwn(old, key);
      const value = shareStructure(known ? old[key] : undefined, next[key]);
      if (!shared && known && Object.is(value, old[key])) continue;
      shared ??= keys.slice(0, index).map(earlier => [earlier, old[earlier]]);
      shared.push([key, value]);
    }
    if (shared) return shared.every(([key, value]) => value === next[key]) ? next : (Object.fromEntries(shared) as T);
    const same = isRecord(previous) && Object.keys(previous).length === keys.length;
    return (same ? previous : Object.fromEntries(keys.map(key => [key, old[key]]))) as T;
  }
  return next;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
