import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { encode } from '../../../proto/codec.ts';
import { Board, type Publication } from '../../../src/snapshot/board.ts';
import type { Outgoing } from '../../../src/xds/client-driver.ts';
import { Clients } from '../../../src/xds/clients.ts';
import type { XdsEvent } from '../../../src/xds/events.ts';
import { FrameEncoder } from '../../../src/xds/frame.ts';
import { defaultLimits, type XdsLimits } from '../../../src/xds/limits.ts';
import { Pacer } from '../../../src/xds/pacer.ts';
import { defaultXdsSettings } from '../../../src/xds/service.ts';
import { StreamDriver } from '../../../src/xds/stream-driver.ts';
import { publication, type Sets, snapshot, type TypeName, urls } from '../../support/xds-fixtures.ts';
import { readResponse, writeDelta } from '../../support/xds-wire.ts';

/** Clients without a transport: a delta stream for each type, all on one connection. */
function served(pacer = new Pacer({ limit: 1_000_000, patience: 1_000 }), limits: Partial<XdsLimits> = {}) {
  const board = new Board();
  const events: XdsEvent[] = [];
  const { order, rejection } = defaultXdsSettings;
  const shared = {
    settings: { order, rejection },
    limits: { ...defaultLimits, ...limits },
    random: () => 0,
    frames: new FrameEncoder('test'),
    pacer,
    emit: (event: XdsEvent) => void events.push(event),
  };
  const clients = new Clients(board, shared);
  /** What is called when writes leave. */
  const leaving: (() => void)[] = [];
  let streams = 0;
  const open = (type: TypeName, names: readonly string[] = [], bytes?: Buffer) => {
    const written: string[] = [];
    const ends: string[] = [];
    let nonce = '';
    const port = {
      certificate: undefined,
      peer: 'connection',
      write: ({ frame, nonce: own }: Outgoing, done: () => void) => {
        leaving.push(done);
        const { resources, removed } = readResponse('delta', frame.withNonce(own));
        written.push(...resources.map(each => `${each.name}=${each.content}`), ...removed.map(name => `~${name}`));
        nonce = own;
      },
      end: (code: string, message: string) => void ends.push(`${code}: ${message}`),
    };
    const settings = { streamId: ++streams, variant: 'delta', impliedType: urls[type], nonceSalt: 1 } as const;
    const driver = new StreamDriver(settings, port, shared, clients);
    driver.received(bytes ?? writeDelta({ typeUrl: urls[type], node: 'n', subscribe: names }));
    const ack = () => driver.received(writeDelta({ typeUrl: urls[type], nonce }));
    return { driver, written, ends, ack };
  };
  const publish = async (sets: Sets) => {
    board.publish(publication(snapshot('f', sets)));
    await setImmediate();
    await setImmediate();
  };
  return { board, clients, events, open, publish, leaving };
}

test('R37, R47: while the streams of a client end one after the other, the rest are sent nothing', async () => {
  const { events, open, publish } = served();
  await publish({ CDS: { old: '1' }, LDS: { l: '1' } });
  const [clusters, listeners] = [open('CDS'), open('LDS')];
  clusters.ack();
  listeners.ack();
  await publish({ CDS: { new: '1' }, LDS: { l: '2' } });
  assert.deepEqual([clusters.written, listeners.written], [['old=1', 'new=1'], ['l=1']]);
  clusters.driver.end('OK', 'closing');
  listeners.driver.end('OK', 'closing');
  await setImmediate();
  assert.deepEqual(listeners.written, ['l=1']);
  const closed = events.filter(each => each.kind === 'closed');
  assert.deepEqual(closed, [{ kind: 'closed', clientId: 1, reason: 'closing' }]);
});

test('a stream that is opened in place of one that has just ended is of the same client', async () => {
  const { events, open, publish } = served();
  await publish({ CDS: { c: '1' }, LDS: { l: '1' } });
  const [, listeners] = [open('CDS'), open('LDS')];
  listeners.ack();
  listeners.driver.close('reset');
  const again = open('LDS');
  assert.deepEqual(again.written, ['l=1']);
  const joined = events.filter(each => each.kind === 'joined');
  assert.deepEqual(
    joined.map(each => each.to),
    [1, 1],
  );
});

