import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startEnvoy } from '../../envoy/process.ts';
import { encode, type MessageName, typeUrl } from '../../proto/codec.ts';
import type { MessageTypes } from '../../proto/gen/message-types.ts';
import { Board } from '../../src/snapshot/board.ts';
import { type RawResource, rawSnapshot } from '../../src/snapshot/raw.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import type { XdsEvent } from '../../src/xds/events.ts';
import { routeUrl } from '../../src/xds/resource-type.ts';
import { XdsService } from '../../src/xds/service.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { publication } from '../support/xds-fixtures.ts';
import { testXdsSettings } from '../support/xds-transport.ts';

function raw<K extends MessageName>(type: K, name: string, message: MessageTypes[K]): RawResource {
  return { typeUrl: typeUrl(type), name, value: encode(type, message) };
}

function listener(port: number): RawResource {
  return raw('envoy.config.listener.v3.Listener', 'web', {
    name: 'web',
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'http',
            typed_config: {
              '@type': typeUrl('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
              stat_prefix: 'web',
              rds: { route_config_name: 'table', config_source: { ads: {}, resource_api_version: 'V3' } },
              http_filters: [
                {
                  name: 'router',
                  typed_config: { '@type': typeUrl('envoy.extensions.filters.http.router.v3.Router') },
                },
              ],
            },
          },
        ],
      },
    ],
  });
}

const table = raw('envoy.config.route.v3.RouteConfiguration', 'table', {
  name: 'table',
  virtual_hosts: [
    {
      name: 'all',
      domains: ['*'],
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'here' } } }],
    },
  ],
});

for (const variant of ['sotw', 'delta'] as const) {
  it(`R35: an Envoy that says it knows of errors takes one, and then the routes (${variant})`, {
    timeout: 60_000,
  }, async t => {
    const events: XdsEvent[] = [];
    const board = new Board();
    const service = new XdsService(board, { ...testXdsSettings, port: 0 }, event => events.push(event));
    t.after(() => service.close(AbortSignal.timeout(500)));
    const port = await freePort();
    const before = rawSnapshot('fleet', [listener(port)]);
    board.publish(publication(before));
    const base = bootstrap({
      node: { id: `errors-${variant}`, cluster: 'edge' },
      xds: [`127.0.0.1:${await service.listen()}`],
      variant,
      admin: `127.0.0.1:${await freePort()}`,
      ...bootstrapDefaults,
    });
    const node = { ...base.node, client_features: ['xds.config.supports-resource-errors'] };
    const envoy = startEnvoy({ name: `errors-${variant}`, bootstrap: { ...base, node } });
    t.after(() => envoy.stop());

    const ofRoutes = (kind: 'sent' | 'acked') =>
      events.filter(event => event.kind === kind && event.typeUrl === routeUrl);
    await until('the error is acknowledged', async () => ofRoutes('acked').length === 1);
    const [sent] = ofRoutes('sent');
    assert.ok(sent?.kind === 'sent' && sent.resources === 0 && sent.removed === 0, 'nothing but an error');

    board.publish(publication(rawSnapshot('fleet', [listener(port), table], before)));
    await until('the routes have come', async () => (await ask(port, '/')).text === 'here');
    assert.deepEqual(
      events.filter(event => event.kind === 'nacked'),
      [],
    );
  });
}
