import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AcceptedContents } from '../../../src/fleet/accepted-contents.ts';
import { verdicts } from '../../../src/fleet/evidence.ts';
import type { ProxyStatus, TypeStatus, WithheldResource } from '../../../src/fleet/proxy.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { withhold } from '../../../src/snapshot/withhold.ts';
import { snapshot, testNode, urls } from '../../support/xds-fixtures.ts';

const former = snapshot('edge', { CDS: { a: '1', b: '1' } });
const before = former.types.get(urls.CDS)!.version;
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

/** Sent a version of the type, and not answered it. */
function pending(version: string): ProxyStatus['types'] {
  const type = { typeUrl: urls.CDS, state: 'pending', sent: version, acked: undefined, rejection: undefined } as const;
  return new Map([[urls.CDS, type]]);
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

/** The fleet has had the former set, and been sent the newer one since. */
function history(): AcceptedContents {
  const accepted = new AcceptedContents();
  accepted.published(new Map([['edge', former]]), now);
  accepted.see(proxy('long ago', { types: clusters(before) }));
  accepted.published(snapshots, now);
  return accepted;
}

const noneAccepted = history();
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

/** The version of what a proxy comes to from which contents of a set are withheld. */
function without(of: Snapshot, ...names: readonly string[]): string {
  const resources = of.types.get(urls.CDS)!.resources;
  const withheld = names.map(name => {
    return { typeUrl: urls.CDS, name, version: resources.get(name)!.version, instead: undefined };
  });
  return withhold(of, withheld, () => undefined, { quietly: true }).types.get(urls.CDS)!.version;
}

test('P12: who rejects something else and has the rest holds this, and accepts it', () => {
  const b = { ...a, name: 'b' };
  const other = proxy('three', { types: clusters(without(sent, 'b')), withheld: { rejects: [b], suspects: [] } });
  assert.deepEqual(found(rejecting('one'), rejecting('two'), other), []);
});

test('P12: who rejects something else and only waits for the rest has accepted nothing of it', () => {
  const b = { ...a, name: 'b' };
  const older = snapshot('edge', { CDS: { a: '1', b: '2' } });
  const waiting = proxy('three', { types: clusters(without(older, 'b')), withheld: { rejects: [b], suspects: [] } });
  assert.deepEqual(verdicts([rejecting('one'), rejecting('two'), waiting], snapshots, noneAccepted, now), {
    found: [],
    undecidedFor: 59_000,
  });
  assert.equal(
    verdicts([rejecting('one'), rejecting('two'), waiting], snapshots, noneAccepted, now + 59_000).found.length,
    1,
  );
});

test('P12: who has not answered yet is waited for, and not for ever', () => {
  const silent = proxy('three', { types: pending(whole) });
  const all = [rejecting('one'), rejecting('two'), silent];
  assert.deepEqual(verdicts(all, snapshots, noneAccepted, now), { found: [], undecidedFor: 9000 });
  assert.equal(verdicts(all, snapshots, noneAccepted, now + 9000).found.length, 1);
});

test('P12: who was not even sent it is waited for longer', () => {
  const all = [rejecting('one'), rejecting('two'), proxy('three', { types: pending(before) })];
  assert.deepEqual(verdicts(all, snapshots, noneAccepted, now), { found: [], undecidedFor: 59_000 });
  assert.equal(verdicts(all, snapshots, noneAccepted, now + 59_000).found.length, 1);
});

test('P12: as many that are connected and silent as there are that reject it outweigh them, however long it takes', () => {
  const silent = ['three', 'four'].map(id => proxy(id, { types: pending(whole) }));
  const all = [rejecting('one'), rejecting('two'), ...silent];
  const much = now + 3_600_000;
  assert.deepEqual(verdicts(all, snapshots, noneAccepted, much), { found: [], undecidedFor: undefined });
  assert.equal(verdicts([rejecting('five'), ...all], snapshots, noneAccepted, much).found.length, 1);
  const claimed = ['one', 'two'].map(id => proxy(id, { types: pending(whole) }));
  assert.deepEqual(
    found(rejecting('one'), rejecting('two'), ...claimed),
    [],
    'their node ids may be claimed by others',
  );
});

test('P12: who has rejected all of a response is not silent', () => {
  const rejection = { version: whole, message: 'no', at: now };
  const types = new Map([[urls.CDS, { ...clusters(before).get(urls.CDS)!, state: 'rejected' as const, rejection }]]);
  const others = ['three', 'four', 'five'].map(id => proxy(id, { types }));
  assert.deepEqual(found(rejecting('one'), rejecting('two'), ...others), ['a one+two 1']);
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

test('P12: what the fleet has accepted last stands in its place, whatever those who reject it say that they hold', () => {
  const holding = (instead: string | undefined) => ({ ...a, instead });
  for (const claim of ['1', undefined, 'unknown', 'made up']) {
    assert.deepEqual(found(rejecting('one', holding(claim)), rejecting('two', holding(claim))), ['a one+two 1']);
  }
});

test('P12: where nothing was accepted it is left out, unless one of them may hold something', () => {
  const accepted = new AcceptedContents();
  accepted.published(snapshots, now);
  const both = (...instead: readonly (string | undefined)[]) => {
    const proxies = instead.map((each, index) => rejecting(`${index}`, { ...a, instead: each }));
    return verdicts(proxies, snapshots, accepted, now).found.map(each => each.instead);
  };
  assert.deepEqual(both(undefined, undefined), [undefined]);
  assert.deepEqual(both(undefined, 'unknown'), []);
  assert.deepEqual(both('1', '1'), []);
});

test('P12: who claims the node ids of proxies does not take away their word', () => {
  const accepting = ['one', 'two'].map(id => proxy(id, { types: clusters(whole) }));
  assert.deepEqual(found(rejecting('one'), rejecting('two'), ...accepting), []);
});

test('P12: what was accepted stays so when those who did have gone', () => {
  const accepted = history();
  const liars = [rejecting('one'), rejecting('two')];
  assert.equal(verdicts(liars, snapshots, accepted, now).found.length, 1, 'something older was accepted');
  accepted.see(proxy('three', { types: clusters(whole) }));
  assert.deepEqual(verdicts(liars, snapshots, accepted, now), { found: [], undecidedFor: undefined });
  const next = new Map([['edge', snapshot('edge', { CDS: { a: '2', b: '3' } })]]);
  accepted.published(next, now);
  const b = { ...a, name: 'b', version: '3' };
  const both = ['one', 'two'].map(id => proxy(id, { withheld: { rejects: [a, b], suspects: [] } }));
  const verdict = verdicts(both, next, accepted, now + 20_000);
  assert.deepEqual(
    verdict.found.map(each => `${each.name} ${each.instead}`),
    ['b 2'],
  );
});

test('P12: what was accepted by one from which something else is withheld counts as well', () => {
  const accepted = history();
  accepted.see(proxy('three', { types: clusters(without(sent, 'b')) }));
  assert.deepEqual(verdicts([rejecting('one'), rejecting('two')], snapshots, accepted, now).found, []);
  const b = { ...a, name: 'b' };
  assert.equal(verdicts([rejecting('one', b), rejecting('two', b)], snapshots, accepted, now).found.length, 1);
});

test('P12: what is acknowledged after the next has been published is known all the same', () => {
  const accepted = new AcceptedContents();
  accepted.published(new Map([['edge', former]]), now);
  accepted.published(snapshots, now);
  accepted.see(proxy('three', { types: clusters(before) }));
  assert.equal(accepted.lastGood('edge', a)?.version, '1');
  accepted.see(proxy('four', { types: clusters(whole) }));
  accepted.see(proxy('three', { types: clusters(before) }));
  assert.equal(accepted.has('edge', a), true, 'the older does not undo the newer');
});

test('P12: what is published and accepted once more is the newest again', () => {
  const accepted = history();
  accepted.see(proxy('three', { types: clusters(whole) }));
  accepted.published(new Map([['edge', former]]), now);
  accepted.see(proxy('three', { types: clusters(before) }));
  assert.equal(accepted.lastGood('edge', { ...a, version: '3' })?.version, '1');
});

test('P12: of a fleet that is no more nothing is kept, and of one that changes often little', () => {
  const accepted = history();
  accepted.published(new Map(), now);
  accepted.published(snapshots, now);
  assert.equal(accepted.lastGood('edge', a), undefined);
  for (let version = 3; version < 100; version++) {
    const next = snapshot('edge', { CDS: { a: `${version}`, b: '2' } });
    accepted.published(new Map([['edge', next]]), now);
    accepted.see(proxy('three', { types: clusters(next.types.get(urls.CDS)!.version) }));
  }
  assert.equal(accepted.lastGood('edge', { ...a, version: '99' }), undefined, 'the newest is enough');
  assert.equal(accepted.lastGood('edge', { ...a, version: '100' })?.version, '99');
});

test('P12: after a restart those who may have accepted it are given time to come back', () => {
  const accepted = new AcceptedContents(snapshots, now);
  const nothing = { ...a, instead: undefined };
  const liars = [rejecting('one', nothing), rejecting('two', nothing)];
  assert.deepEqual(verdicts(liars, snapshots, accepted, now + 1000), { found: [], undecidedFor: 59_000 });
  assert.equal(verdicts(liars, snapshots, accepted, now + 60_000).found.length, 1);
  const changed = new AcceptedContents(new Map([['edge', former]]), now);
  changed.published(snapshots, now);
  assert.equal(
    verdicts(liars, snapshots, changed, now).undecidedFor,
    60_000,
    'who comes back may hold what was before',
  );
  const later = new AcceptedContents(new Map([['edge', former]]), now);
  later.published(snapshots, now + 60_000);
  assert.equal(verdicts(liars, snapshots, later, now).found.length, 1, 'it is not kept for longer');
  changed.see(proxy('three', { types: clusters(before) }));
  assert.deepEqual(
    verdicts(liars, snapshots, changed, now).found.map(each => each.instead),
    ['1'],
  );
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
