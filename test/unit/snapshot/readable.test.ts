import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import { readableResources, readableSnapshot } from '../../../src/snapshot/readable.ts';
import { assignment, cluster, httpListener, routeTable } from './resources.ts';

const resources = [routeTable('r', 'a'), httpListener('l', 'r'), cluster('b'), cluster('a'), assignment('a', 300)];

describe('readable', () => {
  it('sorts messages by kind and name', () => {
    const { clusters, endpoints, listeners, routes } = readableResources(resources);
    assert.deepEqual(
      clusters.map(each => each.name),
      ['a', 'b'],
    );
    assert.deepEqual(endpoints, [assignment('a', 300).message]);
    assert.deepEqual(
      listeners.map(each => each.name),
      ['l'],
    );
    assert.deepEqual(
      routes.map(each => each.name),
      ['r'],
    );
  });

  it('reads the same from the bytes of a snapshot', () => {
    assert.deepEqual(readableSnapshot(buildSnapshot('edge', resources)), readableResources(resources));
  });
});
