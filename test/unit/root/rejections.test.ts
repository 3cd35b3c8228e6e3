import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import type { Control, QuarantineChange, QuarantineOutcome } from '../../../src/control/control.ts';
import { Fleet } from '../../../src/fleet/fleet.ts';
import { watchRejections } from '../../../src/rejections.ts';
import { Board } from '../../../src/snapshot/board.ts';
import type { Rejected } from '../../../src/xds/events.ts';
import { publication, snapshot, testNode, urls } from '../../support/xds-fixtures.ts';

const outcome: QuarantineOutcome = { kind: 'unknown', what: 'nobody knows' };

/** A fleet whose proxies say what a test makes them say, and what comes of it. */
function watched(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const [fleet, board, stop] = [new Fleet(), new Board(), new AbortController()];
  t.after(() => stop.abort());
  const asked: QuarantineChange[] = [];
  const control = {
    accepted: undefined,
    origin: () => undefined,
    changeQuarantine: (change: QuarantineChange) => Promise.resolve(asked.push(change)).then(() => outcome),
  } as unknown as Control;
  watchRejections({ control, fleet, board, log: pino({ level: 'silent' }), signal: stop.signal });
  const publish = (content: string) => {
    const set = snapshot('edge', { CDS: { a: content } });
    board.publish(publication(set));
    return set.types.get(urls.CDS)!.version;
  };
  const connect = (clientId: number) => {
    fleet.apply({ kind: 'opened', clientId, variant: 'delta', peer: '' });
    fleet.apply({ kind: 'identified', clientId, node: { ...testNode, id: `edge-${clientId}` } });
    fleet.apply({ kind: 'assigned', clientId, assignment: { kind: 'assigned', key: 'edge' } });
    fleet.apply({ kind: 'subscribed', clientId, typeUrl: urls.CDS, wildcard: true, names: 0 });
  };
  const holds = (clientId: number, version: string) =>
    fleet.apply({ kind: 'current', clientId, typeUrl: urls.CDS, version });
  const rejects = (clientId: number, version: string, instead?: string) => {
    const a: Rejected = { typeUrl: urls.CDS, name: 'a', version, code: 13, message: 'no', instead };
    fleet.apply({ kind: 'withheld', clientId, rejects: [a], suspects: [] });
  };
  /** Lets the answers come together, and what is asked be decided. */
  const look = async () => {
    t.mock.timers.tick(100);
    await setImmediate();
  };
  return { look, asked, publish, connect, holds, rejects };
}

test('P12: what the fleet was seen to accept is what is asked to stand in, not what those who reject claim', async t => {
  const { look, asked, publish, connect, holds, rejects } = watched(t);
  const old = publish('1');
  for (const id of [1, 2]) connect(id);
  holds(1, old);
  publish('2');
  for (const id of [1, 2]) rejects(id, '2', undefined);
  await look();
  const [change] = asked;
  assert.ok(change && 'found' in change);
  assert.equal(change.found.instead, '1');
});

test('P12: a verdict that came to nothing is brought forward once, and again when it was gone meanwhile', async t => {
  const { look, asked, publish, connect, rejects } = watched(t);
  publish('2');
  for (const id of [1, 2, 3]) connect(id);
  for (const id of [1, 2, 3]) rejects(id, '2');
  await look();
  assert.equal(asked.length, 1);
  rejects(3, '2');
  await look();
  assert.equal(asked.length, 1, 'it is found still');
  publish('3');
  rejects(3, '2');
  await look();
  publish('2');
  rejects(3, '2');
  await look();
  assert.equal(asked.length, 2, 'it was gone');
});
