import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decode, encode, type MessageName } from '../../../proto/codec.ts';
import { cluster, delta, listener } from './samples.ts';

const REQUEST = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
const TYPES: readonly MessageName[] = [
  REQUEST,
  'envoy.service.discovery.v3.DiscoveryRequest',
  'envoy.service.discovery.v3.DeltaDiscoveryResponse',
  'envoy.config.cluster.v3.Cluster',
  'google.protobuf.Any',
  'google.protobuf.Struct',
  'google.protobuf.Duration',
  'xds.type.matcher.v3.Matcher',
];

const valid = [
  encode('envoy.config.cluster.v3.Cluster', cluster),
  encode('envoy.config.listener.v3.Listener', listener),
  encode('envoy.service.discovery.v3.DeltaDiscoveryResponse', delta),
];

/** Valid bytes, cut, changed and joined. */
const damaged = fc
  .tuple(
    fc.constantFrom(...valid),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    fc.nat(),
    fc.uint8Array({ maxLength: 8 }),
  )
  .map(([bytes, changes, cut, tail]) => {
    const copy = Buffer.from(bytes);
    for (const [at, value] of changes) copy[at % copy.length] = value;
    return Buffer.concat([copy.subarray(0, cut % (copy.length + 1)), tail]);
  });

/** Decodes, and checks that all that may happen is a message or an ordinary error. */
function probe(type: MessageName, bytes: Uint8Array): unknown {
  try {
    return decode(type, bytes);
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.ok(!/call stack|not a function|undefined|NaN/.test(error.message), error.message);
    return undefined;
  }
}

/** Messages in each other, `levels` deep, by fields that alternate from the innermost outwards. */
function nested(fields: readonly number[], levels: number): Buffer {
  let bytes = Buffer.alloc(0);
  for (let level = 0; level < levels; level++) {
    const tag = ((fields[level % fields.length] ?? 0) << 3) | 2;
    bytes = Buffer.concat([Buffer.from([tag]), varint(bytes.length), bytes]);
  }
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

describe('decode of hostile bytes', () => {
  it('gives a message or an error, for arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), fc.uint8Array({ maxLength: 200 }), (type, bytes) => {
        probe(type, bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it('gives a message or an error, for damaged messages, and what it gives can be encoded', () => {
    let decoded = 0;
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), damaged, (type, bytes) => {
        const message = probe(type, bytes);
        if (message === undefined) return;
        decoded++;
        try {
          encode(type, message as never);
        } catch (error) {
          // The bytes of a metadata value may say NaN, which JSON values cannot be.
          assert.match(String(error), /expected a finite number/);
        }
      }),
      { numRuns: 3000 },
    );
    assert.ok(decoded > 20, `only ${decoded} inputs were messages`);
  });

  it('refuses every cut inside a message', () => {
    for (const [type, bytes] of [
      ['envoy.config.listener.v3.Listener', encode('envoy.config.listener.v3.Listener', listener)],
    ] as const) {
      const whole = decode(type, bytes);
      for (let cut = 1; cut < bytes.length; cut++) assert.notDeepEqual(probe(type, bytes.subarray(0, cut)), whole);
    }
    assert.throws(() => decode('google.protobuf.StringValue', Buffer.from([0x0a, 5, 65])), /cut off/);
    assert.throws(() => decode('google.protobuf.Int64Value', Buffer.from([0x08, 0x80])), /cut off|index out of range/);
    assert.throws(() => decode('google.protobuf.UInt64Value', Buffer.from([0x08, 0xff, 0xff, 0xff, 0xff])), /cut off/);
  });

  it('refuses a value that reaches beyond its message', () => {
    // A locality of one byte whose region claims three.
    assert.throws(
      () => decode('envoy.config.core.v3.Node', Buffer.from([0x22, 2, 0x0a, 3, 65, 66, 67])),
      /Node\.locality.*: the input is cut off/,
    );
  });

  it('bounds nesting instead of overflowing the stack', () => {
    const lists = nested([6, 1], 5000);
    assert.throws(() => decode('google.protobuf.ListValue', lists), /nested deeper than 100 messages/);
    assert.throws(() => decode('xds.type.matcher.v3.Matcher', nested([1, 3], 5000)), /nested deeper than 100 messages/);
    let any: Buffer = Buffer.alloc(0);
    const url = Buffer.from('x/google.protobuf.Any');
    for (let level = 0; level < 300; level++) {
      any = Buffer.concat([Buffer.from([0x0a]), varint(url.length), url, Buffer.from([0x12]), varint(any.length), any]);
    }
    assert.throws(() => decode('google.protobuf.Any', any), /nested deeper than 100 messages/);
    assert.throws(() => decode(REQUEST, Buffer.alloc(10_000, 0x7b)), Error);
  });
});
