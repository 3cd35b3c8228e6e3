import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningEnvoy } from '../../envoy/process.ts';
import { any, typeUrl } from '../../proto/codec.ts';
import type { HttpFilter } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import {
  ads,
  answering,
  anyHost,
  assignment,
  edsCluster,
  inline,
  listener,
  raw,
  rds,
  table,
  to,
} from '../support/raw-resources.ts';
import { RawWorld, variants } from '../support/raw-world.ts';
import { until } from '../support/until.ts';
import type { TypeName } from '../support/xds-fixtures.ts';

const mutation = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation';

function marking(value: string) {
  return any(mutation, { mutations: { response_mutations: [{ append: { header: { key: 'x-mark', value } } }] } });
}

/** A filter whose configuration comes over ECDS. */
const discovered = (name: string, preset?: string): HttpFilter => ({
  name,
  config_discovery: {
    config_source: ads,
    type_urls: [typeUrl(mutation)],
    ...(preset && { default_config: marking(preset) }),
  },
});

const filter = (name: string, value: string): RawResource =>
  raw('envoy.config.core.v3.TypedExtensionConfig', name, { name, typed_config: marking(value) });

for (const variant of variants) {
  describe(`what is removed, on a real Envoy (${variant})`, { timeout: 60_000 }, () => {
    let world: RawWorld;
    let envoy: RunningEnvoy;
    let backend: Backend;
    let [port, side, filtered] = [0, 0, 0];
    let marks = 0;

    /** What stays all the time: a listener that changes, and so shows that what came before it has arrived. */
    const common = (): readonly RawResource[] => [
      listener('side', side, inline({ name: 'side', virtual_hosts: [anyHost(answering(`${marks}`))] })),
    ];
    const shop = () => ({
      cluster: edsCluster('shop'),
      assignment: assignment('shop', backend.port),
      listener: listener('shop', port, rds('shop')),
      table: table('shop', anyHost(to('shop'))),
    });
    const publish = (...resources: readonly RawResource[]): void => world.publish(...common(), ...resources);

    /** Publishes, and waits until the proxy has all of it, what is removed included. */
    async function settle(removedType: TypeName, ...resources: readonly RawResource[]): Promise<void> {
      const sent = world.told('sent', removedType).length;
      marks += 1;
      publish(...resources);
      await until('it has arrived', async () => (await ask(side, '/', { fresh: true })).text === `${marks}`);
      // Of most types SotW has no way to say that something is gone.
      if (variant === 'delta') await world.answered(removedType, sent);
    }
    const refuses = (at: number) =>
      ask(at, '/', { fresh: true }).then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
      );

    before(async () => {
      [port, side, filtered] = [await freePort(), await freePort(), await freePort()];
      [world, backend] = await Promise.all([RawWorld.start(), startBackend({ name: 'shop' })]);
      publish(...Object.values(shop()));
      envoy = await world.envoy({ variant });
      await until('it answers', async () => (await ask(port)).by === 'shop');
    });
    after(async () => {
      await world?.[Symbol.asyncDispose]();
      await backend?.[Symbol.asyncDispose]();
    });

    it('R30: routes that are removed stay in use', async () => {
      const { table: routes, ...others } = shop();
      await settle('RDS', ...Object.values(others));
      assert.equal((await ask(port)).by, 'shop');
      publish(...Object.values(others), table('shop', anyHost(answering('another'))));
      await until('other routes take their place', async () => (await ask(port)).text === 'another');
      publish(...Object.values(others), routes);
      await until('it is as before', async () => (await ask(port)).by === 'shop');
    });

    it('R30: endpoints that are removed stay in use, and an empty assignment drains them', async () => {
      const { assignment: endpoints, ...others } = shop();
      await settle('EDS', ...Object.values(others));
      assert.equal((await ask(port)).by, 'shop');
      publish(...Object.values(others), assignment('shop'));
      await until('there is none', async () => (await ask(port)).status === 503);
      publish(...Object.values(others), endpoints);
      await until('it is as before', async () => (await ask(port)).by === 'shop');
    });

    it('R30: the configuration of a filter that is removed gives way to its default', async () => {
      const filters = (...all: readonly HttpFilter[]) =>
        listener('filtered', filtered, {
          ...inline({ name: 'filtered', virtual_hosts: [anyHost(answering('filtered'))] }),
          http_filters: all,
        });
      const mark = async () => (await ask(filtered, '/', { fresh: true })).headers['x-mark'];
      const rest = Object.values(shop());
      const withDefault = filters(discovered('mark', 'default'));
      publish(withDefault, filter('mark', 'sent'), ...rest);
      await until('it is marked', async () => (await mark()) === 'sent');
      await settle('ECDS', withDefault, ...rest);
      if (variant === 'delta') await until('the default is in use', async () => (await mark()) === 'default');
      else assert.equal(await mark(), 'sent', 'SotW cannot remove it');
      const withoutDefault = filters(discovered('bare'));
      publish(withoutDefault, filter('bare', 'bare'), ...rest);
      await until('the other is in use', async () => (await mark()) === 'bare');
      await settle('ECDS', withoutDefault, ...rest);
      if (variant === 'delta') await until('there is none', async () => (await ask(filtered)).status === 500);
      else assert.equal(await mark(), 'bare', 'SotW cannot remove it');
    });

    it('R30: a cluster that is removed is gone', async () => {
      const { cluster, assignment: endpoints, ...others } = shop();
      publish(...Object.values(others));
      await until('it has gone', async () => !(await envoy.admin('/clusters')).includes('shop::'));
      assert.equal((await ask(port)).status, 503);
      publish(cluster, endpoints, ...Object.values(others));
      await until('it is as before', async () => (await ask(port)).by === 'shop');
    });

    it('R30: a listener that is removed listens no more, and its port is free for another', async () => {
      const { listener: doomed, ...others } = shop();
      const heir = listener('heir', port, inline({ name: 'heir', virtual_hosts: [anyHost(answering('heir'))] }));
      publish(...Object.values(others), heir);
      await until('the other has the port', async () => (await ask(port, '/', { fresh: true })).text === 'heir');
      assert.equal(world.told('nacked', 'LDS').length, 0, 'removals come before additions');
      publish(...Object.values(others));
      await until('nobody listens', () => refuses(port));
      publish(...Object.values(others), doomed);
      await until('it is as before', async () => (await ask(port, '/', { fresh: true })).by === 'shop');
    });
  });
}
