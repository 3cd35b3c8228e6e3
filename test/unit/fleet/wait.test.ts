import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet } from '../../../src/fleet/fleet.ts';
import { type WaitResult, waitAcked } from '../../../src/fleet/wait.ts';
import { Board } from '../../../src/snapshot/board.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { publication, snapshot, type TypeName, testNode, urls } from '../../support/xds-fixtures.ts';

class Scene {
  readonly fleet = new Fleet(() => 0);
  readonly board = new Board();
  readonly abort = new AbortController();
  #streams = 0;

  connect(id: string, key: string | null = 'edge'): number {
    const clientId = ++this.#streams;
    this.fleet.apply({ kind: 'opened', variant: 'delta', peer: 'x', clientId });
    this.fleet.apply({ kind: 'identified', node: { ...testNode, id }, clientId });
    const assignment =
      key === null
        ? ({ kind: 'unmatched', nearest: undefined, why: 'test' } as const)
        : ({ kind: 'assigned', key } as const);
    this.fleet.apply({ kind: 'assigned', assignment, clientId });
    return clientId;
  }

  ask(clientId: number, ...types: readonly TypeName[]): void {
    for (const type of types) {
      this.fleet.apply({ kind: 'subscribed', typeUrl: urls[type], wildcard: true, names: 0, clientId });
    }
  }

  ack(clientId: number, type: TypeName, of: Snapshot): void {
    const version = of.types.get(urls[type])!.version;
    this.fleet.apply({
      kind: 'sent',
      typeUrl: urls[type],
      version,
      nonce: 'n',
      resources: 1,
      removed: 0,
      bytes: 1,
      clientId,
    });
    this.fleet.apply({ kind: 'acked', typeUrl: urls[type], version, nonce: 'n', clientId });
  }

  nack(clientId: number, type: TypeName, of: Snapshot, message: string): void {
    const version = of.types.get(urls[type])!.version;
    this.fleet.apply({ kind: 'nacked', typeUrl: urls[type], version, nonce: 'n', code: 13, message, clientId });
  }

  wait(target: Snapshot): Promise<WaitResult> {
    const { fleet, board, abort } = this;
    return waitAcked({ fleet, board, targets: new Map([[target.key, target]]), signal: abort.signal });
  }
}