test('a fault of ours ends all streams of the client, however many there are', async () => {
  const { board, open } = served();
  let faulty = false;
  const snapshots = {
    get: () => {
      if (faulty) throw new Error('broken');
    },
  } as unknown as Publication['snapshots'];
  board.publish({ snapshots, assign: () => ({ kind: 'assigned', key: 'f' }) });
  const streams = Array.from({ length: 2_000 }, (_, index) => open('EDS', [`${index}`]));
  faulty = true;
  board.publish({ snapshots, assign: () => ({ kind: 'assigned', key: 'f' }) });
  await setImmediate();
  await setImmediate();
  const ends = new Set(streams.map(each => each.ends.join()));
  assert.deepEqual([...ends], ['INTERNAL: a fault of the control plane: broken']);
  await setImmediate();
});

test('P7: the streams of a client that had to wait for room go on together, and no further than before', async () => {
  const { clients, open, leaving, publish } = served(new Pacer({ limit: 200_000, patience: 60_000 }));
  const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
  await publish({ EDS: Object.fromEntries(names.map(name => [name, 'a'.repeat(20_000)])) });
  const streams = names.map(name => open('EDS', [name]));
  assert.deepEqual([...new Set(streams.map(each => each.written.length))], [1, 0], 'some were held back');
  const before = clients.steps;
  while (leaving.length > 0) {
    leaving.shift()?.();
    await setImmediate();
  }
  assert.deepEqual([...new Set(streams.map(each => each.written.length))], [1]);
  assert.ok(clients.steps - before < 10, `going on has cost ${clients.steps - before} steps`);
});

test('R41: streams whose nodes differ in more than the id are clients of their own', async () => {
  const { events, open, publish } = served();
  await publish({ CDS: { c: '1' }, LDS: { l: '1' }, EDS: { e: '1' } });
  const from = (type: TypeName, cluster: string) =>
    open(
      type,
      [],
      Buffer.from(
        encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', {
          node: { id: 'n', cluster },
          type_url: urls[type],
        }),
      ),
    );
  const [clusters, listeners] = [from('CDS', 'one'), from('LDS', 'two')];
  from('EDS', 'two');
  assert.deepEqual([clusters.written, listeners.written], [['c=1'], ['l=1']]);
  const known = events.flatMap(each => (each.kind === 'identified' ? [[each.clientId, each.node.cluster]] : []));
  assert.deepEqual(known, [
    [1, 'one'],
    [2, 'two'],
  ]);
  const again = encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', {
    node: { id: 'n', cluster: 'three' },
    type_url: urls.LDS,
  });
  listeners.driver.received(Buffer.from(again));
  assert.equal(events.filter(each => each.kind === 'identified').length, 2, 'the node with which it began stays');
  clusters.driver.received(
    Buffer.from(
      encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', {
        node: { id: 'n', cluster: 'three' },
        type_url: urls.CDS,
      }),
    ),
  );
  assert.equal(events.filter(each => each.kind === 'identified').length, 3, 'a single stream may have another');
});

test('under changes without a pause all clients are told as often as each other', async () => {
  const { board, open } = served();
  const publish = (version: number) => board.publish(publication(snapshot('f', { CDS: { c: `${version}` } })));
  publish(0);
  const streams = Array.from({ length: 1_000 }, () => open('CDS'));
  for (const each of streams) each.ack();
  for (let version = 1; version <= 40; version++) {
    publish(version);
    const before = streams.map(({ written }) => written.length);
    // Less than what telling all of them takes.
    await setImmediate();
    for (const [index, each] of streams.entries()) if (each.written.length > (before[index] ?? 0)) each.ack();
  }
  const times = streams.map(({ written }) => written.length);
  const [fewest, most] = [Math.min(...times), Math.max(...times)];
  assert.ok(fewest > 5 && most - fewest <= 1, `from ${fewest} to ${most} times`);
  for (let turn = 0; turn < 10; turn++) {
    await setImmediate();
    for (const each of streams) each.ack();
  }
  assert.ok(
    streams.every(({ written }) => written.at(-1) === 'c=40'),
    'in the end all have the newest',
  );
});

