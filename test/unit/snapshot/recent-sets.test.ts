import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Board } from '../../../src/snapshot/board.ts';
import { RecentSets } from '../../../src/snapshot/recent-sets.ts';
import type { Snapshot, TypeSnapshot } from '../../../src/snapshot/snapshot.ts';

const url = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const set = (version: string): TypeSnapshot => ({ typeUrl: url, version, resources: new Map() });
const snapshot = (each: TypeSnapshot): Snapshot => ({
  key: 'edge',
  version: each.version,
  types: new Map([[url, each]]),
});

it('what a fleet was sent lately is found by its version, and since when the newest is', () => {
  const board = new Board();
  const publish = (each: TypeSnapshot, key = 'edge') =>
    board.publish({ snapshots: new Map([[key, snapshot(each)]]), assign: () => ({ kind: 'assigned', key: 'edge' }) });
  let now = 100;
  publish(set('0'));
  const recent = new RecentSets(board, () => now);
  assert.equal(recent.since('edge', url), 100);
  const sets = ['1', '2', '3', '4'].map(set);
  for (const each of sets) {
    now += 10;
    publish(each);
    publish(each);
  }
  assert.equal(recent.since('edge', url), 140, 'the same again is nothing new');
  assert.equal(recent.held('edge', url, '4'), sets[3]);
  assert.equal(recent.held('edge', url, '1'), sets[0]);
  assert.equal(recent.held('edge', url, '0'), undefined, 'too long ago');
  assert.equal(recent.held('edge', url, undefined), undefined);
  assert.equal(recent.held('other', url, '4'), undefined);
  publish(set('1'));
  assert.equal(recent.held('edge', url, '4')?.version, '4', 'it came back, and the others stay');
  publish(set('5'), 'other');
  assert.equal(recent.since('edge', url), undefined, 'the fleet is gone');
});
