import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { urls } from '../support/xds-fixtures.ts';
import { writeDelta } from '../support/xds-wire.ts';
import {
  call,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headerBlock,
  message,
  number,
  open,
  preface,
  say,
  settings,
  types,
} from './frames.ts';
import { UnderFire } from './under-fire.ts';

const fire = await UnderFire.start();
after(() => fire.end());

const started = Buffer.concat([preface, settings()]);
const request = writeDelta({ typeUrl: urls.CDS, node: 'fuzz' });
const many = (count: number, make: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
const all = async (attacks: readonly Buffer[]): Promise<void> => {
  for (let at = 0; at < attacks.length; at += 20) {
    await Promise.all(attacks.slice(at, at + 20).map(each => say(fire.port, each)));
  }
};

test('P24: connections that do not begin as HTTP/2 does', t =>
  fire.survives(t, async chance => {
    const hello = Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), randomBytes(500)]);
    await all([
      Buffer.alloc(0),
      Buffer.from('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'),
      hello,
      preface.subarray(0, 10),
      Buffer.concat([preface, frame(types.ping, 0, 0, Buffer.alloc(8))]),
      Buffer.concat([preface, Buffer.alloc(100_000, 0xff)]),
      ...Array.from({ length: 60 }, () => bytesOf(chance, 1 + chance.below(300))),
      ...Array.from({ length: 60 }, () => flipped(chance, Buffer.concat([started, call(1)]))),
    ]);
  }));

test('P24: frames that are wrong', t =>
  fire.survives(t, async chance => {
    const wrong = [
      frame(types.settings, 0, 0, Buffer.alloc(5)),
      frame(types.settings, 0, 1, Buffer.alloc(6)),
      frame(types.settings, 1, 0, Buffer.alloc(6)),
      settings([4, 0xffff_ffff]),
      settings([5, 1]),
      settings([2, 7]),
      frame(types.ping, 0, 0, Buffer.alloc(7)),
      frame(types.window, 0, 0, Buffer.alloc(3)),
      frame(types.window, 0, 0, number(0)),
      many(3, () => frame(types.window, 0, 0, number(0x7fff_ffff))),
      frame(types.data, 0, 0, Buffer.alloc(10)),
      frame(types.data, 0, 1, Buffer.alloc(10)),
      frame(types.data, 8, 1, Buffer.from([255])),
      frame(types.headers, END_HEADERS, 2, headerBlock()),
      frame(types.headers, END_HEADERS, 0, headerBlock()),
      frame(types.headers, END_HEADERS, 1, Buffer.alloc(200, 0xff)),
      frame(types.headers, END_HEADERS | 0x20, 1, Buffer.concat([number(1), Buffer.from([0]), headerBlock()])),
      frame(types.headers, END_HEADERS | 8, 1, Buffer.concat([Buffer.from([255]), headerBlock()])),
      Buffer.concat([call(5), call(3)]),
      Buffer.concat([call(1), call(1)]),
      frame(types.priority, 0, 1, Buffer.alloc(4)),
      frame(types.reset, 0, 1, number(8)),
      frame(types.reset, 0, 0, number(8)),
      frame(types.push, END_HEADERS, 1, Buffer.concat([number(2), headerBlock()])),
      frame(types.goaway, 0, 0, Buffer.alloc(3)),
      frame(types.continuation, END_HEADERS, 1, headerBlock()),
      Buffer.concat([frame(types.headers, 0, 1, headerBlock()), frame(types.ping, 0, 0, Buffer.alloc(8))]),
      frame(200, 255, 12_345, Buffer.alloc(1000)),
      Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]), Buffer.alloc(50_000)]),
    ];
    const random = Array.from({ length: 100 }, () =>
      many(1 + chance.below(20), () =>
        frame(chance.below(11), chance.below(256), chance.below(8), bytesOf(chance, chance.below(200))),
      ),
    );
    await all([...wrong, ...random].map(each => Buffer.concat([started, each])));
  }));

