import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSnapshot, type Resource, resource, SnapshotBoard, typeUrl } from '../../../src/index.ts';

const clusters = typeUrl('envoy.config.cluster.v3.Cluster');
const endpoints = typeUrl('envoy.config.endpoint.v3.ClusterLoadAssignment');
const cluster = (name: string, timeout = '1s', version?: string): Resource =>
  resource('envoy.config.cluster.v3.Cluster', { name, connect_timeout: timeout }, version ? { version } : {});
const bytes = (name: string, ...value: readonly number[]): Resource => ({
  typeUrl: 'type.googleapis.com/test.Thing',
  name,
  value: Uint8Array.from(value),
});
const counting = (board: SnapshotBoard): (() => number) => {
  let count = 0;
  board.publications.subscribe(() => {
    count += 1;
  });
  return () => count;
};

test('equal content is the very snapshot, and publishes nothing', () => {
  const board = new SnapshotBoard();
  const published = counting(board);
  const first = board.set('a', [cluster('x'), cluster('y'), bytes('z', 1)]);
  assert.equal(board.set('a', [bytes('z', 1), cluster('y'), cluster('x')]), first);
  assert.equal(board.put('a', cluster('x')), first);
  assert.equal(board.remove('a', clusters, 'nobody'), first);
  assert.equal(published(), 1);
  assert.equal(board.get('a'), first);
  assert.deepEqual(board.keys(), ['a']);
});

test('one resource changes, and all others stay the objects that they are', () => {
  const board = new SnapshotBoard();
  const published = counting(board);
  const before = board.set('a', [cluster('x'), cluster('y'), bytes('z', 1)]);
  const after = board.put('a', cluster('x', '2s'), cluster('w'));
  const [old, now] = [before, after].map(each => each.types.get(clusters));
  assert.notEqual(now?.version, old?.version);
  assert.deepEqual([...(now?.resources.keys() ?? [])], ['w', 'x', 'y']);
  assert.equal(now?.resources.get('y'), old?.resources.get('y'));
  assert.equal(after.types.get(endpoints), before.types.get(endpoints));
  assert.equal(published(), 2, 'one publication for all of it');
  // By whatever way a content has come, it has the same versions.
  const anew = createSnapshot([bytes('z', 1), cluster('w'), cluster('y'), cluster('x', '2s')]);
  assert.equal(after.version, anew.version);
  const gone = board.update('a', { remove: [{ typeUrl: clusters, name: 'x' }], put: [cluster('v')] });
  assert.deepEqual([...(gone.types.get(clusters)?.resources.keys() ?? [])], ['v', 'w', 'y']);
});

test('a key that is cleared is no more, and one that was never set can be put to', () => {
  const board = new SnapshotBoard();
  board.put('a', cluster('x'));
  assert.equal(board.clear('a'), true);
  assert.equal(board.clear('a'), false);
  assert.equal(board.get('a'), undefined);
});

test('what takes nothing away publishes nothing, and no empty snapshot', () => {
  const board = new SnapshotBoard();
  const published = counting(board);
  const thing = 'type.googleapis.com/test.Thing';
  assert.equal(board.remove('a', thing, 'x').types.has(thing), false);
  assert.equal(board.update('a', {}).types.get(clusters)?.resources.size, 0);
  assert.throws(() => board.update('a', { versions: { [clusters]: '' } }), /is empty/);
  board.update('a', { versions: { [clusters]: '1' } });
  assert.deepEqual([board.get('a'), board.keys(), published()], [undefined, [], 0]);
  const first = board.put('a', cluster('x'));
  assert.equal(board.remove('a', thing, 'x'), first);
  assert.equal(board.remove('a', clusters), first);
  board.clear('a');
  board.remove('a', clusters, 'x');
  assert.deepEqual([board.get('a'), published()], [undefined, 2]);
});

test('versions by hand are those of the types and resources', () => {
  const board = new SnapshotBoard();
  const first = board.set('a', [cluster('x', '1s', 'x1')], { versions: { [clusters]: '1' } });
  assert.equal(first.types.get(clusters)?.version, '1');
  assert.equal(first.types.get(clusters)?.resources.get('x')?.version, 'x1');
  assert.match(first.types.get(endpoints)?.version ?? '', /^[0-9a-f]{16}$/);
  const second = board.set('a', [cluster('x', '1s', 'x1')], { versions: 'two' });
  assert.equal(second.types.get(clusters)?.version, 'two');
  assert.equal(second.types.get(endpoints)?.version, 'two');
  assert.equal(second.types.get(clusters)?.resources.get('x'), first.types.get(clusters)?.resources.get('x'));
  const third = board.update('a', { put: [cluster('y')], versions: 'three' });
  assert.equal(third.types.get(clusters)?.version, 'three');
  assert.equal(third.types.get(endpoints)?.version, 'two', 'only what changes is counted');
  assert.match(board.put('a', cluster('z')).types.get(clusters)?.version ?? '', /^[0-9a-f]{16}$/);
});

test('a version by hand is that of one content', () => {
  const board = new SnapshotBoard();
  const first = board.set('a', [cluster('x', '1s', '1')], { versions: '1' });
  assert.throws(() => board.set('a', [cluster('y')], { versions: '1' }), /version "1" of .*Cluster is that of another/);
  assert.throws(() => board.put('a', cluster('x', '2s', '1')), /version "1" of .*Cluster x is that of another content/);
  assert.throws(() => board.set('a', [], { versions: '' }), /is empty/);
  assert.equal(board.get('a'), first, 'nothing has changed');
});

test('what is given can be changed afterwards without harm', () => {
  const value = Uint8Array.of(1, 2);
  const snapshot = createSnapshot([{ typeUrl: 'type.googleapis.com/test.Thing', name: 'a', value }]);
  value[0] = 9;
  const encoded = snapshot.types.get('type.googleapis.com/test.Thing')?.resources.get('a');
  assert.deepEqual([...(encoded?.value ?? [])], [1, 2]);
});

test('a resource is named by its message, or beside it', () => {
  const assignment = { cluster_name: 'web' };
  assert.equal(resource('envoy.config.endpoint.v3.ClusterLoadAssignment', assignment).name, 'web');
  const host = { name: 'shop', domains: ['*'] };
  const named = resource('envoy.config.route.v3.VirtualHost', host, { name: 'table/shop', ttl: 5000 });
  assert.deepEqual([named.name, named.ttl], ['table/shop', 5000]);
  assert.deepEqual(resource({ '@type': clusters, name: 'x', connect_timeout: '1s' }), cluster('x'));
  assert.deepEqual(resource(clusters, { name: 'x', connect_timeout: '1s' }), cluster('x'));
  assert.throws(() => resource('envoy.config.endpoint.v3.LbEndpoint', {}), /does not name itself/);
  assert.throws(
    () => resource({ '@type': 'type.googleapis.com/test.Thing' }),
    /test\.Thing is no type of the Envoy API/,
  );
  assert.throws(
    () => resource({ '@type': clusters, name: 'x', load_assigment: {} }),
    /^Error: Cluster\.load_assigment/,
  );
});
