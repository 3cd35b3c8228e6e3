import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { encode, type MessageTypes } from '../../../proto/codec.ts';
import { readNode } from '../../../src/xds/node-identity.ts';
import { RequestReader } from '../../../src/xds/request.ts';
import { subscriptionOf, subscriptionOfList } from '../../../src/xds/subscription.ts';

function sotwBytes(message: MessageTypes['envoy.service.discovery.v3.DiscoveryRequest']): Buffer {
  return Buffer.from(encode('envoy.service.discovery.v3.DiscoveryRequest', message));
}

function deltaBytes(message: MessageTypes['envoy.service.discovery.v3.DeltaDiscoveryRequest']): Buffer {
  return Buffer.from(encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', message));
}

test('a SotW request is read as the codec writes it', () => {
  const { node, ...request } = new RequestReader().sotw(
    sotwBytes({
      version_info: 'v',
      node: { id: 'n' },
      resource_names: ['a', '', 'ü'],
      type_url: 'type',
      response_nonce: 'nonce',
      error_detail: { code: 13, message: 'words' },
    }),
  );
  assert.deepEqual(request, {
    typeUrl: 'type',
    versionInfo: 'v',
    names: ['a', '', 'ü'],
    nonce: 'nonce',
    error: { code: 13, message: 'words' },
  });
  assert.deepEqual(readNode(node!).kind, 'node');
});

test('a delta request is read as the codec writes it', () => {
  const { node, ...request } = new RequestReader().delta(
    Buffer.from(
      encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', {
        type_url: 'type',
        resource_names_subscribe: ['a', '*'],
        resource_names_unsubscribe: ['b'],
        initial_resource_versions: { x: '1', y: '2' },
        response_nonce: 'nonce',
        error_detail: { code: 3, message: 'words' },
      }),
    ),
  );
  assert.equal(node, undefined);
  assert.deepEqual(request, {
    typeUrl: 'type',
    subscribe: ['a', '*'],
    unsubscribe: ['b'],
    has: new Map([
      ['x', '1'],
      ['y', '2'],
    ]),
    nonce: 'nonce',
    error: { code: 3, message: 'words' },
  });
});

test('a repeated list of names is the identical list, on other streams too', () => {
  const names = Array.from({ length: 1000 }, (_, index) => `cluster-${index}`);
  const request = (response_nonce: string) =>
    sotwBytes({ version_info: 'v', resource_names: names, type_url: 'eds', response_nonce });
  const [one, other] = [new RequestReader(), new RequestReader()];
  const first = one.sotw(request('1'));
  assert.deepEqual(first.names, names);
  assert.equal(one.sotw(request('2')).names, first.names);
  assert.equal(other.sotw(request('1')).names, first.names);
});

test('a longer, a shorter and another list are not taken for the one before', () => {
  const reader = new RequestReader();
  const names = (...resource_names: string[]) => reader.sotw(sotwBytes({ resource_names, type_url: 't' })).names;
  assert.deepEqual(names('a', 'b'), ['a', 'b']);
  assert.deepEqual(names('a', 'b', 'c'), ['a', 'b', 'c']);
  assert.deepEqual(names('a'), ['a']);
  assert.deepEqual(names('a', 'c'), ['a', 'c']);
  assert.deepEqual(names(), []);
});

const nonces = ['0123456789abcdef', '0123456789abcdeX'] as const;

test('of acknowledgements that say the same but for version and nonce, one is read field by field', () => {
  const names = Array.from({ length: 100 }, (_, index) => `cluster-${index}`);
  const [sotw, delta] = [new RequestReader(), new RequestReader()];
  for (let count = 0; count < 10; count++) {
    const response_nonce = String(count).padStart(16, '0');
    const version_info = 'v'.repeat(count + 1);
    const request = sotw.sotw(sotwBytes({ version_info, resource_names: names, type_url: 'eds', response_nonce }));
    assert.deepEqual([request.versionInfo, request.nonce, request.names], [version_info, response_nonce, names]);
    const type_url = count % 2 === 0 ? 'cds' : 'eds';
    const acknowledged = delta.delta(deltaBytes({ type_url, response_nonce }));
    assert.deepEqual([acknowledged.typeUrl, acknowledged.nonce], [type_url, response_nonce]);
  }
  assert.deepEqual([sotw.wholes, delta.wholes], [1, 2], 'one of each type');
});

