import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Resource } from '../../../src/base/resource.ts';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import { assignment, cluster, httpListener, routeTable } from './resources.ts';

const clusters = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const endpoints = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
const listeners = 'type.googleapis.com/envoy.config.listener.v3.Listener';
const routes = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';
const runtime = 'type.googleapis.com/envoy.service.runtime.v3.Runtime';

function some(weight = 1): readonly Resource[] {
  return [routeTable('r', 'b', 'a'), cluster('b'), cluster('a'), assignment('b', weight), assignment('a')];
}

describe('buildSnapshot', () => {
  it('holds every type in the order of sending, unused ones empty', () => {
    const { types } = buildSnapshot('edge', some());
    assert.deepEqual([...types.keys()], [clusters, endpoints, listeners, routes, runtime]);
    assert.deepEqual(
      [...types.values()].map(type => type.resources.size),
      [2, 2, 0, 1, 0],
    );
    for (const [url, type] of types) assert.equal(type.typeUrl, url);
  });

  it('orders resources by name', () => {
    assert.deepEqual([...(buildSnapshot('edge', some()).types.get(clusters)?.resources.keys() ?? [])], ['a', 'b']);
  });

  it('gives equal versions for equal content, whatever the key and the previous snapshot', () => {
    const first = buildSnapshot('edge', some());
    const second = buildSnapshot('other', some(), buildSnapshot('other', some(7)));
    assert.equal(second.version, first.version);
    for (const [url, type] of first.types) assert.equal(second.types.get(url)?.version, type.version);
  });

  it('gives the previous snapshot itself when nothing changed', () => {
    const first = buildSnapshot('edge', some());
    assert.equal(buildSnapshot('edge', some(), first), first);
  });

  it('keeps every object that did not change', () => {
    const first = buildSnapshot('edge', some());
    const next = buildSnapshot('edge', some(7), first);
    assert.notEqual(next.version, first.version);
    for (const url of [clusters, listeners, routes]) assert.equal(next.types.get(url), first.types.get(url));
    const [before, after] = [first.types.get(endpoints), next.types.get(endpoints)];
    assert.notEqual(after?.version, before?.version);
    assert.equal(after?.resources.get('a'), before?.resources.get('a'));
    assert.notEqual(after?.resources.get('b'), before?.resources.get('b'));
  });

  it('sees a removal and an addition', () => {
    const first = buildSnapshot('edge', some());
    const fewer = buildSnapshot(
      'edge',
      some().filter(each => each.name !== 'b'),
      first,
    );
    assert.notEqual(fewer.types.get(clusters), first.types.get(clusters));
    assert.notEqual(fewer.types.get(clusters)?.version, first.types.get(clusters)?.version);
    const more = buildSnapshot('edge', [...some(), httpListener('l', 'r')], first);
    assert.equal(more.types.get(listeners)?.resources.size, 1);
    assert.equal(more.types.get(clusters), first.types.get(clusters));
  });

  it('tells a renamed set from the old one', () => {
    const first = buildSnapshot('edge', [cluster('a'), cluster('b')]);
    const next = buildSnapshot('edge', [cluster('a'), cluster('c')], first);
    assert.deepEqual([...(next.types.get(clusters)?.resources.keys() ?? [])], ['a', 'c']);
  });

  it('gives the same along any history as from nothing', () => {
    const set = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 3 }));
    const resource = memoise((name: string, weight: number) => assignment(name, weight));
    fc.assert(
      fc.property(fc.array(fc.tuple(set, fc.boolean()), { maxLength: 6 }), history => {
        let snapshot = buildSnapshot('k', []);
        for (const [content, reversed] of history) {
          const list = Object.entries(content).map(([name, weight]) => resource(name, weight));
          snapshot = buildSnapshot('k', reversed ? list.reverse() : list, snapshot);
          const fresh = buildSnapshot(
            'k',
            Object.entries(content).map(([name, weight]) => assignment(name, weight)),
          );
          assert.equal(snapshot.version, fresh.version);
          const [kept, made] = [snapshot.types.get(endpoints)?.resources, fresh.types.get(endpoints)?.resources];
          assert.deepEqual([...(kept ?? [])], [...(made ?? [])]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gives equal versions exactly for equal content, in any order', () => {
    const sets = fc.uniqueArray(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), weight: fc.nat(2) }), {
      selector: each => each.name,
    });
    const content = (set: readonly { name: string; weight: number }[]) =>
      JSON.stringify(set.toSorted((x, y) => (x.name < y.name ? -1 : 1)));
    fc.assert(
      fc.property(sets, sets, (one, other) => {
        const build = (set: typeof one) =>
          buildSnapshot(
            'k',
            set.map(each => assignment(each.name, each.weight + 1)),
          );
        assert.equal(build(one).version === build(other).version, content(one) === content(other));
      }),
      { numRuns: 200 },
    );
  });
});

/** The same arguments give the same object, as translation does for what did not change. */
function memoise<R>(make: (name: string, weight: number) => R): (name: string, weight: number) => R {
  const known = new Map<string, R>();
  return (name, weight) => {
    const key = `${name} ${weight}`;
    const made = known.get(key) ?? make(name, weight);
    known.set(key, made);
    return made;
  };
}
