import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { framed } from '../../src/xds/frame.ts';
import { Intake } from '../../src/xds/intake.ts';
import { type RpcService, type Serve, type TransportName, transportNames } from '../../src/xds/rpc.ts';
import { defaultXdsSettings } from '../../src/xds/service.ts';
import {
  data,
  END_HEADERS,
  frame,
  headerBlock,
  message,
  number,
  open,
  preface,
  settings,
  types,
} from '../fuzz/frames.ts';
import { begin, ended, type Outcome, type ServedRpc, serveRpc } from '../support/rpc-caller.ts';
import { until } from '../support/until.ts';

/** What a client sees of a call does not depend on what speaks HTTP/2 for the server. */

const health = 'grpc.health.v1.Health';
const reflection = 'grpc.reflection.v1.ServerReflection';
const check = `/${health}/Check`;
const watch = `/${health}/Watch`;
const talk = `/${reflection}/ServerReflectionInfo`;

/** Does what it is told, and repeats everything else. */
function obedient(heard: string[]): Serve {
  return stream => ({
    received: bytes => {
      heard.push(`received ${bytes.length}`);
      const [order = ''] = String(bytes.subarray(0, 20)).split(' ');
      if (order === 'throw') throw new Error('planted');
      if (order === 'refuse') stream.end('INVALID_ARGUMENT', 'no — 100 % no');
      else if (order === 'end') stream.end('OK', 'that is all');
      else if (order === 'break') stream.breakOff();
      else stream.write(bytes);
      if (order === 'last') stream.end('NOT_FOUND', 'after that, nothing');
      if (order === 'rest') {
        stream.end('OK', 'and rests');
        stream.pause();
      }
    },
    finished: () => {
      heard.push('finished');
      stream.end('OK', 'that was all');
    },
    closed: reason => {
      heard.push(reason);
      if (heard.includes('received 11')) throw new Error('planted at the end');
    },
  });
}

function services(heard: string[]): readonly RpcService[] {
  const answer: RpcService['unary'][string] = request => {
    const order = String(request);
    if (order === 'throw') throw new Error('planted');
    if (order === 'refuse') return { kind: 'refused', code: 'NOT_FOUND', why: 'no — 100 % no' };
    if (order !== 'late') return { kind: 'answer', message: request };
    return Promise.resolve({
      outcome: { kind: 'answer', message: request },
      left: () => void heard.push('left'),
    });
  };
  return [
    { name: health, streams: { Watch: obedient(heard) }, unary: { Check: answer } },
    { name: reflection, streams: { ServerReflectionInfo: obedient(heard) }, unary: {} },
  ];
}

const limits = { ...defaultXdsSettings.limits, message: 1000, connectionStreams: 20 };

async function serve(t: TestContext, name: TransportName, more = {}): Promise<ServedRpc & { heard: string[] }> {
  const heard: string[] = [];
  return { ...(await serveRpc(t, name, services(heard), { answerLimit: 300, limits, ...more })), heard };
}

const said = (text: string): Buffer => framed([Buffer.from(text)]);
const long = 'x'.repeat(2000);

interface Row {
  readonly path: string;
  readonly bytes?: Buffer;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** The client does not say that it has said all. */
  readonly open?: boolean;
  /** Bytes that it takes before it has read them. */
  readonly window?: number;
  readonly expected: Partial<Omit<Outcome, 'bytes'>> & { readonly bytes?: string };
}

const ok = { http: 200, status: '0', reset: 0 };
const refused = (status: number): Row['expected'] => ({ http: 200, status: String(status), alone: true, bytes: '' });

