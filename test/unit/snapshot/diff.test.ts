import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import { diffTypes } from '../../../src/snapshot/diff.ts';
import type { TypeSnapshot } from '../../../src/snapshot/snapshot.ts';
import { assignment } from './resources.ts';

const endpoints = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

function typeOf(content: Readonly<Record<string, number>>): TypeSnapshot {
  const resources = Object.entries(content).map(([name, weight]) => assignment(name, weight));
  const type = buildSnapshot('edge', resources).types.get(endpoints);
  assert.ok(type);
  return type;
}

describe('diffTypes', () => {
  it('lists what is new, changed and gone', () => {
    const { changed, removed } = diffTypes(typeOf({ a: 1, b: 1, c: 1 }), typeOf({ d: 1, c: 2, a: 1 }));
    assert.deepEqual(
      changed.map(each => each.name),
      ['c', 'd'],
    );
    assert.deepEqual(removed, ['b']);
  });

  it('lists everything from nothing', () => {
    const to = typeOf({ a: 1, b: 1 });
    assert.deepEqual(diffTypes(undefined, to), { changed: [...to.resources.values()], removed: [] });
  });

  it('is empty for equal content of different objects', () => {
    assert.deepEqual(diffTypes(typeOf({ a: 1 }), typeOf({ a: 1 })), { changed: [], removed: [] });
  });

  it('is computed once per pair', () => {
    const [from, to] = [typeOf({ a: 1 }), typeOf({ a: 2 })];
    assert.equal(diffTypes(from, to), diffTypes(from, to));
    assert.equal(diffTypes(undefined, to), diffTypes(undefined, to));
  });

  it('applied to the one gives the other', () => {
    const contents = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(contents, contents, (one, other) => {
        const [from, to] = [typeOf(one), typeOf(other)];
        const { changed, removed } = diffTypes(from, to);
        const applied = new Map([...from.resources].map(([name, each]) => [name, each.version]));
        for (const name of removed) assert.ok(applied.delete(name));
        for (const each of changed) {
          assert.notEqual(applied.get(each.name), each.version);
          applied.set(each.name, each.version);
        }
        assert.deepEqual(applied, new Map([...to.resources].map(([name, each]) => [name, each.version])));
      }),
      { numRuns: 200 },
    );
  });
});
