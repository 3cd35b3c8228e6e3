import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet } from '../../../src/fleet/fleet.ts';
import type { XdsEvent } from '../../../src/xds/events.ts';
import { testNode, urls } from '../../support/xds-fixtures.ts';

const CDS = urls.CDS;
type Told = XdsEvent extends infer E ? (E extends XdsEvent ? Omit<E, 'clientId'> : never) : never;

/** A fleet whose clock shows how many events there were. */
function fleetAfter(...events: readonly Told[]): Fleet {
  let now = 0;
  const fleet = new Fleet(() => ++now);
  for (const event of [...beginning, ...events]) fleet.apply({ ...event, clientId: 1 } as XdsEvent);
  return fleet;
}

const beginning: readonly Told[] = [
  { kind: 'opened', variant: 'delta', peer: '10.0.0.1:1' },
  { kind: 'identified', node: testNode },
  { kind: 'assigned', assignment: { kind: 'assigned', key: 'edge' } },
];

const subscribed: Told = { kind: 'subscribed', typeUrl: CDS, wildcard: true, names: 0 };
function sent(version: string, nonce = version): Told {
  return { kind: 'sent', typeUrl: CDS, version, nonce, resources: 1, removed: 0, bytes: 1 };
}
function acked(version: string): Told {
  return { kind: 'acked', typeUrl: CDS, version, nonce: version };
}
function nacked(version: string): Told {
  return { kind: 'nacked', typeUrl: CDS, version, nonce: version, code: 13, message: `no ${version}` };
}

function clusters(fleet: Fleet) {
  const status = fleet.proxies()[0]?.types.get(CDS);
  return (
    status && { state: status.state, sent: status.sent, acked: status.acked, rejection: status.rejection?.message }
  );
}

test('a stream is a proxy once it has said who it is', () => {
  const fleet = new Fleet(() => 7);
  fleet.apply({ kind: 'opened', variant: 'sotw', peer: 'x', clientId: 1 });
  assert.deepEqual(fleet.proxies(), []);
  fleet.apply({ kind: 'identified', node: testNode, clientId: 1 });
  assert.deepEqual(fleet.proxies(), [
    {
      clientId: 1,
      peer: 'x',
      variant: 'sotw',
      node: testNode,
      assignment: undefined,
      connectedAt: 7,
      types: new Map(),
      withheld: undefined,
    },
  ]);
});

test('a type goes from asked to sent to acknowledged', () => {
  const none = { rejection: undefined };
  assert.deepEqual(clusters(fleetAfter(subscribed)), { state: 'pending', sent: undefined, acked: undefined, ...none });
  assert.deepEqual(clusters(fleetAfter(subscribed, sent('1'))), {
    state: 'pending',
    sent: '1',
    acked: undefined,
    ...none,
  });
  const synced = fleetAfter(subscribed, sent('1'), acked('1'));
  assert.deepEqual(clusters(synced), { state: 'synced', sent: '1', acked: '1', ...none });
});

test('an acknowledgement of an older version leaves the newer one pending', () => {
  const fleet = fleetAfter(subscribed, sent('1'), sent('2'), acked('1'));
  assert.deepEqual(clusters(fleet), { state: 'pending', sent: '2', acked: '1', rejection: undefined });
});

test('a rejection shows the proxy’s words, what it still holds, and when', () => {
  const fleet = fleetAfter(subscribed, sent('1'), acked('1'), sent('2'), nacked('2'));
  assert.deepEqual(clusters(fleet), { state: 'rejected', sent: '2', acked: '1', rejection: 'no 2' });
  assert.equal(fleet.proxies()[0]?.types.get(CDS)?.rejection?.at, 8);
});

test('a rejection is over when a newer version is acknowledged, not when more of the rejected one is sent', () => {
  const again = fleetAfter(subscribed, sent('2'), nacked('2'), sent('2', 'b'));
  assert.equal(clusters(again)?.state, 'rejected');
  const newer = fleetAfter(subscribed, sent('2'), nacked('2'), sent('3'));
  assert.equal(clusters(newer)?.state, 'pending');
  const healed = fleetAfter(subscribed, sent('2'), nacked('2'), sent('3'), acked('3'));
  assert.deepEqual(clusters(healed), { state: 'synced', sent: '3', acked: '3', rejection: undefined });
});