const rows: Readonly<Record<string, Row>> = {
  'a unary call': { path: check, bytes: said('one'), expected: { ...ok, bytes: 'one', alone: false } },
  'a unary call whose answer comes later': { path: check, bytes: said('late'), expected: { ...ok, bytes: 'late' } },
  'a unary call that is refused': {
    path: check,
    bytes: said('refuse'),
    expected: { ...refused(5), message: 'no — 100 % no' },
  },
  'a unary call that fails': {
    path: check,
    bytes: said('throw'),
    expected: { ...refused(13), message: 'a fault of the control plane: planted' },
  },
  'a unary call without a request': { path: check, expected: refused(12) },
  'a unary call with two requests': {
    path: check,
    bytes: Buffer.concat([said('a'), said('b')]),
    expected: refused(12),
  },
  'a unary call with two requests, and no end': {
    path: check,
    bytes: Buffer.concat([said('a'), said('b')]),
    open: true,
    expected: { ...refused(12), reset: 0 },
  },
  'a unary call with a part of a request': { path: check, bytes: said('one').subarray(0, 6), expected: refused(13) },
  'a unary call that never says all': { path: check, bytes: said('one'), open: true, expected: refused(4) },
  'a stream for one request': {
    path: watch,
    bytes: said('last'),
    expected: { http: 200, status: '5', message: 'after that, nothing', bytes: 'last', alone: false },
  },
  'a stream for one request with none': { path: watch, expected: refused(12) },
  'a stream for one request with two': {
    path: watch,
    bytes: Buffer.concat([said('a'), said('b')]),
    expected: refused(12),
  },
  'a stream': { path: talk, bytes: said('one'), expected: { ...ok, bytes: 'one', message: 'that was all' } },
  'a stream on which nothing is said': { path: talk, expected: { ...ok, message: 'that was all', alone: true } },
  'a stream that is ended': { path: talk, bytes: said('end'), open: true, expected: { ...ok, message: 'that is all' } },
  'a stream that is ended after an answer': {
    path: talk,
    bytes: said('last'),
    open: true,
    expected: { http: 200, status: '5', bytes: 'last', reset: 0 },
  },
  'a stream that is ended and then held up': { path: talk, bytes: said('rest'), open: true, expected: ok },
  'a stream that is refused': {
    path: talk,
    bytes: said('refuse'),
    open: true,
    expected: { ...refused(3), message: 'no — 100 % no', reset: 0 },
  },
  'a stream that is broken off': { path: talk, bytes: said('break'), open: true, expected: { http: 0, reset: 8 } },
  'a stream in which we fail': {
    path: talk,
    bytes: said('throw'),
    open: true,
    expected: { ...refused(13), message: 'a fault of the control plane: planted' },
  },
  'a stream that ends within a message': {
    path: talk,
    bytes: Buffer.concat([said('one'), said('one').subarray(0, 6)]),
    expected: { http: 200, status: '13', bytes: 'one' },
  },
  'a method that there is not': { path: `/${health}/Nothing`, bytes: said('one'), expected: refused(12) },
  'a service that there is not': { path: '/nobody/Knows', bytes: said('one'), open: true, expected: refused(12) },
  'another type of content': { path: check, headers: { 'content-type': 'text/plain' }, expected: { http: 415 } },
  'no type of content': { path: check, headers: { 'content-type': undefined }, expected: { http: 415 } },
  'gRPC with a named encoding': {
    path: check,
    bytes: said('one'),
    headers: { 'content-type': 'application/grpc+proto' },
    expected: { ...ok, bytes: 'one' },
  },
  'a compressed message': {
    path: talk,
    bytes: message(gzipSync('one'), 1),
    headers: { 'grpc-encoding': 'gzip' },
    expected: { ...refused(12), message: 'requests compressed as gzip are not accepted: send them as they are' },
  },
  'a compressed request of a unary call': {
    path: check,
    bytes: message(gzipSync('one'), 1),
    headers: { 'grpc-encoding': 'gzip' },
    expected: refused(12),
  },
  'an encoding that nobody knows': {
    path: talk,
    headers: { 'grpc-encoding': 'br' },
    open: true,
    expected: refused(12),
  },
  'a message that is too long': { path: talk, bytes: said(long), expected: refused(8) },
  'a request of a unary call that is too long': { path: check, bytes: said(long), expected: refused(8) },
  'a message that says it is too long': {
    path: talk,
    bytes: message(Buffer.from('x'), 0, 0xffff_ffff),
    open: true,
    expected: { ...refused(8), reset: 0 },
  },
  'a time that runs out': {
    path: talk,
    bytes: said('one'),
    headers: { 'grpc-timeout': '100m' },
    open: true,
    expected: { http: 200, status: '4', bytes: 'one', message: 'Deadline exceeded' },
  },
  'a time that runs out before there is an answer': {
    path: check,
    headers: { 'grpc-timeout': '50m' },
    open: true,
    expected: { ...refused(4), message: 'Deadline exceeded' },
  },
  'a time that is none': { path: talk, bytes: said('one'), headers: { 'grpc-timeout': 'soon' }, expected: refused(13) },
  'a time without a unit': { path: talk, bytes: said('one'), headers: { 'grpc-timeout': '5' }, expected: refused(13) },
  'a window of one byte': {
    path: check,
    bytes: said('x'.repeat(300)),
    window: 1,
    expected: { ...ok, bytes: 'x'.repeat(300) },
  },
  'no window, and nothing but a status': { path: talk, bytes: said('refuse'), window: 0, expected: refused(3) },
  'no window, ever': { path: talk, bytes: said('last'), window: 0, expected: { http: 200, status: '', reset: 8 } },
  'a header of 10 KB': { path: check, bytes: said('one'), headers: { 'x-long': 'x'.repeat(10_000) }, expected: ok },
};

