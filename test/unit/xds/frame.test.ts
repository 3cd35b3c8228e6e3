import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../../proto/codec.ts';
import { servedTypes } from '../../../src/base/resource.ts';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import { FrameEncoder } from '../../../src/xds/frame.ts';
import { NONCE_LENGTH, nonceOf, noncePrefix } from '../../../src/xds/nonce.ts';
import { clusterUrl } from '../../../src/xds/resource-type.ts';

const built = buildSnapshot('edge', [
  { type: servedTypes.cluster, name: 'a', message: { name: 'a', connect_timeout: '1s' } },
  { type: servedTypes.cluster, name: 'b', message: { name: 'b', connect_timeout: '2s' } },
]);
const clusters = built.types.get(clusterUrl)!;
const body = {
  typeUrl: clusterUrl,
  version: clusters.version,
  resources: [...clusters.resources.values()],
  removed: ['gone'],
};
const nonce = nonceOf(noncePrefix(1, 2, 3), 4);

test('a SotW frame is the DiscoveryResponse that a client expects', () => {
  const bytes = new FrameEncoder('me').frame('sotw', body).withNonce(nonce);
  assert.deepEqual(decode('envoy.service.discovery.v3.DiscoveryResponse', bytes), {
    version_info: clusters.version,
    resources: [
      { '@type': clusterUrl, name: 'a', connect_timeout: '1s' },
      { '@type': clusterUrl, name: 'b', connect_timeout: '2s' },
    ],
    type_url: clusterUrl,
    nonce,
    control_plane: { identifier: 'me' },
  });
});

test('a delta frame is the DeltaDiscoveryResponse that a client expects', () => {
  const bytes = new FrameEncoder('me').frame('delta', body).withNonce(nonce);
  const response = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes);
  assert.deepEqual(response, {
    system_version_info: clusters.version,
    resources: body.resources.map(({ name, version }) => ({
      version,
      resource: { '@type': clusterUrl, name, connect_timeout: name === 'a' ? '1s' : '2s' },
      name,
    })),
    type_url: clusterUrl,
    nonce,
    removed_resources: ['gone'],
    control_plane: { identifier: 'me' },
  });
});

test('R35: errors are the resource_errors of both responses', () => {
  const errors = [{ name: 'ghost', code: 5, message: 'no such' }];
  const resource_errors = [{ resource_name: { name: 'ghost' }, error_detail: { code: 5, message: 'no such' } }];
  const encoder = new FrameEncoder('me');
  const told = { ...body, errors };
  const sotw = decode('envoy.service.discovery.v3.DiscoveryResponse', encoder.frame('sotw', told).withNonce(nonce));
  const plain = decode('envoy.service.discovery.v3.DiscoveryResponse', encoder.frame('sotw', body).withNonce(nonce));
  assert.deepEqual(sotw, { ...plain, resource_errors });
  const delta = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';
  assert.deepEqual(decode(delta, encoder.frame('delta', told).withNonce(nonce)), {
    ...decode(delta, encoder.frame('delta', body).withNonce(nonce)),
    resource_errors,
  });
});

test('a body is encoded once, and its nonce stands at the end of shared bytes', () => {
  const encoder = new FrameEncoder('me');
  const frame = encoder.frame('delta', body);
  assert.equal(encoder.frame('delta', body), frame);
  const other = nonceOf(noncePrefix(1, 3, 3), 4);
  const first = Buffer.from(frame.withNonce(nonce));
  const second = Buffer.from(frame.withNonce(other));
  assert.deepEqual(first.subarray(0, -NONCE_LENGTH), second.subarray(0, -NONCE_LENGTH));
  assert.equal(second.subarray(-NONCE_LENGTH).toString(), other);
  assert.deepEqual(encoder.counts, { frames: 1, bytes: first.length });
});

test('R6: 10,000 nonces of a few streams and types, all different and of one length', () => {
  const nonces = new Set<string>();
  for (let stream = 0; stream < 10; stream++) {
    for (let type = 0; type < 10; type++) {
      const prefix = noncePrefix(0xfffffa, stream, type);
      for (let count = 1; count <= 100; count++) nonces.add(nonceOf(prefix, count));
    }
  }
  assert.equal(nonces.size, 10_000);
  assert.ok([...nonces].every(each => each.length === NONCE_LENGTH));
});
