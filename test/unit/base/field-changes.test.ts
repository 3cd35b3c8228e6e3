import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fieldChanges } from '../../../src/base/field-changes.ts';

const changes = (before: unknown, after: unknown) => fieldChanges(before, after, 100).fields;

const endpoint = (port: number, weight = 1) => ({
  endpoint: { address: { socket_address: { address: '10.0.0.1', port_value: port } } },
  load_balancing_weight: weight,
});

describe('fieldChanges', () => {
  it('names fields that change, come and go', () => {
    assert.deepEqual(changes({ a: { b: 1, c: 'x' }, d: [] }, { a: { b: 2 }, d: [], e: true }), [
      { path: 'a.b', before: 1, after: 2 },
      { path: 'a.c', before: 'x' },
      { path: 'e', after: true },
    ]);
  });

  it('says nothing of what is equal, whatever the order of keys', () => {
    assert.deepEqual(changes({ a: [{ x: 1 }], b: Number.NaN }, { b: Number.NaN, a: [{ x: 1 }] }), []);
  });

  it('calls the items of a list by their names', () => {
    const before = { hosts: [{ name: 'shop', domains: ['a'] }, { name: 'blog' }] };
    const after = { hosts: [{ name: 'shop', domains: ['a', 'b'] }, { name: 'new' }] };
    assert.deepEqual(changes(before, after), [
      { path: 'hosts[shop].domains[b]', after: 'b' },
      { path: 'hosts[blog]', before: { name: 'blog' } },
      { path: 'hosts[new]', after: { name: 'new' } },
    ]);
  });

  it('calls endpoints by their addresses, in the zones that they are in', () => {
    const zone = (name: string, ...lb_endpoints: readonly unknown[]) => ({ locality: { zone: name }, lb_endpoints });
    assert.deepEqual(
      changes({ endpoints: [zone('a', endpoint(1), endpoint(2))] }, { endpoints: [zone('a', endpoint(1, 5))] }),
      [
        { path: 'endpoints[a].lb_endpoints[10.0.0.1:1].load_balancing_weight', before: 1, after: 5 },
        { path: 'endpoints[a].lb_endpoints[10.0.0.1:2]', before: endpoint(2) },
      ],
    );
  });

  it('says that the order of the same items is another', () => {
    const [a, b] = [{ name: 'a' }, { name: 'b' }];
    assert.deepEqual(changes({ filters: [a, b] }, { filters: [b, a] }), [
      { path: 'filters', before: ['a', 'b'], after: ['b', 'a'] },
    ]);
  });

  it('tells an item that was put between others as one change', () => {
    const routes = (...prefixes: readonly string[]) => ({ routes: prefixes.map(prefix => ({ match: { prefix } })) });
    assert.deepEqual(changes(routes('/a', '/c'), routes('/a', '/b', '/c')), [
      { path: 'routes[1]', after: { match: { prefix: '/b' } } },
    ]);
  });

  it('replaces as a whole what is of another type', () => {
    const [one, two] = [
      { '@type': 't/A', x: 1 },
      { '@type': 't/B', x: 1 },
    ];
    assert.deepEqual(changes({ config: one }, { config: two }), [{ path: 'config', before: one, after: two }]);
  });

  it('writes keys that are no words in quotes', () => {
    assert.deepEqual(changes({ m: { 'envoy.lb': 1 } }, { m: { 'envoy.lb': 2 } }), [
      { path: 'm["envoy.lb"]', before: 1, after: 2 },
    ]);
  });

  it('lists no more than it is asked for, and says that there is more', () => {
    const { fields, more } = fieldChanges({}, { a: 1, b: 2, c: 3 }, 2);
    assert.deepEqual([fields.map(each => each.path), more], [['a', 'b'], true]);
    assert.equal(fieldChanges({}, { a: 1, b: 2 }, 2).more, false);
  });

  it('cuts long values', () => {
    const [change] = changes({}, { text: 'x'.repeat(5000) });
    assert.match(String(change?.after), /^x{2000} … \(5000 characters\)$/);
  });

  it('is empty exactly for equal values', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (one, other) => {
        // As messages are: without fields that are called like those of objects.
        const [a, b] = [JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other))];
        assert.deepEqual(changes(a, structuredClone(a)), []);
        let equal = true;
        try {
          assert.deepEqual(a, b);
        } catch {
          equal = false;
        }
        assert.equal(changes(a, b).length === 0, equal);
      }),
    );
  });
});
