import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdminWorld, now, shift } from './admin-world.ts';

/** `name{labels}` → value, of all samples but those of the process. */
async function samples(world: AdminWorld): Promise<ReadonlyMap<string, number>> {
  const { status, type, text } = await world.call('GET', '/metrics');
  assert.equal(status, 200);
  assert.match(type, /^text\/plain; version=0\.0\.4/);
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map(line => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

describe('GET /metrics', () => {
  it('has the policy, the overrides and the process', async () => {
    const world = new AdminWorld();
    const before = await samples(world);
    assert.equal(before.get('switchyard_policy_revision'), 0);
    assert.equal(before.get('switchyard_policy_refused'), 0);
    assert.equal(before.get('switchyard_frozen'), 0);
    assert.equal(before.get('switchyard_overrides{effect="active"}'), 0);
    assert.ok((before.get('switchyard_process_resident_memory_bytes') ?? 0) > 1e6);
    assert.ok(before.has('switchyard_nodejs_eventloop_lag_p99_seconds'));
    world.accept([shift]);
    world.control.rejected = { at: now, source: 'file', problems: [] };
    world.control.freezing.freeze({ by: 'ada' });
    const after = await samples(world);
    assert.equal(after.get('switchyard_frozen'), 1);
    assert.equal(after.get('switchyard_policy_revision'), 7);
    assert.equal(after.get('switchyard_policy_accepted_timestamp_seconds'), now / 1000);
    assert.equal(after.get('switchyard_policy_refused'), 1);
    assert.equal(after.get('switchyard_overrides{effect="active"}'), 1);
    assert.equal(after.get('switchyard_overrides{effect="suspended"}'), 0);
  });

  it('counts proxies by fleet and state, also none', async () => {
    const world = new AdminWorld();
    world.accept();
    const proxies = (fleet: string, state: string) => `switchyard_proxies{fleet="${fleet}",state="${state}"}`;
    assert.equal((await samples(world)).get(proxies('edge', 'synced')), 0);
    world.connect(1, 'edge-1', { kind: 'assigned', key: 'edge' });
    world.exchange(1, 'Cluster', 'acked');
    world.connect(2, 'edge-2', { kind: 'assigned', key: 'edge' });
    world.connect(3, 'stranger', { kind: 'unmatched', nearest: undefined, why: '' });
    const found = await samples(world);
    assert.equal(found.get(proxies('edge', 'synced')), 1);
    assert.equal(found.get(proxies('edge', 'pending')), 1);
    assert.equal(found.get(proxies('edge', 'rejected')), 0);
    assert.equal(found.get(proxies('', 'unmatched')), 1);
    world.apply({ kind: 'closed', clientId: 3, reason: '' });
    const later = await samples(world);
    assert.equal(later.get(proxies('', 'unmatched')), 0);
    assert.equal(later.get(proxies('', 'disconnected')), 1);
  });

  it('counts what is in quarantine and what is withheld, also none', async () => {
    const world = new AdminWorld();
    world.accept();
    const read = async () => {
      const found = await samples(world);
      const withheld = ['CDS', 'LDS'].map(type =>
        found.get(`switchyard_withheld_resources{fleet="edge",type="${type}"}`),
      );
      return [found.get('switchyard_quarantines{fleet="edge"}'), ...withheld];
    };
    assert.deepEqual(await read(), [0, 0, 0]);
    for (const clientId of [1, 2]) {
      world.connect(clientId, `edge-${clientId}`, { kind: 'assigned', key: 'edge' });
      const [rejects, suspects] = ['catalog@v1', 'catalog@v2'].map(name => [world.reject('Cluster', name, 'no')]);
      world.apply({ kind: 'withheld', clientId, rejects: rejects ?? [], suspects: suspects ?? [] });
    }
    assert.deepEqual(await read(), [0, 4, 0]);
    world.accept([], [world.quarantine('Cluster', 'catalog@v1')]);
    for (const clientId of [1, 2]) world.apply({ kind: 'withheld', clientId, rejects: [], suspects: [] });
    assert.deepEqual(await read(), [1, 0, 0]);
  });

  it('sums what was said over xDS, each scrape the same', async () => {
    const world = new AdminWorld();
    world.accept();
    world.connect(1, 'edge-1', { kind: 'assigned', key: 'edge' });
    world.exchange(1, 'Cluster', 'acked');
    world.exchange(1, 'Cluster', 'acked');
    world.exchange(1, 'RouteConfiguration', 'nacked');
    await samples(world);
    const found = await samples(world);
    const xds = (name: string, type: string) => found.get(`switchyard_xds_${name}{type="${type}"}`);
    assert.deepEqual([xds('responses_total', 'CDS'), xds('responses_total', 'RDS')], [2, 1]);
    assert.deepEqual([xds('acks_total', 'CDS'), xds('acks_total', 'RDS')], [2, 0]);
    assert.deepEqual([xds('nacks_total', 'CDS'), xds('nacks_total', 'RDS')], [0, 1]);
    assert.deepEqual([xds('sent_bytes_total', 'CDS'), xds('sent_bytes_total', 'RDS')], [2000, 1000]);
    assert.equal(found.get('switchyard_xds_streams_opened_total'), 1);
    assert.equal(found.get('switchyard_xds_limited_total{limit="names"}'), 0);
  });

  it('tells when the certificates of xDS expire, and how many they kept out', async () => {
    const found = await samples(new AdminWorld());
    assert.equal(found.get('switchyard_xds_tls_expiry_timestamp_seconds{file="certificate"}'), 1_800_000_000);
    assert.equal(found.get('switchyard_xds_tls_expiry_timestamp_seconds{file="clientCa"}'), 1_900_000_000);
    assert.equal(found.get('switchyard_xds_tls_refusals_total'), 7);
    assert.equal(found.get('switchyard_admin_tls_expiry_timestamp_seconds{file="certificate"}'), 1_700_000_000);
    assert.equal(found.get('switchyard_admin_tls_refusals_total'), 5);
  });

  it('is of one server alone: two in a process do not mix', async () => {
    const [one, other] = [new AdminWorld(), new AdminWorld()];
    one.accept();
    assert.equal((await samples(other)).get('switchyard_policy_revision'), 0);
    assert.equal((await samples(one)).get('switchyard_policy_revision'), 7);
  });
});
