import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { framed } from '../../src/xds/frame.ts';
import { Connection } from '../../src/xds/http2/connection.ts';
import type { RpcService, Serve } from '../../src/xds/rpc.ts';
import { defaultXdsSettings } from '../../src/xds/service.ts';
import { END_HEADERS, frame, headerBlock, open, preface, settings, types } from '../fuzz/frames.ts';
import { begin, ended, serveRpc } from '../support/rpc-caller.ts';
import { until } from '../support/until.ts';

/** What the transport over node:http2 does by itself, and what a client may do to it. */

const name = 'grpc.health.v1.Health';
const check = `/${name}/Check`;
const talk = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const slow = '/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus';

/** One answers a request with itself, another each message until one is long, the third the first, and reads no more. */
function services(closed: string[]): readonly RpcService[] {
  const serve: Serve = stream => ({
    received: bytes => {
      stream.write(bytes);
      if (bytes.length > 1000) stream.end('OK', '');
    },
    finished: () => {},
    closed: reason => closed.push(reason),
  });
  const first: Serve = stream => ({
    received: bytes => {
      stream.pause();
      stream.write(bytes);
    },
    finished: () => {},
    closed: reason => closed.push(reason),
  });
  return [
    { name: 'envoy.service.status.v3.ClientStatusDiscoveryService', streams: { StreamClientStatus: first }, unary: {} },
    { name, streams: {}, unary: { Check: request => ({ kind: 'answer', message: request }) } },
    { name: 'grpc.reflection.v1.ServerReflection', streams: { ServerReflectionInfo: serve }, unary: {} },
  ];
}

async function serve(t: TestContext, limits = {}, answerLimit = 150) {
  const closed: string[] = [];
  const settings = { answerLimit, limits: { ...defaultXdsSettings.limits, ...limits } };
  return { ...(await serveRpc(t, 'http2', services(closed), settings)), closed };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const one = framed([Buffer.from('one')]);

test('P7: what is not read after the end is broken off', async t => {
  const { session, closed } = await serve(t);
  const deaf = await session(0);
  const call = begin(deaf, talk);
  call.end(framed([Buffer.alloc(100_000)]));
  await new Promise(resolve => call.once('close', resolve));
  assert.equal(call.rstCode, 8, 'CANCEL');
  await until('the service knows', () => closed.length === 1);
});

test('P24: what comes after the end is not kept', { timeout: 60_000 }, async t => {
  const { session } = await serve(t, {}, 60_000);
  const call = begin(await session(0), talk);
  call.write(framed([Buffer.alloc(2000)]));
  await once(call, 'response');
  const before = process.memoryUsage().arrayBuffers;
  const piece = Buffer.alloc(1024 * 1024);
  for (let sent = 0; sent < 16; sent++) await new Promise(resolve => call.write(piece, resolve));
  await until('it is given up', () => {
    collect();
    const kept = process.memoryUsage().arrayBuffers - before;
    assert.ok(kept < 8 * piece.length, `${kept} bytes more`);
    return true;
  });
});

test('P24: a call that its caller gives up while it is not read leaves nothing', { timeout: 60_000 }, async t => {
  const { session, closed } = await serve(t);
  const call = begin(await session(0), slow);
  call.write(Buffer.concat([one, one]));
  await once(call, 'response');
  // Waits with Node, unread.
  await new Promise(resolve => call.write(one, resolve));
  await new Promise(resolve => call.session?.ping(resolve));
  call.close(0);
  await until('the service knows', () => closed.length === 1);
});

test('P24: floods of pings, settings and resets end their connection, and no other', { timeout: 60_000 }, async t => {
  const { port, session } = await serve(t, { connectionStreams: 1000 });
  const good = begin(await session(), talk);
  good.write(one);
  await once(good, 'data');
  const many = (count: number, make: (index: number) => Buffer): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
  const reset = (stream: number): Buffer =>
    Buffer.concat([
      frame(types.headers, END_HEADERS, stream, headerBlock({ ':path': talk })),
      frame(types.reset, 0, stream, Buffer.from([0, 0, 0, 8])),
    ]);
  for (const flood of [
    many(20_000, () => frame(types.ping, 0, 0, Buffer.alloc(8))),
    many(20_000, () => settings([3, 100])),
    many(5000, index => reset(2 * index + 1)),
  ]) {
    const socket = await open(port);
    socket.resume();
    const gone = once(socket, 'close');
    socket.write(Buffer.concat([preface, settings(), flood]));
    await gone;
  }
  // Fewer are nothing that ends one.
  const calm = await open(port);
  calm.resume();
  calm.write(Buffer.concat([preface, settings(), many(500, () => frame(types.ping, 0, 0, Buffer.alloc(8)))]));
  const again = begin(await session(), check);
  again.end(one);
  assert.equal((await ended(again)).status, '0');
  assert.equal(good.closed, false);
  assert.equal(calm.destroyed, false);
  calm.destroy();
});

test('P8: a ping that cannot be sent ends its connection, and nothing else', { timeout: 60_000 }, async () => {
  const session = Object.assign(new EventEmitter(), {
    socket: {},
    destroyed: false,
    setLocalWindowSize: () => {},
    ping: () => {
      throw new Error('planted');
    },
    destroy: () => session.emit('close'),
  });
  const [warning, gone] = [once(process, 'warning'), once(session, 'close')];
  new Connection(session as unknown as ServerHttp2Session, { keepaliveTime: 1, keepaliveTimeout: 1000 });
  const alive = setInterval(() => {}, 1000);
  await gone;
  clearInterval(alive);
  assert.match(String((await warning)[0]), /planted/);
});
