import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { until } from '../support/until.ts';
import { type ProxyOptions, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

type MatchInput = NonNullable<PolicyInput['fleets']>[string]['match'];

const shop = await world.backend('shop');
/** For each way of matching a fleet and, but for `by-cluster`, another one that differs from it in nothing else. */
const matches: Record<string, MatchInput> = {
  'by-cluster': { cluster: 'api' },
  'by-id': { cluster: 'ids', id: 'web-*' },
  'by-other-id': { cluster: 'ids', id: 'job-*' },
  'by-region': { cluster: 'regions', region: 'eu*' },
  'by-other-region': { cluster: 'regions', region: 'us*' },
  'by-zone': { cluster: 'zones', zone: 'north' },
  'by-other-zone': { cluster: 'zones', zone: 'south' },
  'by-metadata': { cluster: 'tiers', metadata: { tier: 'gold' } },
  'by-other-metadata': { cluster: 'tiers', metadata: { tier: 'silver' } },
  'by-all': { cluster: 'edge', zone: 'south', metadata: { tier: 'silver' } },
};
const proxies: Record<string, ProxyOptions> = {
  'by-cluster': { id: 'x-cluster', cluster: 'api' },
  'by-id': { id: 'web-17', cluster: 'ids' },
  'by-region': { id: 'x-region', cluster: 'regions', region: 'eu-central' },
  'by-zone': { id: 'x-zone', cluster: 'zones', zone: 'north' },
  'by-metadata': { id: 'x-metadata', cluster: 'tiers', metadata: { tier: 'gold' } },
};
const names = Object.keys(matches);
const ports = new Map<string, number>();
for (const name of names) ports.set(name, await world.port());
const portOf = (name: string) => ports.get(name) ?? 0;

function policy(change: Readonly<Record<string, MatchInput>> = {}): PolicyInput {
  return {
    services: { shop: { endpoints: [{ address: shop.address }] } },
    gateways: Object.fromEntries(
      names.map(name => [
        name,
        { listeners: [{ port: portOf(name), address: '127.0.0.1', protocol: 'http' as const }] },
      ]),
    ),
    routes: Object.fromEntries(
      names.map(name => [
        name,
        {
          gateways: [name],
          rules: [{ to: [{ service: 'shop' }], responseHeaders: { set: { 'x-fleet': name } } }],
        },
      ]),
    ),
    fleets: Object.fromEntries(
      Object.entries({ ...matches, ...change }).map(([name, match]) => [
        name,
        { match, gateways: [names.includes(name) ? name : 'by-id'] },
      ]),
    ),
  };
}

await world.start(policy(), Object.values(proxies));

describe('fleets', () => {
  it('are chosen by id, cluster, region, zone and metadata, and given their gateways', async () => {
    covers(
      'fleets.*.match.id',
      'fleets.*.match.cluster',
      'fleets.*.match.region',
      'fleets.*.match.zone',
      'fleets.*.match.metadata',
      'fleets.*.gateways',
      'routes.*.gateways',
    );
    for (const [fleet, { id }] of Object.entries(proxies)) {
      assert.equal((await world.proxy(id))?.fleet, fleet);
      const answer = await ask(portOf(fleet));
      assert.deepEqual([answer.status, answer.headers['x-fleet']], [200, fleet]);
    }
    for (const other of names.filter(name => !(name in proxies))) {
      await assert.rejects(ask(portOf(other)), /ECONNREFUSED/);
    }
  });
});

describe('a node that no fleet matches', () => {
  it('is sent nothing, and shown with the nearest fleet', async () => {
    const stray = await world.startProxy({ id: 'stray', cluster: 'edge', zone: 'south', metadata: { tier: 'bronze' } });
    const row = await until('the stray proxy is shown', () => world.proxy('stray'));
    assert.equal(row.state, 'unmatched');
    assert.equal(row.fleet, null);
    assert.equal(row.nearestFleet, 'by-all');
    assert.match(row.why ?? '', /metadata tier is "bronze" instead of "silver"/);
    for (const type of ['cds', 'lds']) {
      const name = type === 'cds' ? 'cluster_manager.cds.update_success' : 'listener_manager.lds.update_success';
      assert.equal(await stray.stat(name), 0);
    }
    await stray.stop();
  });

  it('keeps what it has when a save takes its fleet away, and is served again by the next', async () => {
    await saveWithout('by-cluster', { cluster: 'apy' });
    const row = await until('the proxy is unmatched', async () => {
      const found = await world.proxy('x-cluster');
      return found?.state === 'unmatched' && found;
    });
    assert.equal(row.nearestFleet, 'by-cluster');
    assert.equal((await ask(portOf('by-cluster'))).status, 200);
    await world.saved(policy());
    assert.equal((await world.proxy('x-cluster'))?.state, 'synced');
    assert.equal((await ask(portOf('by-cluster'))).headers['x-fleet'], 'by-cluster');
  });
});

describe('fleets that one node could fit', () => {
  it('are an error of the policy, which changes nothing', async () => {
    world.save(policy({ 'by-zone-too': { zone: 'nor*' } }));
    const rejected = await until(
      'the save is rejected',
      async () => (await world.plane.policy()).rejected ?? undefined,
    );
    assert.deepEqual([...new Set(rejected.problems.map(each => each.code))], ['fleet.overlap']);
    assert.equal((await ask(portOf('by-zone'))).headers['x-fleet'], 'by-zone');
    assert.equal((await world.proxy('x-zone'))?.state, 'synced');
  });
});

/** Saves a policy that leaves a proxy out, and waits until it is in force. */
async function saveWithout(fleet: string, match: MatchInput): Promise<void> {
  const before = (await world.plane.policy()).revision?.number ?? 0;
  world.save(policy({ [fleet]: match }));
  await until('the policy is in force', async () => ((await world.plane.policy()).revision?.number ?? 0) > before);
}
