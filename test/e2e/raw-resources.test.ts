import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningEnvoy } from '../../envoy/process.ts';
import { typeUrl } from '../../proto/codec.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { runtimeLayer } from '../../src/translate/bootstrap.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { ads, answering, anyHost, listener, raw, table } from '../support/raw-resources.ts';
import { RawWorld, variants } from '../support/raw-world.ts';
import { until } from '../support/until.ts';

function web(port: number): RawResource {
  return listener('web', port, {
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
    table(`table-${name}-${answer}`, anyHost(answering(answer))),
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

function runtime(value: string, name: string = runtimeLayer): RawResource {
  return raw('envoy.service.runtime.v3.Runtime', name, { name, layer: { 'test.value': value } });
}

for (const variant of variants) {
  describe(`types that the policy does not make, on a real Envoy (${variant})`, { timeout: 60_000 }, () => {
    let world: RawWorld;
    let envoy: RunningEnvoy;
    let port = 0;
    const publish = (resources: readonly RawResource[]): void => world.publish(web(port), ...resources);
    const layered = async () => {
      const { entries } = JSON.parse(await envoy.admin('/runtime')) as {
        entries: Record<string, { final_value: string }>;
      };
      return entries['test.value']?.final_value;
    };
    const answer = async (of: string) => {
      const { status, text: body, headers } = await ask(port, '/', { headers: { 'x-scope': of } });
      return { status, body, mark: headers['x-mark'] };
    };

    before(async () => {
      port = await freePort();
      world = await RawWorld.start();
      publish([...scope('one', 'a'), ...scope('two', 'b'), filter('first'), runtime('early')]);
      envoy = await world.envoy({ variant });
      await until('it answers', async () => (await answer('one')).status === 200);
    });
    after(() => world?.[Symbol.asyncDispose]());

    it('R4: it shows which control plane it talks to', async () => {
      const shown = await envoy.admin('/stats?type=TextReadouts&filter=control_plane.identifier');
      assert.match(shown, /control_plane.identifier: "switchyard"/);
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
      assert.equal(await layered(), 'early');
      publish([...scope('two', 'b'), filter('second'), runtime('late')]);
      await until('the change has come', async () => (await layered()) === 'late');
      if (variant === 'sotw') return;
      publish([...scope('two', 'b'), filter('second')]);
      await until('it is cleared', async () => (await layered()) === undefined);
    });

    it('R32: a resource that calls itself by another name is of no use', async () => {
      const before = await layered();
      const sent = world.told('sent', 'RTDS').length;
      const misnamed = { ...runtime('misnamed', 'another'), name: runtimeLayer };
      publish([...scope('two', 'b'), filter('second'), misnamed]);
      await world.answered('RTDS', sent);
      // SotW knows a resource by nothing but what it calls itself.
      const rejections = world.told('nacked', 'RTDS').map(each => each.message);
      if (variant === 'sotw') assert.deepEqual(rejections, []);
      else assert.match(rejections.join(), /another/);
      assert.equal(await layered(), before);
    });

    it('R25: one of a fleet that has nothing is ready at once', async () => {
      await using empty = await RawWorld.start();
      empty.publish();
      const begun = performance.now();
      await empty.envoy({ variant });
      assert.ok(performance.now() - begun < 10_000, 'it did not wait for its time limit of 15 s');
    });
  });
}
