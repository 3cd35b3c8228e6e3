import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { OverrideWriteReply } from '../../src/admin/api.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import type { Backend } from '../support/backend.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { type Load, startLoad } from '../support/load.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { User } from '../support/user.ts';
import { pair, pairPolicy, type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const outbound = await world.port();
const [a, b, c] = await world.backends('a', 'b', 'c');
const byName = new Map([a, b, c].map(each => [each.name, each]));

const endpoints = [a, b, c].map(({ address, name }) => ({ address, labels: { version: name === 'c' ? 'v2' : 'v1' } }));
const versions = { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' } } };
const services: Record<string, ServiceInput> = {
  cart: { endpoints, sessions: { cookie: { name: 'lane' } }, loadBalancing: { policy: 'random' } },
  split: { endpoints, versions, sessions: { cookie: { name: 'split' } } },
  lasting: { endpoints, sessions: { cookie: { name: 'lasting', ttl: '90s', path: '/lasting' } } },
  secure: {
    endpoints,
    sessions: { cookie: { name: 'secure', attributes: { Secure: '', SameSite: 'None', Partitioned: '' } } },
  },
  agents: { endpoints, sessions: { header: { name: 'X-Agent-Endpoint' } } },
  strict: { endpoints, sessions: { cookie: { name: 'strict' }, strict: true } },
  checked: {
    endpoints,
    sessions: { cookie: { name: 'checked' } },
    healthCheck: { http: { path: '/health' }, interval: '100ms', unhealthyAfter: 1, healthyAfter: 1 },
  },
  hashed: {
    endpoints,
    sessions: { cookie: { name: 'hashed' } },
    loadBalancing: { policy: 'maglev', hashBy: [{ header: 'x-user' }] },
  },
};
const rules: RuleInput[] = [
  {
    match: { path: '/split' },
    to: [
      { service: 'split', version: 'v1' },
      { service: 'split', version: 'v2' },
    ],
  },
  ...['cart', 'lasting', 'secure', 'agents', 'strict', 'checked', 'hashed'].map(service => ({
    match: { path: `/${service}` },
    to: [{ service }],
  })),
];
const edge = pairPolicy(ports, { services, rules });
const base: PolicyInput = {
  ...edge,
  fleets: {
    ...edge.fleets,
    caller: { match: { cluster: 'caller' }, sidecar: { upstreams: ['cart'], outbound: { port: outbound } } },
  },
};
await world.start(base, [...pair, { id: 'caller', cluster: 'caller' }]);

/** Who answers a user who is at one of the endpoints. */
async function userAt(path: string, port: number, host?: string): Promise<{ user: User; home: Backend }> {
  const user = new User(port, host);
  const home = byName.get((await user.ask(path)).by);
  assert.ok(home);
  return { user, home };
}

const endpointUrl = (service: string, backend: Backend) =>
  `/api/v1/services/${service}/endpoints/${encodeURIComponent(backend.address)}`;

async function drain(service: string, backend: Backend, more: object = {}): Promise<OverrideWriteReply> {
  const url = `${endpointUrl(service, backend)}?wait=acked`;
  const { status, body } = await world.plane.api<OverrideWriteReply>('PATCH', url, { state: 'draining', ...more });
  assert.equal(status, 200, JSON.stringify(body));
  drained.push([service, backend]);
  return body;
}

const drained: [string, Backend][] = [];
afterEach(async () => {
  for (const [service, backend] of drained.splice(0)) {
    await world.plane.api('DELETE', `${endpointUrl(service, backend)}?wait=acked`);
  }
});

const newUsers = (path: string, port: number, count = 40) => askMany(count, () => ask(port, path));

const othersThan = (home: Backend) => [...byName.keys()].filter(name => name !== home.name);

const counted = (answers: readonly string[]) =>
  new Map([...Map.groupBy(answers, each => each)].map(([name, all]) => [name, all.length]));

async function overrideOf(service: string, { address }: Backend) {
  const { overrides } = await world.plane.policy();
  return overrides.find(each => each.target === `services/${service}/endpoints/${address}`);
}

for (const [variant, port] of Object.entries(ports)) {
  describe(`a session through a proxy over ${variant}`, () => {
    it('stays with its endpoint, while new users are spread', async () => {
      covers('services.*.sessions', 'services.*.sessions.cookie', 'services.*.sessions.cookie.name');
      const { user, home } = await userAt('/cart', port);
      assert.deepEqual([...user.cookies.keys()], ['lane']);
      assertValues(await askMany(30, () => user.ask('/cart')), [home.name]);
      assertShare(await newUsers('/cart', port, 120), home.name, 1 / 3);
    });

    it('outlives a drain, while new users go elsewhere', async () => {
      const { user, home } = await userAt('/cart', port);
      const { override } = await drain('cart', home);
      assert.equal(override?.sessionsUntil, undefined);
      assertValues(await askMany(30, () => user.ask('/cart')), [home.name]);
      assertValues(await newUsers('/cart', port), othersThan(home));
    });
  });
}

describe('a drain with a time for its sessions', () => {
  /** Gives sessions a time, within which the server is killed and back: the more, the slower the machine is. */
  async function drainedOverDeath(home: Backend, loads: readonly Load[]) {
    for (const sessionsFor of ['3s', '15s', '60s']) {
      const from = loads.map(load => load.answers.length);
      const { override } = await drain('cart', home, { sessionsFor, expiresIn: '5m' });
      assert.deepEqual([override?.state, override?.effect], ['draining', 'active']);
      await world.plane.stop('SIGKILL');
      await world.plane.start();
      const answers = loads.flatMap((load, index) => load.answers.slice(from[index]));
      if (Date.now() < Date.parse(override?.sessionsUntil ?? '')) {
        assert.deepEqual(new Set(answers), new Set([home.name]));
        return override;
      }
      await world.plane.api('DELETE', `${endpointUrl('cart', home)}?wait=acked`);
      await until('the sessions are back', () => loads.every(load => load.answers.at(-1) === home.name));
      for (const load of loads) await load.more(20);
    }
    return assert.fail('the machine is too slow for this test');
  }

  it('moves them when it is up, and no request fails, although the server was killed meanwhile', async () => {
    const { user, home } = await userAt('/cart', ports.delta);
    const loads = Object.values(ports).map(port => {
      const cookies = [...user.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      return startLoad(() => ask(port, '/cart', { headers: { cookie: cookies }, patience: 5000 }));
    });
    try {
      const override = await drainedOverDeath(home, loads);
      const deadline = Date.parse(override?.sessionsUntil ?? '');
      await until(
        'the endpoint is disabled',
        async () => (await overrideOf('cart', home))?.state === 'disabled',
        90_000,
      );
      assert.ok(Date.now() >= deadline);
      assert.equal((await overrideOf('cart', home))?.sessionsUntil, override?.sessionsUntil);
      await until('the sessions are elsewhere', () => loads.every(load => load.answers.at(-1) !== home.name));
      for (const load of loads) await load.more(50);
    } finally {
      await Promise.all(loads.map(load => load.end()));
    }
    for (const load of loads) {
      assert.deepEqual(load.failures, []);
      assertValues(counted(load.answers.slice(-50)), othersThan(home));
    }
    const moved = (await user.ask('/cart')).by;
    assertValues(await askMany(20, () => user.ask('/cart')), [moved]);
  });
});

describe('the cookie of a session', () => {
  it('lives as long, and is for the paths, that the policy says', async () => {
    covers('services.*.sessions.cookie.ttl', 'services.*.sessions.cookie.path');
    const cookieOf = async (path: string) => (await ask(ports.delta, path)).headers['set-cookie']?.[0] ?? '';
    assert.match(await cookieOf('/lasting'), /^lasting=[^;]+; Max-Age=90; Path=\/lasting; HttpOnly$/);
    assert.match(await cookieOf('/cart'), /^lane=[^;]+; Path=\/; HttpOnly$/);
  });

  it('has the attributes that the policy names, beside its own', async () => {
    covers('services.*.sessions.cookie.attributes');
    const cookie = (await ask(ports.delta, '/secure')).headers['set-cookie']?.[0] ?? '';
    const attributes = cookie.split('; ').slice(1).sort();
    assert.deepEqual(attributes, ['HttpOnly', 'Partitioned', 'Path=/', 'SameSite=None', 'Secure']);
  });

  it('is one for each version of a split, so that the other does not end it', async () => {
    const user = new User(ports.delta);
    await until('both versions have answered', async () => {
      await user.ask('/split');
      return user.cookies.size === 2;
    });
    assert.deepEqual([...user.cookies.keys()].sort(), ['split-v1', 'split-v2']);
    const first = await until('v1', async () => [(await user.ask('/split')).by].find(by => by !== 'c'));
    assertValues(await askMany(60, () => user.ask('/split')), [first, 'c']);
  });

  it('goes before a hash of the request', async () => {
    const { user, home } = await userAt('/hashed', ports.delta);
    const as = (name: number) => ({ 'x-user': `${name}`, cookie: `hashed=${user.cookies.get('hashed')}` });
    assertValues(await askMany(30, n => ask(ports.delta, '/hashed', { headers: as(n) })), [home.name]);
    await drain('hashed', home);
    assertValues(await askMany(30, n => ask(ports.delta, '/hashed', { headers: as(n) })), [home.name]);
  });

  it('that names no endpoint of the service is replaced', async () => {
    const user = new User(ports.delta);
    for (const value of ['"Cg4xMC45LjkuOTo4MDgw"', 'nonsense', '""']) {
      user.cookies.set('lane', value);
      const { by } = await user.ask('/cart');
      assert.notEqual(user.cookies.get('lane'), value);
      assertValues(await askMany(10, () => user.ask('/cart')), [by]);
    }
  });
});

describe('a session whose endpoint is dead', () => {
  it('goes on at another, without a failed request', async () => {
    const { user, home } = await userAt('/cart', ports.delta);
    await drain('cart', home);
    await home.die();
    try {
      const { by, status } = await user.ask('/cart');
      assert.equal(status, 200);
      assert.notEqual(by, home.name);
      assertValues(await askMany(10, () => user.ask('/cart')), [by]);
    } finally {
      await home.revive();
    }
  });

  for (const drains of [false, true]) {
    it(`goes on at another when checks find it unhealthy${drains ? ', although it drains' : ''}`, async () => {
      const { user, home } = await userAt('/checked', ports.delta);
      if (drains) await drain('checked', home);
      home.behaveOnChecks({ status: 500 });
      try {
        await until('the session is elsewhere', async () => (await user.ask('/checked')).by !== home.name);
      } finally {
        home.behaveOnChecks({});
      }
    });
  }

  it('fails when it is strict, and goes on when the endpoint is back', async () => {
    covers('services.*.sessions.strict');
    const { user, home } = await userAt('/strict', ports.delta);
    await home.die();
    try {
      assert.equal((await user.ask('/strict')).status, 503);
    } finally {
      await home.revive();
    }
    assert.equal((await user.ask('/strict')).by, home.name);
    await drain('strict', home, { state: 'disabled' });
    assertValues(await askMany(5, () => user.ask('/strict')), ['503']);
    assertValues(await newUsers('/strict', ports.delta), othersThan(home));
  });
});

describe('a session by header', () => {
  it('is with the endpoint whose header the caller sends along', async () => {
    covers('services.*.sessions.header', 'services.*.sessions.header.name');
    const { by, headers } = await ask(ports.sotw, '/agents');
    const session = headers['x-agent-endpoint'];
    assert.ok(typeof session === 'string' && headers['set-cookie'] === undefined);
    const follow = () => ask(ports.sotw, '/agents', { headers: { 'x-agent-endpoint': session } });
    assertValues(await askMany(30, follow), [by]);
    await drain('agents', byName.get(by) ?? a);
    assertValues(await askMany(30, follow), [by]);
    assertValues(
      await newUsers('/agents', ports.sotw),
      [...byName.keys()].filter(name => name !== by),
    );
  });
});

describe('a session through the sidecar of a caller', () => {
  it('stays with its endpoint, also while that drains', async () => {
    const { user, home } = await userAt('/cart', outbound, 'cart.mesh');
    await drain('cart', home);
    assertValues(await askMany(30, () => user.ask('/cart')), [home.name]);
    assertValues(await askMany(30, () => ask(outbound, '/cart', { host: 'cart.mesh' })), othersThan(home));
  });
});
