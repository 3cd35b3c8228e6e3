import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { type Load, loadOn } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { ServedPolicy } from '../support/served-policy.ts';
import { until } from '../support/until.ts';

/**
 * The policy replaces a service, and so a cluster, while proxies are away from the control plane. When they come back,
 * stream after stream, not one request may fail (R37, R41). Over SotW it may: see the guide on streams.
 *
 * `OUTAGES=20 npm test -- test/e2e/outages.test.ts` for more of them.
 */
const outages = Number(process.env['OUTAGES'] ?? 2);
/** Milliseconds: streams that were refused a few times come back some seconds apart. */
const away = 4000;

/** What the bootstrap says, and what the policy does. */
const kinds = (['ads', 'perType'] as const).flatMap(bootstrap =>
  (['ads', 'perType'] as const).map(streams => ({ bootstrap, streams, name: `${bootstrap}-${streams}`.toLowerCase() })),
);

describe('services replaced during an outage', { timeout: 60_000 + outages * 60_000 }, () => {
  const ports = new Map<string, number>();
  let backend: Backend;
  let served: ServedPolicy;
  let loads: readonly Load[] = [];

  before(async () => {
    backend = await startBackend({ name: 'shop' });
    served = await ServedPolicy.start();
    for (const { name } of kinds) ports.set(name, await freePort());
    await served.publish(policy('shop-0'));
    for (const { name, bootstrap } of kinds) await served.envoy(name, bootstrap, 'delta');
    await until('all serve', async () => {
      const answers = await Promise.all([...ports.values()].map(port => ask(port)));
      return answers.every(each => each.status === 200);
    });
    loads = [...ports.values()].map(port => loadOn(port, '/', { perSecond: 50 }));
  });

  after(async () => {
    await Promise.all(loads.map(load => load.end()));
    await served[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
  });

  for (let count = 1; count <= outages; count++) {
    it(`R37, R41: outage ${count} costs no request`, async () => {
      await served.outage(async () => {
        await served.publish(policy(`shop-${count}`));
        await pause(away);
      });
      await until('all have come back', () => served.fleet.proxies().length === kinds.length, 30_000);
      await until('all have what is published, and nothing else', () => settled(`shop-${count}`), 60_000);
      await Promise.all(loads.map(load => load.more(10)));
      assert.deepEqual(
        kinds.flatMap(({ name }, index) => (loads[index]?.failures ?? []).map(failure => `${name}: ${failure}`)),
        [],
      );
    });
  }

  async function settled(service: string): Promise<boolean> {
    for (const envoy of served.envoys) {
      const clusters = (await envoy.admin('/clusters')).matchAll(/^(shop-\d+)::observability_name/gm);
      assert.deepEqual(
        [...clusters].map(([, name]) => name),
        [service],
      );
    }
    return true;
  }

  function policy(service: string): PolicyInput {
    const names = kinds.map(each => each.name);
    return {
      services: { [service]: { endpoints: [{ address: backend.address }], timeout: '3s' } },
      gateways: Object.fromEntries(
        names.map(name => [
          name,
          { listeners: [{ address: '127.0.0.1', port: ports.get(name) ?? 0, protocol: 'http' }] },
        ]),
      ),
      routes: { shop: { gateways: names, rules: [{ match: { path: '/' }, to: [{ service }] }] } },
      fleets: Object.fromEntries(
        kinds.map(({ name, streams }) => [name, { match: { cluster: name }, gateways: [name], xds: { streams } }]),
      ),
    };
  }
});
