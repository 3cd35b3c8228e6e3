import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AcceptedContents } from '../../../src/fleet/accepted-contents.ts';
import { verdicts } from '../../../src/fleet/evidence.ts';
import type { ProxyStatus, TypeStatus, WithheldResource } from '../../../src/fleet/proxy.ts';
import { snapshot, testNode, urls } from '../../support/xds-fixtures.ts';

const sent = snapshot('edge', { CDS: { a: '2', b: '2' } });
const whole = sent.types.get(urls.CDS)!.version;
const snapshots = new Map([['edge', sent]]);
const now = 100_000;

const a: WithheldResource = {
  typeUrl: urls.CDS,
  name: 'a',
  version: '2',
  code: 13,
  message: 'no a',
  instead: '1',
  at: now - 1000,
};

function clusters(acked: string | undefined, state: TypeStatus['state'] = 'synced'): ProxyStatus['types'] {
  return new Map([[urls.CDS, { typeUrl: urls.CDS, state, sent: acked ?? 'x', acked, rejection: undefined }]]);
}

let count = 0;
function proxy(id: string, more: Partial<ProxyStatus>): ProxyStatus {
  return {
    clientId: ++count,
    node: { ...testNode, id },
    peer: '',
    variant: 'delta',
    assignment: { kind: 'assigned', key: 'edge' },
    connectedAt: 0,
    types: clusters('other'),
    withheld: undefined,
    ...more,
  };
}

const rejecting = (id: string, reject: WithheldResource = a): ProxyStatus =>
  proxy(id, { withheld: { rejects: [reject], suspects: [] } });

const noneAccepted = new AcceptedContents();
const found = (...proxies: readonly ProxyStatus[]) =>
  verdicts(proxies, snapshots, noneAccepted, now).found.map(
    each => `${each.name} ${each.proxies.join('+')} ${each.instead}`,
  );

test('P12: two proxies that reject a content, and none that accepts it, are a verdict', () => {
  assert.deepEqual(found(rejecting('one'), rejecting('two')), ['a one+two 1']);
});

test('P12: one proxy is none, however often it says so', () => {
  assert.deepEqual(found(rejecting('one')), []);
  assert.deepEqual(found(rejecting('one'), rejecting('one')), [], 'the same node id');
});

test('P12: one that accepts the content is enough against any number', () => {
  const accepting = proxy('three', { types: clusters(whole) });
  assert.deepEqual(found(rejecting('one'), rejecting('two'), accepting), []);
});

test('P12: who rejects something else holds this, and accepts it', () => {
  const other = rejecting('three', { ...a, name: 'b' });
  assert.deepEqual(found(rejecting('one'), rejecting('two'), other), []);
});

test('P12: who has not answered yet is waited for, and not for ever', () => {
  const silent = proxy('three', { types: clusters('1', 'pending') });
  const all = [rejecting('one'), rejecting('two'), silent];
  assert.deepEqual(verdicts(all, snapshots, noneAccepted, now), { found: [], undecidedFor: 9000 });
  assert.equal(verdicts(all, snapshots, noneAccepted, now + 9000).found.length, 1);
});

test('P12: who finds out what it rejects is waited for, and one that does not ask for the type is not', () => {
  const finding = proxy('three', { withheld: { rejects: [], suspects: [a] } });
  const elsewhere = proxy('four', { types: new Map() });
  assert.deepEqual(found(rejecting('one'), rejecting('two'), finding), []);
  assert.deepEqual(found(rejecting('one'), rejecting('two'), elsewhere), ['a one+two 1']);
});

test('P12: proxies of other fleets, and contents that are not sent any more, do not count', () => {
  const other = { ...rejecting('two'), assignment: { kind: 'assigned', key: 'back' } } as const;
  assert.deepEqual(found(rejecting('one'), other), []);
  const old = { ...a, version: '1' };
  assert.deepEqual(found(rejecting('one', old), rejecting('two', old)), []);
});

test('P12: what most of them hold stands in its place; if nobody knows what they hold, there is no verdict', () => {
  const holding = (instead: string | undefined) => ({ ...a, instead });
  assert.deepEqual(found(rejecting('one', holding('1')), rejecting('two', holding(undefined))), ['a one+two 1']);
  assert.deepEqual(found(rejecting('one', holding('unknown')), rejecting('two', holding('1'))), ['a one+two 1']);
  assert.deepEqual(found(rejecting('one', holding(undefined)), rejecting('two', holding(undefined))), [
    'a one+two undefined',
  ]);
  assert.deepEqual(found(rejecting('one', holding('unknown')), rejecting('two', holding('unknown'))), []);
});

test('P12: who claims the node ids of proxies does not take away their word', () => {
  const accepting = ['one', 'two'].map(id => proxy(id, { types: clusters(whole) }));
  assert.deepEqual(found(rejecting('one'), rejecting('two'), ...accepting), []);
});

test('P12: what was accepted stays so when those who did have gone', () => {
  const accepted = new AcceptedContents();
  const liars = [rejecting('one'), rejecting('two')];
  accepted.see(proxy('three', { types: clusters('older') }), snapshots);
  assert.equal(verdicts(liars, snapshots, accepted, now).found.length, 1, 'something older was accepted');
  accepted.see(proxy('three', { types: clusters(whole) }), snapshots);
  assert.deepEqual(verdicts(liars, snapshots, accepted, now), { found: [], undecidedFor: undefined });
  const next = snapshot('edge', { CDS: { a: '2', b: '3' } });
  const b = { ...a, name: 'b', version: '3' };
  const both = ['one', 'two'].map(id => proxy(id, { withheld: { rejects: [a, b], suspects: [] } }));
  const verdict = verdicts(both, new Map([['edge', next]]), accepted, now + 20_000);
  assert.deepEqual(
    verdict.found.map(each => each.name),
    ['b'],
  );
});

test('P12: after a restart those who may have accepted it are given time to come back', () => {
  const accepted = new AcceptedContents(snapshots, now);
  const liars = [rejecting('one'), rejecting('two')];
  assert.deepEqual(verdicts(liars, snapshots, accepted, now + 1000), { found: [], undecidedFor: 59_000 });
  assert.equal(verdicts(liars, snapshots, accepted, now + 60_000).found.length, 1);
  const changed = new AcceptedContents(new Map([['edge', snapshot('edge', { CDS: { a: '1', b: '2' } })]]), now);
  assert.equal(verdicts(liars, snapshots, changed, now).found.length, 1, 'it has changed since');
});

test('P12: who has only just come may still ask for the type', () => {
  const fresh = proxy('three', { types: new Map(), connectedAt: now - 500 });
  assert.deepEqual(found(rejecting('one'), rejecting('two'), fresh), []);
});

test('P12: who is finding out what it rejects is waited for longer than who is silent', () => {
  const b = { ...a, name: 'b' };
  for (const suspect of [a, b]) {
    const finding = proxy('three', { types: clusters('1', 'pending'), withheld: { rejects: [], suspects: [suspect] } });
    const all = [rejecting('one'), rejecting('two'), finding];
    assert.deepEqual(verdicts(all, snapshots, noneAccepted, now + 60_000).found, []);
    assert.equal(verdicts(all, snapshots, noneAccepted, now + 600_000).found.length, 1);
  }
});
