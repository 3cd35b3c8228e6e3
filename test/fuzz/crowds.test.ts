import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { defaultXdsSettings } from '../../src/xds/service.ts';
import { until } from '../support/until.ts';
import { urls } from '../support/xds-fixtures.ts';
import { writeDelta } from '../support/xds-wire.ts';
import { call, data, message, open, preface, settings } from './frames.ts';
import { UnderFire } from './under-fire.ts';

const fire = await UnderFire.start();
after(() => fire.end());

const started = Buffer.concat([preface, settings()]);
const ask = (node: string): Buffer =>
  Buffer.concat([call(1), data(1, message(writeDelta({ typeUrl: urls.CDS, node })))]);

test('P9: a thousand clients that come at once and go at once', t =>
  fire.survives(t, async () => {
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => open(fire.port)));
    const answered = new Set<Socket>();
    for (const [index, socket] of sockets.entries()) {
      socket.on('data', bytes => bytes.includes(urls.CDS) && answered.add(socket));
      socket.write(Buffer.concat([started, ask(`node-${index}`)]));
    }
    await until('all are answered', () => answered.size === sockets.length, 30_000);
    for (const socket of sockets) socket.destroy();
  }));

test('P8: connections whose other side is silent are noticed', t =>
  fire.survives(t, async () => {
    const { connections } = await fire.counts();
    const silent = [Buffer.alloc(0), preface.subarray(0, 5), started, Buffer.concat([started, ask('silent')])];
    const sockets = await Promise.all(
      silent.map(async bytes => {
        const socket = await open(fire.port);
        // Read, and never answered: no ping either.
        socket.resume();
        socket.write(bytes);
        return socket;
      }),
    );
    await until('they are there', async () => (await fire.counts()).connections === connections + silent.length);
    await Promise.all(sockets.map(socket => closed(socket)));
  }));

test('P8: with the settings that there are, that takes less than 30 s', () => {
  assert.ok(defaultXdsSettings.keepaliveTime + defaultXdsSettings.keepaliveTimeout < 30_000);
});

/** Bytes of a response that fills the window of a client that does not read; after a smaller one, it is sent another. */
const large = 100_000;

test('P7, R49: for clients that ask on and do not read nothing is kept', t =>
  fire.survives(
    t,
    async () => {
      const deaf = await Promise.all(
        Array.from({ length: 10 }, async (_, index) => {
          const socket = await open(fire.port);
          socket.pause();
          socket.write(started);
          socket.write(ask(`deaf-${index}`));
          return socket;
        }),
      );
      const { published } = fire;
      const before = await until('all are clients', async () => {
        const counts = await fire.counts();
        return counts.clients >= deaf.length + 1 && counts;
      });
      const again = data(1, message(writeDelta({ typeUrl: urls.CDS, subscribe: ['a'] })));
      for (let round = 0; round < 10; round++) {
        for (const socket of deaf) socket.write(again);
        await fire.updates(20, large);
      }
      // Flow control takes the first 64 KB; what they ask after that is answered when the rest has left.
      const others = (await fire.counts()).sent - before.sent - (fire.published - published);
      assert.ok(others < 4 * deaf.length, `${others} responses to ${deaf.length} clients that do not read`);
      await until('no more is kept than what is newest', async () => {
        const { memory } = await fire.counts();
        assert.ok(memory - before.memory < 20_000_000, `${memory - before.memory} bytes are kept`);
        return true;
      });
      for (const socket of deaf) socket.destroy();
    },
    large,
  ));

test('P24: of many messages of which the rest never comes, little is kept', t =>
  fire.survives(t, async () => {
    const before = await fire.counts();
    // As much as windows allow before anything is read.
    const half = message(Buffer.alloc(1_000_000)).subarray(0, 60_000);
    const sockets = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const socket = await open(fire.port);
        socket.resume();
        socket.write(started);
        for (let index = 0; index < 300; index++) {
          const stream = 2 * index + 1;
          const parts = Buffer.concat([call(stream), data(stream, half)]);
          await new Promise(resolve => socket.write(parts, resolve));
        }
        return socket;
      }),
    );
    await until('all has been heard', async () => (await fire.counts()).limited > before.limited + 500, 30_000);
    const { memory } = await fire.counts();
    assert.ok(memory - before.memory < 30_000_000, `${memory - before.memory} bytes are kept`);
    for (const socket of sockets) socket.destroy();
  }));

async function closed(socket: Socket): Promise<void> {
  if (!socket.destroyed) await once(socket, 'close');
}
