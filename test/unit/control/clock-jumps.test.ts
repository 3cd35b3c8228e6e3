import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { publicationAt } from '../../../src/control/revisions.ts';
import { EventLog } from '../../../src/events/event-log.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { revisionOf } from '../../support/store-contract.ts';
import { shopPolicy, world } from './controller-world.ts';

const hour = 3_600_000;
const years = 10 * 365 * 24 * hour;
const jumps = [hour, -hour, 5 * hour, -7 * hour, years, -years, -years, years];

describe('a clock that is put forth and back (P6)', () => {
  it('changes nothing of the order of revisions and publications, and costs none of them', async () => {
    const { controller, submit, shift, clock, versions } = world();
    await submit(shopPolicy());
    const sent = [versions()];
    for (const [n, jump] of jumps.entries()) {
      clock.setDate(jump);
      await shift({ 'catalog@v1': n + 1, 'catalog@v2': 1 });
      sent.push(versions());
    }
    const listed = controller.revisions.list({ limit: 99 });
    assert.deepEqual(
      listed.map(each => each.number),
      Array.from({ length: jumps.length + 1 }, (_, n) => jumps.length + 1 - n),
    );
    const { publications } = controller.revisions;
    assert.deepEqual(
      publications.map(each => [each.number, each.fleets.edge]),
      sent.map((each, n) => [n + 1, new Map(each as [string, string][]).get('edge')]),
    );
    assert.equal(
      publicationAt(publications, 'edge', clock.now())?.revision,
      jumps.length + 1,
      'the newest is what holds',
    );
    const back = await controller.revisions.rollback({ to: 1, overrides: true, by: 'ada' });
    assert.ok(back.kind === 'accepted' && back.revision.number === jumps.length + 2);
    assert.deepEqual(versions(), sent[0]);
  });

  for (const jump of [-years, -hour, hour, years]) {
    it(`ends an override after its time, no sooner and no later: ${jump > 0 ? 'forth' : 'back'} by ${Math.abs(jump) / hour} h`, async () => {
      const { controller, submit, drain, clock, quiet } = world();
      await submit(shopPolicy());
      await drain('10.0.0.1:80', { expiresAt: clock.now() + 2 * hour });
      const count = async () => {
        await quiet();
        return controller.accepted?.overrides.length;
      };
      clock.pass(hour);
      clock.setDate(jump);
      assert.equal(await count(), 1);
      clock.pass(hour - 1);
      assert.equal(await count(), 1);
      clock.pass(1);
      assert.equal(await count(), 0);
    });
  }

  it('keeps a freeze and what is good', async () => {
    const { controller, submit, board, clock, versions } = world();
    await submit(shopPolicy());
    controller.freezing.confirm(board.current!.snapshots);
    const before = versions();
    controller.freezing.freeze({ by: 'ada' });
    clock.setDate(-years);
    await submit(shopPolicy({ to: '[{ service: other }]' }));
    assert.deepEqual(versions(), before);
    clock.setDate(2 * years);
    assert.equal(controller.freezing.freeze({ by: 'ada' }, 1).kind, 'done');
    controller.freezing.thaw({ by: 'ada' });
    assert.notDeepEqual(versions(), before);
  });

  it('costs the past no more than what is kept of it at least, though all of it seems old', () => {
    const store = new MemoryStore();
    for (let n = 1; n <= 150; n++) store.acceptRevision(revisionOf(`a: ${n}`, { at: n }));
    store.acceptRevision(revisionOf('next', { at: years }));
    assert.equal(store.revisions({ limit: 999 }).length, 100);
    store.acceptRevision(revisionOf('back again', { at: 200 }));
    assert.equal(store.revisions({ limit: 999 }).length, 101, 'none of what is left is older');
  });

  it('tells who follows events that there may be more, where ids begin lower than before', () => {
    let now = years;
    const log = () => new EventLog({ now: () => now });
    const before = log();
    before.add({ type: 'revision', message: '' });
    const seen = before.last;
    now = hour;
    const after = log();
    after.add({ type: 'revision', message: '' });
    const { events, missed } = after.after(seen, {}, 10);
    assert.deepEqual([events.length, missed], [1, true]);
  });
});