test('who has everything without being sent anything is synced', () => {
  const fleet = fleetAfter(subscribed, { kind: 'current', typeUrl: CDS, version: '5' });
  assert.deepEqual(clusters(fleet), { state: 'synced', sent: '5', acked: '5', rejection: undefined });
});

test('a proxy that left is remembered until it comes back', () => {
  const fleet = fleetAfter({ kind: 'closed', reason: 'cut' });
  assert.deepEqual(fleet.proxies(), []);
  const departed = fleet.departed().map(({ node, lastSeen, reason }) => [node.id, lastSeen, reason]);
  assert.deepEqual(departed, [[testNode.id, 4, 'cut']]);
  fleet.apply({ kind: 'opened', variant: 'delta', peer: 'x', clientId: 2 });
  fleet.apply({ kind: 'identified', node: testNode, clientId: 2 });
  assert.deepEqual(fleet.departed(), []);
});

/** A fleet of which so many came and went, each with so much to say of itself. */
function afterAll(proxies: number, metadata: Readonly<Record<string, string>>): Fleet {
  const fleet = new Fleet(() => 0);
  for (let clientId = 1; clientId <= proxies; clientId++) {
    fleet.apply({ kind: 'opened', variant: 'delta', peer: 'x', clientId });
    fleet.apply({ kind: 'identified', node: { ...testNode, id: `n${clientId}`, metadata }, clientId });
    fleet.apply({ kind: 'closed', reason: 'cut', clientId });
  }
  return fleet;
}

test('as many departed proxies are remembered as may be connected, the newest', () => {
  const fleet = afterAll(17_000, {});
  assert.equal(fleet.departed().length, 16_384);
  assert.equal(fleet.departed()[0]?.node.id, 'n17000');
});

test('of departed proxies that had much to say of themselves, fewer are remembered', () => {
  const fleet = afterAll(600, { text: 'x'.repeat(65_536) });
  const departed = fleet.departed();
  assert.ok(departed.length > 100 && departed.length < 257, `${departed.length}`);
  assert.equal(departed[0]?.node.id, 'n600');
});

test('what was given out does not change, and what did not change is the same object', () => {
  const fleet = fleetAfter(subscribed, sent('1'));
  fleet.apply({ kind: 'opened', variant: 'delta', peer: 'x', clientId: 2 });
  fleet.apply({ kind: 'identified', node: { ...testNode, id: 'other' }, clientId: 2 });
  const before = fleet.proxies();
  assert.equal(fleet.proxies(), before);
  fleet.apply({ ...acked('1'), clientId: 1 } as XdsEvent);
  const now = fleet.proxies();
  assert.equal(before[0]?.types.get(CDS)?.state, 'pending');
  assert.equal(now[0]?.types.get(CDS)?.state, 'synced');
  assert.equal(now[1], before[1]);
});

test('listeners hear which stream has changed, and nothing after they have ended', () => {
  const fleet = fleetAfter();
  const heard: number[] = [];
  const end = fleet.onChange(clientId => heard.push(clientId));
  fleet.apply({ ...subscribed, clientId: 1 } as XdsEvent);
  end();
  fleet.apply({ ...sent('1'), clientId: 1 } as XdsEvent);
  assert.deepEqual(heard, [1]);
});

test('proxies that are told the same one after the other share what is known of their types', () => {
  let now = 1;
  const fleet = new Fleet(() => now);
  const tell = (event: Told, ...clientIds: readonly number[]) => {
    for (const clientId of clientIds) fleet.apply({ ...event, clientId } as XdsEvent);
  };
  for (const event of [...beginning, subscribed, sent('a'), acked('a'), sent('b')]) tell(event, 1, 2, 3);
  const types = (clientId: number) => fleet.proxy(clientId)?.types;
  assert.ok(types(1) === types(2) && types(2) === types(3));
  tell(acked('b'), 1);
  now = 2;
  tell(acked('b'), 2);
  tell(nacked('b'), 3);
  assert.deepEqual(
    [1, 2, 3].map(each => [types(each)?.get(CDS)?.state, types(each)?.get(CDS)?.ackedAt]),
    [
      ['synced', 1],
      ['synced', 2],
      ['rejected', 1],
    ],
  );
});
