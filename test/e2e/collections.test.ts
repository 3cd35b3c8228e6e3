import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningEnvoy } from '../../envoy/process.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { ask, askMany } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { ads, anyHost, endpoint, fixedCluster, inline, listener, raw, to } from '../support/raw-resources.ts';
import { RawWorld } from '../support/raw-world.ts';
import { until } from '../support/until.ts';

const endpoints = 'xdstp://switchyard/envoy.config.endpoint.v3.LbEndpoint/shop';
const clusters = 'xdstp://switchyard/envoy.config.cluster.v3.Cluster/edge';
const listeners = 'xdstp://switchyard/envoy.config.listener.v3.Listener/edge';
/** The same parameters in two orders. */
const [sorted, shuffled] = ['app=shop&zone=a', 'zone=a&app=shop'];

/** An endpoint of the collection; its name there says nothing of its address. */
function member(name: string, backend: Backend): RawResource {
  return raw('envoy.config.endpoint.v3.LbEndpoint', `${endpoints}/${name}`, endpoint(backend.port));
}

describe('collections of xdstp names on a real Envoy', { timeout: 60_000 }, () => {
  let world: RawWorld;
  let envoy: RunningEnvoy;
  let backends: readonly Backend[] = [];
  let [port, second, third] = [0, 0, 0];
  const backend = (index: number): Backend => backends[index]!;

  /** A cluster and its endpoints, which are a collection. */
  const shop = (...members: readonly RawResource[]): readonly RawResource[] => [
    raw('envoy.config.cluster.v3.Cluster', `${clusters}/shop`, {
      name: `${clusters}/shop`,
      type: 'EDS',
      connect_timeout: '1s',
      eds_cluster_config: { eds_config: ads, service_name: 'shop' },
    }),
    raw('envoy.config.endpoint.v3.ClusterLoadAssignment', 'shop', {
      cluster_name: 'shop',
      endpoints: [{ leds_cluster_locality_config: { leds_config: ads, leds_collection_name: `${endpoints}/*` } }],
    }),
    ...members,
  ];
  const door = (name: string, at: number, cluster: string, params = shuffled): RawResource => {
    const table = { name: 'inline', virtual_hosts: [anyHost(to(`${clusters}/${cluster}`))] };
    return { ...listener(`${listeners}/${name}?${sorted}`, at, inline(table)), name: `${listeners}/${name}?${params}` };
  };
  const answers = async (at = port) => [...(await askMany(12, () => ask(at))).keys()].sort().join();

  before(async () => {
    [port, second, third] = [await freePort(), await freePort(), await freePort()];
    backends = await Promise.all(['a', 'b', 'c'].map(name => startBackend({ name })));
    world = await RawWorld.start();
    world.publish(...shop(member('1', backend(0)), member('2', backend(1))), door('one', port, 'shop'));
    envoy = await world.envoy({
      variant: 'delta',
      change: ({ dynamic_resources: { ads_config } = {}, ...usual }) => ({
        ...usual,
        dynamic_resources: {
          ...(ads_config && { ads_config }),
          cds_config: ads,
          lds_config: ads,
          cds_resources_locator: `${clusters}/*`,
          lds_resources_locator: `${listeners}/*?${shuffled}`,
        },
      }),
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await Promise.all(backends.map(each => each[Symbol.asyncDispose]()));
  });

  it('R1, R43, R44: clusters and listeners are those of the collections that the bootstrap names', async () => {
    await until('both endpoints answer', async () => (await answers()) === 'a,b');
    const known = await envoy.admin('/clusters');
    assert.ok(known.includes(`${clusters}/shop::`), known);
  });

  it('R1, R30, R44: endpoints of a locality come, change and go one by one', async () => {
    const sent = world.told('sent', 'LEDS').length;
    world.publish(...shop(member('1', backend(0)), member('2', backend(2))), door('one', port, 'shop'));
    await until('one has changed', async () => (await answers()) === 'a,c');
    const change = world.told('sent', 'LEDS').slice(sent);
    assert.deepEqual(
      change.map(({ resources, removed }) => ({ resources, removed })),
      [{ resources: 1, removed: 0 }],
    );
    world.publish(...shop(member('2', backend(2))), door('one', port, 'shop'));
    await until('one has gone', async () => (await answers()) === 'c');
    world.publish(...shop(), door('one', port, 'shop'));
    await until('all have gone', async () => (await ask(port)).status === 503);
    world.publish(...shop(member('3', backend(1))), door('one', port, 'shop'));
    await until('another has come', async () => (await answers()) === 'b');
  });

  it('R30, R44: members of a collection of clusters and listeners come and go; what is no member does not come', async () => {
    const direct = fixedCluster(`${clusters}/direct`, [backend(0).port]);
    const astray = door('astray', third, 'direct', 'app=other');
    const outside = fixedCluster(`${clusters}/deeper/other`, [backend(0).port]);
    const members = [...shop(member('3', backend(1))), direct, outside];
    world.publish(...members, door('one', port, 'shop'), door('two', second, 'direct'), astray);
    await until('the new listener answers', async () => (await answers(second)) === 'a');
    assert.ok(!(await envoy.admin('/clusters')).includes('deeper'));
    await assert.rejects(ask(third), { code: 'ECONNREFUSED' });
    world.publish(...shop(member('3', backend(1))), door('one', port, 'shop'));
    await until('the listener has gone', () =>
      ask(second, '/', { fresh: true }).then(
        () => false,
        () => true,
      ),
    );
    await until('its cluster has gone', async () => !(await envoy.admin('/clusters')).includes('direct'));
    assert.equal(await answers(), 'b');
    assert.equal(world.events.filter(each => each.kind === 'nacked').length, 0);
  });

  it('R18, R44: collections are followed across a restart of the server', async () => {
    await world.restartServer();
    assert.equal(await answers(), 'b');
    world.publish(...shop(member('4', backend(0))), door('one', port, 'shop'), door('two', second, 'shop'));
    await until('its endpoints have changed', async () => (await answers()) === 'a');
    await until('a listener has come', async () => (await answers(second)) === 'a');
  });
});