test('what a reader has read before makes no difference to what it reads', () => {
  const field = (tag: number, text: string) => Buffer.from([tag, Buffer.byteLength(text), ...Buffer.from(text)]);
  // Fields that look like the end of a request within others, stand twice, or stand elsewhere than usual.
  const tails = nonces.flatMap(nonce => [`\x2a\x10${nonce}`, `\x32\x10${nonce}`]);
  const texts = fc.constantFrom('', 'a', 'b', 'ü', nonces[0], nonces[1], ...tails, `a${tails[0]}`, `a${tails[1]}`);
  const tags = [0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x3a, 0x42].map(tag => fc.record({ tag: fc.constant(tag), texts }));
  const some = fc.array(fc.oneof(...tags), { maxLength: 5 }).map(all => all.map(each => field(each.tag, each.texts)));
  const ends = fc.constantFrom(...[0x2a, 0x32].flatMap(tag => nonces.map(nonce => field(tag, nonce))), Buffer.alloc(0));
  const request = fc.tuple(some, ends).map(([fields, end]) => Buffer.concat([...fields, end]));
  const outcome = (read: () => object): unknown => {
    try {
      return read();
    } catch (error) {
      return String(error);
    }
  };
  fc.assert(
    fc.property(fc.array(request, { maxLength: 4 }), fc.infiniteStream(ends), (pool, others) => {
      const reader = new RequestReader();
      for (const bytes of [
        ...pool,
        ...pool.map(each => Buffer.concat([each.subarray(0, -18), others.next().value!])),
      ]) {
        for (const variant of ['sotw', 'delta'] as const) {
          const fresh = outcome(() => new RequestReader()[variant](bytes));
          assert.deepEqual(
            outcome(() => reader[variant](bytes)),
            fresh,
          );
        }
      }
    }),
    { numRuns: 3000 },
  );
});

test('names with other fields between them are all read, at no more cost', () => {
  const count = 50_000;
  const between = Buffer.concat(Array.from({ length: count }, () => Buffer.from([0x1a, 1, 0x61, 0x0a, 0])));
  assert.deepEqual(new RequestReader().sotw(between).names, Array(count).fill('a'));
});

test('P24: bytes that are no request are refused or skipped, and always read to their end', () => {
  // The names' field with another kind of value, or with a tag that is longer than it need be.
  for (const bytes of [
    [0x18, 0],
    [0x19, 0, 0, 0, 0, 0, 0, 0, 0],
    [0x1d, 0, 0, 0, 0],
    [0x9a, 0, 1, 0x61],
    [0x9a, 0x80, 0, 1, 0x61],
  ]) {
    assert.deepEqual(new RequestReader().sotw(Buffer.from(bytes)).names, [], String(bytes));
  }
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.constantFrom(0x0a, 0x12, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x22, 0x2a, 0x32, 0x9a, 0, 1, 2, 0xff), {
      maxLength: 60,
    }),
  );
  fc.assert(
    fc.property(anything, given => {
      for (const read of ['sotw', 'delta'] as const) {
        try {
          const { node } = new RequestReader()[read](Buffer.from(given));
          if (node) readNode(node);
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test('equal subscriptions are one object, whatever the order of the names', () => {
  assert.equal(subscriptionOfList(['b', 'a', 'b']), subscriptionOf(false, ['a', 'b']));
  assert.equal(subscriptionOfList(['*', 'a']), subscriptionOf(true, ['a']));
  assert.notEqual(subscriptionOf(false, ['a']), subscriptionOf(true, ['a']));
});

test('of a node its identity is kept, in bounds', () => {
  const bytes = encode('envoy.config.core.v3.Node', {
    id: 'edge-1',
    cluster: 'edge',
    locality: { region: 'r', zone: 'z', sub_zone: 's' },
    metadata: { role: 'edge', count: 2, on: true, deep: { er: 'x' }, list: ['no'], big: 'x'.repeat(300) },
    user_agent_build_version: { version: { major_number: 1, minor_number: 40, patch: 2 } },
    extensions: [{ name: 'envoy.filters.http.router' }],
  });
  assert.deepEqual(readNode(bytes), {
    kind: 'node',
    node: {
      id: 'edge-1',
      cluster: 'edge',
      region: 'r',
      zone: 'z',
      subZone: 's',
      metadata: { role: 'edge', count: '2', on: 'true', 'deep.er': 'x' },
      version: '1.40.2',
    },
  });
});

test('P23: huge, deep or hostile metadata leaves little behind', () => {
  let deep: Record<string, unknown> = { end: 'x' };
  for (let depth = 0; depth < 30; depth++) deep = { deeper: deep };
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`key-${index}`, 'value']));
  const reading = readNode(
    encode('envoy.config.core.v3.Node', { id: 'n', metadata: { deep, ...many, ['__proto__']: 'x' } } as never),
  );
  assert.ok(reading.kind === 'node');
  assert.ok(Object.keys(reading.node.metadata).length <= 64);
  assert.equal(Object.getPrototypeOf(reading.node.metadata), Object.prototype);
});
