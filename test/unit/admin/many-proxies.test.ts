import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ProxyReply, proxyOrders, worstFirst } from '../../../src/admin/api.ts';
import { AdminWorld } from './admin-world.ts';
import { type Crowd, crowdOf, many } from './crowd.ts';

const edge = { kind: 'assigned', key: 'edge' } as const;
const mostBytes = 5 * 1024 * 1024;

interface Walk {
  readonly rows: readonly ProxyReply[];
  readonly pages: number;
  readonly longest: number;
}

/** All pages of a list. */
async function walk(world: AdminWorld, query: string, between: (page: number) => void = () => {}): Promise<Walk> {
  const rows: ProxyReply[] = [];
  let [pages, longest] = [0, 0];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const { status, text, json } = await world.call('GET', `/api/v1/proxies?${query}${cursor && `&cursor=${cursor}`}`);
    assert.equal(status, 200, text.slice(0, 200));
    rows.push(...json.proxies);
    longest = Math.max(longest, Buffer.byteLength(text));
    between(++pages);
    cursor = json.next;
  }
  return { rows, pages, longest };
}

/** Looks at proxies between two turns of the event loop, at most. */
async function longestTurn<T>({ snapshots }: Crowd, work: () => Promise<T>): Promise<{ result: T; longest: number }> {
  let [before, longest, done] = [snapshots.lookups, 0, false];
  const look = () => {
    longest = Math.max(longest, snapshots.lookups - before);
    before = snapshots.lookups;
    if (!done) setImmediate(look);
  };
  setImmediate(look);
  const result = await work();
  done = true;
  look();
  return { result, longest };
}

describe('ten thousand proxies', () => {
  const crowd = crowdOf();
  const { world, snapshots, ids } = crowd;

  for (const sort of proxyOrders) {
    it(`are each on exactly one page, by ${sort}, and no page is too long`, async () => {
      const { rows, longest } = await walk(world, `sort=${sort}&limit=1000`);
      assert.equal(rows.length, many);
      assert.deepEqual(rows.map(each => each.id).sort(), ids.toSorted());
      assert.ok(longest < mostBytes, `${longest} bytes`);
      const ranks = rows.map(each => worstFirst.indexOf(each.state));
      if (sort === 'worst') assert.deepEqual(ranks, ranks.toSorted());
      if (sort === 'id')
        assert.deepEqual(
          rows.map(each => each.id),
          ids.toSorted(),
        );
    });
  }

  it('are counted by fleet, with the sub-fleets of each, whatever the page', async () => {
    const { json } = await world.call('GET', '/api/v1/proxies?limit=1');
    assert.equal(json.total, many);
    assert.deepEqual([...new Set(json.counts.map((each: { fleet: string }) => each.fleet))], ['catalog', 'edge', null]);
    const sum = (state: string) =>
      json.counts.reduce(
        (all: number, each: { state: string; count: number }) => all + (each.state === state ? each.count : 0),
        0,
      );
    assert.equal(
      worstFirst.reduce((all, state) => all + sum(state), 0),
      many,
    );
    for (const state of ['rejected', 'disconnected', 'unmatched', 'stale', 'pending', 'synced']) {
      const { rows } = await walk(world, `state=${state}&limit=1000`);
      assert.equal(rows.length, sum(state), state);
      assert.ok(rows.length > 0, state);
      assert.ok(
        rows.every(each => each.state === state),
        state,
      );
    }
  });

  it('are found by fleet and name', async () => {
    const { rows } = await walk(world, 'fleet=catalog&limit=1000&name=-9');
    const expected = ids.filter((id, at) => at >= 4000 && (at + 1) % 97 !== 0 && id.includes('-9'));
    assert.deepEqual(rows.map(each => each.id).sort(), expected.sort());
  });

  it('cost one look at each for a page, in turns, and words and places for what is shown alone', async () => {
    for (const sort of proxyOrders) {
      snapshots.lookups = 0;
      world.control.lookups = 0;
      const { longest } = await longestTurn(crowd, () => world.call('GET', `/api/v1/proxies?sort=${sort}&limit=10`));
      assert.ok(snapshots.lookups <= many + 10, `${sort}: ${snapshots.lookups} looks`);
      assert.ok(world.control.lookups <= 10, `${sort}: ${world.control.lookups} places`);
      assert.ok(longest <= 1000, `${sort}: ${longest} looks in a turn`);
    }
  });

  it('are counted for metrics in turns', async () => {
    snapshots.lookups = 0;
    const scrape = () => world.call('GET', '/metrics');
    const { result, longest } = await longestTurn(crowd, async () => (await Promise.all([scrape(), scrape()]))[0]);
    assert.ok(longest <= 2000, `${longest} looks in a turn`);
    const counted = [...result.text.matchAll(/^switchyard_proxies\{.*\} (\d+)$/gm)].map(([, value]) => Number(value));
    assert.equal(
      counted.reduce((all, each) => all + each, 0),
      many,
    );
  });
});

