import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProxyReply } from '../../../src/admin/api.ts';
import { AdminWorld, now, shift } from './admin-world.ts';

const edge = { kind: 'assigned', key: 'edge' } as const;

async function rows(world: AdminWorld, query = ''): Promise<readonly ProxyReply[]> {
  return (await world.call('GET', `/api/v1/proxies${query}`)).json.proxies;
}

async function only(world: AdminWorld): Promise<ProxyReply> {
  const [row, ...more] = await rows(world);
  assert.ok(row);
  assert.equal(more.length, 0);
  return row;
}

describe('GET /api/v1/proxies: a proxy', () => {
  it('is synced when it has acknowledged what it shall hold', async () => {
    const world = new AdminWorld();
    const version = world
      .accept()
      .snapshots.get('edge')
      ?.types.get('type.googleapis.com/envoy.config.cluster.v3.Cluster')?.version;
    world.connect(1, 'edge-1', edge);
    world.exchange(1, 'Cluster', 'acked');
    const at = '2026-03-01T12:00:00.000Z';
    assert.deepEqual(await only(world), {
      id: 'edge-1',
      cluster: 'edge',
      zone: 'a',
      fleet: 'edge',
      state: 'synced',
      since: at,
      variant: 'delta',
      envoyVersion: '1.40.0',
      peer: '10.0.0.9:1',
      connectedAt: at,
      types: { CDS: { state: 'synced', intended: version, sent: version, acked: version, ackedAt: at } },
    });
  });

  it('is pending from its request to its acknowledgement', async () => {
    const world = new AdminWorld();
    world.accept();
    world.connect(1, 'edge-1', edge);
    assert.equal((await only(world)).state, 'pending');
    assert.match((await only(world)).why ?? '', /just connected/);
    world.exchange(1, 'Cluster', 'acked');
    for (const step of ['asked', 'sent'] as const) {
      world.exchange(1, 'RouteConfiguration', step);
      const row = await only(world);
      assert.equal(row.state, 'pending', step);
      assert.match(row.why ?? '', /not acknowledged RDS/);
      assert.equal(row.types.RDS?.state, 'pending');
      assert.equal(row.types.RDS?.acked, null);
    }
    world.exchange(1, 'RouteConfiguration', 'acked');
    assert.equal((await only(world)).state, 'synced');
  });

  it('is stale when it holds what was intended before and nothing newer was sent', async () => {
    const world = new AdminWorld();
    world.accept();
    world.connect(1, 'edge-1', edge);
    world.exchange(1, 'Cluster', 'acked');
    world.exchange(1, 'RouteConfiguration', 'acked');
    world.accept([shift]);
    const row = await only(world);
    assert.equal(row.state, 'stale');
    assert.match(row.why ?? '', /older RDS/);
    assert.equal(row.types.CDS?.state, 'synced', 'the shift changes routes only');
    assert.equal(row.types.RDS?.state, 'stale');
    assert.notEqual(row.types.RDS?.intended, row.types.RDS?.acked);
    assert.equal(row.types.RDS?.sent, row.types.RDS?.acked);
  });

  it("is rejected with Envoy's words, whatever its other types do", async () => {
    const world = new AdminWorld();
    world.accept();
    world.connect(1, 'edge-1', edge);
    world.exchange(1, 'Cluster', 'sent');
    world.exchange(1, 'RouteConfiguration', 'nacked');
    const row = await only(world);
    assert.equal(row.state, 'rejected');
    assert.equal(row.why, 'it rejected RDS, and partial application is unknown: no such filter');
    assert.equal(row.rejects, undefined);
    assert.equal(row.types.RDS?.rejection?.message, 'no such filter');
    assert.equal(row.types.RDS?.rejection?.at, '2026-03-01T12:00:00.000Z');
    assert.equal(row.types.RDS?.rejection?.version, row.types.RDS?.intended);
  });

  it('shows why it is given nothing', async () => {
    const world = new AdminWorld();
    world.connect(1, 'early');
    world.connect(2, 'stranger', { kind: 'unmatched', nearest: 'edge', why: 'its cluster is "egde", not "edge"' });
    world.connect(3, 'torn', { kind: 'ambiguous', keys: ['edge', 'other'] });
    const [early, stranger, torn] = await rows(world);
    assert.equal(early?.state, 'pending');
    assert.match(early?.why ?? '', /no policy has been accepted/);
    assert.equal(stranger?.state, 'unmatched');
    assert.equal(stranger?.nearestFleet, 'edge');
    assert.equal(stranger?.why, 'its cluster is "egde", not "edge"');
    assert.equal(stranger?.fleet, null);
    assert.equal(torn?.state, 'ambiguous');
    assert.match(torn?.why ?? '', /edge, other/);
  });

  it('says why its certificate was refused, also after its streams have ended', async () => {
    const world = new AdminWorld();
    world.accept();
    world.connect(1, 'edge-2', { kind: 'refused', fleet: 'edge', why: 'its certificate is named "edge-1"' });
    const here = await only(world);
    assert.deepEqual([here.state, here.why, here.fleet], ['refused', 'its certificate is named "edge-1"', null]);
    world.apply({ kind: 'closed', clientId: 1, reason: 'PERMISSION_DENIED: …' });
    const gone = await only(world);
    assert.deepEqual([gone.state, gone.why], ['refused', 'its certificate is named "edge-1"']);
    assert.ok(gone.disconnectedAt);
    world.connect(2, 'edge-2', edge);
    assert.notEqual((await only(world)).state, 'refused');
  });

  it('stays in the table after it has gone, until it is back', async () => {
    const world = new AdminWorld();
    world.accept();
    world.connect(1, 'edge-1', edge);
    world.clock = now + 5000;
    world.apply({ kind: 'closed', clientId: 1, reason: 'the connection was lost' });
    const row = await only(world);
    assert.equal(row.state, 'disconnected');
    assert.equal(row.disconnectedAt, '2026-03-01T12:00:05.000Z');
    assert.match(row.why ?? '', /2026-03-01T12:00:05.000Z: the connection was lost/);
    assert.equal(row.fleet, 'edge');
    world.connect(2, 'edge-1', edge);
    assert.notEqual((await only(world)).state, 'disconnected');
  });
});

