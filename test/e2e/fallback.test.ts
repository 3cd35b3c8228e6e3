import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { loadOn } from '../support/load.ts';
import { assertValues } from '../support/statistics.ts';
import { connectTcp, firstLine, startTcpBackend } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const [outbound, apart] = [await world.port(), await world.port()];
const [tcpPort, fewPort] = [await world.port(), await world.port()];
const [a, b, c, d] = await world.backends('a', 'b', 'c', 'd');
const over2 = world.use(await startBackend({ name: 'over2', protocol: 'http2' }));
const [master, replica] = await Promise.all(['master', 'replica'].map(name => startTcpBackend(name)));
assert.ok(master && replica);
world.use(master);
world.use(replica);

const healthCheck = { http: { path: '/health' }, interval: '100ms', unhealthyAfter: 1, healthyAfter: 1 } as const;
const at = (...backends: readonly Backend[]) => backends.map(({ address }) => ({ address }));
const byUser: ServiceInput['loadBalancing'] = { policy: 'maglev', hashBy: [{ header: 'x-user' }] };
const versioned = [a, b].map(({ address, name }) => ({ address, labels: { version: name === 'a' ? 'v1' : 'v2' } }));
const services: Record<string, ServiceInput> = {
  alone: { endpoints: at(a, b), healthCheck },
  shop: { endpoints: at(a, b), healthCheck, fallback: 'rest' },
  strict: { endpoints: at(a), loadBalancing: { policy: 'random', panicThreshold: '0%' }, fallback: 'rest' },
  chained: { endpoints: at(a), healthCheck, fallback: 'between' },
  between: { endpoints: at(b), healthCheck, fallback: 'rest' },
  versions: {
    endpoints: versioned,
    versions: { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' }, fallback: 'versions@v1' } },
    healthCheck,
    fallback: 'rest',
  },
  upgraded: { endpoints: at(a), healthCheck, fallback: 'modern' },
  modern: { endpoints: at(over2), protocol: 'http2' },
  hashed: { endpoints: at(a, b), healthCheck, loadBalancing: byUser, fallback: 'spread' },
  spread: { endpoints: at(c, d), loadBalancing: byUser },
  limited: { endpoints: at(a), circuitBreakers: { maxRequests: 1 }, fallback: 'rest' },
  admitted: {
    endpoints: at(a),
    outlierDetection: 'off',
    admissionControl: { window: '2s', minimumRate: 1 },
    fallback: 'rest',
  },
  rest: { endpoints: at(c) },
  db: {
    protocol: 'tcp',
    endpoints: [{ address: master.address }],
    healthCheck: { tcp: {}, interval: '100ms', unhealthyAfter: 1, healthyAfter: 1 },
    fallback: 'copy',
  },
  few: {
    protocol: 'tcp',
    endpoints: [{ address: replica.address }],
    circuitBreakers: { maxConnections: 1, maxPending: 1 },
    fallback: 'db',
  },
  copy: { protocol: 'tcp', endpoints: [{ address: replica.address }] },
};
const called = ['alone', 'shop', 'strict', 'chained', 'upgraded', 'hashed', 'limited', 'admitted'];
const rules: RuleInput[] = [
  { match: { path: '/v2' }, to: [{ service: 'versions', version: 'v2' }] },
  ...called.map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
];
const edge = pairPolicy(ports, { services, rules });
const base: PolicyInput = {
  ...edge,
  gateways: {
    ...edge.gateways,
    apart: { listeners: [{ port: apart, address: '127.0.0.1', protocol: 'http' }] },
    delta: {
      listeners: [
        ...(edge.gateways?.['delta']?.listeners ?? []),
        { port: tcpPort, address: '127.0.0.1', protocol: 'tcp', to: [{ service: 'db' }] },
        { port: fewPort, address: '127.0.0.1', protocol: 'tcp', to: [{ service: 'few' }] },
      ],
    },
  },
  routes: { shop: { gateways: ['delta', 'sotw', 'apart'], rules } },
  fleets: {
    ...edge.fleets,
    apart: { match: { cluster: 'apart' }, gateways: ['apart'] },
    caller: { match: { cluster: 'caller' }, sidecar: { upstreams: ['shop'], outbound: { port: outbound } } },
  },
};
const [delta] = await world.start(base, [
  ...pair,
  { id: 'apart', cluster: 'apart', streams: 'perType' },
  { id: 'caller', cluster: 'caller' },
]);

const port = ports.delta;
const answers = (path: string, count = 60) => askMany(count, () => ask(port, path));
const untilOnly = (path: string, ...names: readonly string[]) =>
  until(`${path} is answered by ${names.join(', ')} alone`, async () => {
    const counts = await answers(path, 40);
    return counts.size === names.length && names.every(name => counts.has(name));
  });
const down = (...backends: readonly Backend[]) => {
  for (const each of backends) each.behaveOnChecks({ status: 500 });
};
const all = [a, b, c, d];
afterEach(async () => {
  for (const each of all) {
    each.behaveOnChecks({});
    each.behave({});
  }
  await untilOnly('/alone', 'a', 'b');
  await untilOnly('/shop', 'a', 'b');
  await untilOnly('/chained', 'a');
  await untilOnly('/v2', 'b');
  await untilOnly('/hashed', 'a', 'b');
});

const override = async (service: string, backend: Backend, state: 'draining' | 'disabled' | 'active') => {
  const url = `/api/v1/services/${service}/endpoints/${encodeURIComponent(backend.address)}?wait=acked&force=true`;
  const { status, body } = await world.plane.api('PATCH', url, { state });
  assert.equal(status, 200, JSON.stringify(body));
};

describe('a service with a fallback', () => {
  it('keeps all of its requests while one endpoint is healthy, and gives them away when none is', async () => {
    covers('services.*.fallback');
    assertValues(await answers('/shop', 120), ['a', 'b']);
    down(a);
    await untilOnly('/shop', 'b');
    assertValues(await answers('/shop', 200), ['b']);
    down(b);
    await untilOnly('/shop', 'c');
    assertValues(await answers('/shop', 200), ['c']);
  });

  it('would send its requests to the sick without one', async () => {
    down(a, b);
    await untilOnly('/shop', 'c');
    await untilOnly('/alone', 'a', 'b');
  });

  it('passes over a fallback that has nobody healthy either', async () => {
    down(a);
    await untilOnly('/chained', 'b');
    down(b);
    await untilOnly('/chained', 'c');
  });

  it('of a version sends them to another version first', async () => {
    covers('services.*.versions.*.fallback');
    assertValues(await answers('/v2'), ['b']);
    down(b);
    await untilOnly('/v2', 'a');
    down(a);
    await untilOnly('/v2', 'c');
  });

  it('may have one that speaks another version of HTTP', async () => {
    down(a);
    await until('over2 answers', async () => (await ask(port, '/upgraded')).by === 'over2');
    assert.equal((await ask(port, '/upgraded')).seen().protocol, '2.0');
  });

  it('is hashed in both', async () => {
    const ofUser = (user: string) => askMany(15, () => ask(port, '/hashed', { headers: { 'x-user': user } }));
    const users = Array.from({ length: 30 }, (_, n) => `user-${n}`);
    const homes = async () => {
      const names = new Set<string>();
      for (const user of users) {
        const counts = await ofUser(user);
        assert.equal(counts.size, 1, user);
        for (const name of counts.keys()) names.add(name);
      }
      return [...names].sort();
    };
    assert.deepEqual(await homes(), ['a', 'b']);
    down(a, b);
    await untilOnly('/hashed', 'c', 'd');
    assert.deepEqual(await homes(), ['c', 'd']);
  });

  it('keeps its own limits, and what they refuse goes nowhere else', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    a.behave({ after: promise });
    const first = ask(port, '/limited');
    await until('one is under way', () => a.active === 1);
    assertValues(await answers('/limited', 10), ['503']);
    resolve();
    assert.equal((await first).by, 'a');
  });

  it('keeps its admission control', async () => {
    a.behave({ status: 503 });
    const counts = await askMany(150, () => ask(port, '/admitted'), { parallel: 4 });
    assert.ok((counts.get('503') ?? 0) > 20, JSON.stringify([...counts]));
  });

  it('is followed by sidecars that do not name the fallback', async () => {
    const call = () => ask(outbound, '/', { host: 'shop.mesh' });
    await until('a and b answer', async () => (await askMany(40, call)).size === 2);
    down(a, b);
    await until('c answers', async () => (await call()).by === 'c');
  });

  it('has one for connections, too', async () => {
    assert.equal(await firstLine(tcpPort), 'master');
    await master.die();
    try {
      await until('the replica answers', async () => (await firstLine(tcpPort).catch(() => '')) === 'replica');
    } finally {
      await master.revive();
    }
    await until('the master answers', async () => (await firstLine(tcpPort).catch(() => '')) === 'master');
  });
});

