import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { any, decode, encode, isMessageName, type MessageName, typeUrl } from '../../../proto/codec.ts';
import { descriptors } from '../../../proto/descriptors.ts';
import { oracleDecode, oracleRoot } from './oracle.ts';
import { cluster, delta, endpoints, filled, listener, routes, variants } from './samples.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const samples = {
  [CLUSTER]: cluster,
  'envoy.config.listener.v3.Listener': listener,
  'envoy.config.route.v3.RouteConfiguration': routes,
  'envoy.config.endpoint.v3.ClusterLoadAssignment': endpoints,
  'envoy.service.discovery.v3.DeltaDiscoveryResponse': delta,
};

/** Encodes something that the types would refuse. */
function encodeUnchecked(type: MessageName, message: unknown): Uint8Array {
  return encode(type, message as never);
}

describe('encode and decode', () => {
  for (const [type, message] of Object.entries(samples)) {
    it(`keep a ${type}, and agree with protobufjs`, () => {
      const bytes = encodeUnchecked(type as MessageName, message);
      assert.deepEqual(decode(type as MessageName, bytes), message);
      assert.deepEqual(oracleDecode(type, bytes), message);
      const theirs = oracleRoot().lookupType(type);
      assert.deepEqual(decode(type as MessageName, theirs.encode(theirs.decode(bytes)).finish()), message);
    });
  }

  it('agree with protobufjs on every field of every message', () => {
    let fields = 0;
    for (const type of Object.keys(descriptors().messages)) {
      for (let variant = 0; variant < variants(type); variant++) {
        const message = filled(type, variant);
        const bytes = encodeUnchecked(type as MessageName, message);
        assert.deepEqual(decode(type as MessageName, bytes), message, type);
        if (!type.startsWith('google.protobuf.')) assert.deepEqual(oracleDecode(type, bytes), message, type);
        fields += Object.keys(Object(message)).length;
      }
    }
    assert.ok(fields > 4000, `only ${fields} fields were tried`);
  });

  it('give the same bytes for keys in any order', () => {
    const bytes = encode(CLUSTER, cluster);
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), order => {
        const shuffled = shuffleKeys(cluster, order);
        assert.deepEqual(shuffled, cluster);
        assert.deepEqual(encodeUnchecked(CLUSTER, shuffled), bytes);
      }),
      { numRuns: 50 },
    );
  });

  it('leave out defaults of plain scalars, and keep those of wrappers and oneofs', () => {
    const match = 'envoy.config.route.v3.RouteMatch';
    assert.equal(encode(CLUSTER, { name: '', lb_policy: 'ROUND_ROBIN', health_checks: [] }).length, 0);
    assert.deepEqual(decode(match, encode(match, { prefix: '', case_sensitive: false })), {
      prefix: '',
      case_sensitive: false,
    });
  });

  it('take undefined and null as absent', () => {
    assert.equal(encodeUnchecked(CLUSTER, { name: undefined, connect_timeout: null }).length, 0);
  });

  it('write 64-bit numbers, from numbers and from digits, without loss', () => {
    const wrap = (value: number | string) =>
      decode('google.protobuf.UInt64Value', encode('google.protobuf.UInt64Value', value));
    assert.equal(wrap(5), 5);
    assert.equal(wrap('5'), 5);
    assert.equal(wrap(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
    assert.equal(wrap('9007199254740993'), '9007199254740993');
    assert.throws(() => wrap('18446744073709551616'), /64-bit whole number/);
    assert.throws(() => wrap(2 ** 53), /64-bit whole number/);
  });

  it('take bytes as bytes or base64', () => {
    const type = 'envoy.config.core.v3.DataSource';
    const bytes = encode(type, { inline_bytes: new Uint8Array([1, 2, 255]) });
    assert.deepEqual(bytes, encode(type, { inline_bytes: 'AQL/' }));
    assert.deepEqual(decode(type, bytes), { inline_bytes: 'AQL/' });
  });

  it('keep durations to the nanosecond', () => {
    const trip = (text: string) => decode('google.protobuf.Duration', encode('google.protobuf.Duration', text));
    assert.equal(trip('0.25s'), '0.250s');
    assert.equal(trip('-0.000000001s'), '-0.000000001s');
    assert.equal(trip('315576000000s'), '315576000000s');
    for (const bad of ['1', '1ms', '1.s', '.5s', '1.0000000001s', '315576000001s', 's', '']) {
      assert.throws(() => trip(bad), /is not a duration/, bad);
    }
  });

  it('keep the key __proto__ a key', () => {
    const labels = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}');
    const bytes = encode('google.protobuf.Struct', labels);
    const back = decode('google.protobuf.Struct', bytes);
    assert.deepEqual(Object.keys(back).sort(), ['__proto__', 'constructor']);
    assert.equal(Object.getPrototypeOf(back), Object.prototype);
  });

  it('merge a message that comes in two parts, and let the last member of a oneof win', () => {
    const type = 'envoy.config.core.v3.Node';
    const parts = [encode(type, { locality: { region: 'eu' } }), encode(type, { locality: { zone: 'a' }, id: 'n' })];
    assert.deepEqual(decode(type, Buffer.concat(parts)), { locality: { region: 'eu', zone: 'a' }, id: 'n' });
    const match = 'envoy.config.route.v3.RouteMatch';
    const both = [encode(match, { prefix: '/' }), encode(match, { path: '/a' })];
    assert.deepEqual(decode(match, Buffer.concat(both)), { path: '/a' });
  });

  it('read lists of numbers packed and one by one', () => {
    const type = 'envoy.config.route.v3.RetryPolicy';
    assert.deepEqual(decode(type, Buffer.from([0x3a, 2, 1, 2, 0x38, 3])), { retriable_status_codes: [1, 2, 3] });
  });

  it('drop unknown fields, and keep the number of an unknown enum value', () => {
    assert.deepEqual(decode(CLUSTER, Buffer.from([0xfa, 0x7f, 1, 65, 0x30, 99])), { lb_policy: 99 });
    const kept = encodeUnchecked(CLUSTER, { lb_policy: 99 });
    assert.deepEqual(decode(CLUSTER, kept), { lb_policy: 99 });
  });
});

