import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Backend, startBackend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { loadOn } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { everyHost, listener, raw, staticCluster } from '../support/raw-messages.ts';
import { ads } from '../support/raw-resources.ts';
import { RawWorld } from '../support/raw-world.ts';
import { until } from '../support/until.ts';

/** What an Envoy that comes back to another server rejects takes nothing from it that it uses. */
describe('an Envoy that comes back and rejects', { timeout: 120_000 }, () => {
  let backend: Backend;

  before(async () => {
    backend = await startBackend({ name: 'shop' });
  });
  after(() => backend[Symbol.asyncDispose]());

  const good = (name: string) => raw('CDS', name, staticCluster(name, backend.port));
  /** Endpoints by discovery, from nowhere. */
  const bad = (name: string) => raw('CDS', name, { name, type: 'EDS', connect_timeout: '1s' });
  const routes = (cluster: string) =>
    raw('RDS', 'r', {
      name: 'r',
      virtual_hosts: everyHost({ match: { prefix: '/' }, route: { cluster, timeout: '1s' } }),
    });
  const door = (port: number) => listener('l', port, { rds: { route_config_name: 'r', config_source: ads } });

  it('R37, R42: goes on with the cluster that the rejected one was to replace (delta)', async () => {
    await using world = await RawWorld.start();
    const port = await freePort();
    world.publish(good('old'), door(port), routes('old'));
    await world.envoy({ variant: 'delta' });
    await until('it serves', async () => (await ask(port)).status === 200);
    await using load = loadOn(port, '/', { perSecond: 50 });
    await world.restartServer(() => world.publish(bad('new'), door(port), routes('new')));
    await until('the cluster is rejected', () => world.told('nacked', 'CDS').length > 0);
    // Longer than what is retired lingers.
    await load.more(100);
    assert.deepEqual(load.failures, []);
    world.publish(good('new'), door(port), routes('new'));
    const [envoy] = world.envoys;
    await until('it has the mended one alone', async () => {
      const clusters = (await envoy?.admin('/clusters')) ?? '';
      return clusters.includes('new::') && !clusters.includes('old::');
    });
    await load.more(10);
    assert.deepEqual(load.failures, []);
  });

  for (const variant of ['sotw', 'delta'] as const) {
    it(`R17, R26, R42: keeps what goes bad after it has come back with all that is current (${variant})`, async () => {
      await using world = await RawWorld.start();
      const port = await freePort();
      world.publish(good('a'), good('b'), door(port), routes('b'));
      await world.envoy({ variant });
      await until('it serves', async () => (await ask(port)).status === 200);
      await using load = loadOn(port, '/', { perSecond: 50 });
      await world.restartServer();
      world.publish(good('a'), bad('b'), door(port), routes('b'));
      await until('the cluster is rejected', () => world.told('nacked', 'CDS').length > 0);
      await load.more(50);
      // Everything else follows.
      world.publish(good('a'), bad('b'), good('c'), door(port), routes('b'));
      const [envoy] = world.envoys;
      await until('it has what is new', async () => (await envoy?.admin('/clusters'))?.includes('c::') === true);
      await load.more(50);
      assert.deepEqual(load.failures, []);
    });
  }
});