describe('pages of a list that changes meanwhile', () => {
  for (const sort of ['fleet', 'id'] as const) {
    it(`by ${sort} have each that stays exactly once, whatever it becomes`, async () => {
      const world = new AdminWorld();
      world.accept();
      for (let client = 1; client <= 300; client++) world.connect(client, `proxy-${client}`, edge);
      const { rows, pages } = await walk(world, `sort=${sort}&limit=50`, page => {
        world.connect(1000 + page, `proxy-${page * 31}-new`, edge);
        world.apply({ kind: 'closed', clientId: page * 11, reason: 'the connection was lost' });
        for (let client = 1; client <= 300; client += page + 1) world.exchange(client, 'Cluster', 'nacked');
      });
      assert.ok(pages >= 6);
      const seen = rows.map(each => each.id).filter(id => !id.endsWith('-new'));
      assert.equal(new Set(seen).size, 300);
      assert.equal(seen.length, 300);
    });
  }

  it('have those with one id and one address one by one', async () => {
    const world = new AdminWorld();
    for (const clientId of [1, 2, 3]) {
      world.apply({ kind: 'opened', clientId, variant: 'delta', peer: 'unix:' });
      const node = { id: 'twin', cluster: '', region: '', zone: '', subZone: '', metadata: {}, version: '' };
      world.apply({ kind: 'identified', clientId, node });
    }
    const { rows, pages } = await walk(world, 'limit=1');
    assert.deepEqual([rows.length, pages], [3, 3]);
  });
});

describe('what ten thousand proxies say of their endpoints', () => {
  it('is counted in turns, and only of the endpoints that are told of', async () => {
    const { world, snapshots } = crowdOf();
    const hosts = new Set(['10.0.0.1:8080', '10.0.0.2:8080']);
    const has = (host: string) => {
      snapshots.lookups += 1;
      return host !== '';
    };
    const counted = Object.assign(hosts, { has });
    const troubled = new Map([...hosts].map(host => [host, 'ejected'] as const));
    const report = new Map(['catalog@v1', 'catalog@v2'].map(name => [name, { hosts: counted, troubled }]));
    for (const each of world.fleet.proxies()) world.views.set(each.node.id, { kind: 'known', report });
    snapshots.lookups = 0;
    const asked = () => world.call('GET', '/api/v1/endpoint-health?limit=1');
    const { result, longest } = await longestTurn({ world, snapshots, ids: [] }, asked);
    const [row, ...more] = result.json.endpoints;
    const edges = world.fleet
      .proxies()
      .filter(each => each.assignment?.kind === 'assigned' && each.assignment.key === 'edge');
    assert.deepEqual([row.ejected, more.length, result.json.count], [edges.length, 0, 2]);
    assert.ok(longest <= 1000, `${longest} looks in a turn`);
    assert.ok(snapshots.lookups <= 2 * edges.length, `${snapshots.lookups} looks`);
  });
});
