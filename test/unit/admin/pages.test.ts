import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pageOf } from '../../../src/admin/pages.ts';
import { AdminWorld } from './admin-world.ts';

const edge = { kind: 'assigned', key: 'edge' } as const;

describe('pages of a list', () => {
  it('show every item once, in their order, whatever comes and goes meanwhile', () => {
    const items = [5, 3, 11, 1, 9, 7];
    const first = pageOf(items, each => [each], { limit: 2 });
    assert.deepEqual(first.page, [1, 3]);
    const second = pageOf(
      [...items, 2, 6].filter(each => each !== 3),
      each => [each],
      { limit: 3, cursor: first.next },
    );
    assert.deepEqual(second.page, [5, 6, 7]);
    const third = pageOf(items, each => [each], { limit: 2, cursor: second.next });
    assert.deepEqual(third, { page: [9, 11] });
  });

  it('refuse cursors that are none', () => {
    for (const cursor of ['x', Buffer.from('{}').toString('base64url'), Buffer.from('[[1]]').toString('base64url')]) {
      assert.throws(() => pageOf([1], each => [each], { limit: 1, cursor }), { status: 400 });
    }
  });
});

describe('GET /api/v1/proxies', () => {
  const world = new AdminWorld();
  world.accept();
  for (const [id, name] of ['b', 'a', 'c', 'd'].entries()) {
    world.connect(id + 1, name, name === 'd' ? { kind: 'unmatched', nearest: 'edge', why: 'no' } : edge);
    if (name !== 'c') world.exchange(id + 1, 'Cluster', name === 'b' ? 'nacked' : 'acked');
  }
  const ids = async (query: string) => {
    const { json } = await world.call('GET', `/api/v1/proxies${query}`);
    return json.proxies.map((each: { id: string }) => each.id).join('');
  };

  it('is in the order that is asked for', async () => {
    assert.equal(await ids(''), 'abcd');
    assert.equal(await ids('?sort=id'), 'abcd');
    assert.equal(await ids('?sort=worst'), 'bdca');
  });

  it('is given page by page, with the counts of all', async () => {
    const { json } = await world.call('GET', '/api/v1/proxies?sort=worst&limit=3');
    assert.deepEqual([json.proxies.length, json.total], [3, 4]);
    assert.deepEqual(
      json.counts.map((each: { fleet: string; state: string; count: number }) => Object.values(each)),
      [
        ['edge', 'rejected', 1],
        ['edge', 'pending', 1],
        ['edge', 'synced', 1],
        [null, 'unmatched', 1],
      ],
    );
    const rest = await world.call('GET', `/api/v1/proxies?sort=worst&limit=3&cursor=${json.next}`);
    assert.deepEqual(
      rest.json.proxies.map((each: { id: string }) => each.id),
      ['a'],
    );
    assert.equal(rest.json.next, undefined);
    assert.equal(await ids('?name=a'), 'a');
  });

  it('refuses what means nothing', async () => {
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'sort=best', 'cursor=x']) {
      assert.equal((await world.call('GET', `/api/v1/proxies?${query}`)).status, 400, query);
    }
  });

  it('says since when each is as it is', async () => {
    const { json } = await world.call('GET', '/api/v1/proxies?name=b');
    const { since, types } = json.proxies[0];
    assert.equal(since, types.CDS.behindSince);
    const synced = (await world.call('GET', '/api/v1/proxies?name=a')).json.proxies[0];
    assert.equal(synced.since, synced.types.CDS.ackedAt);
    assert.equal(synced.types.CDS.behindSince, undefined);
  });
});
