import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import { decode, encode } from '../../proto/codec.ts';
import type { ClientConfig, ClientConfig_GenericXdsConfig } from '../../proto/gen/envoy.service.status.v3.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, World } from '../support/world.ts';
import { unary } from '../support/xds-server.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const shop = await world.backend('shop');
const policy = pairPolicy(ports, {
  services: { shop: { endpoints: [{ address: shop.address }] } },
  rules: [{ to: [{ service: 'shop' }] }],
});

async function clientStatus(client: Client, id: string): Promise<ClientConfig | undefined> {
  const path = '/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus';
  const request = encode('envoy.service.status.v3.ClientStatusRequest', {
    node_matchers: [{ node_id: { exact: id } }],
  });
  const reply = await unary(client, path, Buffer.from(request));
  assert.ok('bytes' in reply, JSON.stringify(reply));
  const { config = [] } = decode('envoy.service.status.v3.ClientStatusResponse', reply.bytes);
  assert.ok(config.length <= 1);
  return config[0];
}

const typeOf = (row: ClientConfig_GenericXdsConfig) => row.type_url?.split('.').at(-1) ?? '';

describe('the status of real proxies', () => {
  it('is SYNCED with what they hold, and ERROR in their own words for what they reject', async () => {
    await world.start(policy, pair);
    const client = new Client(`127.0.0.1:${world.xdsPort}`, credentials.createInsecure());
    const taken = createServer();
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
    try {
      assert.deepEqual(await unary(client, '/grpc.health.v1.Health/Check', Buffer.alloc(0)), {
        bytes: Buffer.from([8, 1]),
      });
      for (const { id } of pair) {
        const rows = (await clientStatus(client, id))?.generic_xds_configs ?? [];
        assert.deepEqual(
          rows.filter(row => row.config_status !== 'SYNCED').map(row => [typeOf(row), row.name, row.config_status]),
          [],
        );
        const types = new Set(rows.map(typeOf));
        for (const type of ['Cluster', 'ClusterLoadAssignment', 'Listener', 'RouteConfiguration']) {
          assert.ok(types.has(type), `${id} has no ${type}`);
        }
        const text = JSON.stringify(rows.filter(row => typeOf(row) === 'Listener').map(row => row.xds_config));
        assert.match(text, new RegExp(`"port_value":${ports[id as keyof typeof ports]}\\b`));
      }
      const occupied = (taken.address() as { readonly port: number }).port;
      const gateways = structuredClone(policy.gateways ?? {});
      gateways['delta']?.listeners.push({ port: occupied, address: '127.0.0.1', protocol: 'http' });
      world.save({ ...policy, gateways });
      const failed = await until('the proxy has rejected its listeners', async () => {
        const rows = (await clientStatus(client, 'delta'))?.generic_xds_configs ?? [];
        return rows.find(row => row.config_status === 'ERROR');
      });
      assert.equal(typeOf(failed), 'Listener');
      assert.match(failed.error_state?.details ?? '', new RegExp(`${occupied}.*Address already in use`));
    } finally {
      client.close();
      await new Promise(resolve => taken.close(resolve));
    }
  });
});
