import type { EncodedResource } from './snapshot.ts';

/**
 * Resources by name, in the order of the names. One that has others in place of some shares the names with it, so that
 * it costs a copy of a list and not of a map.
 */
export class ResourcesByName implements ReadonlyMap<string, EncodedResource> {
  // Not hidden: whoever prints or compares sets, in a test of theirs, is to see what is in them.
  private readonly places: ReadonlyMap<string, number>;
  private readonly list: readonly EncodedResource[];

  private constructor(places: ReadonlyMap<string, number>, list: readonly EncodedResource[]) {
    this.places = places;
    this.list = list;
  }

  /** @param ordered by name; of two with one name the last counts. */
  static of(ordered: Iterable<EncodedResource>): ResourcesByName {
    const places = new Map<string, number>();
    const list: EncodedResource[] = [];
    for (const each of ordered) {
      const known = places.get(each.name);
      list[known ?? list.length] = each;
      if (known === undefined) places.set(each.name, list.length - 1);
    }
    return new ResourcesByName(places, list);
  }

  /** The same with these in place of those by their names, all of which it has. */
  with(fresh: readonly EncodedResource[]): ResourcesByName {
    const list = this.list.slice();
    for (const each of fresh) list[this.placeOf(each.name)] = each;
    return new ResourcesByName(this.places, list);
  }

  /** @throws Error when it has no such name. */
  placeOf(name: string): number {
    const place = this.places.get(name);
    if (place === undefined) throw new Error(`there is no resource ${name}`);
    return place;
  }

  /** From a place on, so many. */
  slice(from: number, count: number): readonly EncodedResource[] {
    return this.list.slice(from, from + count);
  }

  get size(): number {
    return this.list.length;
  }

  get(name: string): EncodedResource | undefined {
    const place = this.places.get(name);
    return place === undefined ? undefined : this.list[place];
  }

  has(name: string): boolean {
    return this.places.has(name);
  }

  keys(): MapIterator<string> {
    return this.places.keys();
  }

  values(): ArrayIterator<EncodedResource> {
    return this.list.values();
  }

  *entries(): Generator<[string, EncodedResource], undefined, unknown> {
    for (const each of this.list) yield [each.name, each];
  }

  [Symbol.iterator](): Generator<[string, EncodedResource], undefined, unknown> {
    return this.entries();
  }

  forEach(act: (value: EncodedResource, name: string, map: ReadonlyMap<string, EncodedResource>) => void): void {
    for (const each of this.list) act(each, each.name, this);
  }
}
