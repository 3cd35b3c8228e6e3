import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { framed } from '../../src/xds/frame.ts';
import { http2Transport } from '../../src/xds/http2/transport.ts';
import type { RpcService, Serve } from '../../src/xds/rpc.ts';
import { defaultXdsSettings } from '../../src/xds/service.ts';
import { END_HEADERS, frame, headerBlock, open, preface, settings, types } from '../fuzz/frames.ts';
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
  const transport = http2Transport(services(closed), {
    ...defaultXdsSettings,
    answerLimit,
    limits: { ...defaultXdsSettings.limits, ...limits },
  });
  const listener = createServer(socket => transport.inject(socket.on('error', () => {})));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  t.after(() => {
    transport.destroy();
    listener.close();
  });
  const session = (window?: number): ClientHttp2Session => {
    const made = connect(
      `http://127.0.0.1:${port}`,
      window === undefined ? {} : { settings: { initialWindowSize: window } },
    );
    made.on('error', () => {});
    t.after(() => made.destroy());
    return made;
  };
  return { transport, port, session, closed };
}

function begin(session: ClientHttp2Session, path: string, more: Readonly<Record<string, string>> = {}) {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  const call = session.request({ ...headers, ...more });
  call.on('error', () => {});
  return call;
}

/** What a call ends with. */
async function ended(call: ClientHttp2Stream) {
  const said = { http: 0, status: '', message: '', bytes: Buffer.alloc(0) };
  const take = (headers: Readonly<Record<string, unknown>>): void => {
    said.http = Number(headers[':status'] ?? said.http);
    said.status = String(headers['grpc-status'] ?? said.status);
    said.message = decodeURI(String(headers['grpc-message'] ?? said.message));
  };
  call.on('response', take);
  call.on('trailers', take);
  call.on('data', bytes => {
    said.bytes = Buffer.concat([said.bytes, bytes]);
  });
  // However it ends.
  if (!call.destroyed) await new Promise(resolve => call.once('close', resolve));
  return said;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const one = framed([Buffer.from('one')]);

test('a call has its answer, its status, and is over when its caller still talks', async t => {
  const { session } = await serve(t);
  const asked = begin(session(), check);
  asked.end(one);
  assert.deepEqual(await ended(asked), { http: 200, status: '0', message: '', bytes: one });
  const talking = begin(session(), `/${name}/Nothing`);
  const { status, message } = await ended(talking);
  assert.deepEqual([status, message], ['12', `there is no method /${name}/Nothing`]);
});

test('what is no call of gRPC is refused by HTTP', async t => {
  const { session } = await serve(t);
  const both = session();
  assert.equal((await ended(begin(both, check, { 'content-type': 'text/plain' }))).http, 415);
  assert.equal((await ended(begin(both, check, { ':method': 'PUT' }))).http, 405);
  const asked = begin(both, check);
  asked.end(one);
  assert.equal((await ended(asked)).status, '0', 'the connection goes on');
});

test('a method of one request takes one, whole, and in time', async t => {
  const { session } = await serve(t);
  const all = session();
  const statusOf = async (bytes: Buffer | undefined, more?: Readonly<Record<string, string>>, open = false) => {
    const call = begin(all, check, more);
    if (bytes) call.write(bytes);
    if (!open) call.end();
    return (await ended(call)).status;
  };
  assert.equal(await statusOf(Buffer.concat([one, one])), '12', 'two');
  assert.equal(await statusOf(undefined), '12', 'none');
  assert.equal(await statusOf(one.subarray(0, 6)), '13', 'a part');
  assert.equal(await statusOf(undefined, {}, true), '4', 'none, and no end');
  assert.equal(await statusOf(one, { 'grpc-timeout': '20m' }, true), '4', 'no end within the time of the caller');
  assert.equal(await statusOf(one, { 'grpc-timeout': 'soon' }), '13');
  assert.equal(await statusOf(Buffer.concat([Buffer.from([1]), one.subarray(1)])), '13', 'marked as compressed');
});

test('P7: what is not read after the end is broken off', async t => {
  const { session, closed } = await serve(t);
  const deaf = session(0);
  const call = begin(deaf, talk);
  call.end(framed([Buffer.alloc(100_000)]));
  await new Promise(resolve => call.once('close', resolve));
  assert.equal(call.rstCode, 8, 'CANCEL');
  await until('the service knows', () => closed.length === 1);
});

test('P24: what comes after the end is not kept', { timeout: 60_000 }, async t => {
  const { session } = await serve(t, {}, 60_000);
  const call = begin(session(0), talk);
  call.write(framed([Buffer.alloc(2000)]));
  await once(call, 'response');
  const before = process.memoryUsage().arrayBuffers;
  const piece = Buffer.alloc(1024 * 1024);
  for (let sent = 0; sent < 16; sent++) await new Promise(resolve => call.write(piece, resolve));
  collect();
  const kept = process.memoryUsage().arrayBuffers - before;
  assert.ok(kept < 8 * piece.length, `${kept} bytes more`);
});

test('P24: a call that its caller gives up while it is not read leaves nothing', { timeout: 60_000 }, async t => {
  const { session, closed } = await serve(t);
  const call = begin(session(0), slow);
  call.write(Buffer.concat([one, one]));
  await once(call, 'response');
  // Waits with Node, unread.
  await new Promise(resolve => call.write(one, resolve));
  await new Promise(resolve => call.session?.ping(resolve));
  call.close(0);
  await until('the service knows', () => closed.length === 1);
});

test('P24: headers that are too long or too many end their call only', async t => {
  const { session } = await serve(t);
  const both = session();
  // What the server allows holds from when the client knows it.
  await once(both, 'remoteSettings');
  const long = await ended(begin(both, check, { 'x-long': 'x'.repeat(20_000) }));
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, '1']));
  const more = await ended(begin(both, check, many));
  assert.deepEqual([long.status, more.status], ['', '']);
  const asked = begin(both, check);
  asked.end(one);
  assert.equal((await ended(asked)).status, '0');
});

test('P24: floods of pings, settings and resets end their connection, and no other', { timeout: 60_000 }, async t => {
  const { port, session } = await serve(t, { connectionStreams: 1000 });
  const good = begin(session(), talk);
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
  const again = begin(session(), check);
  again.end(one);
  assert.equal((await ended(again)).status, '0');
  assert.equal(good.closed, false);
  assert.equal(calm.destroyed, false);
  calm.destroy();
});

test('R47: a shutdown says GOAWAY, and lets calls end', async t => {
  const { transport, session } = await serve(t);
  const both = session();
  const call = begin(both, talk);
  call.write(one);
  await once(call, 'data');
  const away = once(both, 'goaway');
  transport.shutdown();
  await away;
  call.end(framed([Buffer.alloc(2000)]));
  assert.equal((await ended(call)).status, '0');
  await until('the connection has ended', () => both.destroyed);
});
