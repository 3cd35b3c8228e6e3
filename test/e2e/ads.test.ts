import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { any } from '../../proto/codec.ts';
import { type Resource, servedTypes } from '../../src/base/resource.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { waitAcked } from '../../src/fleet/wait.ts';
import { Board, type Publication } from '../../src/snapshot/board.ts';
import { buildSnapshot } from '../../src/snapshot/build.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import type { XdsEvent } from '../../src/xds/events.ts';
import { XdsService } from '../../src/xds/service.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { type Load, loadOn } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { testXdsSettings } from '../support/xds-transport.ts';

const ads = { ads: {}, resource_api_version: 'V3' } as const;

/** Holds half of the requests after their route was chosen and before their cluster is asked for. */
const held = {
  delay: { fixed_delay: '0.300s', percentage: { numerator: 50, denominator: 'HUNDRED' } },
} as const;

interface Shape {
  /** Cluster that the one route goes to. */
  readonly cluster: string;
  readonly backend: Backend;
  readonly connectTimeout?: string;
}

/** One listener, one route, one cluster, one endpoint. */
function resources(port: number, { cluster, backend, connectTimeout = '1s' }: Shape): readonly Resource[] {
  return [
    {
      type: servedTypes.cluster,
      name: cluster,
      message: { name: cluster, type: 'EDS', connect_timeout: connectTimeout, eds_cluster_config: { eds_config: ads } },
    },
    {
      type: servedTypes.endpoint,
      name: cluster,
      message: {
        cluster_name: cluster,
        endpoints: [
          {
            lb_endpoints: [
              { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: backend.port } } } },
            ],
          },
        ],
      },
    },
    {
      type: servedTypes.listener,
      name: 'in',
      message: {
        name: 'in',
        address: { socket_address: { address: '127.0.0.1', port_value: port } },
        filter_chains: [
          {
            filters: [
              {
                name: 'http',
                typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
                  stat_prefix: 'in',
                  rds: { route_config_name: 'shop', config_source: ads },
                  http_filters: [
                    { name: 'fault', typed_config: any('envoy.extensions.filters.http.fault.v3.HTTPFault', held) },
                    { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
                  ],
                }),
              },
            ],
          },
        ],
      },
    },
    {
      type: servedTypes.route,
      name: 'shop',
      message: {
        name: 'shop',
        virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] }],
      },
    },
  ];
}

const variants = ['delta', 'sotw'] as const;

