import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Resource } from '../../../src/base/resource.ts';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import { changesBetween } from '../../../src/snapshot/changes.ts';
import { assignment, cluster, httpListener, routeTable } from './resources.ts';

const snapshot = (...resources: readonly Resource[]) => buildSnapshot('edge', resources);

describe('changesBetween', () => {
  it('tells what is added, changed and removed, field by field', () => {
    const before = snapshot(cluster('a'), cluster('b'), assignment('a', 1));
    const after = snapshot(cluster('a', '3s'), cluster('c'), assignment('a', 1));
    assert.deepEqual(changesBetween(before, after), [
      {
        type: 'CDS',
        name: 'a',
        change: 'changed',
        fields: [{ path: 'connect_timeout', before: '1s', after: '3s' }],
      },
      { type: 'CDS', name: 'b', change: 'removed', fields: [] },
      { type: 'CDS', name: 'c', change: 'added', fields: [] },
    ]);
  });

  it('says that connections drain when a listener changes or goes, and only then', () => {
    const before = snapshot(httpListener('one', 'r'), httpListener('two', 'r'), routeTable('r', 'a'));
    const after = snapshot(httpListener('one', 's'), httpListener('three', 'r'), routeTable('r', 'b'));
    const drains = changesBetween(before, after).map(each => [each.type, each.name, each.drains ?? false]);
    assert.deepEqual(drains, [
      ['LDS', 'one', true],
      ['LDS', 'three', false],
      ['LDS', 'two', true],
      ['RDS', 'r', false],
    ]);
  });

  it('reads no snapshot as one without resources', () => {
    const some = snapshot(cluster('a'));
    assert.deepEqual(
      changesBetween(undefined, some).map(each => each.change),
      ['added'],
    );
    assert.deepEqual(
      changesBetween(some, undefined).map(each => each.change),
      ['removed'],
    );
    assert.deepEqual(changesBetween(undefined, undefined), []);
  });

  it('reads the fields of so many resources, and says of the others that they change', () => {
    const names = ['a', 'b', 'c'];
    const before = snapshot(...names.map(each => cluster(each, '1s')));
    const after = snapshot(...names.map(each => cluster(each, '2s')));
    const read = changesBetween(before, after, { mostRead: 2 });
    assert.deepEqual(
      read.map(each => [each.fields.length, each.more ?? false]),
      [
        [1, false],
        [1, false],
        [0, true],
      ],
    );
  });

  it('lists so many fields of one', () => {
    const before = snapshot(routeTable('r', 'a', 'b', 'c'));
    const after = snapshot(routeTable('r', 'x', 'y', 'z'));
    const [change] = changesBetween(before, after, { mostFields: 2 });
    assert.deepEqual([change?.fields.length, change?.more], [2, true]);
  });
});