test('P24: floods of resets, continuations, pings and settings', t =>
  fire.survives(t, async () => {
    const odd = (index: number): number => 2 * index + 1;
    const reset = (index: number): Buffer =>
      Buffer.concat([call(odd(index)), frame(types.reset, 0, odd(index), number(8))]);
    const floods = [
      many(5000, reset),
      many(5000, index =>
        Buffer.concat([
          call(odd(index)),
          data(odd(index), message(request)),
          frame(types.reset, 0, odd(index), number(8)),
        ]),
      ),
      Buffer.concat([
        frame(types.headers, 0, 1, headerBlock()),
        many(20_000, () => frame(types.continuation, 0, 1, Buffer.from([0, 1, 97, 1, 98]))),
      ]),
      many(50_000, () => frame(types.ping, 0, 0, Buffer.alloc(8))),
      many(50_000, () => settings([3, 100])),
      Buffer.concat([call(1), many(50_000, () => frame(types.data, 0, 1))]),
      Buffer.concat([call(1), many(20_000, () => frame(types.window, 0, 1, number(1)))]),
      many(20_000, index => frame(types.priority, 0, odd(index), Buffer.concat([number(0), Buffer.from([16])]))),
    ];
    await Promise.all(floods.map(each => say(fire.port, Buffer.concat([started, each]), 1500)));
    // The same by who does not read what it is answered.
    const deaf = await Promise.all(
      floods.map(async each => {
        const socket = await open(fire.port);
        socket.pause();
        socket.write(Buffer.concat([started, each]));
        return socket;
      }),
    );
    await pause(1000);
    for (const socket of deaf) socket.destroy();
  }));

test('P24: what is no message of gRPC, and bombs', t =>
  fire.survives(t, async chance => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));
    const gzip = { 'grpc-encoding': 'gzip' };
    const said = (bytes: Buffer, headers?: Readonly<Record<string, string>>): Buffer =>
      Buffer.concat([started, call(1, headers), data(1, bytes)]);
    await all([
      said(message(request, 0, 0xffff_ffff)),
      said(message(request, 0, request.length + 1)),
      said(message(request, 0, request.length - 1)),
      said(message(request, 1)),
      said(message(bytesOf(chance, 300), 1), gzip),
      said(message(request, 0x37)),
      said(many(3000, () => message(Buffer.alloc(0)))),
      said(Buffer.from([0, 0])),
      said(message(request), { 'content-type': 'text/plain' }),
      said(message(request), { 'content-type': 'application/grpc-web+json' }),
      said(message(request), { ':path': '/nobody/Knows' }),
      said(message(request), { ':path': '' }),
      said(message(request), { ':method': 'GET' }),
      said(message(request), { 'grpc-timeout': 'soon' }),
      said(message(request), { 'grpc-timeout': '1n' }),
      said(message(request), { 'grpc-encoding': 'x'.repeat(1000) }),
      said(message(request), { 'x-binary-bin': '***' }),
      said(message(request), { 'x-large': 'x'.repeat(15_000) }),
      Buffer.concat([started, frame(types.headers, END_HEADERS | END_STREAM, 1, headerBlock())]),
      ...Array.from({ length: 40 }, () => said(message(bytesOf(chance, chance.below(500)), chance.below(3)), gzip)),
    ]);
    // Of 100 KB each, as far as flow control lets them come.
    const bombs = many(30, index =>
      Buffer.concat([call(2 * index + 1, gzip), data(2 * index + 1, message(bomb, 1).subarray(0, 60_000))]),
    );
    const small = gzipSync(Buffer.alloc(16 * 1024 * 1024));
    const volleys = many(30, index =>
      Buffer.concat([call(2 * index + 1, gzip), data(2 * index + 1, message(small, 1))]),
    );
    await Promise.all([bombs, volleys].map(each => say(fire.port, Buffer.concat([started, each]), 1500)));
  }));

function bytesOf(chance: { below(count: number): number }, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => chance.below(256)));
}

function flipped(chance: { below(count: number): number }, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = chance.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << chance.below(8));
  return copy;
}
