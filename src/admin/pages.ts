import { compareText } from '../base/compare.ts';
import { ApiError } from './problem-json.ts';

/** By what the items of a list are in order: no two have the same. */
export type PageKey = readonly (string | number)[];

export interface PageAsked {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/**
 * A page of a list, in the order of its keys. The next page begins after the key of the last item, so that items which
 * come and go meanwhile neither hide others nor show them twice.
 *
 * @throws ApiError 400 when the cursor is none of ours
 */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => PageKey,
  { limit, cursor }: PageAsked,
): { readonly page: readonly T[]; readonly next?: string } {
  const after = cursor === undefined ? undefined : read(cursor);
  const keyed = items.map(item => ({ item, key: keyOf(item) })).sort((a, b) => compareKeys(a.key, b.key));
  const due = after === undefined ? keyed : keyed.filter(({ key }) => compareKeys(key, after) > 0);
  const page = due.slice(0, limit);
  const last = page.at(-1);
  return {
    page: page.map(each => each.item),
    ...(last && due.length > limit ? { next: Buffer.from(JSON.stringify(last.key)).toString('base64url') } : {}),
  };
}

function compareKeys(a: PageKey, b: PageKey): number {
  for (const [index, one] of a.entries()) {
    const other = b[index];
    if (one === other) continue;
    if (typeof one === 'number' && typeof other === 'number') return one - other;
    return compareText(String(one), String(other));
  }
  return 0;
}

function read(cursor: string): PageKey {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const isKey = (each: unknown) => typeof each === 'string' || typeof each === 'number';
    if (Array.isArray(value) && value.every(isKey)) return value;
  } catch {
    // Said below.
  }
  throw new ApiError(400, 'Invalid query', 'The cursor is none that this list has given.', {
    hint: 'begin without one, and take `next` of each answer for the next page',
  });
}
