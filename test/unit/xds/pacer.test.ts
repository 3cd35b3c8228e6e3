import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Board } from '../../../src/snapshot/board.ts';
import type { Outgoing } from '../../../src/xds/client-driver.ts';
import { Clients } from '../../../src/xds/clients.ts';
import { FrameEncoder } from '../../../src/xds/frame.ts';
import { defaultLimits } from '../../../src/xds/limits.ts';
import { Pacer } from '../../../src/xds/pacer.ts';
import { StreamDriver } from '../../../src/xds/stream-driver.ts';
import { publication, type Sets, snapshot, urls } from '../../support/xds-fixtures.ts';
import { readResponse, writeDelta, writeSotw } from '../../support/xds-wire.ts';

const size = 100_000;
const sets = (content: string): Sets => ({ CDS: { a: content.padEnd(size, 'x') } });

const order = { gateLimit: 1000, linger: 1000, lingerLimit: 1000, grace: 1000, reopening: 1000 };

function served(pacer: Pacer) {
  const board = new Board();
  const settings = { order, rejection: { pause: 1, retryAfter: 1, retryLimit: 1 } };
  const shared = {
    settings,
    limits: defaultLimits,
    random: () => 0,
    frames: new FrameEncoder('test'),
    pacer,
    emit: () => {},
  };
  return { board, shared, clients: new Clients(board, shared) };
}

/** Streams whose writes leave when the test says so. */
function streams(count: number, pacer: Pacer) {
  const { board, shared, clients } = served(pacer);
  const waiting: (() => void)[] = [];
  const written: number[] = [];
  const contents: string[][] = [];
  const nonces: string[] = [];
  const drivers = Array.from({ length: count }, (_, index) => {
    const settings = { streamId: index, variant: 'sotw' as const, impliedType: undefined, nonceSalt: 0 };
    const port = {
      peer: undefined,
      certificate: undefined,
      write({ frame, nonce }: Outgoing, done: () => void) {
        const { resources } = readResponse('sotw', frame.withNonce(nonce));
        contents[index] = [...(contents[index] ?? []), ...resources.map(each => each.content.replaceAll('x', ''))];
        nonces[index] = nonce;
        written.push(index);
        waiting.push(done);
      },
      end(_: string, message: string) {
        assert.fail(message);
      },
    };
    return new StreamDriver(settings, port, shared, clients);
  });
  const first = writeSotw({ typeUrl: urls.CDS, node: 'n' });
  const start = (content: string): void => {
    board.publish(publication(snapshot('fleet', sets(content))));
    for (const driver of drivers) driver.received(first);
  };
  const ack = (index: number): void => {
    drivers[index]?.received(writeSotw({ typeUrl: urls.CDS, version: '1', nonce: nonces[index] ?? '' }));
  };
  return { board, clients, drivers, waiting, written, contents, start, ack };
}

test('P7: no more than the limit is on its way, and everybody gets a turn', async () => {
  const { waiting, written, start } = streams(50, new Pacer({ limit: 4 * size, patience: 60_000 }));
  start('1');
  assert.equal(written.length, 4);
  while (waiting.length > 0) {
    assert.ok(waiting.length <= 4);
    waiting.shift()?.();
    await setImmediate();
  }
  assert.deepEqual(
    written.toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, index) => index),
  );
});

test('P7: clients that never read hold the others up for a moment only', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { waiting, written, start } = streams(12, new Pacer({ limit: 4 * size, patience: 20 }));
  start('1');
  assert.equal(written.length, 4);
  t.mock.timers.tick(19);
  assert.equal(written.length, 4);
  t.mock.timers.tick(1);
  await setImmediate();
  assert.equal(written.length, 8);
  t.mock.timers.tick(20);
  await setImmediate();
  assert.equal(written.length, 12);
  assert.equal(waiting.length, 12, 'none of it has left');
});

