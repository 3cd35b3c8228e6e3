import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import { type Resource, servedTypes } from '../../src/base/resource.ts';
import { Board } from '../../src/snapshot/board.ts';
import { buildSnapshot } from '../../src/snapshot/build.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import { translate } from '../../src/translate/translate.ts';
import type { XdsEvent } from '../../src/xds/events.ts';
import { XdsService } from '../../src/xds/service.ts';
import { fleetsOf, goldenCases } from '../support/golden-case.ts';
import { freePort } from '../support/ports.ts';
import { shownPolicies } from '../support/shown-policies.ts';
import { until } from '../support/until.ts';
import { testXdsSettings } from '../support/xds-transport.ts';

const cases = [...goldenCases().map(each => ({ name: each.name, fleets: fleetsOf(each) })), ...(await shownPolicies())];

/**
 * One Envoy per variant holds every golden fleet and every example's in turn, each coming in the place of the one before: nothing is
 * rejected, and nothing is left warming.
 */
for (const variant of ['delta', 'sotw'] as const) {
  describe(`a real Envoy takes every golden policy and every example over ${variant} ADS`, () => {
    const board = new Board();
    const events: XdsEvent[] = [];
    const order = { ...testXdsSettings.order, lingerLimit: 50 };
    const xds = new XdsService(board, { ...testXdsSettings, port: 0, order }, event => events.push(event));
    let envoy: RunningEnvoy;
    let snapshot: Snapshot | undefined;

    before(async () => {
      const address = `127.0.0.1:${await xds.listen()}`;
      const admin = `127.0.0.1:${await freePort()}`;
      const node = { id: 'golden', cluster: 'golden' };
      envoy = startEnvoy({
        name: variant,
        bootstrap: bootstrap({ node, xds: [address], variant, admin, ...bootstrapDefaults }),
      });
    });
    after(async () => {
      await envoy.stop();
      await xds.close(AbortSignal.timeout(2_000));
    });

    for (const each of cases) {
      for (const fleet of each.fleets) {
        it(`${each.name}: ${fleet.key}`, async () => {
          const published = buildSnapshot('golden', translate(fleet).map(withoutPort), snapshot);
          snapshot = published;
          board.publish({
            snapshots: new Map([['golden', published]]),
            assign: () => ({ kind: 'assigned', key: 'golden' }),
          });
          await until(`all of ${each.name} is acknowledged`, () => holdsAll(events, published), 60_000);
          await until('nothing is left warming', () => isSettled(envoy, published), 60_000);
          assert.deepEqual(rejections(events), []);
          assert.deepEqual(await counters(envoy, /update_rejected: [1-9]/), []);
        });
      }
    }

    it('and refuses a bad one', async () => {
      const bad: Resource = {
        type: servedTypes.cluster,
        name: 'bad',
        message: { name: 'bad', type: 'STATIC', connect_timeout: '0s' },
      };
      board.publish({
        snapshots: new Map([['golden', buildSnapshot('golden', [bad])]]),
        assign: () => ({ kind: 'assigned', key: 'golden' }),
      });
      await until('the bad cluster is rejected', () => rejections(events).length > 0);
      assert.match(rejections(events).join(), /ConnectTimeout/);
    });
  });
}

/** Addresses of goldens are not this machine's, and their ports may be taken. */
function withoutPort(resource: Resource): Resource {
  if (resource.type !== servedTypes.listener) return resource;
  const listener = resource.message as Listener;
  // A listener for datagrams that is bound to nothing never becomes active.
  const anyPort = { socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: 0 } } as const;
  const change = listener.udp_listener_config ? { address: anyPort } : { bind_to_port: false };
  return { ...resource, message: { ...listener, ...change } };
}

function rejections(events: readonly XdsEvent[]): readonly string[] {
  return events.flatMap(event => (event.kind === 'nacked' ? [event.message] : []));
}

/** Of every type that has resources, the newest version that was acknowledged, or found to be held, is the snapshot's. */
function holdsAll(events: readonly XdsEvent[], { types }: Snapshot): boolean {
  const held = events.filter(event => event.kind === 'acked' || event.kind === 'current');
  return [...types.values()].every(
    ({ typeUrl, version, resources }) =>
      resources.size === 0 || held.findLast(event => event.typeUrl === typeUrl)?.version === version,
  );
}

async function isSettled(envoy: RunningEnvoy, { types }: Snapshot): Promise<boolean> {
  const warming = await counters(envoy, /warming|total_listeners_active|active_clusters/);
  const count = (name: string) => Number(warming.find(line => line.startsWith(`${name}:`))?.split(': ')[1]);
  const size = (type: string) => types.get(`type.googleapis.com/${type}`)?.resources.size ?? 0;
  return (
    count('cluster_manager.warming_clusters') === 0 &&
    count('listener_manager.total_listeners_warming') === 0 &&
    count('listener_manager.total_listeners_active') === size(servedTypes.listener) &&
    // The two static ones of the bootstrap are clusters too.
    count('cluster_manager.active_clusters') === size(servedTypes.cluster) + 2
  );
}

async function counters(envoy: RunningEnvoy, pattern: RegExp): Promise<readonly string[]> {
  const lines = (await envoy.admin('/stats')).split('\n');
  return lines.filter(line => pattern.test(line));
}
