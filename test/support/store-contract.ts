import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EndpointOverride, Quarantine, TrafficShift } from '../../src/policy/operational-state.ts';
import type { Revision, Store } from '../../src/store/store.ts';

export const revisionOf = (text: string, more: Partial<Revision> = {}): Omit<Revision, 'number'> => ({
  at: 1_700_000_000_000,
  author: 'ada',
  source: 'file',
  reason: 'saved',
  documents: [{ file: 'switchyard.yaml', format: 'yaml', text }],
  ...more,
});

export const shiftOf = (weights: Record<string, number>): TrafficShift => ({
  kind: 'shift',
  route: 'shop',
  rule: 'everyone',
  weights,
  by: 'ada',
  since: 1,
});

export const drainOf = (address: string): EndpointOverride => ({
  kind: 'endpoint',
  service: 'catalog',
  address,
  state: 'draining',
  by: 'ada',
  since: 2,
  sessionsUntil: 2,
  expiresAt: 3,
});

export const quarantineOf = (name: string, more: Partial<Quarantine> = {}): Quarantine => ({
  fleet: 'edge',
  typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  name,
  version: '1',
  since: 4,
  message: 'no such thing',
  proxies: ['edge-1', 'edge-2'],
  lastGood: [{ typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name, value: 'CgFh' }],
  ...more,
});

/** What every store does. `open` gives an empty one that keeps three revisions. */
export function storeContract(name: string, open: () => Store): void {
  describe(`${name}: the contract of stores`, () => {
    it('is empty at first', () => {
      const store = open();
      assert.equal(store.latestRevision(), undefined);
      assert.equal(store.revision(1), undefined);
      assert.deepEqual(store.overrides(), []);
      assert.deepEqual([...store.resolvedNames()], []);
      store.close();
    });

    it('numbers revisions from 1 and gives back what was accepted', () => {
      const store = open();
      const first = store.acceptRevision(revisionOf('a: 1'));
      const second = store.acceptRevision(revisionOf('a: 2', { author: 'bob', source: 'api', reason: 'tuned' }));
      assert.deepEqual(first, { number: 1, ...revisionOf('a: 1') });
      assert.deepEqual(second, {
        number: 2,
        ...revisionOf('a: 2', { author: 'bob', source: 'api', reason: 'tuned' }),
      });
      assert.deepEqual(store.latestRevision(), second);
      assert.deepEqual(store.revision(1), first);
      store.close();
    });

    it('makes no new revision of equal documents', () => {
      const store = open();
      const first = store.acceptRevision(revisionOf('a: 1'));
      assert.deepEqual(store.acceptRevision(revisionOf('a: 1', { at: 5, author: 'bob' })), first);
      const renamed = revisionOf('', { documents: [{ file: 'other.yaml', format: 'yaml', text: 'a: 1' }] });
      assert.equal(store.acceptRevision(renamed).number, 2);
      store.close();
    });

    it('keeps as many revisions as it was told, and texts as long as one of them uses them', () => {
      const store = open();
      const shared = { file: 'shared.yaml', format: 'yaml', text: 'shared: true' } as const;
      for (let n = 1; n <= 5; n++) {
        const own = { file: 'own.yaml', format: 'yaml', text: `n: ${n}` } as const;
        store.acceptRevision(revisionOf('', { documents: [shared, own] }));
      }
      assert.equal(store.revision(2), undefined);
      assert.deepEqual(
        [3, 4, 5].map(n => store.revision(n)?.documents.map(each => each.text)),
        [3, 4, 5].map(n => ['shared: true', `n: ${n}`]),
      );
      store.close();
    });

    it('holds one override per rule and per endpoint', () => {
      const store = open();
      store.putOverride(shiftOf({ 'catalog@v1': 1, 'catalog@v2': 0 }));
      store.putOverride(drainOf('10.0.0.1:80'));
      store.putOverride(drainOf('10.0.0.2:80'));
      store.putOverride(shiftOf({ 'catalog@v1': 9, 'catalog@v2': 1 }));
      assert.deepEqual(store.overrides(), [
        shiftOf({ 'catalog@v1': 9, 'catalog@v2': 1 }),
        drainOf('10.0.0.1:80'),
        drainOf('10.0.0.2:80'),
      ]);
      store.close();
    });

    it('deletes an override and says whether there was one', () => {
      const store = open();
      store.putOverride(drainOf('10.0.0.1:80'));
      const key = { kind: 'endpoint', service: 'catalog', address: '10.0.0.1:80' } as const;
      assert.equal(store.deleteOverride(key), true);
      assert.equal(store.deleteOverride(key), false);
      assert.deepEqual(store.overrides(), []);
      store.close();
    });

    it('puts and deletes several overrides at once', () => {
      const store = open();
      store.putOverride(drainOf('10.0.0.1:80'));
      store.putOverride(shiftOf({ 'catalog@v1': 1 }));
      store.changeOverrides({ put: [drainOf('10.0.0.2:80'), drainOf('10.0.0.3:80')], end: [drainOf('10.0.0.1:80')] });
      const expected = [shiftOf({ 'catalog@v1': 1 }), drainOf('10.0.0.2:80'), drainOf('10.0.0.3:80')];
      assert.deepEqual(store.overrides(), expected);
      store.close();
    });

    it('holds one quarantine per resource of a fleet, and deletes it', () => {
      const store = open();
      store.putQuarantine(quarantineOf('catalog', { version: '1' }));
      store.putQuarantine(quarantineOf('web', { lastGood: [] }));
      store.putQuarantine(quarantineOf('catalog', { version: '2' }));
      assert.deepEqual(store.quarantines(), [
        quarantineOf('catalog', { version: '2' }),
        quarantineOf('web', { lastGood: [] }),
      ]);
      assert.equal(store.deleteQuarantine(quarantineOf('catalog')), true);
      assert.equal(store.deleteQuarantine(quarantineOf('catalog')), false);
      assert.deepEqual(store.quarantines(), [quarantineOf('web', { lastGood: [] })]);
      store.close();
    });

    it('keeps the newest answer per name', () => {
      const store = open();
      store.changeResolvedNames(
        new Map([
          ['a.internal', ['10.0.0.1']],
          ['b.internal', ['10.0.0.2']],
        ]),
      );
      store.changeResolvedNames(new Map([['c.internal', ['10.0.0.5']]]));
      store.changeResolvedNames(
        new Map([
          ['a.internal', ['10.0.0.3', '10.0.0.4']],
          ['b.internal', undefined],
        ]),
      );
      assert.deepEqual(
        [...store.resolvedNames()],
        [
          ['a.internal', ['10.0.0.3', '10.0.0.4']],
          ['c.internal', ['10.0.0.5']],
        ],
      );
      store.close();
    });

    it('gives objects that later writes do not change', () => {
      const store = open();
      store.changeResolvedNames(new Map([['a.internal', ['10.0.0.1']]]));
      const names = store.resolvedNames();
      const overrides = store.overrides();
      store.changeResolvedNames(new Map([['a.internal', ['10.0.0.2']]]));
      store.putOverride(drainOf('10.0.0.1:80'));
      assert.deepEqual([...names], [['a.internal', ['10.0.0.1']]]);
      assert.deepEqual(overrides, []);
      store.close();
    });
  });
}