/** A pacer that has no room until `leave` is called. */
function full() {
  const pacer = new Pacer({ limit: 20_000, patience: 60_000 });
  const write = {};
  pacer.begin(write, 20_000);
  return { pacer, leave: () => pacer.end(write) };
}

const refusing: Publication['assign'] = () => ({ kind: 'refused', fleet: 'f', why: 'its certificate is of another' });

test('P23: who may not stay is ended though there is no room', async () => {
  const { pacer } = full();
  const { board, open, publish } = served(pacer);
  await publish({ CDS: { c: '1' } });
  const stream = open('CDS');
  const snapshots = new Map([['f', snapshot('f', { CDS: { c: '2' } })]]);
  board.publish({ snapshots, assign: refusing });
  await setImmediate();
  await setImmediate();
  assert.deepEqual(stream.ends, ['PERMISSION_DENIED: its certificate is of another']);
});

test('no stream joins a client whose fault is found by that', async () => {
  const { pacer, leave } = full();
  const { board, open, publish } = served(pacer);
  await publish({ CDS: { c: '1' }, LDS: { l: '1' } });
  const first = open('CDS');
  const current = board.current;
  assert.ok(current);
  // The same rule, and what it leads to cannot be had.
  const broken = { get: () => assert.fail('broken') } as unknown as Publication['snapshots'];
  board.publish({ ...current, snapshots: broken });
  await setImmediate();
  await setImmediate();
  const second = open('LDS');
  assert.equal(first.ends.length, 1);
  leave();
  await publish({ CDS: { c: '2' }, LDS: { l: '2' } });
  await setImmediate();
  assert.ok(second.ends.length + second.written.length > 0, 'it is neither ended nor served');
});

test('R49: what a stream was owed may be all that it takes: what it asks for at the same time waits', async () => {
  const { pacer, leave } = full();
  const { open, publish, leaving } = served(pacer);
  const large = (content: string): string => content.padEnd(100_000, 'x');
  await publish({ EDS: { a: '1', b: large('1') } });
  leave();
  await setImmediate();
  const stream = open('EDS', ['a']);
  leaving.shift()?.();
  stream.ack();
  const again = full();
  pacer.begin(again, 20_000);
  await publish({ EDS: { a: large('2'), b: large('1') } });
  assert.equal(stream.written.length, 1);
  pacer.end(again);
  stream.driver.received(writeDelta({ typeUrl: urls.EDS, subscribe: ['b'] }));
  assert.equal(leaving.length, 1, 'one write is on its way');
});

test('a client that a fault of ours has ended is told of nothing more', async () => {
  const { board, events, open } = served();
  let faulty = false;
  let newest = snapshot('f', { CDS: { c: '1' }, EDS: { a: '1', b: '1' } });
  const assign = () => ({ kind: 'assigned', key: 'f' }) as const;
  const snapshots = {
    get: () => {
      if (faulty) throw new Error('broken');
      return newest;
    },
  } as unknown as Publication['snapshots'];
  const change = async (b: string) => {
    newest = snapshot('f', { CDS: { c: '1' }, EDS: { a: '1', b } }, newest);
    board.publish({ snapshots, assign });
    await setImmediate();
    await setImmediate();
  };
  await change('1');
  const stream = open('EDS', ['a']);
  stream.ack();
  await change('2');
  faulty = true;
  await change('3');
  assert.deepEqual(stream.ends, ['INTERNAL: a fault of the control plane: broken']);
  faulty = false;
  events.length = 0;
  await change('4');
  await change('5');
  assert.deepEqual(events, []);
});