describe('a limit of connections, before a fallback', () => {
  it('makes those above it wait, as many as may, and closes the others', async () => {
    using first = await connectTcp(fewPort);
    assert.equal(await first.line(), 'replica');
    using second = await connectTcp(fewPort);
    await until('the second waits', async () => ((await delta?.stat('cluster.few.upstream_cx_overflow')) ?? 0) > 0);
    using third = await connectTcp(fewPort);
    await third.closed;
    first.end();
    assert.equal(await second.line(), 'replica');
  });
});

describe('endpoints that drain, before a fallback', () => {
  it('count as not healthy', async () => {
    await override('shop', a, 'draining');
    assertValues(await answers('/shop', 120), ['b']);
    await override('shop', b, 'draining');
    assertValues(await answers('/shop', 120), ['c']);
    await override('shop', a, 'active');
    await override('shop', b, 'active');
  });

  it('share what there is with all others when nobody is healthy, unless panicThreshold is 0%', async () => {
    await override('shop', a, 'draining');
    await override('shop', b, 'draining');
    await override('rest', c, 'draining');
    assertValues(await answers('/shop', 120), ['a', 'b', 'c']);
    await override('strict', a, 'draining');
    assertValues(await answers('/strict'), ['503']);
    await override('rest', c, 'disabled');
    assertValues(await answers('/shop', 120), ['a', 'b']);
    for (const each of [a, b]) await override('shop', each, 'active');
    await override('strict', a, 'active');
    await override('rest', c, 'active');
  });
});

