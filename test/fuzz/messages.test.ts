import { once } from 'node:events';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { serviceDefinition } from '../../proto/services.ts';
import { discoveryServices } from '../../src/xds/discovery-services.ts';
import type { Chance } from '../support/chance.ts';
import { urls } from '../support/xds-fixtures.ts';
import { readResponse, writeDelta, writeSotw } from '../support/xds-wire.ts';
import { call as begun, data, message, open, preface, settings } from './frames.ts';
import { UnderFire } from './under-fire.ts';

const fire = await UnderFire.start();
after(() => fire.end());

interface Method {
  readonly path: string;
  readonly variant: 'sotw' | 'delta';
}

const methods: readonly Method[] = discoveryServices.flatMap(({ service, methods: named }) =>
  Object.entries(named).map(([name, variant]) => ({ path: serviceDefinition(service)[name]!.path, variant })),
);
const same = (bytes: Buffer): Buffer => bytes;
type Call = ClientDuplexStream<Buffer, Buffer>;

/** Has connections, and ends them. */
async function connected(work: (clients: readonly Client[]) => Promise<void>): Promise<void> {
  const clients = Array.from(
    { length: 4 },
    () => new Client(`127.0.0.1:${fire.port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
  );
  try {
    await work(clients);
  } finally {
    for (const client of clients) client.close();
  }
}

function call(client: Client, path: string): { readonly stream: Call; readonly ended: Promise<unknown> } {
  const stream = client.makeBidiStreamRequest(path, same, same) as Call;
  stream.on('error', () => {});
  stream.on('data', () => {});
  const ended = new Promise(resolve => stream.once('status', resolve));
  return { stream, ended };
}

/** Says messages on streams of any method, some at a time, and ends them in one of the ways there are. */
async function say(chance: Chance, lists: readonly (readonly Buffer[])[]): Promise<void> {
  await connected(async clients => {
    for (let at = 0; at < lists.length; at += 50) {
      const ends = lists.slice(at, at + 50).map(async messages => {
        const { stream, ended } = call(chance.of(clients), chance.of(methods).path);
        for (const each of messages) stream.write(each);
        if (chance.happens(0.5)) stream.end();
        await Promise.race([ended, pause(300)]);
        stream.cancel();
        await ended;
      });
      await Promise.all(ends);
    }
  });
}

const valid: readonly Buffer[] = [
  writeSotw({ typeUrl: urls.CDS, node: 'fuzz' }),
  writeSotw({ typeUrl: urls.EDS, node: 'fuzz', names: ['a', 'b', 'xdstp://x/y/z?k=v'], features: ['f'] }),
  writeSotw({ typeUrl: urls.CDS, nonce: '0', version: '1', error: 'no', names: ['a'] }),
  writeDelta({ typeUrl: urls.CDS, node: 'fuzz', subscribe: ['*', 'a'], unsubscribe: ['b'], has: { a: '1', c: '2' } }),
  writeDelta({ typeUrl: urls.EDS, node: 'fuzz', subscribe: ['a/*', 'a'] }),
  writeDelta({ typeUrl: urls.CDS, nonce: '0', error: 'Error adding/updating cluster(s) a: no' }),
];

test('P24: random bytes as messages', t =>
  fire.survives(t, chance =>
    say(
      chance,
      Array.from({ length: 300 }, () => Array.from({ length: 1 + chance.below(3) }, () => randomBytes(chance))),
    ),
  ));

test('P24: valid messages that were changed', t =>
  fire.survives(t, chance =>
    say(
      chance,
      Array.from({ length: 500 }, () => [
        ...(chance.happens(0.7) ? [chance.of(valid)] : []),
        ...Array.from({ length: 1 + chance.below(4) }, () => mutated(chance, chance.of(valid))),
      ]),
    ),
  ));

test('P24: messages that are nested, long or full of one thing', t =>
  fire.survives(t, async chance => {
    const field = (number: number, bytes: Uint8Array): Buffer =>
      Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
    const nested = (depth: number): Buffer => {
      let value: Buffer = field(3, Buffer.from('x'));
      // A Struct in a Value in an entry of a Struct.
      for (let level = 0; level < depth; level++) {
        value = field(5, field(1, Buffer.concat([field(1, Buffer.from('k')), field(2, value)])));
      }
      return field(1, Buffer.concat([field(1, Buffer.from('k')), field(2, value)]));
    };
    const groups = Buffer.alloc(10_000, (15 << 3) | 3);
    const node = (metadata: Buffer): Buffer => Buffer.concat([field(1, Buffer.from('fuzz')), field(3, metadata)]);
    const typed = (node1: number, type: number, bytes: Buffer): Buffer =>
      Buffer.concat([field(node1, bytes), field(type, Buffer.from(urls.CDS))]);
    const strange = [
      typed(1, 2, node(nested(5000))),
      typed(2, 4, node(nested(5000))),
      typed(1, 2, Buffer.concat([node(Buffer.alloc(0)), groups])),
      Buffer.concat([typed(1, 2, node(Buffer.alloc(0))), groups]),
      typed(1, 2, Buffer.concat(Array.from({ length: 20_000 }, () => field(1, Buffer.from('fuzz'))))),
      Buffer.concat([
        typed(1, 2, node(Buffer.alloc(0))),
        Buffer.concat(Array.from({ length: 200_000 }, () => Buffer.from([0x1a, 0]))),
      ]),
      Buffer.concat([
        typed(1, 2, node(Buffer.alloc(0))),
        ...Array.from({ length: 5000 }, (_, at) => field(3 + (at % 3), Buffer.from(`n${at}`))),
      ]),
      field(3, Buffer.alloc(1_000_000, 120)),
      Buffer.concat([Buffer.from([0x1a]), varint(2 ** 31 - 1)]),
      Buffer.concat([Buffer.from([0x1a]), Buffer.alloc(9, 0xff), Buffer.from([1])]),
      Buffer.alloc(100_000, 0x80),
      field(2, Buffer.alloc(0)),
    ];
    await say(
      chance,
      Array.from({ length: 60 }, (_, index) => [strange[index % strange.length]!]),
    );
  }));

test('P24: streams that are cut at every point of a conversation', t =>
  fire.survives(t, chance =>
    connected(async clients => {
      for (const { path, variant } of methods.slice(0, 6)) {
        for (let point = 0; point < 8; point++) {
          for (const how of ['cancel', 'end'] as const) {
            const { stream, ended } = call(chance.of(clients), path);
            await converse(stream, variant, point);
            stream[how]();
            await ended;
          }
          const socket = await open(fire.port);
          const requests = Array.from({ length: point }, () => data(1, message(chance.of(valid))));
          socket.write(Buffer.concat([preface, settings(), begun(1, { ':path': path }), ...requests]));
          if (chance.happens(0.5)) await once(socket, 'data');
          if (chance.happens(0.5)) socket.resetAndDestroy();
          else socket.destroy();
        }
      }
    }),
  ));

/** As many steps of a conversation: request, answer, acknowledgement, another request, and so on. */
async function converse(stream: Call, variant: 'sotw' | 'delta', steps: number): Promise<void> {
  const write = variant === 'sotw' ? writeSotw : writeDelta;
  const last: { nonce?: string; typeUrl?: string } = {};
  let wake = (): void => {};
  stream.on('data', (bytes: Buffer) => {
    Object.assign(last, readResponse(variant, bytes));
    wake();
  });
  const stop = new Promise<void>(resolve => stream.once('status', () => resolve()));
  for (let step = 0; step < steps; step++) {
    if (step === 0) stream.write(write({ typeUrl: '', node: 'fuzz', names: ['a'], subscribe: ['a'] } as never));
    else if (step === 1) stream.write(write({ typeUrl: urls.CDS, node: 'fuzz' }));
    else if (step % 2 === 0) await Promise.race([new Promise<void>(resolve => (wake = resolve)), stop, pause(10)]);
    else
      stream.write(
        write({ typeUrl: last.typeUrl ?? urls.CDS, nonce: last.nonce ?? '', ...(step > 4 && { error: 'no' }) }),
      );
  }
}

function randomBytes(chance: Chance): Buffer {
  return Buffer.from(Array.from({ length: chance.below(400) }, () => chance.below(256)));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Bits turned, an end cut off, a part twice, a part of another message, or a length that is not one. */
function mutated(chance: Chance, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let times = 1 + chance.below(3); times > 0; times--) {
    const [from, length] = [chance.below(result.length + 1), chance.below(40)];
    const part = result.subarray(from, from + length);
    const how = chance.below(6);
    if (how === 0 && result.length > 0) {
      const at = chance.below(result.length);
      result[at] = (result[at] ?? 0) ^ (1 << chance.below(8));
    } else if (how === 1) result = result.subarray(0, from);
    else if (how === 2) result = Buffer.concat([result.subarray(0, from), part, part, result.subarray(from)]);
    else if (how === 3) result = Buffer.concat([result, chance.of(valid)]);
    else if (how === 4)
      result = Buffer.concat([result.subarray(0, from), varint(chance.below(2 ** 31)), result.subarray(from)]);
    else result = Buffer.concat([result.subarray(0, from), result.subarray(from + length)]);
  }
  return result;
}
