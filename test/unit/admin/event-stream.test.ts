import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type EventStreamOptions, eventStream } from '../../../src/admin/event-stream.ts';
import { EventLog } from '../../../src/events/event-log.ts';
import { until } from '../../support/until.ts';

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

function open(events: EventLog, given: Partial<EventStreamOptions> = {}) {
  const stop = new AbortController();
  endings.push(() => stop.abort());
  const told = { severed: 0, ended: 0, missed: 0 };
  const stream = eventStream({
    events,
    filter: {},
    since: events.last,
    signal: stop.signal,
    sever: () => {
      told.severed += 1;
    },
    missed: () => {
      told.missed += 1;
    },
    ended: () => {
      told.ended += 1;
    },
    ...given,
  });
  const reader = stream.getReader();
  const heard = { text: '', done: false };
  const read = async (): Promise<void> => {
    const { value, done } = await reader.read();
    heard.text += new TextDecoder().decode(value);
    heard.done = done;
  };
  const readAll = async (): Promise<void> => {
    while (!heard.done) await read();
  };
  return { told, heard, read, readAll, stop, reader };
}

describe('the stream of events', () => {
  it('tells of events as they come, with their ids', async () => {
    const events = new EventLog({ now: () => Date.parse('2026-03-01T12:00:00Z') });
    const { heard, readAll } = open(events);
    void readAll();
    events.add({ type: 'revision', message: 'revision 3', revision: 3, author: 'ada' });
    await until('it is told', () => heard.text.includes('revision 3'));
    const data = { id: events.last, type: 'revision', message: 'revision 3', revision: 3, author: 'ada' };
    const shown = JSON.stringify({ ...data, at: '2026-03-01T12:00:00.000Z' });
    assert.equal(heard.text, `retry: 2000\n\nid: ${events.last}\nevent: revision\ndata: ${shown}\n\n`);
  });

  it('goes on where a reader was, and says when something was missed', async () => {
    const events = new EventLog({ seldom: 2 });
    const since = events.last;
    for (const message of ['one', 'two', 'three']) events.add({ type: 'override', message });
    const { told, heard, readAll } = open(events, { since });
    void readAll();
    await until('the last', () => heard.text.includes('three'));
    const names = [...heard.text.matchAll(/^event: (.*)$/gm)].map(match => match[1]);
    assert.deepEqual(names, ['gap', 'override', 'override']);
    assert.equal(told.missed, 1);
    const [gap] = [...heard.text.matchAll(/^id: (.*)$/gm)].map(match => Number(match[1]));
    assert.equal(
      events.after(gap ?? 0, {}, 10).missed,
      false,
      'a reader that goes on from the gap misses nothing more',
    );
    const later = open(events, { since: since + 1 });
    void later.readAll();
    await until('the last', () => later.heard.text.includes('three'));
    assert.doesNotMatch(later.heard.text, /gap/);
  });

  it('tells at once of what stands after very many that the reader does not want', async () => {
    const events = new EventLog();
    const since = events.last;
    for (let count = 0; count < 8000; count++) events.add({ type: 'ack', message: 'of another', proxy: 'another' });
    events.add({ type: 'ack', message: 'the one', proxy: 'wanted' });
    const { heard, readAll } = open(events, { since, filter: { proxy: 'wanted' } });
    void readAll();
    await until('it is told', () => heard.text.includes('the one'));
    assert.doesNotMatch(heard.text, /nothing new/);
  });

  it('beats while nothing happens', async () => {
    const { heard, readAll } = open(new EventLog(), { timing: { heartbeat: 10 } });
    void readAll();
    await until('two beats', () => heard.text.split(': nothing new\n\n').length > 2);
  });

  it('keeps nothing for a reader that does not read, and ends it', async () => {
    const events = new EventLog();
    const { told, read, heard } = open(events, { timing: { patience: 50 } });
    await read();
    for (let count = 0; count < 5000; count++) events.add({ type: 'ack', message: 'x'.repeat(100) });
    await read();
    assert.ok(heard.text.length < 100_000, 'what is made at once is bounded');
    await until('it is broken off', () => told.severed === 1);
    await pause(100);
    assert.deepEqual(told, { severed: 1, ended: 1, missed: 0 });
  });

  it('lets a reader be that reads slowly', async () => {
    const events = new EventLog();
    const { told, read } = open(events, { timing: { patience: 200, gathering: 1, heartbeat: 5 } });
    for (let turn = 0; turn < 10; turn++) {
      events.add({ type: 'ack', message: '' });
      await read();
      await pause(50);
    }
    assert.deepEqual(told, { severed: 0, ended: 0, missed: 0 });
  });

  it('ends with the server, and when the reader goes', async () => {
    const { told, heard, readAll, stop } = open(new EventLog());
    const reading = readAll();
    await until('it has begun', () => heard.text !== '');
    stop.abort();
    await reading;
    assert.deepEqual([heard.done, told.ended, told.severed], [true, 1, 0]);
    const other = open(new EventLog());
    await other.reader.cancel();
    assert.equal(other.told.ended, 1);
    const late = open(new EventLog(), { signal: AbortSignal.abort() });
    await late.readAll();
    assert.equal(late.told.ended, 1);
  });
});