/** Where they differ: grpc-js leaves it open. What it says is that it does, so that a change of that is noticed. */
const differing: Readonly<Record<string, Omit<Row, 'expected'> & Readonly<Record<TransportName, Row['expected']>>>> = {
  'a header of 20 KB': {
    path: check,
    bytes: said('one'),
    headers: { 'x-long': 'x'.repeat(20_000) },
    http2: { http: 0, reset: 11 },
    'grpc-js': ok,
  },
  'a hundred headers': {
    path: check,
    bytes: said('one'),
    headers: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, '1'])),
    http2: { http: 0, reset: 11 },
    'grpc-js': ok,
  },
  'another method than POST': {
    path: check,
    bytes: said('one'),
    headers: { ':method': 'PUT' },
    http2: { http: 405 },
    'grpc-js': ok,
  },
  'a message that is marked as compressed, and says not how': {
    path: talk,
    bytes: message(Buffer.from('one'), 1),
    http2: refused(13),
    'grpc-js': ok,
  },
  'a time with a sign': {
    path: talk,
    bytes: said('one'),
    headers: { 'grpc-timeout': '-1S' },
    http2: refused(13),
    'grpc-js': ok,
  },
};

function holds(name: TransportName, what: string, row: Row): void {
  const { path, bytes, headers, open: stays = false, window, expected } = row;
  test(`P24, ${name}: ${what}`, { timeout: 60_000 }, async t => {
    const { session } = await serve(t, name);
    const both = await session(window);
    const call = begin(both, path, headers);
    if (bytes) call.write(bytes);
    if (!stays) call.end();
    const { bytes: answered, ...outcome } = await ended(call);
    const messages = answered.length < 5 ? '' : String(answered.subarray(5));
    assert.deepEqual({ ...outcome, bytes: messages }, { ...outcome, bytes: messages, ...expected });
    if (window !== undefined) return;
    const again = begin(both, check);
    again.end(said('end'));
    assert.equal((await ended(again)).status, '0', 'the connection goes on');
  });
}

for (const name of transportNames) {
  for (const [what, row] of Object.entries(rows)) holds(name, what, row);
  for (const [what, row] of Object.entries(differing)) holds(name, what, { ...row, expected: row[name] });
}

