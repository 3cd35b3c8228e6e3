import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EndpointOverride, Override, Quarantine, TrafficShift } from '../../src/policy/operational-state.ts';
import type { Change, DeclaredChange, PublicationRecord, Store } from '../../src/store/store.ts';

export const revisionOf = (text: string, more: Partial<DeclaredChange> = {}): DeclaredChange => ({
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

/** About a change of overrides. */
const aboutOf = (what: string, more: Partial<Change> = {}): Change => ({
  at: 1_700_000_000_001,
  author: 'ada',
  source: 'api',
  reason: '',
  what,
  ...more,
});

export const put = (store: Store, ...overrides: readonly Override[]) =>
  store.changeOverrides({ put: overrides, end: [] }, aboutOf('put'));

export const publicationOf = (
  number: number,
  fleets: PublicationRecord['fleets'],
  more: Partial<PublicationRecord> = {},
): PublicationRecord => ({
  number,
  at: 1000 * number,
  revision: number,
  cause: 'policy',
  author: 'ada',
  what: 'changed',
  fleets,
  ...more,
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

/** What every store does. `open` gives an empty one that keeps three revisions and four publications. */
export function storeContract(name: string, open: () => Store): void {
  describe(`${name}: the contract of stores`, () => {
    it('is empty at first', () => {
      const store = open();
      assert.equal(store.latestRevision(), undefined);
      assert.equal(store.lastNumber(), 0);
      assert.equal(store.revision(1), undefined);
      assert.deepEqual(store.revisions({ limit: 10 }), []);
      assert.deepEqual(store.overrides(), []);
      assert.deepEqual([...store.resolvedNames()], []);
      assert.deepEqual(store.publications(), []);
      assert.equal(store.freeze(), undefined);
      store.close();
    });

    it('numbers revisions from 1 and gives back what was accepted', () => {
      const store = open();
      const first = store.acceptRevision(revisionOf('a: 1'));
      const about = { author: 'bob', source: 'api', reason: 'tuned', what: 'a changed', heldFiles: 'abc' } as const;
      const second = store.acceptRevision(revisionOf('a: 2', about));
      const declared = { kind: 'declared', overrides: [] } as const;
      assert.deepEqual(first, { number: 1, ...revisionOf('a: 1'), what: '', ...declared });
      assert.deepEqual(second, { number: 2, ...revisionOf('a: 2', about), ...declared });
      assert.deepEqual(store.latestRevision(), second);
      assert.deepEqual(store.revision(1), first);
      store.close();
    });

    it('makes no new revision of equal documents, unless it holds other files', () => {
      const store = open();
      const first = store.acceptRevision(revisionOf('a: 1'));
      assert.deepEqual(store.acceptRevision(revisionOf('a: 1', { at: 5, author: 'bob' })), first);
      const renamed = revisionOf('', { documents: [{ file: 'other.yaml', format: 'yaml', text: 'a: 1' }] });
      assert.equal(store.acceptRevision(renamed).number, 2);
      assert.equal(store.acceptRevision({ ...renamed, heldFiles: 'abc' }).number, 3);
      assert.equal(store.acceptRevision(renamed).number, 4);
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

    it('makes a revision of every change of overrides, with the whole state', () => {
      const store = open();
      store.acceptRevision(revisionOf('a: 1'));
      const second = put(store, drainOf('10.0.0.1:80'));
      assert.deepEqual(second, {
        number: 2,
        ...aboutOf('put'),
        kind: 'operational',
        documents: revisionOf('a: 1').documents,
        overrides: [drainOf('10.0.0.1:80')],
      });
      const third = store.acceptRevision(revisionOf('a: 2'));
      assert.deepEqual(third.overrides, [drainOf('10.0.0.1:80')]);
      assert.equal(store.changeOverrides({ put: [], end: [drainOf('10.0.0.9:80')] }, aboutOf('no such')), undefined);
      assert.equal(store.lastNumber(), 3);
      assert.equal(store.latestRevision()?.number, 3);
      assert.deepEqual(store.revision(2), second);
      store.close();
    });

    it('puts a policy and its overrides in force together', () => {
      const store = open();
      put(store, drainOf('10.0.0.1:80'), drainOf('10.0.0.2:80'));
      const both = store.acceptRevision(revisionOf('a: 1', { overrides: [shiftOf({ 'catalog@v1': 1 })] }));
      assert.deepEqual(both.overrides, [shiftOf({ 'catalog@v1': 1 })]);
      assert.deepEqual(store.overrides(), [shiftOf({ 'catalog@v1': 1 })]);
      store.close();
    });

    it('lists revisions, the newest first, in pages and by what matches', () => {
      const store = open();
      store.acceptRevision(revisionOf('a: 1'));
      put(store, drainOf('10.0.0.1:80'));
      store.acceptRevision(revisionOf('a: 2', { author: 'bob' }));
      const numbers = (query: Parameters<Store['revisions']>[0]) => store.revisions(query).map(each => each.number);
      assert.deepEqual(numbers({ limit: 2 }), [3, 2]);
      assert.deepEqual(numbers({ limit: 2, before: 2 }), [1]);
      assert.deepEqual(numbers({ limit: 9, matches: each => each.kind === 'declared' }), [3, 1]);
      assert.deepEqual(numbers({ limit: 9, matches: each => each.author === 'bob' }), [3]);
      store.close();
    });

    it('keeps what is pinned, and what is in force', () => {
      const store = open();
      store.acceptRevision(revisionOf('a: 1'));
      const declared = store.acceptRevision(revisionOf('a: 2'));
      const pin = { by: 'ada', at: 7, reason: 'before the move' };
      assert.equal(store.pin(1, pin), true);
      assert.equal(store.pin(9, pin), false);
      for (let n = 1; n <= 5; n++) put(store, drainOf(`10.0.0.${n}:80`));
      const kept = () => store.revisions({ limit: 99 }).map(each => each.number);
      assert.deepEqual(kept(), [7, 6, 5, 2, 1]);
      assert.deepEqual(store.revisions({ limit: 99 }).at(-1)?.pin, pin);
      assert.deepEqual(store.latestRevision(), declared);
      assert.equal(store.revision(1)?.documents[0]?.text, 'a: 1');
      assert.equal(store.pin(1, undefined), true);
      put(store, drainOf('10.0.0.9:80'));
      assert.deepEqual(kept(), [8, 7, 6, 2]);
      store.close();
    });

    it('holds one override per rule and per endpoint', () => {
      const store = open();
      put(store, shiftOf({ 'catalog@v1': 1, 'catalog@v2': 0 }));
      put(store, drainOf('10.0.0.1:80'));
      put(store, drainOf('10.0.0.2:80'));
      put(store, shiftOf({ 'catalog@v1': 9, 'catalog@v2': 1 }));
      assert.deepEqual(store.overrides(), [
        shiftOf({ 'catalog@v1': 9, 'catalog@v2': 1 }),
        drainOf('10.0.0.1:80'),
        drainOf('10.0.0.2:80'),
      ]);
      store.close();
    });

    it('puts and deletes several overrides at once', () => {
      const store = open();
      put(store, drainOf('10.0.0.1:80'), shiftOf({ 'catalog@v1': 1 }));
      const change = { put: [drainOf('10.0.0.2:80'), drainOf('10.0.0.3:80')], end: [drainOf('10.0.0.1:80')] };
      store.changeOverrides(change, aboutOf('both'));
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
      put(store, drainOf('10.0.0.1:80'));
      assert.deepEqual([...names], [['a.internal', ['10.0.0.1']]]);
      assert.deepEqual(overrides, []);
      store.close();
    });

    it('remembers publications, and of each fleet the newest whatever its age', () => {
      const store = open();
      const first = publicationOf(1, { edge: 'a', back: 'b' });
      store.addPublications([first, publicationOf(2, { edge: 'c' }), publicationOf(3, { edge: 'd', gone: 'x' })]);
      store.addPublications([publicationOf(4, { edge: 'e', gone: null }), publicationOf(5, { edge: 'f' })]);
      assert.deepEqual(
        store.publications().map(each => each.number),
        [1, 3, 4, 5],
      );
      assert.deepEqual(store.publications()[0], first);
      store.addPublications([publicationOf(6, { back: null })]);
      assert.deepEqual(
        store.publications().map(each => each.number),
        [3, 4, 5, 6],
      );
      store.close();
    });

    it('holds a freeze until it ends, and keeps the revision that it is of', () => {
      const store = open();
      store.acceptRevision(revisionOf('a: 1'));
      const state = {
        overrides: [drainOf('10.0.0.1:80')],
        quarantines: [],
        resolvedNames: { 'a.internal': ['10.0.0.1'] },
      };
      const freeze = { by: 'ada', since: 5, reason: 'incident', revision: 1, ...state };
      store.setFreeze(freeze);
      assert.deepEqual(store.freeze(), freeze);
      for (let n = 2; n <= 6; n++) store.acceptRevision(revisionOf(`a: ${n}`));
      assert.equal(store.revision(1)?.documents[0]?.text, 'a: 1');
      store.setFreeze(undefined);
      assert.equal(store.freeze(), undefined);
      store.close();
    });

    it('keeps answers by their key until it is told that they are over', () => {
      const store = open();
      const of = (key: string, status: number) => ({
        key,
        request: 'r',
        at: 1,
        status,
        headers: { etag: '"a"' },
        body: '{}',
      });
      store.keepAnswer(of('a', 200), []);
      store.keepAnswer(of('b', 200), []);
      store.keepAnswer(of('b', 201), ['a', 'none']);
      assert.deepEqual(store.answers(), [of('b', 201)]);
      store.restore(store.contents());
      assert.deepEqual(store.answers(), [of('b', 201)]);
      store.close();
    });

    it('gives all that it holds, and takes all that another held in place of it', () => {
      const [from, to] = [open(), open()];
      from.acceptRevision(revisionOf('a: 1'));
      put(from, drainOf('10.0.0.1:80'));
      from.pin(1, { by: 'ada', at: 7 });
      from.putQuarantine(quarantineOf('catalog'));
      from.changeResolvedNames(new Map([['a.internal', ['10.0.0.1']]]));
      from.addPublications([publicationOf(1, { edge: 'a' })]);
      for (let n = 1; n <= 5; n++) to.acceptRevision(revisionOf(`b: ${n}`));
      put(to, drainOf('10.0.0.7:80'));
      to.putQuarantine(quarantineOf('web'));
      to.setFreeze({ by: 'ada', since: 5, revision: 5, overrides: [], quarantines: [], resolvedNames: {} });
      const all = ({ revisions, ...rest }: ReturnType<Store['contents']>) => ({ ...rest, revisions: [...revisions] });
      const contents = all(from.contents());
      to.restore(contents);
      assert.deepEqual(all(to.contents()), { ...contents, last: 6 });
      assert.deepEqual(to.latestRevision(), from.latestRevision());
      assert.equal(to.freeze(), undefined);
      assert.equal(to.acceptRevision(revisionOf('next')).number, 7, 'a number is not given twice');
      from.close();
      to.close();
    });
  });
}
