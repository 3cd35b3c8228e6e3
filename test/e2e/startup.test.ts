import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask } from '../support/client.ts';
import { loadOn } from '../support/load.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const shop = await world.backend('shop');
const policy = pairPolicy(ports, {
  services: { shop: { endpoints: [{ address: shop.address }] } },
  rules: [{ to: [{ service: 'shop' }] }],
});

describe('proxies that are there before the control plane', () => {
  it('are served when it comes, and when it has a policy', async () => {
    const plane = await world.makePlane();
    for (const each of pair) await world.startProxy(each);
    world.save('services: { shop: { endpoints: [');
    await plane.start({ policy: false });
    await until('both have connected', async () => (await plane.proxies()).length === 2);
    // Without a policy they are told nothing: an empty set would delete what they have.
    for (const envoy of world.envoys) assert.equal(await envoy.stat('listener_manager.lds.update_success'), 0);
    const { revision, rejected } = await plane.policy();
    assert.equal(revision, null);
    assert.equal(rejected?.problems[0]?.code, 'syntax.invalid');
    world.save(policy);
    await world.synced();
    for (const port of Object.values(ports)) assert.equal((await ask(port)).by, 'shop');
  });
});

describe('what a proxy rejects', () => {
  it('is shown with its words, disturbs nothing else, and heals when it is mended', async () => {
    const taken = createServer();
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
    try {
      const loads = Object.values(ports).map(port => loadOn(port));
      const occupied = (taken.address() as { readonly port: number }).port;
      world.save(withListener(occupied));
      const row = await until('the proxy has rejected its listeners', async () => {
        const found = await world.proxy('delta');
        return found?.state === 'rejected' && found;
      });
      assert.match(row.why ?? '', new RegExp(`${occupied}.*Address already in use`));
      assert.equal(row.types.CDS?.state, 'synced');
      assert.equal((await world.proxy('sotw'))?.state, 'synced');
      for (const load of loads) await load.more(20);
      // What comes while it is rejected arrives all the same.
      const free = await world.port();
      await world.saved(withListener(free));
      assert.equal((await ask(free)).by, 'shop');
      for (const load of loads) {
        await load.end();
        assert.deepEqual(load.failures, []);
      }
    } finally {
      await new Promise(resolve => taken.close(resolve));
    }
  });
});

function withListener(port: number): PolicyInput {
  const gateways = structuredClone(policy.gateways ?? {});
  gateways['delta']?.listeners.push({ port, address: '127.0.0.1', protocol: 'http' });
  return { ...policy, gateways };
}
