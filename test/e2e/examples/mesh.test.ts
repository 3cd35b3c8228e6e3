import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Example } from '../../support/example.ts';
import { startLoad } from '../../support/load.ts';
import { assertShare, assertValues } from '../../support/statistics.ts';
import { connectTcp } from '../../support/tcp.ts';
import { until } from '../../support/until.ts';

const example = await Example.start('mesh');
after(() => example[Symbol.asyncDispose]());

const v1 = ['10.0.0.11', '10.0.0.12'];
const v2 = '10.0.0.13';
/** What the application of checkout calls. */
const fromCheckout = { edge: 'checkout-1', port: 15001, host: 'catalog.mesh' } as const;
const catalog = (count = 40) => example.answers(count, '/', fromCheckout);
const checksPassed = async () => {
  const stats = await example.envoy('checkout-1').admin('/stats?filter=catalog@v1.health_check.success');
  return Number(/: (\d+)/.exec(stats)?.[1]);
};
// A sidecar may have been checked before it listened.
await until('all are found healthy', async () => (await catalog(20)).size === 2, 30_000);

describe('the mesh', () => {
  it('lets callers from outside reach checkout, through its sidecar, and nothing else', async () => {
    assert.equal((await example.ask('/', { host: 'shop.example.com' })).by, '10.0.0.21');
    assert.equal((await example.ask('/', { host: 'catalog.mesh' })).status, 404);
  });

  it('lets checkout call catalog by its host, and the database at a local port', async () => {
    assertValues(await catalog(), v1);
    using client = await connectTcp(example.port(15432), '127.0.0.21');
    assert.equal(await client.line(), '10.0.0.31');
  });

  it('tells a sidecar of, and lets it reach, only what it declares', async () => {
    const fromCatalog = (host: string) => example.ask('/', { edge: 'catalog-1', port: 15001, host });
    assert.equal((await fromCatalog('checkout.mesh')).by, '10.0.0.21');
    assert.equal((await fromCatalog('catalog.mesh')).status, 404);
    await assert.rejects(connectTcp(example.port(15432), '127.0.0.11'), /ECONNREFUSED/);
    assert.doesNotMatch(await example.envoy('catalog-1').admin('/clusters'), /^db::/m);
  });

  it('splits calls inside by one command, without a failure', async () => {
    const load = startLoad(() => example.ask('/', fromCheckout), { perSecond: 50 });
    await load.more(20);
    await example.shift('catalog/everyone', { 'catalog@v1': 50, 'catalog@v2': 50 });
    assertShare(await catalog(300), v2, 0.5);
    await example.endShift('catalog/everyone');
    assertValues(await catalog(), v1);
    await load.end();
    assert.deepEqual(load.failures, []);
  });

  it('costs callers nothing when an application is dead, or its sidecar, also without the control plane', async () => {
    await example.dies('10.0.0.11');
    assertValues(await catalog(), ['10.0.0.12']);
    await example.backend('10.0.0.11').revive();
    // A check that met it dead may still be under way: then it would be taken out once more.
    const passed = await checksPassed();
    await until('its checks pass again', async () => (await checksPassed()) >= passed + 2 * v1.length, 30_000);
    await until('it is back', async () => (await catalog(20)).size === 2, 30_000);
    await example.world.plane.stop('SIGKILL');
    process.kill(example.envoy('catalog-2').pid, 'SIGKILL');
    await until('it is found dead', async () => {
      const clusters = await example.envoy('checkout-1').admin('/clusters');
      return /catalog@v1::127\.0\.0\.12:\d+::cx_active::0/.test(clusters);
    });
    assertValues(await catalog(), ['10.0.0.11']);
  });
});
