import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typeUrl } from '../../../proto/codec.ts';
import { diffTypes } from '../../../src/snapshot/diff.ts';
import {
  changedSnapshot,
  type RawChange,
  type RawError,
  type RawResource,
  rawSnapshot,
} from '../../../src/snapshot/raw.ts';
import { ResourcesByName } from '../../../src/snapshot/resources-by-name.ts';
import type { EncodedResource, Snapshot } from '../../../src/snapshot/snapshot.ts';
import { Chance } from '../../support/chance.ts';

/**
 * A snapshot of resources given as bytes that is made upon the last one is the snapshot that is made of all of them: its
 * versions, the order of its names, its errors, and what it differs in. Of one type there are more than one block of a
 * version holds, of the other fewer.
 */

const many = 'type.googleapis.com/test.Many';
const few = typeUrl('envoy.config.cluster.v3.Cluster');
const urls = [many, few] as const;
const room: Readonly<Record<string, number>> = { [many]: 700, [few]: 30 };

const nameOf = (at: number) => (at % 7 === 0 ? `xdstp://x/T/${at}` : `c${String(at).padStart(4, '0')}`);
const idOf = (each: Pick<RawResource, 'typeUrl' | 'name'>) => `${each.typeUrl} ${each.name}`;
const thing = (url: string, name: string, weight: number, more: Partial<RawResource> = {}): RawResource => {
  return { typeUrl: url, name, value: Uint8Array.of(weight), ...more };
};
const error = (name: string): RawError => {
  return { typeUrl: few, name, error: { code: 'NOT_FOUND', message: 'no' } };
};

/** All that a snapshot says. */
const contents = ({ version, types }: Snapshot) => [
  version,
  ...[...types].map(([url, type]) => [
    [url, type.version, type.numbered],
    [...type.resources].map(([name, each]) => [name, each.name, each.version, each.onDemand, [...each.deltaEntry]]),
    [...type.resources.keys()],
    type.errors && [...type.errors],
  ]),
];

/** Changes by chance, and what is there after them. */
class Made {
  all = new Map<string, RawResource | RawError>();
  versions: Record<string, string> = {};
  readonly #chance: Chance;
  #count = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
    const some = urls.flatMap(url => Array.from({ length: room[url] ?? 0 }, (_, at) => thing(url, nameOf(at), 1)));
    for (const each of some.filter((_, at) => at % 10 < 9)) this.#put(each);
  }

  next(): RawChange {
    const chance = this.#chance;
    const put: (RawResource | RawError)[] = [];
    const remove: Pick<RawResource, 'typeUrl' | 'name'>[] = [];
    // Half of the changes replace what is there and do nothing else.
    const rarely = chance.happens(0.5) ? 0 : 0.2;
    for (let times = chance.below(6); times > 0; times--) put.push(this.#replacement());
    for (const url of urls) {
      const anyName = () => nameOf(chance.below(room[url] ?? 0));
      const name = anyName();
      if (chance.happens(rarely)) put.push(thing(url, name, chance.below(9)));
      if (url === few && chance.happens(rarely)) put.push(error(name));
      if (chance.happens(rarely)) remove.push({ typeUrl: url, name: anyName() });
      if (chance.happens(rarely)) remove.push({ typeUrl: url, name: 'nobody' });
    }
    const versions = chance.happens(0.2) ? { [chance.of(urls)]: `by hand ${this.#count++}` } : undefined;
    const before = urls.map(url => this.#contentOf(url));
    for (const each of remove) this.all.delete(idOf(each));
    for (const each of put) this.#put(each);
    // A version by hand is that of its content, and stays with it.
    for (const [at, url] of urls.entries()) if (this.#contentOf(url) !== before[at]) delete this.versions[url];
    this.versions = { ...this.versions, ...versions };
    return { put, remove, ...(versions && { versions }) };
  }

  #contentOf(url: string): string {
    const all = [...this.all.values()].filter(each => each.typeUrl === url);
    return JSON.stringify(all.sort((a, b) => (a.name < b.name ? -1 : 1)));
  }

  #put(each: RawResource | RawError): void {
    this.all.set(idOf(each), each);
  }

  #replacement(): RawResource {
    const chance = this.#chance;
    const { typeUrl: url, name } = chance.of([...this.all.values()].filter(each => !('error' in each)));
    const about: readonly Partial<RawResource>[] = [{}, {}, {}, { onDemand: true }, { ttl: 1000 }, { aliases: ['b'] }];
    const version = chance.happens(0.1) && { version: `mine ${this.#count++}` };
    return thing(url, name, chance.below(9), { ...chance.of(about), ...version });
  }
}

