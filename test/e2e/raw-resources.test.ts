import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { encode, type MessageName, typeUrl } from '../../proto/codec.ts';
import type { MessageTypes } from '../../proto/gen/message-types.ts';
import { Board } from '../../src/snapshot/board.ts';
import { type RawResource, rawSnapshot } from '../../src/snapshot/raw.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { bootstrap, bootstrapDefaults, runtimeLayer } from '../../src/translate/bootstrap.ts';
import { defaultXdsSettings, XdsService } from '../../src/xds/service.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { publication } from '../support/xds-fixtures.ts';

const ads = { ads: {}, resource_api_version: 'V3' } as const;

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
              scoped_routes: {
                name: 'scopes',
                scope_key_builder: {
                  fragments: [{ header_value_extractor: { name: 'x-scope', element_separator: ',', index: 0 } }],
                },
                rds_config_source: ads,
                scoped_rds: { scoped_rds_config_source: ads },
              },
              http_filters: [
                {
                  name: 'mark',
                  config_discovery: {
                    config_source: ads,
                    type_urls: [typeUrl('envoy.extensions.filters.http.header_mutation.v3.HeaderMutation')],
                  },
                },
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

/** A scope with a table of its own, which answers with its name. */
function scope(name: string, answer: string): readonly RawResource[] {
  return [
    raw('envoy.config.route.v3.ScopedRouteConfiguration', name, {
      name,
      route_configuration_name: `table-${name}-${answer}`,
      key: { fragments: [{ string_key: name }] },
    }),
    raw('envoy.config.route.v3.RouteConfiguration', `table-${name}-${answer}`, {
      name: `table-${name}-${answer}`,
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: answer } } }],
        },
      ],
    }),
  ];
}

function filter(value: string): RawResource {
  return raw('envoy.config.core.v3.TypedExtensionConfig', 'mark', {
    name: 'mark',
    typed_config: {
      '@type': typeUrl('envoy.extensions.filters.http.header_mutation.v3.HeaderMutation'),
      mutations: { response_mutations: [{ append: { header: { key: 'x-mark', value } } }] },
    },
  });
}

function runtime(value: string): RawResource {
  return raw('envoy.service.runtime.v3.Runtime', runtimeLayer, { name: runtimeLayer, layer: { 'test.value': value } });
}

for (const variant of ['sotw', 'delta'] as const) {
  describe(`types that the policy does not make, on a real Envoy (${variant})`, { timeout: 60_000 }, () => {
    const board = new Board();
    const service = new XdsService(board, { ...defaultXdsSettings, port: 0 }, () => {});
    let envoy: RunningEnvoy;
    let port = 0;
    let last: Snapshot | undefined;
    const publish = (resources: readonly RawResource[]): void => {
      last = rawSnapshot('fleet', [listener(port), ...resources], last);
      board.publish(publication(last));
    };
    const answer = async (of: string) => {
      const { status, text: body, headers } = await ask(port, '/', { headers: { 'x-scope': of } });
      return { status, body, mark: headers['x-mark'] };
    };

    before(async () => {
      port = await freePort();
      publish([...scope('one', 'a'), ...scope('two', 'b'), filter('first'), runtime('early')]);
      const base = bootstrap({
        node: { id: `raw-${variant}`, cluster: 'edge' },
        xds: [`127.0.0.1:${await service.listen()}`],
        variant,
        admin: `127.0.0.1:${await freePort()}`,
        ...bootstrapDefaults,
      });
      envoy = startEnvoy({ name: `raw-${variant}`, bootstrap: base });
      await envoy.ready(AbortSignal.timeout(30_000));
      await until('it answers', async () => (await answer('one')).status === 200);
    });
    after(async () => {
      await envoy?.stop();
      await service.close(AbortSignal.timeout(500));
    });

    it('R1, R26: scopes of routes come all, and stay when one of them changes', async () => {
      assert.equal((await answer('two')).body, 'b');
      publish([...scope('one', 'changed'), ...scope('two', 'b'), filter('first'), runtime('early')]);
      await until('the change has come', async () => (await answer('one')).body === 'changed');
      assert.equal((await answer('two')).body, 'b');
    });

    it('R30: a scope that is gone is no more', async () => {
      publish([...scope('two', 'b'), filter('first'), runtime('early')]);
      await until('it has gone', async () => (await answer('one')).status === 404);
      assert.equal((await answer('two')).body, 'b');
    });

    it('R1: the configuration of a filter comes and changes', async () => {
      assert.equal((await answer('two')).mark, 'first');
      publish([...scope('two', 'b'), filter('second'), runtime('early')]);
      await until('the change has come', async () => (await answer('two')).mark === 'second');
    });

    it('R1, R30: a layer of the runtime comes, changes and is cleared', async () => {
      const value = async () => {
        const { entries } = JSON.parse(await envoy.admin('/runtime')) as {
          entries: Record<string, { final_value: string }>;
        };
        return entries['test.value']?.final_value;
      };
      assert.equal(await value(), 'early');
      publish([...scope('two', 'b'), filter('second'), runtime('late')]);
      await until('the change has come', async () => (await value()) === 'late');
      if (variant === 'sotw') return;
      publish([...scope('two', 'b'), filter('second')]);
      await until('it is cleared', async () => (await value()) === undefined);
    });
  });
}
