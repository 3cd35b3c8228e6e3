import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { servedTypes } from '../../../src/base/resource.ts';
import { millis, port } from '../../../src/base/units.ts';
import { referencesOf } from '../../../src/snapshot/references.ts';
import { udpListener } from '../../../src/translate/udp-proxy.ts';

describe('what a listener for datagrams refers to', () => {
  it('is the cluster that they go to', () => {
    const message = udpListener({
      kind: 'udp',
      name: 'gateway/public/53/udp',
      address: '127.0.0.1',
      port: port(53),
      reusePort: true,
      role: 'edge',
      to: { cluster: 'dns', destination: 'dns', serviceName: 'dns', weight: 1 },
      idleTimeout: millis(60_000),
    });
    const found = referencesOf({ type: servedTypes.listener, name: 'gateway/public/53/udp', message });
    assert.deepEqual(found, [{ type: servedTypes.cluster, name: 'dns' }]);
  });
});
