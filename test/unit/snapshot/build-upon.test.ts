import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import { diffTypes } from '../../../src/snapshot/diff.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { Chance } from '../../support/chance.ts';
import { assignment, cluster } from './resources.ts';

/**
 * A snapshot of many resources that is built upon the last one is the snapshot that is built of all of them: its versions,
 * the order of its names, and what it differs in. There are more of them than one block of a version holds.
 */

const most = 700;

const contents = ({ version, types }: Snapshot) => [
  version,
  ...[...types].map(([url, type]) => [
    url,
    type.version,
    [...type.resources].map(([name, each]) => [name, each.name, each.version]),
    [...type.resources.keys()],
  ]),
];

for (const seed of [1, 2, 3]) {
  test(`many resources upon the last ones are these resources (seed ${seed})`, () => {
    const chance = new Chance(seed);
    const nameOf = (at: number) => `c${String(at).padStart(4, '0')}`;
    let weights = new Map(Array.from({ length: 600 }, (_, at) => [nameOf(at), 1]));
    const resources = () => {
      const names = [...weights.keys()].sort();
      return [...names.map(each => cluster(each)), ...names.map(each => assignment(each, weights.get(each)))];
    };
    let last = buildSnapshot('edge', resources());
    for (let step = 0; step < 60; step++) {
      weights = new Map(weights);
      for (let times = chance.below(4); times > 0; times--) {
        weights.set(chance.of([...weights.keys()]), 1 + chance.below(9));
      }
      if (chance.happens(0.1)) weights.delete(chance.of([...weights.keys()]));
      if (chance.happens(0.1)) weights.set(nameOf(chance.below(most)), 1);
      const given = resources();
      const upon = buildSnapshot('edge', given, last);
      assert.deepEqual(contents(upon), contents(buildSnapshot('edge', given)), `step ${step}`);
      for (const [url, set] of upon.types) {
        const before = last.types.get(url);
        assert.ok(before);
        for (const [name, each] of set.resources) {
          assert.equal(set.resources.get(name), each);
          const old = before.resources.get(name);
          if (old?.version === each.version) assert.equal(each, old, `step ${step}: ${name} is the object that it was`);
        }
        // Of a copy nothing is known, so that it is compared.
        assert.deepEqual(diffTypes(before, set), diffTypes({ ...before }, set), `step ${step}`);
      }
      last = upon;
    }
  });
}

test('the version of many resources depends on each of them, and on their order', () => {
  const named = (weight: number, at: number, count = 600) =>
    buildSnapshot(
      'edge',
      Array.from({ length: count }, (_, index) => assignment(`c${1000 + index}`, index === at ? weight : 1)),
    ).version;
  const versions = [named(1, 0), named(2, 0), named(2, 255), named(2, 256), named(2, 599), named(1, 0, 512)];
  assert.equal(new Set(versions).size, versions.length);
});