for (const name of transportNames) {
  test(`P24, ${name}: a service hears of an end once, and of nothing after it`, { timeout: 60_000 }, async t => {
    const { session, heard, port } = await serve(t, name);
    const both = await session();
    const of = async (path: string, text: string, end: (call: ReturnType<typeof begin>) => void) => {
      heard.length = 0;
      const call = begin(both, path);
      call.write(said(text));
      await until('it is heard', () => heard.length > 0);
      end(call);
      await until('the end is heard', () => heard.some(each => each.includes('ended')));
      if (!both.destroyed) await new Promise(resolve => both.ping(resolve));
      return heard.splice(0);
    };
    const nothing = (): void => {};
    assert.deepEqual(await of(talk, 'one', call => call.end()), ['received 3', 'finished', 'the stream ended']);
    assert.deepEqual(await of(talk, 'last', nothing), ['received 4', 'the stream ended']);
    assert.deepEqual(await of(talk, 'break', nothing), ['received 5', 'the stream ended']);
    assert.deepEqual(await of(talk, 'one', () => both.destroy()), ['received 3', 'the connection ended']);
    const socket = await open(port);
    t.after(() => socket.destroy());
    socket.resume();
    socket.write(Buffer.concat([preface, settings()]));
    // By Node, a reset would come after the end of the stream.
    for (const [index, code] of [0, 2, 5, 8, 11].entries()) {
      heard.length = 0;
      const stream = 2 * index + 1;
      const call = frame(types.headers, END_HEADERS, stream, headerBlock({ ':path': talk }));
      socket.write(Buffer.concat([call, data(stream, said('one'))]));
      await until('it is heard', () => heard.length > 0);
      socket.write(frame(types.reset, 0, stream, number(code)));
      await until('the end is heard', () => heard.length > 1);
      assert.deepEqual(heard, ['received 3', 'the stream ended'], `code ${code}`);
    }
  });

  test(`P24, ${name}: what fails at the end of a call ends nothing`, { timeout: 60_000 }, async t => {
    const { session } = await serve(t, name);
    const both = await session();
    const warning = once(process, 'warning');
    const call = begin(both, talk);
    call.end(said('at the end.'));
    assert.equal((await ended(call)).status, '0');
    assert.match(String((await warning)[0]), /a fault of the control plane: planted at the end/);
    const again = begin(both, check);
    again.end(said('one'));
    assert.equal((await ended(again)).status, '0');
  });

  test(`P7, ${name}: a write is never done before it returns, whatever has become of its stream`, {
    timeout: 60_000,
  }, async t => {
    const early: boolean[] = [];
    const gone: (() => void)[] = [];
    const serves: Serve = stream => {
      const write = (): void => {
        let returned = false;
        stream.write(Buffer.from('one'), () => early.push(!returned));
        returned = true;
      };
      return {
        received: () => {
          write();
          if (early.length === 0) return;
          stream.breakOff();
          write();
        },
        finished: () => {},
        closed: () => {
          write();
          gone.push(write);
        },
      };
    };
    const { session } = await serveRpc(t, name, [
      { name: reflection, streams: { ServerReflectionInfo: serves }, unary: {} },
    ]);
    const call = begin(await session(), talk);
    call.write(said('one'));
    await once(call, 'data');
    await until('it is done', () => early.length === 1);
    call.write(said('two'));
    await until('its stream is gone', () => gone.length === 1);
    for (const write of gone) write();
    await new Promise(resolve => setImmediate(resolve));
    assert.ok(!early.includes(true));
  });

  test(`P7, ${name}: an answer is under way until it has been read`, { timeout: 60_000 }, async t => {
    const { session, heard } = await serve(t, name, { answerLimit: 60_000 });
    const both = await session(0);
    const call = begin(both, check);
    call.end(said('late'));
    await once(call, 'response');
    assert.deepEqual(heard, []);
    both.settings({ initialWindowSize: 65_535 });
    assert.equal((await ended(call)).status, '0');
    await until('it has left', () => heard.length === 1);
    assert.deepEqual(heard, ['left']);
  });

  test(`R51, ${name}: streams beyond what a connection may have are refused, and no others`, {
    timeout: 60_000,
  }, async t => {
    const { port } = await serve(t, name);
    const socket = await open(port);
    t.after(() => socket.destroy());
    let answered = Buffer.alloc(0);
    socket.on('data', bytes => {
      answered = Buffer.concat([answered, bytes]);
    });
    const calls = Array.from({ length: 21 }, (_, index) =>
      frame(types.headers, END_HEADERS, 2 * index + 1, headerBlock({ ':path': talk })),
    );
    socket.write(Buffer.concat([preface, settings(), ...calls, data(1, said('one'))]));
    await until('one is refused', () => answered.includes(frame(types.reset, 0, 41, number(7))));
    await until('another is answered', () => answered.includes('one'));
  });

  test(`R47, ${name}: a shutdown says GOAWAY, lets calls end, then ends connections and takes no more`, {
    timeout: 60_000,
  }, async t => {
    const { session, transport, port } = await serve(t, name);
    const [both, idle] = [await session(), await session()];
    const call = begin(both, talk);
    call.write(said('one'));
    await once(call, 'data');
    const away = Promise.all([once(both, 'goaway'), once(idle, 'close')]);
    transport.shutdown();
    const [[code]] = await away;
    assert.equal(code, 0);
    const late = await open(port);
    late.resume();
    if (!late.destroyed) await once(late, 'close');
    call.write(said('last'));
    assert.equal((await ended(call)).status, '5');
    if (!both.destroyed) await once(both, 'close');
  });

  test(`P8, ${name}: a connection that does not answer pings ends, one that does stays`, {
    timeout: 10_000,
  }, async t => {
    const { port, session, heard } = await serve(t, name, { keepaliveTime: 50, keepaliveTimeout: 500 });
    const alive = begin(await session(), talk);
    alive.write(said('one'));
    await until('it is there', () => heard.length === 1);
    const silent = await open(port);
    silent.resume();
    silent.write(
      Buffer.concat([preface, settings(), frame(types.headers, END_HEADERS, 1, headerBlock({ ':path': talk }))]),
    );
    await once(silent, 'close');
    assert.equal(alive.closed, false);
    await new Promise<void>((resolve, reject) => alive.session?.ping(error => (error ? reject(error) : resolve())));
  });

  test(`P24, ${name}: a request of HTTP/1 ends its connection`, { timeout: 60_000 }, async t => {
    const { port } = await serve(t, name);
    for (const request of [
      'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n',
    ]) {
      const socket = await open(port);
      socket.resume();
      socket.write(request);
      if (!socket.destroyed) await once(socket, 'close');
    }
  });

  test(`P24, ${name}: what has come in part is bounded over all streams, and who holds most loses it`, {
    timeout: 20_000,
  }, async t => {
    const MiB = 1024 * 1024;
    const refusals: string[] = [];
    const bounded = { ...limits, message: 4 * MiB, connectionStreams: 1000, partialMessages: 8 * MiB };
    const intake = new Intake(bounded, ({ limit }) => void refusals.push(limit));
    const { session } = await serve(t, name, { limits: bounded, intake });
    const half = framed([Buffer.alloc(MiB)]).subarray(0, MiB / 2);
    const good = begin(await session(), talk);
    good.write(half);
    await until('its half has come', () => intake.bytes >= half.length - 5);
    const many = await session();
    const calls = Array.from({ length: 40 }, () => begin(many, talk));
    const ends = calls.map(ended);
    for (const call of calls) call.write(half);
    const first = await Promise.race(ends);

    assert.equal(first.status, '8');
    assert.match(first.message, /the limit is partialMessages=8388608 \(--xds-limit/);
    await until('most are ended', () => refusals.length >= 20);
    assert.ok(intake.bytes <= 8 * MiB);
    many.destroy();
    await until('nothing is left of them', () => intake.bytes <= MiB);
    good.end(Buffer.alloc(MiB + 5 - half.length));
    const { status, bytes } = await ended(good);
    assert.deepEqual([status, bytes.length], ['0', MiB + 5]);
    assert.equal(intake.bytes, 0);
    assert.deepEqual(new Set(refusals), new Set(['partialMessages']));
  });
}
