import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startEnvoy } from '../../envoy/process.ts';
import type { Bootstrap } from '../../proto/gen/envoy.config.bootstrap.v3.ts';
import type { ConfigSource } from '../../proto/gen/envoy.config.core.v3.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask } from '../support/client.ts';
import { ControlPlane } from '../support/control-plane.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { edgePolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [port, xdsRest] = [await freePort(), await freePort()];
const [shop, spare] = await world.backends('shop', 'spare');

const policyTo = (address: string) =>
  edgePolicy(port, {
    services: { shop: { endpoints: [{ address }] } },
    rules: [{ to: [{ service: 'shop' }] }],
  });

/** The same for a fleet whose resources refer to streams of single types. */
const perTypeTo = (address: string): PolicyInput => ({
  ...policyTo(address),
  fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'], xds: { streams: 'perType' } } },
});

/** The cluster's name is unlike anything of ours: the references between resources must find it all the same. */
function pollingBootstrap(admin: number): Bootstrap {
  const source: ConfigSource = {
    resource_api_version: 'V3',
    api_config_source: {
      api_type: 'REST',
      transport_api_version: 'V3',
      cluster_names: ['control-plane'],
      refresh_delay: '0.200s',
      request_timeout: '1s',
    },
  };
  const address = { socket_address: { address: '127.0.0.1', port_value: xdsRest } };
  return {
    node: { id: 'poller', cluster: 'edge' },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: admin } } },
    dynamic_resources: { cds_config: source, lds_config: source },
    static_resources: {
      clusters: [
        {
          name: 'control-plane',
          type: 'STATIC',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'control-plane',
            endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
          },
        },
      ],
    },
  };
}

describe('R52: an Envoy that polls by REST', () => {
  it('takes clusters, endpoints, listeners and routes, and what changes', async () => {
    world.save(policyTo(shop.address));
    const plane = new ControlPlane({
      policyFile: world.policyFile,
      dataFolder: world.dataFolder,
      xdsPort: await freePort(),
      adminPort: await freePort(),
      flags: ['--xds-rest', `127.0.0.1:${xdsRest}`],
    });
    world.use({ [Symbol.asyncDispose]: () => plane.stop() });
    const kill = () => plane.killNow();
    process.once('exit', kill);
    await plane.start();
    const envoy = world.adopt('poller', startEnvoy({ name: 'poller', bootstrap: pollingBootstrap(await freePort()) }));
    const answeredBy = (name: string) =>
      until(`${name} answers`, async () => (await ask(port)).by === name, 60_000).catch((cause: unknown) => {
        throw new Error(`${envoy.log().slice(-4000)}\n${plane.output}`, { cause });
      });
    await answeredBy('shop');
    // Unchanged, it is left alone: 304 is no update.
    const updates = await envoy.stat('cluster_manager.cds.update_success');
    const attempts = (await envoy.stat('cluster_manager.cds.update_attempt')) ?? 0;
    await until(
      'it has polled on',
      async () => ((await envoy.stat('cluster_manager.cds.update_attempt')) ?? 0) > attempts + 2,
    );
    assert.equal(await envoy.stat('cluster_manager.cds.update_success'), updates);
    world.save(policyTo(spare.address));
    await answeredBy('spare');
    const before = (await envoy.stat('cluster_manager.cds.update_success')) ?? 0;
    world.save(perTypeTo(shop.address));
    await answeredBy('shop');
    await until(
      'it has taken the clusters of a fleet with streams of single types',
      async () => ((await envoy.stat('cluster_manager.cds.update_success')) ?? 0) > before,
    );
    for (const name of ['cluster_manager.cds', 'listener_manager.lds']) {
      assert.equal(await envoy.stat(`${name}.update_rejected`), 0);
      assert.equal(await envoy.stat(`${name}.update_failure`), 0);
    }
    process.off('exit', kill);
  });
});