test('a stream that ends makes room, though its write never leaves', async () => {
  const { drivers, written, start } = streams(5, new Pacer({ limit: 4 * size, patience: 60_000 }));
  start('1');
  assert.equal(written.length, 4);
  drivers[0]?.close('cut');
  await setImmediate();
  assert.deepEqual(written, [0, 1, 2, 3, 4]);
});

test('a stream that ends while it waits is not written to', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { drivers, waiting, written, start } = streams(5, new Pacer({ limit: 4 * size, patience: 10 }));
  start('1');
  drivers[4]?.close('cut');
  for (const done of waiting) done();
  t.mock.timers.tick(100);
  await setImmediate();
  assert.deepEqual(written, [0, 1, 2, 3]);
});

test('P7: of what is published while there is no room, a client is told the newest alone', async () => {
  const { board, clients, drivers, waiting, contents, start, ack } = streams(
    2,
    new Pacer({ limit: size, patience: 60_000 }),
  );
  const publish = async (content: string) => {
    board.publish(publication(snapshot('fleet', sets(content))));
    await setImmediate();
    await setImmediate();
  };
  const leave = async () => {
    waiting.shift()?.();
    await setImmediate();
  };
  start('1');
  await leave();
  await leave();
  for (const index of drivers.keys()) ack(index);
  await publish('2');
  const before = clients.steps;
  await publish('3');
  await publish('4');
  assert.deepEqual(contents, [['1', '2'], ['1']]);
  await leave();
  await leave();
  ack(0);
  assert.deepEqual(contents, [
    ['1', '2', '4'],
    ['1', '4'],
  ]);
  // The first is told of the last one before and the second after it has acknowledged; and of an acknowledgement.
  assert.equal(clients.steps - before, 3);
});

test('R49: a stream that takes bytes again before anything happens to it costs no step', () => {
  const { clients, waiting, written, start, ack } = streams(1, new Pacer({ limit: 10 * size, patience: 60_000 }));
  start('1');
  const before = clients.steps;
  waiting.shift()?.();
  assert.equal(clients.steps, before);
  ack(0);
  assert.equal(clients.steps, before + 1);
  assert.equal(written.length, 1);
});

test('small writes are not counted', () => {
  const pacer = new Pacer({ limit: 1, patience: 10 });
  pacer.begin({}, 1000);
  assert.equal(pacer.full, false);
  pacer.begin({}, size);
  assert.equal(pacer.full, true);
});

test('R49: a client that asks again and again and does not read is written to once', () => {
  const written: string[] = [];
  const { board, shared, clients } = served(new Pacer({ limit: 1000 * size, patience: 60_000 }));
  const settings = { streamId: 1, variant: 'delta' as const, impliedType: undefined, nonceSalt: 0 };
  const leaving: (() => void)[] = [];
  const port = {
    peer: undefined,
    certificate: undefined,
    write: ({ nonce }: { nonce: string }, done: () => void) => {
      written.push(nonce);
      leaving.push(done);
    },
    end: () => assert.fail(),
  };
  board.publish(publication(snapshot('fleet', sets('1'))));
  const driver = new StreamDriver(settings, port, shared, clients);
  const again = writeDelta({ typeUrl: urls.CDS, node: 'n', subscribe: ['a'] });
  for (let times = 0; times < 10; times++) driver.received(again);
  assert.equal(written.length, 1);
  leaving.shift()?.();
  assert.equal(written.length, 2, 'what it asked for since then comes as one');
});

test('P7: a fleet whose responses are too small to be counted goes on some at a time', async () => {
  const pacer = new Pacer({ limit: size, patience: 60_000 });
  const write = {};
  pacer.begin(write, size);
  let resumed = 0;
  for (let waiting = 0; waiting < 1000; waiting++) pacer.wait(() => void resumed++);
  pacer.end(write);
  const turns: number[] = [];
  for (let before = 0; before < 1000; before = resumed) {
    await setImmediate();
    turns.push(resumed - before);
  }
  assert.ok(Math.max(...turns) <= 256, turns.join());
});