/** Whether a promise has settled once everything that is due has happened. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await new Promise(resolve => setImmediate(resolve));
  return done;
}

const one = snapshot('edge', { CDS: { a: '1' }, EDS: { a: '1' } });
const two = snapshot('edge', { CDS: { a: '2' }, EDS: { a: '1' } }, one);
const three = snapshot('edge', { CDS: { a: '3' }, EDS: { a: '1' } }, two);

test('with nobody connected it is 0 of 0 at once', async () => {
  const scene = new Scene();
  scene.connect('elsewhere', 'other');
  scene.connect('stranger', null);
  assert.deepEqual(await scene.wait(one), { concerned: 0, acked: 0, missing: [], departed: [] });
});

test('what is undone before anyone was sent it is held by all who hold what was before', async () => {
  const scene = new Scene();
  const stream = scene.connect('a');
  scene.ask(stream, 'CDS');
  scene.ack(stream, 'CDS', one);
  scene.board.publish(publication(two));
  const waiting = scene.wait(two);
  assert.equal(await settled(waiting), false);
  scene.board.publish(publication(one));
  assert.deepEqual(await waiting, { concerned: 1, acked: 1, missing: [], departed: [] });
});

test('it settles when every proxy of the fleet has acknowledged every type that it has asked for', async () => {
  const scene = new Scene();
  const [first, second] = [scene.connect('first'), scene.connect('second')];
  for (const stream of [first, second]) {
    scene.ask(stream, 'CDS', 'EDS');
    scene.ack(stream, 'CDS', one);
    scene.ack(stream, 'EDS', one);
  }
  const waiting = scene.wait(two);
  scene.ack(first, 'CDS', two);
  assert.equal(await settled(waiting), false);
  scene.ack(second, 'CDS', two);
  assert.deepEqual(await waiting, { concerned: 2, acked: 2, missing: [], departed: [] });
});

test('what was published later counts as well', async () => {
  const scene = new Scene();
  const stream = scene.connect('first');
  scene.ask(stream, 'CDS');
  scene.board.publish(publication(two));
  const waiting = scene.wait(two);
  scene.board.publish(publication(three));
  scene.ack(stream, 'CDS', one);
  assert.equal(await settled(waiting), false);
  scene.ack(stream, 'CDS', three);
  assert.equal((await waiting).acked, 1);
});

test('who disconnects or leaves the fleet is not waited for, and named', async () => {
  const scene = new Scene();
  const [gone, moved] = [scene.connect('gone'), scene.connect('moved')];
  scene.ask(gone, 'CDS');
  scene.ask(moved, 'CDS');
  const waiting = scene.wait(one);
  scene.fleet.apply({ kind: 'closed', reason: 'cut', clientId: gone });
  assert.equal(await settled(waiting), false);
  scene.fleet.apply({ kind: 'assigned', assignment: { kind: 'assigned', key: 'other' }, clientId: moved });
  assert.deepEqual(await waiting, { concerned: 0, acked: 0, missing: [], departed: ['gone', 'moved'] });
});

test('when time is up it says who is missing, and what of', async () => {
  const scene = new Scene();
  const [late, fresh] = [scene.connect('late'), scene.connect('fresh')];
  scene.ask(late, 'CDS', 'EDS');
  scene.ack(late, 'EDS', one);
  const waiting = scene.wait(one);
  assert.equal(await settled(waiting), false);
  scene.abort.abort();
  const { missing, ...rest } = await waiting;
  assert.deepEqual(rest, { concerned: 2, acked: 0, departed: [] });
  assert.deepEqual(
    missing.map(({ id, reason, types, why }) => ({ id, reason, types, why })),
    [
      { id: 'late', reason: 'pending', types: [urls.CDS], why: 'it has not acknowledged Cluster' },
      { id: 'fresh', reason: 'pending', types: [], why: 'it has just connected and not asked for anything yet' },
    ],
  );
  assert.ok(fresh > late);
});

test('who rejects the target ends the waiting, with its words', async () => {
  const scene = new Scene();
  const stream = scene.connect('first');
  scene.ask(stream, 'CDS');
  const waiting = scene.wait(two);
  scene.nack(stream, 'CDS', two, 'no such thing');
  const { missing, concerned, acked } = await waiting;
  assert.deepEqual([concerned, acked, missing[0]?.reason], [1, 0, 'rejected']);
  assert.match(missing[0]?.why ?? '', /it rejected Cluster: no such thing/);
});

test('who rejected something earlier is still waited for', async () => {
  const scene = new Scene();
  const stream = scene.connect('first');
  scene.ask(stream, 'CDS');
  scene.nack(stream, 'CDS', one, 'not that');
  const waiting = scene.wait(two);
  assert.equal(await settled(waiting), false);
  scene.ack(stream, 'CDS', two);
  assert.equal((await waiting).acked, 1);
});

test('a proxy that connects meanwhile is concerned too', async () => {
  const scene = new Scene();
  const first = scene.connect('first');
  scene.ask(first, 'CDS');
  const waiting = scene.wait(one);
  const second = scene.connect('second');
  scene.ack(first, 'CDS', one);
  assert.equal(await settled(waiting), false);
  scene.ask(second, 'CDS');
  scene.ack(second, 'CDS', one);
  assert.equal((await waiting).concerned, 2);
});

test('who rejected a content is named with it, and not waited for', async () => {
  const scene = new Scene();
  const stream = scene.connect('a');
  scene.ask(stream, 'CDS');
  const rejected = { typeUrl: urls.CDS, name: 'a', version: '2', code: 13, message: 'no', instead: '1' };
  scene.ack(stream, 'CDS', one);
  scene.fleet.apply({ kind: 'withheld', rejects: [rejected], suspects: [], clientId: stream });
  const { acked, missing } = await scene.wait(two);
  assert.equal(acked, 0);
  assert.deepEqual(
    missing.map(each => [each.id, each.reason, each.why, each.rejected]),
    [['a', 'rejected', 'it rejected a: no', { ...rejected, at: 0 }]],
  );
});