for (const seed of [1, 2, 3]) {
  test(`R15: resources as bytes upon the last ones are these resources (seed ${seed})`, () => {
    const made = new Made(new Chance(seed));
    let last = rawSnapshot('k', [...made.all.values()]);
    for (let step = 0; step < 150; step++) {
      const before = last;
      const change = made.next();
      const given = [...made.all.values()];
      const anew = rawSnapshot('k', given, undefined, { versions: made.versions });
      const changed = changedSnapshot(before, change);
      assert.deepEqual(contents(changed), contents(anew), `step ${step}: changed`);
      const upon = rawSnapshot('k', given, before, { versions: made.versions });
      assert.deepEqual(contents(upon), contents(anew), `step ${step}: given as a whole`);
      assert.equal(changed === before, upon === before);
      assert.equal(changed === before, before.version === anew.version, `step ${step}: the very snapshot`);
      for (const next of [changed, upon]) follows(before, next, `step ${step}`);
      last = step % 2 === 0 ? changed : upon;
    }
  });
}

/** What is equal is the object that it was, and the difference is what is found by a comparison. */
function follows(before: Snapshot, next: Snapshot, step: string): void {
  for (const [url, set] of next.types) {
    const was = before.types.get(url);
    assert.ok(was && set.resources instanceof ResourcesByName);
    for (const [name, each] of set.resources) {
      assert.equal(set.resources.get(name), each);
      const old: EncodedResource | undefined = was.resources.get(name);
      if (old?.version === each.version) assert.equal(each, old, `${step}: ${name} is the object that it was`);
    }
    if (was.version === set.version && was.numbered === set.numbered) assert.equal(set, was, `${step}: ${url}`);
    // Of a copy nothing is known, so that it is compared.
    assert.deepEqual(diffTypes(was, set), diffTypes({ ...was }, set), step);
  }
}

test('what is not given again is gone, also where all that is given was there', () => {
  const [a, b] = [thing(few, 'a', 1), thing(few, 'b', 1)];
  for (const before of [
    [a, b],
    [a, error('b')],
  ])
    assert.deepEqual(contents(rawSnapshot('k', [a], rawSnapshot('k', before))), contents(rawSnapshot('k', [a])));
});

test('a version by hand is that of one content, also where resources are only replaced', () => {
  const first = rawSnapshot('k', [thing(few, 'a', 1), thing(few, 'b', 1)], undefined, { versions: { [few]: '1' } });
  const again = { put: [thing(few, 'a', 1)], versions: { [few]: '1' } };
  assert.equal(changedSnapshot(first, again), first);
  const other = { put: [thing(few, 'a', 2)], versions: { [few]: '1' } };
  assert.throws(() => changedSnapshot(first, other), /version "1" of .*Cluster is that of another content/);
  const newer = changedSnapshot(first, { ...again, versions: { [few]: '2' } });
  assert.equal(newer.types.get(few)?.version, '2');
});

test('a hash that is in force is no version by hand of another content', () => {
  const first = rawSnapshot('k', [thing(few, 'a', 1), thing(few, 'b', 1)]);
  const version = first.types.get(few)?.version ?? '';
  const versions = { [few]: version };
  const other = [thing(few, 'a', 2), thing(few, 'b', 1), thing(few, 'c', 1)];
  assert.throws(() => rawSnapshot('k', other, first, { versions }), /of .*Cluster is that of another content/);
  assert.throws(() => changedSnapshot(first, { put: other, versions }), /is that of another content/);
  assert.throws(() => changedSnapshot(first, { put: other.slice(0, 1), versions }), /is that of another content/);
  assert.equal(rawSnapshot('k', [thing(few, 'b', 1), thing(few, 'a', 1)], first, { versions }), first);
});

