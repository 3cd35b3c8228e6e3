import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EventContent, EventFilter } from '../../../src/events/event.ts';
import { EventLog } from '../../../src/events/event-log.ts';

const start = 1_700_000_000_000;
const make = (frequent = 100, seldom = 100) => new EventLog({ now: () => start, frequent, seldom });
const said = (events: readonly EventContent[]) => events.map(each => each.message);

describe('the log of events', () => {
  it('gives what came after an id, in order, from both rings', () => {
    const log = make();
    const before = log.last;
    for (const [type, message] of [
      ['revision', 'a'],
      ['push', 'b'],
      ['ack', 'c'],
      ['override', 'd'],
    ] as const) {
      log.add({ type, message });
    }
    const all = log.after(before, {}, 10);
    assert.deepEqual([said(all.events), all.missed], [['a', 'b', 'c', 'd'], false]);
    assert.equal(all.cursor, log.last);
    const [first] = all.events;
    assert.deepEqual(said(log.after(first?.id ?? 0, {}, 2).events), ['b', 'c']);
    assert.deepEqual(log.after(log.last, {}, 10), { events: [], cursor: log.last, missed: false });
    assert.equal(log.counts.get('push'), 1);
  });

  it('has ids that grow over a restart', () => {
    const first = make();
    for (let count = 0; count < 50; count++) first.add({ type: 'ack', message: '' });
    assert.ok(new EventLog({ now: () => start + 1 }).last > first.last);
    assert.ok(Number.isSafeInteger(new EventLog({ now: () => Date.parse('2200-01-01') }).last));
  });

  it('does not forget what is seldom for what is frequent', () => {
    const log = make(10, 10);
    const before = log.last;
    log.add({ type: 'revision', message: 'the cause' });
    for (let count = 0; count < 1000; count++) log.add({ type: 'ack', message: `${count}` });
    const all = log.after(before, {}, 100);
    assert.equal(all.missed, true);
    assert.deepEqual(said(all.events).slice(0, 2), ['the cause', '990']);
    assert.deepEqual(log.after(before, { types: new Set(['revision']) }, 100).missed, false);
  });

  it('does not forget a change for clients that come again and again', () => {
    const log = make(10, 10);
    const before = log.last;
    log.add({ type: 'quarantine', message: 'the change' });
    for (const type of ['connected', 'disconnected', 'limit', 'reject'] as const) {
      for (let count = 0; count < 100; count++) log.add({ type, message: `${type} ${count}` });
    }
    assert.deepEqual(said(log.before(undefined, {}, 100)).slice(0, 2), ['the change', 'reject 90']);
    assert.equal(log.after(before, { types: new Set(['quarantine']) }, 100).missed, false);
  });

  it('says that something is missed after a restart, a flood, and a clock put back', () => {
    const log = make(3, 3);
    assert.equal(log.after(log.last - 1, {}, 10).missed, true, 'of before the start');
    assert.equal(log.after(log.last + 1, {}, 10).missed, true, 'of a time that has not come');
    const before = log.last;
    for (let count = 0; count < 3; count++) log.add({ type: 'override', message: '' });
    assert.equal(log.after(before, {}, 10).missed, false);
    log.add({ type: 'override', message: '' });
    assert.equal(log.after(before, {}, 10).missed, true);
    assert.equal(log.after(before + 1, {}, 10).missed, false);
  });

  it('filters by type, fleet with its sub-fleets, proxy, and what may be seen', () => {
    const log = make();
    const before = log.last;
    log.add({ type: 'revision', message: 'of all' });
    log.add({ type: 'ack', message: 'edge', fleet: 'edge', proxy: 'edge-1' });
    log.add({ type: 'ack', message: 'sub', fleet: 'edge/a', proxy: 'edge-2' });
    log.add({ type: 'ack', message: 'other', fleet: 'edges', proxy: 'edge-3' });
    const found = (filter: EventFilter) => said(log.after(before, filter, 10).events);
    assert.deepEqual(found({ types: new Set(['ack']) }), ['edge', 'sub', 'other']);
    assert.deepEqual(found({ fleet: 'edge' }), ['edge', 'sub']);
    assert.deepEqual(found({ proxy: 'edge-3' }), ['other']);
    assert.deepEqual(found({ visible: fleet => fleet === 'edges' }), ['of all', 'other']);
    assert.deepEqual(said(log.before(undefined, { fleet: 'edge' }, 1)), ['sub']);
    assert.deepEqual(said(log.before(log.last, {}, 2)), ['edge', 'sub']);
  });

  it('tells a reader that goes on from its cursor everything once, however it is cut (property)', () => {
    const types = ['revision', 'ack', 'push', 'override'] as const;
    const each = fc.constantFrom(...types);
    fc.assert(
      fc.property(fc.array(each, { maxLength: 60 }), fc.integer({ min: 1, max: 7 }), (all, limit) => {
        const log = make(100, 100);
        let cursor = log.last;
        const heard: number[] = [];
        const wanted = new Set(['ack', 'override'] as const);
        all.forEach((type, index) => {
          log.add({ type, message: String(index) });
          if (index % 3 !== 0) return;
          const next = log.after(cursor, { types: wanted }, limit);
          assert.equal(next.missed, false);
          heard.push(...next.events.map(event => Number(event.message)));
          cursor = next.cursor;
        });
        for (let last = -1; last !== cursor; ) {
          last = cursor;
          const next = log.after(cursor, { types: wanted }, limit);
          heard.push(...next.events.map(event => Number(event.message)));
          cursor = next.cursor;
        }
        assert.deepEqual(
          heard,
          all.flatMap((type, index) => (type === 'ack' || type === 'override' ? [index] : [])),
        );
      }),
    );
  });
});
