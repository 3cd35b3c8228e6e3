import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { framed } from '../../../src/xds/frame.ts';
import { MessageReader } from '../../../src/xds/http2/message-reader.ts';
import { timeoutOf, trailersOf } from '../../../src/xds/http2/status.ts';

function read(reader: MessageReader): readonly Buffer[] {
  const messages: Buffer[] = [];
  for (let next = reader.next(); next; next = reader.next()) messages.push(next);
  return messages;
}

test('however a stream is cut into pieces, the messages are the same', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 30 }), (messages, cuts) => {
      const whole = Buffer.concat(messages.map(each => framed([each])));
      const at = [0, ...cuts.map(each => Math.min(each, whole.length)), whole.length].sort((a, b) => a - b);
      const reader = new MessageReader(300);
      const found = at.flatMap((from, index) => {
        reader.push(whole.subarray(from, at[index + 1] ?? whole.length));
        // What is not asked for at once is not lost.
        return index % 3 === 0 ? [] : read(reader);
      });
      assert.deepEqual(
        [...found, ...read(reader)].map(each => [...each]),
        messages.map(each => [...each]),
      );
      assert.equal(reader.pending, false);
    }),
  );
});

test('P24: a length that is announced takes no memory before it has come', () => {
  const reader = new MessageReader(2 ** 31);
  const before = process.memoryUsage().arrayBuffers;
  reader.push(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]));
  assert.equal(reader.next(), undefined);
  assert.ok(process.memoryUsage().arrayBuffers - before < 100_000);
  assert.equal(reader.pending, true);
});

test('P24: messages that are too long, or marked as compressed, are none', () => {
  const reader = new MessageReader(10);
  reader.push(framed([Buffer.alloc(11)]));
  assert.throws(() => reader.next(), { code: 'RESOURCE_EXHAUSTED', message: /11 bytes: 10 are the most/ });
  const other = new MessageReader(10);
  other.push(Buffer.from([1, 0, 0]));
  other.push(Buffer.from([0, 0]));
  assert.throws(() => other.next(), { code: 'INTERNAL', message: /marked as compressed/ });
});

test('times and statuses as gRPC writes them', () => {
  const times = ['5S', '100m', '1u', '2H', '99999999H'].map(timeoutOf);
  assert.deepEqual(times, [5000, 100, 0.001, 7_200_000, 99_999_999 * 3_600_000]);
  for (const bad of ['', 'S', '5', '5 S', '-1S', '123456789S', '5s', 'soon'])
    assert.ok(Number.isNaN(timeoutOf(bad)), bad);
  assert.deepEqual(trailersOf('NOT_FOUND', 'no é%\n'), { 'grpc-status': 5, 'grpc-message': 'no%20%C3%A9%25%0A' });
});