describe('GET /api/v1/proxies: the table', () => {
  it('is in the order of fleet and id, those without a fleet last', async () => {
    const world = new AdminWorld();
    world.connect(1, 'b', { kind: 'assigned', key: 'edge' });
    world.connect(2, 'a', { kind: 'unmatched', nearest: undefined, why: '' });
    world.connect(3, 'c', { kind: 'assigned', key: 'catalog/10.0.0.1:15006' });
    world.connect(4, 'a', { kind: 'assigned', key: 'edge' });
    const listed = (await rows(world)).map(each => `${each.fleet} ${each.id}`);
    assert.deepEqual(listed, ['catalog/10.0.0.1:15006 c', 'edge a', 'edge b', 'null a']);
  });

  it('is narrowed by fleet, sub-fleets included, and by state', async () => {
    const world = new AdminWorld();
    world.accept();
    world.connect(1, 'a', edge);
    world.exchange(1, 'Cluster', 'acked');
    world.connect(2, 'b', edge);
    world.connect(3, 'c', { kind: 'assigned', key: 'edge/10.0.0.1:1' });
    world.connect(4, 'd', { kind: 'assigned', key: 'edges' });
    const ids = async (query: string) => (await rows(world, query)).map(each => each.id);
    assert.deepEqual(await ids('?fleet=edge'), ['a', 'b', 'c']);
    assert.deepEqual(await ids('?fleet=edge%2F10.0.0.1%3A1'), ['c']);
    assert.deepEqual(await ids('?state=synced'), ['a']);
    assert.deepEqual(await ids('?fleet=edge&state=pending'), ['b', 'c']);
    assert.deepEqual(await ids('?fleet=none'), []);
  });

  it('400 for a state that there is not', async () => {
    const answer = await new AdminWorld().call('GET', '/api/v1/proxies?state=synched');
    assert.equal(answer.status, 400);
    assert.equal(answer.json.hint, 'did you mean "synced"?');
  });
});