describe('a fallback that comes, changes and goes', () => {
  const withShop = (change: ServiceInput, more: Record<string, ServiceInput> = {}): PolicyInput => ({
    ...base,
    services: { ...services, ...more, shop: { ...services['shop'], ...change } },
  });

  for (const [variant, own] of Object.entries({ ...ports, 'streams of single types': apart })) {
    it(`R37: fails no request over ${variant}, whoever answers`, async () => {
      down(a, b);
      await untilOnly('/shop', 'c');
      await using load = loadOn(own, '/shop');
      await load.more(20);
      await world.saved(withShop({ fallback: 'newest' }, { newest: { endpoints: at(d) } }));
      await until('d answers', () => load.answers.slice(-5).every(each => each === 'd'));
      await world.saved(withShop({ fallback: 'rest' }));
      await until('c answers', () => load.answers.slice(-5).every(each => each === 'c'));
      await load.more(50);
      a.behaveOnChecks({});
      b.behaveOnChecks({});
      await until('a or b answers', () => load.answers.slice(-5).every(each => each === 'a' || each === 'b'));
      const { fallback: _, ...alone } = services['shop'] ?? {};
      await world.saved({ ...base, services: { ...services, shop: alone } });
      await load.more(50);
      await world.saved(base);
      await load.more(50);
      await load.end();
      assert.deepEqual(load.failures, []);
    });
  }
});