describe('any', () => {
  it('puts fields beside @type, and values with a JSON form of their own under value', () => {
    assert.deepEqual(any(CLUSTER, { name: 'a' }), { '@type': typeUrl(CLUSTER), name: 'a' });
    const wrapped = any('google.protobuf.Duration', '3s');
    assert.deepEqual(wrapped, { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '3s' });
    assert.deepEqual(decode('google.protobuf.Any', encode('google.protobuf.Any', wrapped)), wrapped);
  });

  it('passes the bytes of unknown types through', () => {
    const unknown = { '@type': 'type.googleapis.com/vendor.Thing', value: new Uint8Array([8, 1]) };
    const bytes = encode('google.protobuf.Any', unknown);
    assert.deepEqual(decode('google.protobuf.Any', bytes), { '@type': unknown['@type'], value: 'CAE=' });
  });

  it('takes no object property for a type', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      assert.equal(isMessageName(name), false);
      const raw = { '@type': `x/${name}`, value: 'AQ==' };
      assert.deepEqual(decode('google.protobuf.Any', encode('google.protobuf.Any', raw)), raw);
    }
  });
});

describe('encode refuses, and says where', () => {
  const hcm = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const cases: readonly (readonly [message: unknown, error: string | RegExp, type?: MessageName])[] = [
    [{ load_assigment: {} }, 'Cluster.load_assigment: unknown field'],
    [{ '@type': typeUrl(CLUSTER) }, 'Cluster.@type: unknown field'],
    [{ name: 3 }, 'Cluster.name: expected a string, got 3'],
    [{ name: '\ud800' }, 'Cluster.name: the string is not valid Unicode'],
    [[], 'Cluster: expected an object, got a list'],
    [{ health_checks: {} }, 'Cluster.health_checks: expected a list, got an object'],
    [{ health_checks: [{}, null] }, 'Cluster.health_checks[1]: expected an object, got null'],
    [{ metadata: { filter_metadata: { a: 1 } } }, 'Cluster.metadata.filter_metadata["a"]: expected an object, got 1'],
    [
      { per_connection_buffer_limit_bytes: -1 },
      'Cluster.per_connection_buffer_limit_bytes: expected a whole number from 0 to 4294967295, got -1',
    ],
    [{ lb_policy: 'BEST' }, 'Cluster.lb_policy: "BEST" is not a value of envoy.config.cluster.v3.Cluster.LbPolicy'],
    [{ connect_timeout: '1m' }, 'Cluster.connect_timeout: "1m" is not a duration such as "0.250s"'],
    [{ type: 'EDS', cluster_type: { name: 'x' } }, 'Cluster.cluster_type: cannot be set together with type'],
    [{ metadata: { filter_metadata: { a: cyclic } } }, /^Cluster\.metadata.*: nested deeper than 100 messages$/s],
    [
      { name: 'f', typed_config: { value: '' } },
      'Filter.typed_config.@type: expected a type URL, got undefined',
      'envoy.config.listener.v3.Filter',
    ],
    [
      { typed_config: { '@type': typeUrl(hcm), http_filters: [{ nam: 'x' }] } },
      'Filter.typed_config.http_filters[0].nam: unknown field',
      'envoy.config.listener.v3.Filter',
    ],
    [
      { typed_config: { '@type': 'vendor.Thing', name: 'x' } },
      'Filter.typed_config.name: unknown field of vendor.Thing',
      'envoy.config.listener.v3.Filter',
    ],
    [
      { inline_bytes: 'not base64!' },
      'DataSource.inline_bytes: the string is not base64',
      'envoy.config.core.v3.DataSource',
    ],
  ];
  for (const [message, error, type = CLUSTER] of cases) {
    it(String(error), () => {
      assert.throws(
        () => encodeUnchecked(type, message),
        (thrown: Error) => (typeof error === 'string' ? thrown.message === error : error.test(thrown.message)),
      );
    });
  }

  it('never a secret value', () => {
    const secret = { tls_certificate: { private_key: { inline_bytes: 'hunter2!' } } };
    assert.throws(
      () => encodeUnchecked('envoy.extensions.transport_sockets.tls.v3.Secret', secret),
      (error: Error) => !error.message.includes('hunter2'),
    );
  });
});

function shuffleKeys(value: unknown, order: Iterator<number>): unknown {
  if (Array.isArray(value)) return value.map(item => shuffleKeys(item, order));
  if (typeof value !== 'object' || value === null) return value;
  const ranked = Object.entries(value).map(entry => ({ entry, rank: Number(order.next().value) }));
  ranked.sort((a, b) => a.rank - b.rank);
  return Object.fromEntries(ranked.map(({ entry: [key, inner] }) => [key, shuffleKeys(inner, order)]));
}