test('from a set under a version by hand that is the hash of the next one there is a difference', () => {
  const last = [thing(few, 'a', 1), thing(few, 'b', 1)];
  const version = rawSnapshot('k', last).types.get(few)?.version ?? '';
  const numbered = rawSnapshot('k', [thing(few, 'a', 2), thing(few, 'b', 1), thing(few, 'c', 1)], undefined, {
    versions: { [few]: version },
  });
  const [from, to] = [numbered, rawSnapshot('k', last, numbered)].map(each => each.types.get(few));
  assert.ok(to);
  const { changed, removed } = diffTypes(from, to);
  assert.deepEqual([changed.map(each => each.name), removed], [['a'], ['c']]);
});

test('where nothing is another, a version by hand stays', () => {
  const url = 'type.googleapis.com/test.Thing';
  const given = [thing(few, 'a', 1), thing(few, 'b', 1), error('e')];
  for (const all of [given, given.slice(0, 2)]) {
    const first = rawSnapshot('k', all, undefined, { versions: '1' });
    assert.equal(changedSnapshot(first, { put: all }), first);
    assert.equal(changedSnapshot(first, { put: all.slice(0, 1) }), first);
    assert.equal(changedSnapshot(first, { remove: [{ typeUrl: few, name: 'nobody' }] }), first);
    assert.equal(changedSnapshot(first, { remove: [{ typeUrl: url, name: 'nobody' }], versions: '1' }), first);
    const changed = changedSnapshot(first, { put: [thing(few, 'a', 2)] }).types.get(few);
    assert.equal(changed?.numbered, undefined);
  }
});

/** The snapshot, in which names of resources that are looked into are noted. */
function watched(snapshot: Snapshot, seen: Set<string>): Snapshot {
  const watch = (each: EncodedResource): EncodedResource =>
    new Proxy(each, {
      get: (target, key) => {
        seen.add(target.name);
        return Reflect.get(target, key);
      },
    });
  const types = [...snapshot.types].map(([url, type]) => {
    const resources = ResourcesByName.of([...type.resources.values()].map(watch));
    return [url, { ...type, resources }] as const;
  });
  return { ...snapshot, types: new Map(types) };
}

/** How many entries an act puts into maps, whether one by one or as copies. */
function putIntoMaps(act: () => void): number {
  const { set } = Map.prototype;
  let count = 0;
  Map.prototype.set = function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
    count += 1;
    return set.call(this, key, value);
  };
  try {
    act();
  } finally {
    Map.prototype.set = set;
  }
  return count;
}

test('one of 5,000 resources as bytes that is replaced costs no map, and no look at those beyond its block', () => {
  const all = Array.from({ length: 5000 }, (_, at) => thing(many, `c${10_000 + at}`, 1));
  const seen = new Set<string>();
  const replace = (from: Snapshot, at: number, weight: number, versions?: string) =>
    changedSnapshot(from, { put: [thing(many, `c${10_000 + at}`, weight)], ...(versions && { versions }) });
  // Hashes of all blocks once.
  let last = watched(rawSnapshot('k', all), seen);
  last = replace(last, 4999, 2);
  const expected = [
    [256, 3000, 2],
    // Texts of the block are known now.
    [16, 3000, 3],
    [16, 3001, 3],
    [256, 1000, 2],
    [1, 1000, 2],
    [16, 1000, 5, 'by hand'],
    [16, 1000, 6],
  ] as const;
  for (const [most, at, weight, versions] of expected) {
    seen.clear();
    const before = last;
    const entries = putIntoMaps(() => {
      last = replace(before, at, weight, versions);
      for (const [url, set] of last.types) diffTypes(before.types.get(url), set);
    });
    // Of types there are as many.
    assert.ok(entries < 20, `${entries} entries`);
    assert.ok(seen.size <= most, `${seen.size} for at most ${most}`);
  }
});
