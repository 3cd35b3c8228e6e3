import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decode } from '../../../proto/codec.ts';
import type { Resource } from '../../../src/base/resource.ts';
import { encodeResource } from '../../../src/snapshot/encode.ts';
import { assignment, cluster } from './resources.ts';

describe('encodeResource', () => {
  it('writes an entry that is field 2 of a SotW response', () => {
    const resource = cluster('catalog@v1');
    const { sotwEntry } = encodeResource(resource);
    assert.deepEqual(decode('envoy.service.discovery.v3.DiscoveryResponse', sotwEntry), {
      resources: [{ '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', ...resource.message }],
    });
  });

  it('writes an entry that is field 2 of a delta response', () => {
    const resource = assignment('catalog', 300);
    const { deltaEntry, version } = encodeResource(resource);
    assert.deepEqual(decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', deltaEntry), {
      resources: [
        {
          version,
          name: 'catalog',
          resource: {
            '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
            ...resource.message,
          },
        },
      ],
    });
  });

  it('writes lengths of more than one and of more than two bytes', () => {
    for (const length of [100, 127, 128, 200, 16_383, 16_384, 70_000]) {
      const resource = cluster('x'.repeat(length));
      const { sotwEntry, value } = encodeResource(resource);
      assert.deepEqual(decode('envoy.config.cluster.v3.Cluster', value), resource.message);
      const response = decode('envoy.service.discovery.v3.DiscoveryResponse', sotwEntry);
      assert.equal(response.resources?.[0]?.['name'], resource.name);
    }
  });

  it('gives concatenated entries as one response', () => {
    const entries = [cluster('a'), cluster('b')].map(each => encodeResource(each).sotwEntry);
    const response = decode('envoy.service.discovery.v3.DiscoveryResponse', Buffer.concat(entries));
    assert.deepEqual(
      response.resources?.map(each => each['name']),
      ['a', 'b'],
    );
  });

  it('encodes an object once, and equal content to an equal version', () => {
    const resource = cluster('a');
    assert.equal(encodeResource(resource), encodeResource(resource));
    const again = encodeResource(cluster('a'));
    assert.notEqual(again, encodeResource(resource));
    assert.equal(again.version, encodeResource(resource).version);
    assert.match(again.version, /^[0-9a-f]{16}$/);
    assert.notEqual(encodeResource(cluster('a', '2s')).version, again.version);
  });

  it('does not care for the order of keys', () => {
    const one = assignment('a');
    const other = { ...one, message: Object.fromEntries(Object.entries(one.message).reverse()) } as Resource;
    assert.equal(encodeResource(other).version, encodeResource(one).version);
  });

  it('takes an empty message', () => {
    const { value, sotwEntry } = encodeResource({ type: 'envoy.config.cluster.v3.Cluster', name: '', message: {} });
    assert.equal(value.length, 0);
    assert.deepEqual(decode('envoy.service.discovery.v3.DiscoveryResponse', sotwEntry), {
      resources: [{ '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster' }],
    });
  });
});