describe('a fleet of each variant over ADS', () => {
  const order = { gateLimit: 5_000, linger: 700, lingerLimit: 700, grace: 200, reopening: 200 };
  const envoys: RunningEnvoy[] = [];
  const ports = new Map<string, number>();
  let snapshots: ReadonlyMap<string, Snapshot> = new Map();
  let xdsPort = 0;
  let board = new Board();
  let fleet = new Fleet();
  let events: XdsEvent[] = [];
  let service: XdsService;
  let one: Backend;
  let two: Backend;

  async function startService(): Promise<void> {
    board = new Board();
    fleet = new Fleet();
    events = [];
    service = new XdsService(board, { ...testXdsSettings, port: xdsPort, order }, event => {
      fleet.apply(event);
      events.push(event);
    });
    await service.listen();
  }

  function publish(shape: Shape): void {
    snapshots = new Map(
      variants.map(key => [key, buildSnapshot(key, resources(ports.get(key) ?? 0, shape), snapshots.get(key))]),
    );
    const publication: Publication = { snapshots, assign: node => ({ kind: 'assigned', key: node.id }) };
    board.publish(publication);
  }

  async function acked(): Promise<void> {
    const result = await waitAcked({ fleet, board, targets: snapshots, signal: AbortSignal.timeout(60_000) });
    assert.deepEqual(result, { concerned: 2, acked: 2, missing: [], departed: [] });
  }

  /** Requests to every proxy until the test ends, however it does. */
  function underLoad(t: TestContext, options: { readonly perSecond: number }): readonly Load[] {
    const loads = variants.map(variant => loadOn(ports.get(variant) ?? 0, '/', options));
    t.after(() => Promise.all(loads.map(load => load.end())));
    return loads;
  }

  before(async () => {
    [one, two] = [await startBackend({ name: 'one' }), await startBackend({ name: 'two' })];
    xdsPort = await freePort();
    for (const key of variants) ports.set(key, await freePort());
    await startService();
    publish({ cluster: 'first', backend: one });
    for (const variant of variants) {
      const admin = `127.0.0.1:${await freePort()}`;
      const node = { id: variant, cluster: 'test' };
      const options = { node, xds: [`127.0.0.1:${xdsPort}`], variant, admin, ...bootstrapDefaults };
      envoys.push(startEnvoy({ name: variant, bootstrap: bootstrap(options) }));
    }
    await Promise.all(envoys.map(envoy => envoy.ready(AbortSignal.timeout(60_000))));
    await until('both proxies are connected', () => fleet.proxies().length === 2);
    await acked();
  });

  after(async () => {
    await Promise.all(envoys.map(envoy => envoy.stop()));
    await service.close(AbortSignal.timeout(1000));
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  });

  test('serves requests, and knows who it is talking to (R4)', async () => {
    for (const [index, variant] of variants.entries()) {
      assert.equal((await ask(ports.get(variant) ?? 0)).by, 'one');
      assert.match((await envoys[index]?.admin('/stats?filter=control_plane.identifier')) ?? '', /switchyard/);
    }
  });

  test('R37, R37a: clusters are swapped under load, with slow requests, and none fails', async t => {
    one.behave({ delay: 200 });
    two.behave({ delay: 200 });
    const loads = underLoad(t, { perSecond: 50 });
    for (let round = 0; round < 4; round++) {
      const backend = round % 2 === 0 ? two : one;
      publish({ cluster: `round-${round}`, backend });
      await acked();
      await until('the new backend answers', () => loads.every(load => load.answers.at(-1) === backend.name));
    }
    await until('the last old cluster is gone', async () => {
      const active = await Promise.all(envoys.map(envoy => envoy.stat('cluster_manager.active_clusters')));
      // The two of the bootstrap, and the newest.
      return active.every(count => count === 3);
    });
    for (const load of loads) {
      await load.end();
      assert.deepEqual(load.failures, []);
    }
    one.behave({});
    two.behave({});
  });

  test('R39: a changed cluster warms at once, on unchanged endpoints, and no request fails', async t => {
    publish({ cluster: 'first', backend: one });
    await acked();
    const loads = underLoad(t, { perSecond: 100 });
    publish({ cluster: 'first', backend: one, connectTimeout: '2s' });
    await acked();
    for (const envoy of envoys) {
      await until(
        'nothing is left warming',
        async () => (await envoy.stat('cluster_manager.warming_clusters')) === 0,
        2000,
      );
      const dump = await envoy.admin('/config_dump?resource=dynamic_active_clusters');
      assert.match(dump, /"connect_timeout": "2s"/);
    }
    for (const load of loads) {
      await load.more(20);
      await load.end();
      assert.deepEqual(load.failures, []);
    }
  });

  test('R18, R47: after a restart of the server with the same content a delta client is sent nothing', async t => {
    const loads = underLoad(t, { perSecond: 100 });
    await service.close(AbortSignal.timeout(2000));
    await startService();
    board.publish({ snapshots, assign: node => ({ kind: 'assigned', key: node.id }) });
    await until('both proxies are back', () => fleet.proxies().length === 2);
    await acked();
    const delta = fleet.proxies().find(proxy => proxy.variant === 'delta');
    const sent = events.flatMap(event =>
      event.kind === 'sent' && event.clientId === delta?.clientId ? [event.resources] : [],
    );
    assert.deepEqual(
      sent.filter(count => count > 0),
      [],
      'resources sent to the delta client',
    );
    for (const load of loads) {
      await load.end();
      assert.deepEqual(load.failures, []);
    }
  });

  test('nothing was rejected', async () => {
    for (const envoy of envoys) {
      for (const stat of ['cluster_manager.cds', 'listener_manager.lds']) {
        assert.equal(await envoy.stat(`${stat}.update_rejected`), 0, `${envoy.name} ${stat}`);
      }
    }
  });
});
