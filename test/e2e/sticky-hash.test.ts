import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { RouteConfiguration } from '../../proto/gen/envoy.config.route.v3.ts';
import type { OverrideWriteReply } from '../../src/admin/api.ts';
import type { Resource } from '../../src/base/resource.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { type Answer, type Ask, ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { startStaticEnvoy } from '../support/static-envoy.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { pair, pairPolicy, type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const outbound = await world.port();
const [v1, v2, v3] = await world.backends('v1', 'v2', 'v3');

const catalog: ServiceInput = {
  endpoints: [v1, v2, v3].map(({ address, name }) => ({ address, labels: { version: name } })),
  versions: Object.fromEntries(['v1', 'v2', 'v3'].map(version => [version, { labels: { version } }])),
};

/** Destinations of a rule, by weights of `v1`, `v2`, …. */
const split = (...weights: readonly number[]) =>
  weights.map((weight, index) => ({ service: 'catalog', version: `v${index + 1}`, weight }));

const byUser: RuleInput['sticky'] = { hashBy: [{ header: 'X-User' }] };
const half = split(50, 50);
const policy = (to: RuleInput['to'] = split(95, 5)): PolicyInput => {
  const edge = pairPolicy(ports, {
    services: {
      catalog,
      hashed: { ...catalog, loadBalancing: { policy: 'maglev', hashBy: [{ header: 'x-user' }] } },
    },
    rules: [
      { name: 'everyone', match: { path: '/shop' }, to, sticky: byUser },
      { match: { path: '/items' }, to, sticky: byUser },
      { match: { path: '/plain' }, to: half },
      { match: { path: '/cookie' }, to: half, sticky: { hashBy: [{ cookie: { name: 'user' } }] } },
      { match: { path: '/query' }, to: half, sticky: { hashBy: [{ query: 'user' }] } },
      { match: { path: '/source' }, to: half, sticky: { hashBy: [{ sourceIp: true }] } },
      { match: { path: '/first' }, to: half, sticky: { hashBy: [{ header: 'x-user' }, { query: 'user' }] } },
      {
        match: { path: '/hashed' },
        to: half.map(each => ({ ...each, service: 'hashed' })),
        sticky: byUser,
      },
    ],
  });
  const sidecar = { upstreams: ['catalog'], outbound: { port: outbound } };
  return {
    ...edge,
    routes: {
      ...edge.routes,
      inside: { mesh: true, hosts: ['catalog'], rules: [{ to: half, sticky: byUser }] },
    },
    fleets: { ...edge.fleets, caller: { match: { cluster: 'caller' }, sidecar } },
  };
};
await world.start(policy(), [...pair, { id: 'caller', cluster: 'caller' }]);

const weightsUrl = '/api/v1/routes/shop/rules/everyone/weights?wait=acked';

async function shift(one: number, two: number): Promise<void> {
  const body = { 'catalog@v1': one, 'catalog@v2': two };
  const { status } = await world.plane.api<OverrideWriteReply>('PUT', weightsUrl, body);
  assert.equal(status, 200);
}

afterEach(() => world.plane.api('DELETE', weightsUrl));

const users = Array.from({ length: 400 }, (_, index) => `user-${index}`);

/** Who answers each of the callers. */
async function homesOf(one: (user: string) => Promise<Answer>, callers = users): Promise<readonly string[]> {
  const homes: string[] = [];
  for (let from = 0; from < callers.length; from += 8) {
    const answers = await Promise.all(callers.slice(from, from + 8).map(one));
    for (const answer of answers) {
      assert.equal(answer.headers['set-cookie'], undefined);
      homes.push(answer.by);
    }
  }
  return homes;
}

const asUser = (path: string, port = ports.delta, more: Ask = {}) =>
  homesOf(user => ask(port, path, { ...more, headers: { 'x-user': user } }));
const counted = (homes: readonly string[]) =>
  new Map([...Map.groupBy(homes, each => each)].map(([home, all]) => [home, all.length]));
const on = (version: string, homes: readonly string[]) => users.filter((_, index) => homes[index] === version);

describe('callers of a split by hash', () => {
  it('are at the same version with every request, from the first, without a cookie', async () => {
    covers('routes.*.rules[].sticky.hashBy', 'routes.*.rules[].sticky.hashBy[].header');
    await shift(50, 50);
    const homes = await asUser('/shop');
    assertShare(counted(homes), 'v2', 0.5);
    for (let turn = 0; turn < 3; turn++) assert.deepEqual(await asUser('/shop'), homes);
  });

  it('without the hash are now at this version, now at that', async () => {
    const turns = [await asUser('/plain'), await asUser('/plain'), await asUser('/plain')] as const;
    const stayed = users.filter((_, index) => turns.every(turn => turn[index] === turns[0][index]));
    assertShare(
      new Map([
        ['stayed', stayed.length],
        ['moved', users.length - stayed.length],
      ]),
      'stayed',
      1 / 4,
    );
  });

  it('stay with a version that grows, and of one that shrinks only the surplus moves', async () => {
    let before: readonly string[] = [];
    for (const share of [5, 20, 50, 100]) {
      await shift(100 - share, share);
      const homes = await asUser('/shop');
      const now = on('v2', homes);
      assert.ok(
        before.every(user => now.includes(user)),
        `at ${share}`,
      );
      assertShare(counted(homes), 'v2', share / 100);
      before = now;
    }
    for (const share of [60, 25, 1]) {
      await shift(100 - share, share);
      const homes = await asUser('/shop');
      const now = on('v2', homes);
      assert.ok(
        now.every(user => before.includes(user)),
        `at ${share}`,
      );
      assertShare(counted(homes), 'v2', share / 100);
      before = now;
    }
  });

  it('stay when weights have another sum', async () => {
    await shift(3, 1);
    const homes = await asUser('/shop');
    for (const times of [25, 250_000]) {
      await shift(3 * times, times);
      assert.deepEqual(await asUser('/shop'), homes, `${times}`);
    }
  });

  it('all leave a version at once when it has no weight, and the same are back when it has one', async () => {
    await shift(80, 20);
    const homes = await asUser('/shop');
    await shift(100, 0);
    assertValues(counted(await asUser('/shop')), ['v1']);
    await shift(80, 20);
    assert.deepEqual(await asUser('/shop'), homes);
    await shift(0, 1);
    assertValues(counted(await asUser('/shop')), ['v2']);
  });

  it('stay when the policy names the destinations in another order', async () => {
    const [one, two] = split(70, 30);
    assert.ok(one && two);
    await world.saved(policy([one, two]));
    const homes = await asUser('/shop');
    assertShare(counted(homes), 'v2', 0.3);
    await world.saved(policy([two, one]));
    assert.deepEqual(await asUser('/shop'), homes);
    await world.saved(policy());
  });

  it('find the same version under every rule and at every proxy, also behind a sidecar', async () => {
    await world.saved(policy(half));
    const homes = await asUser('/shop');
    assert.deepEqual(await asUser('/items'), homes);
    assert.deepEqual(await asUser('/shop', ports.sotw), homes);
    assert.deepEqual(await asUser('/', outbound, { host: 'catalog' }), homes);
    await world.saved(policy());
  });

  it('are drawn anew with each request where it does not say who they are', async () => {
    const homes = await homesOf(() => ask(ports.delta, '/query'));
    assertShare(counted(homes), 'v2', 0.5);
    const named = await homesOf(() => ask(ports.delta, '/query?user=ada'));
    assert.equal(counted(named).size, 1);
  });

  it('are one caller to a header without a value, and none to such a cookie', async () => {
    const empty = await homesOf(() => ask(ports.delta, '/first', { headers: { 'x-user': '' } }));
    assert.equal(counted(empty).size, 1);
    const cookies = await homesOf(() => ask(ports.delta, '/cookie', { headers: { cookie: 'user=' } }));
    assertShare(counted(cookies), 'v2', 0.5);
  });

  it('are known by what the rule names', async () => {
    covers(
      'routes.*.rules[].sticky.hashBy[].cookie',
      'routes.*.rules[].sticky.hashBy[].cookie.name',
      'routes.*.rules[].sticky.hashBy[].query',
      'routes.*.rules[].sticky.hashBy[].sourceIp',
    );
    for (const one of [
      (user: string) => ask(ports.delta, '/cookie', { headers: { cookie: `a=${Math.random()}; user=${user}` } }),
      (user: string) => ask(ports.delta, `/query?a=${Math.random()}&user=${user}`),
      (user: string) => ask(ports.delta, '/source', { from: `127.0.3.${1 + (Number(user.slice(5)) % 60)}` }),
    ]) {
      const homes = await homesOf(one);
      assertValues(counted(homes), ['v1', 'v2']);
      assert.deepEqual(await homesOf(one), homes);
    }
  });

  it('are known by the first of several that they send', async () => {
    const alone = await asUser('/first');
    const both = await homesOf(user =>
      ask(ports.delta, `/first?user=${Math.random()}`, { headers: { 'x-user': user } }),
    );
    assert.deepEqual(both, alone);
    assert.equal(counted(await homesOf(() => ask(ports.delta, '/first?user=ada'))).size, 1);
  });

  it('find endpoints by the same hash where the service hashes by the same', async () => {
    const homes = await asUser('/hashed');
    assertValues(counted(homes), ['v1', 'v2']);
    assert.deepEqual(await asUser('/hashed'), homes);
  });
});

describe("Envoy's hash for a split", () => {
  /** Has every split of the table choose by the header, with the weights as they are. */
  const hashedAsItIs = (resources: readonly Resource[]): readonly Resource[] =>
    resources.map(resource => {
      const { virtual_hosts: hosts } = resource.message as RouteConfiguration;
      if (!hosts) return resource;
      const changed = hosts.map(host => ({
        ...host,
        routes: host.routes?.map(each => ({
          ...each,
          route: {
            ...each.route,
            weighted_clusters: { ...each.route?.weighted_clusters, use_hash_policy: true },
            hash_policy: [{ header: { header_name: 'x-user' } }],
          },
        })),
      }));
      return { ...resource, message: { ...resource.message, virtual_hosts: changed } };
    });

  it('moves users of a version that grows, with weights of any sum or with three destinations', async () => {
    const weights: Readonly<Record<string, readonly number[]>> = {
      '/two': [90, 30],
      '/two-later': [90, 90],
      '/three': [60, 20, 20],
      '/three-later': [40, 20, 40],
    };
    await using envoy = await startStaticEnvoy(
      {
        services: { catalog },
        routes: {
          shop: {
            rules: Object.entries(weights).map(([path, each]) => ({ match: { path }, to: split(...each) })),
          },
        },
      },
      hashedAsItIs,
    );
    const homes = async (path: string) => on('v2', await asUser(path, envoy.port));
    const moved = async (path: string) => {
      const later = await homes(`${path}-later`);
      return (await homes(path)).filter(user => !later.includes(user)).length;
    };
    assert.ok((await moved('/two')) > 10);
    const middle = (await homes('/three')).length;
    assert.equal(await moved('/three'), middle);
  });
});
