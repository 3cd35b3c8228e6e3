import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningEnvoy } from '../../envoy/process.ts';
import { any } from '../../proto/codec.ts';
import type { Route, VirtualHost } from '../../proto/gen/envoy.config.route.v3.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { ads, assignment, deltaStream, edsCluster, fixedCluster, inline, listener } from '../support/raw-resources.ts';
import { RawWorld } from '../support/raw-world.ts';
import { until } from '../support/until.ts';

const onDemand = { onDemand: true } as const;
const byHeader: Route = { match: { prefix: '/' }, route: { cluster_header: 'x-cluster' } };

for (const [how, source] of [
  ['over ADS', ads],
  ['over a stream of their own', deltaStream],
] as const) {
  describe(`clusters on demand, ${how}`, { timeout: 60_000 }, () => {
    let world: RawWorld;
    let envoy: RunningEnvoy;
    let port = 0;
    let backend: Backend;

    const publish = (...clusters: readonly RawResource[]): void => {
      const odcds = { source, timeout: '14s' };
      const byRoute: VirtualHost = {
        name: 'by-route',
        domains: ['by-route.example'],
        routes: [byHeader],
        typed_per_filter_config: {
          'on-demand': any('envoy.extensions.filters.http.on_demand.v3.PerRouteConfig', { odcds }),
        },
      };
      const others: VirtualHost = { name: 'others', domains: ['*'], routes: [byHeader] };
      const off: VirtualHost = {
        name: 'off',
        domains: ['off.example'],
        routes: [byHeader],
        typed_per_filter_config: { 'on-demand': any('envoy.extensions.filters.http.on_demand.v3.PerRouteConfig', {}) },
      };
      world.publish(
        listener('web', port, {
          ...inline({ name: 'inline', virtual_hosts: [byRoute, off, others] }),
          http_filters: [
            {
              name: 'on-demand',
              typed_config: any('envoy.extensions.filters.http.on_demand.v3.OnDemand', { odcds }),
            },
          ],
        }),
        ...clusters,
      );
    };
    const get = async (cluster: string, host = 'any.example') => {
      const begun = performance.now();
      const { status, by } = await ask(port, '/', { host, headers: { 'x-cluster': cluster } });
      return { status, by, quick: performance.now() - begun < 10_000 };
    };
    const served = { status: 200, by: 'shop', quick: true };
    const isKnown = async (cluster: string) => (await envoy.admin('/clusters')).includes(`${cluster}::`);
    const known = () => [
      fixedCluster('known', [backend.port], onDemand),
      fixedCluster('other', [backend.port], onDemand),
      edsCluster('eds', {}, onDemand),
      assignment('eds', backend.port),
    ];

    before(async () => {
      port = await freePort();
      [world, backend] = await Promise.all([RawWorld.start(), startBackend({ name: 'shop' })]);
      publish(...known());
      envoy = await world.envoy({ variant: 'delta' });
    });
    after(async () => {
      await world?.[Symbol.asyncDispose]();
      await backend?.[Symbol.asyncDispose]();
    });

    it('R24, R45: a cluster comes when it is asked for, and not before', async () => {
      assert.equal(await isKnown('known'), false);
      assert.deepEqual(await get('known', 'off.example'), { ...served, status: 503, by: '-' });
      assert.deepEqual(await get('known'), served);
      assert.equal(await isKnown('known'), true);
      assert.equal(await isKnown('other'), false);
      assert.deepEqual(await get('known', 'off.example'), served);
    });

    it('R45: a route asks for its cluster, and a cluster for its endpoints', async () => {
      assert.deepEqual(await get('other', 'by-route.example'), served);
      assert.deepEqual(await get('eds', 'by-route.example'), served);
    });

    it('R45: a cluster that does not exist is missing at once, and there when it does', async () => {
      assert.deepEqual(await get('late'), { ...served, status: 503, by: '-' });
      publish(...known(), fixedCluster('late', [backend.port], onDemand));
      await until('it has come', async () => (await get('late')).status === 200);
    });

    it('R24, R30: a cluster on demand that changes, and one that is removed', async () => {
      const spare = await startBackend({ name: 'spare' });
      try {
        publish(...known(), fixedCluster('late', [spare.port], onDemand));
        await until('it has changed', async () => (await get('late')).by === 'spare');
        publish(...known());
        await until('it has gone', async () => !(await isKnown('late')));
        assert.deepEqual(await get('known'), served);
        assert.equal(world.told('nacked', 'CDS').length, 0);
      } finally {
        await spare[Symbol.asyncDispose]();
      }
    });

    it('R18, R45: clusters that were asked for are followed across a restart of the server', async () => {
      const spare = await startBackend({ name: 'spare' });
      try {
        publish(...known());
        assert.equal((await get('absent')).status, 503);
        await world.restartServer();
        assert.deepEqual(await get('known'), served);
        publish(fixedCluster('known', [spare.port], onDemand), fixedCluster('absent', [spare.port], onDemand));
        await until('it has changed', async () => (await get('known')).by === 'spare');
        await until('the other has come', async () => (await get('absent')).by === 'spare');
      } finally {
        await spare[Symbol.asyncDispose]();
      }
    });
  });
}
