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
  asked: PageAsked,
): { readonly page: readonly T[]; readonly next?: string } {
  const finder = new PageFinder(keyOf, asked);
  for (const item of items) finder.add(item);
  const { page } = finder;
  const next = finder.nextAfter(page.length);
  return { page, ...(next === undefined ? {} : { next }) };
}

interface Keyed<T> {
  readonly item: T;
  readonly key: PageKey;
}

/** A page in the making: items are given to it in any order, and few more are kept than the page has. */
export class PageFinder<T> {
  readonly #keyOf: (item: T) => PageKey;
  readonly #limit: number;
  readonly #after: PageKey | undefined;
  #kept: Keyed<T>[] = [];
  /** Of a full page: what comes after it is on a later one. */
  #last: PageKey | undefined;
  #due = 0;

  /** @throws ApiError 400 when the cursor is none of ours */
  constructor(keyOf: (item: T) => PageKey, { limit, cursor }: PageAsked) {
    this.#keyOf = keyOf;
    this.#limit = limit;
    this.#after = cursor === undefined ? undefined : read(cursor);
  }

  add(item: T): void {
    const key = this.#keyOf(item);
    if (this.#after && compareKeys(key, this.#after) <= 0) return;
    this.#due += 1;
    if (this.#last && compareKeys(key, this.#last) > 0) return;
    this.#kept.push({ item, key });
    if (this.#kept.length >= 2 * this.#limit + atLeast) this.#settle();
  }

  /** What is on it of the items that were given so far, in order. */
  get page(): readonly T[] {
    this.#settle();
    return this.#kept.map(each => each.item);
  }

  /** The cursor of the page that follows the first `shown` items of this one, if there are any more. */
  nextAfter(shown: number): string | undefined {
    this.#settle();
    const last = this.#kept[shown - 1];
    return last && this.#due > shown ? Buffer.from(JSON.stringify(last.key)).toString('base64url') : undefined;
  }

  #settle(): void {
    this.#kept.sort((a, b) => compareKeys(a.key, b.key));
    this.#kept = this.#kept.slice(0, this.#limit);
    if (this.#kept.length === this.#limit) this.#last = this.#kept.at(-1)?.key;
  }
}

/** Short pages are not put in order at every other item. */
const atLeast = 200;

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
