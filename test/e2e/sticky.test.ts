import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { OverrideWriteReply } from '../../src/admin/api.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { type Answer, ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { connectHttp2 } from '../support/grpc.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { connectTcp } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { User } from '../support/user.ts';
import { pair, pairPolicy, type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const port = ports.delta;
const outbound = await world.port();
const [v1, v1b, v2, v3] = await world.backends('v1', 'v1b', 'v2', 'v3');

const labelled = [v1, v2, v3].map(({ address, name }) => ({ address, labels: { version: name } }));
const versions = Object.fromEntries(['v1', 'v2', 'v3'].map(version => [version, { labels: { version } }]));
const catalog: ServiceInput = { endpoints: labelled, versions };
const services: Record<string, ServiceInput> = {
  catalog,
  bound: {
    endpoints: [...labelled, { address: v1b.address, labels: { version: 'v1' } }],
    versions,
    sessions: { cookie: { name: 'lane' } },
  },
  versioned: { ...catalog, apiVersioning: { in: { path: { strip: true } }, versions: { v8: {}, v9: {} } } },
  other: { endpoints: [{ address: v3.address }] },
};

/** Destinations of a rule, by weights of `v1`, `v2`, …. */
const split = (service: string, ...weights: readonly number[]) =>
  weights.map((weight, index) => ({ service, version: `v${index + 1}`, weight }));

const everyone = (to: RuleInput['to']): RuleInput => ({
  name: 'everyone',
  match: { path: '/shop' },
  to,
  sticky: 'cookie',
});
const others: RuleInput[] = [
  { name: 'items', match: { path: '/items' }, to: split('catalog', 90, 10), sticky: 'cookie' },
  {
    match: { path: '/attributes' },
    to: split('catalog', 1, 1),
    sticky: { cookie: { name: 'lane', ttl: '90500ms', path: '/attributes', secure: true } },
    responseHeaders: { add: { 'set-cookie': 'own=1' }, remove: ['x-secret'] },
    requestHeaders: { set: { 'x-lane': 'split' } },
    rewrite: { prefix: '/rewritten' },
    retries: { attempts: 3, on: ['serverError'], otherHost: false },
  },
  {
    match: { path: '/visit' },
    to: split('catalog', 1, 1),
    sticky: { cookie: { name: 'visit', ttl: '0s', sameSite: 'strict' } },
  },
  {
    match: { path: '/mixed' },
    to: [{ service: 'other' }, { service: 'catalog', version: 'v1' }],
    sticky: { cookie: { name: 'mixed' } },
  },
  {
    name: 'programs',
    match: { path: '/programs' },
    to: split('catalog', 1, 1),
    sticky: { header: { name: 'X-Lane' } },
  },
  { match: { path: '/bound' }, to: split('bound', 1, 1), sticky: 'cookie' },
  { match: { path: '/api' }, to: split('versioned', 1, 1), sticky: 'cookie' },
];
const policy = (to: RuleInput['to'] = split('catalog', 90, 10, 0)): PolicyInput => {
  const edge = pairPolicy(ports, { services, rules: [everyone(to), ...others] });
  const sidecar = { upstreams: ['catalog'], outbound: { port: outbound } };
  return {
    ...edge,
    routes: {
      ...edge.routes,
      inside: { mesh: true, hosts: ['catalog'], rules: [{ to: split('catalog', 1, 1), sticky: 'cookie' }] },
    },
    fleets: { ...edge.fleets, caller: { match: { cluster: 'caller' }, sidecar } },
  };
};
await world.start(policy(), [...pair, { id: 'caller', cluster: 'caller' }]);

const weightsUrl = (rule: string) => `/api/v1/routes/shop/rules/${rule}/weights?wait=acked`;

async function shift(rule: string, ...weights: readonly number[]): Promise<void> {
  const body = Object.fromEntries(weights.map((weight, index) => [`catalog@v${index + 1}`, weight]));
  const { status } = await world.plane.api<OverrideWriteReply>('PUT', weightsUrl(rule), body);
  assert.equal(status, 200);
}

afterEach(async () => {
  for (const rule of ['everyone', 'programs']) await world.plane.api('DELETE', weightsUrl(rule));
});

/** Answers to one request of each, in their order. */
async function eachAsks(users: readonly User[], path = '/shop'): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  await askMany(users.length, async index => {
    const answer = await (users[index] as User).ask(path);
    answers[index] = answer;
    return answer;
  });
  return answers;
}

const by = (answers: readonly Answer[]) => answers.map(answer => answer.by);
const counted = (names: readonly string[]) =>
  new Map([...Map.groupBy(names, each => each)].map(([name, all]) => [name, all.length]));
const given = (answers: readonly Answer[]) => answers.flatMap(({ headers }) => headers['set-cookie'] ?? []);
const newUsers = (count: number) => Array.from({ length: count }, () => new User(port));

/** New users who have made their first request, and who answered it. */
async function drawn(count: number, path = '/shop') {
  const users = newUsers(count);
  const answers = await eachAsks(users, path);
  return { users, answers, homes: by(answers) };
}

const cookieOf = (version: string) =>
  `catalog-version=catalog@${version}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax`;

describe('callers of a sticky split', () => {
  it('are given a cookie by the first answer, and none by those after it', async () => {
    covers('routes.*.rules[].sticky', 'routes.*.rules[].sticky.cookie', 'routes.*.rules[].sticky.cookie.name');
    const { users, answers, homes } = await drawn(300);
    assertShare(counted(homes), 'v2', 0.1);
    assert.deepEqual(given(answers), homes.map(cookieOf));
    const again = await eachAsks(users);
    assert.deepEqual(by(again), homes);
    assert.deepEqual(given(again), []);
  });

  it('stay where they are while a version grows and shrinks', async () => {
    const { users, homes } = await drawn(300);
    for (const weights of [
      [50, 50, 0],
      [10, 90, 0],
      [34, 33, 33],
      [999_999, 1, 1],
      [99, 1, 0],
    ]) {
      await shift('everyone', ...weights);
      assert.deepEqual(by(await eachAsks(users)), homes, weights.join());
    }
  });

  it('are drawn by the weights of now while they have no cookie', async () => {
    await shift('everyone', 10, 30, 60);
    const { homes } = await drawn(300);
    assertShare(counted(homes), 'v2', 0.3);
    assertShare(counted(homes), 'v3', 0.6);
  });

  it('go elsewhere at once when their version has no weight, and stay there when it is back', async () => {
    await shift('everyone', 50, 50, 0);
    const { users, homes } = await drawn(200);
    await shift('everyone', 100, 0, 0);
    const rolledBack = await eachAsks(users);
    assertValues(counted(by(rolledBack)), ['v1']);
    assert.deepEqual(
      given(rolledBack),
      homes.flatMap(home => (home === 'v2' ? [cookieOf('v1')] : [])),
    );
    await shift('everyone', 1, 99, 0);
    const again = await eachAsks(users);
    assertValues(counted(by(again)), ['v1']);
    assert.deepEqual(given(again), []);
  });

  it('are drawn anew among several when their version has no weight', async () => {
    await shift('everyone', 50, 50, 0);
    const { users, homes } = await drawn(300);
    await shift('everyone', 50, 0, 50);
    const moved = by(await eachAsks(users));
    assert.ok(homes.every((home, index) => home === 'v2' || moved[index] === home));
    assertShare(counted(moved.filter((_, index) => homes[index] === 'v2')), 'v3', 0.5);
    assert.deepEqual(by(await eachAsks(users)), moved);
  });

  it('get no cookie while one version has all the weight, so that the next split begins with everyone', async () => {
    await shift('everyone', 100, 0, 0);
    const { users, answers } = await drawn(200);
    assert.deepEqual(given(answers), []);
    await shift('everyone', 50, 50, 0);
    assertShare(counted(by(await eachAsks(users))), 'v2', 0.5);
  });

  it('outlive the removal of a version, its return, another order, and a rule with one destination', async () => {
    const before = policy(split('catalog', 40, 30, 30));
    await world.saved(before);
    const { users, homes } = await drawn(300);
    const [one, two, three] = split('catalog', 40, 30, 30);
    assert.ok(one && two && three);
    await world.saved(policy([three, one]));
    const moved = by(await eachAsks(users));
    assert.ok(homes.every((home, index) => home === 'v2' || moved[index] === home));
    assertValues(counted(moved), ['v1', 'v3']);
    await world.saved(policy([two, three, one]));
    assert.deepEqual(by(await eachAsks(users)), moved);
    await world.saved(policy([one]));
    assertValues(counted(by(await eachAsks(users))), ['v1']);
    await world.saved(before);
    assertValues(counted(by(await eachAsks(users))), ['v1']);
    await world.saved(policy());
  });

  it('are not bound by an answer that failed, of their version or of Envoy itself', async () => {
    await shift('everyone', 1, 999_999, 0);
    v2.behave(({ headers }) => ({ status: Number(headers['x-status'] ?? 200) }));
    try {
      const failed = await ask(port, '/shop', { headers: { 'x-status': '500' } });
      assert.deepEqual([failed.status, given([failed])], [500, []]);
      const refused = await ask(port, '/shop', { headers: { 'x-status': '404' } });
      assert.deepEqual([refused.status, given([refused])], [404, [cookieOf('v2')]]);
      await v2.die();
      const dead = await ask(port, '/shop');
      assert.deepEqual([dead.status, given([dead])], [503, []]);
    } finally {
      v2.behave({});
      await v2.revive();
    }
  });

  it('find the same version under every rule for the service', async () => {
    await shift('everyone', 50, 50, 0);
    const { users, homes } = await drawn(100);
    assert.deepEqual(by(await eachAsks(users, '/items')), homes);
  });

  it('are known to a proxy over SotW as well', async () => {
    await shift('everyone', 50, 50, 0);
    for (const version of ['v1', 'v2']) {
      const headers = { cookie: `catalog-version=catalog@${version}` };
      for (const each of Object.values(ports)) {
        assertValues(await askMany(20, () => ask(each, '/shop', { headers })), [version]);
      }
    }
  });

  it('are kept for calls through a sidecar', async () => {
    const users = Array.from({ length: 100 }, () => new User(outbound, 'catalog'));
    const homes = by(await eachAsks(users, '/'));
    assertShare(counted(homes), 'v2', 0.5);
    assert.deepEqual(by(await eachAsks(users, '/')), homes);
  });
});

describe('a cookie that names', () => {
  const strange = [
    '',
    'catalog',
    'catalog@v9',
    'catalog@v3',
    'catalog@v2x',
    'xcatalog@v2',
    'Catalog@V2',
    '%63atalog@v2',
    'catalog@v2%0d%0aset-cookie:%20a=b',
    'catalog@v2\tx',
    '%REQ(x-secret)%',
    '<script>alert(1)</script>',
    '../../etc/passwd',
    'x'.repeat(4000),
    '0',
    '-1',
    'inbound/catalog',
    'other',
  ];

  it('nothing on offer is replaced, and nothing of it comes back', async () => {
    const known = new Set(['v1', 'v2'].map(cookieOf));
    for (const value of strange) {
      const headers = { cookie: `catalog-version=${value}`, 'x-secret': 'hidden' };
      const answer = await ask(port, '/shop', { headers });
      assert.equal(answer.status, 200, value);
      assert.deepEqual(given([answer]), [cookieOf(answer.by)], value);
      assert.ok(known.has(given([answer])[0] ?? ''), value);
    }
  });

  it('nothing on offer is replaced by the only version too', async () => {
    await shift('everyone', 0, 100, 0);
    for (const value of strange) {
      const answer = await ask(port, '/shop', { headers: { cookie: `catalog-version=${value}` } });
      assert.deepEqual([answer.by, given([answer])], ['v2', [cookieOf('v2')]], value);
    }
    const known = await ask(port, '/shop', { headers: { cookie: 'catalog-version=catalog@v2' } });
    assert.deepEqual([known.by, given([known])], ['v2', []]);
  });

  it('a version is found among others, in one line and in several', async () => {
    await shift('everyone', 999_999, 1, 0);
    for (const cookie of [
      'a=1; catalog-version=catalog@v2; b=2',
      'a=1;catalog-version=catalog@v2',
      'xcatalog-version=catalog@v1; catalog-version=catalog@v2',
      'a="x; y"; catalog-version="catalog@v2"; =; ;;',
      'catalog-version=catalog@v2; catalog-version=catalog@v1',
    ]) {
      assertValues(await askMany(5, () => ask(port, '/shop', { headers: { cookie } })), ['v2']);
    }
    using raw = await connectTcp(port);
    raw.send(
      'GET /shop HTTP/1.1\r\nhost: x\r\ncookie: a=1\r\ncookie: catalog-version=catalog@v2\r\ncookie: b=2\r\n\r\n',
    );
    assert.equal(await backendOf(raw), 'v2');
    using http2 = connectHttp2(port);
    const cookie = ['a=1', 'catalog-version=catalog@v2', 'b=2'];
    assert.equal((await http2.ask('/shop', { cookie })).by, 'v2');
  });
});

async function backendOf(client: { line(): Promise<string> }): Promise<string | undefined> {
  for (;;) {
    const line = (await client.line()).trim();
    const found = /^x-backend: (.*)$/.exec(line)?.[1];
    if (found !== undefined || line === '') return found;
  }
}

describe('the cookie of a sticky split', () => {
  it('is as the policy says', async () => {
    covers(
      'routes.*.rules[].sticky.cookie.ttl',
      'routes.*.rules[].sticky.cookie.path',
      'routes.*.rules[].sticky.cookie.secure',
      'routes.*.rules[].sticky.cookie.sameSite',
    );
    const named = await ask(port, '/attributes');
    const value = `catalog@${named.by}`;
    assert.deepEqual([...given([named])].sort(), [
      `lane=${value}; Path=/attributes; Max-Age=90; HttpOnly; SameSite=Lax; Secure`,
      'own=1',
    ]);
    const visit = await ask(port, '/visit');
    assert.deepEqual(given([visit]), [`visit=catalog@${visit.by}; Path=/; HttpOnly; SameSite=Strict`]);
  });

  it('tells the services of a split apart', async () => {
    const { users, homes } = await drawn(60, '/mixed');
    assertValues(counted(homes), ['v1', 'v3']);
    assert.deepEqual(by(await eachAsks(users, '/mixed')), homes);
    assertValues(counted(users.map(user => user.cookies.get('mixed') ?? '')), ['catalog@v1', 'other']);
  });
});

describe('a request that is held', () => {
  it('is changed, retried and answered as the rule says', async () => {
    const { users, homes } = await drawn(20, '/attributes');
    const user = users[homes.indexOf('v2')];
    assert.ok(user);
    let failures = 2;
    v2.behave(() =>
      failures-- > 0 ? { status: 500 } : { headers: { 'x-secret': '1', 'set-cookie': 'application=1' } },
    );
    try {
      const answer = await user.ask('/attributes/a?b=c');
      assert.deepEqual([answer.status, answer.by, answer.headers['x-secret']], [200, 'v2', undefined]);
      assert.deepEqual([...given([answer])].sort(), ['application=1', 'own=1']);
      assert.deepEqual([answer.seen().url, answer.seen().headers['x-lane']], ['/rewritten/a?b=c', 'split']);
      assert.equal(failures, -1);
    } finally {
      v2.behave({});
    }
  });

  it('stays with its version even if that fails, until it has no weight', async () => {
    await shift('everyone', 50, 50, 0);
    const headers = { cookie: 'catalog-version=catalog@v2' };
    v2.behave({ status: 500 });
    try {
      assert.equal((await ask(port, '/shop', { headers })).status, 500);
      await shift('everyone', 50, 0, 0);
      assertValues(await askMany(10, () => ask(port, '/shop', { headers })), ['v1']);
    } finally {
      v2.behave({});
    }
  });

  it('goes to the endpoint of its session within the version', async () => {
    const user = await until('a user of v1 with two cookies', async () => {
      const each = new User(port);
      return (await each.ask('/bound')).by.startsWith('v1') ? each : undefined;
    });
    assert.deepEqual([...user.cookies.keys()].sort(), ['bound-version', 'lane-v1']);
    const { by: home } = await user.ask('/bound');
    assertValues(await askMany(30, () => user.ask('/bound')), [home]);
    user.cookies.delete('lane-v1');
    const free = () => ask(port, '/bound', { headers: { cookie: 'bound-version=bound@v1' } });
    assertValues(await askMany(40, free), ['v1', 'v1b']);
  });

  it('stays with its version of the application, whichever version of the API it names', async () => {
    const { users, homes } = await drawn(60, '/v8/api/x');
    assertValues(counted(homes), ['v1', 'v2']);
    for (const path of ['/v8/api/x', '/v9/api/x', '/api/x']) {
      assert.deepEqual(by(await eachAsks(users, path)), homes, path);
    }
    const [user] = users;
    assert.equal((await user?.ask('/v9/api/x'))?.seen().url, '/api/x');
    assert.equal((await user?.ask('/v7/api/x'))?.status, 404);
  });
});

describe('a header in place of a cookie', () => {
  it('keeps those who send along what the first answer told them', async () => {
    covers('routes.*.rules[].sticky.header', 'routes.*.rules[].sticky.header.name');
    const first = await askMany(60, () => ask(port, '/programs'), {
      key: each => `${each.by} ${each.headers['x-lane']}`,
    });
    assertValues(first, ['v1 catalog@v1', 'v2 catalog@v2']);
    const as = (version: string) => () => ask(port, '/programs', { headers: { 'x-lane': `catalog@${version}` } });
    assertValues(await askMany(20, as('v2')), ['v2']);
    assert.equal((await as('v2')()).headers['x-lane'], undefined);
    const unknown = await as('v9')();
    assert.equal(unknown.headers['x-lane'], `catalog@${unknown.by}`);
  });

  it('is told anew to those whose version was taken back, and to nobody else while there is nothing to choose', async () => {
    await shift('programs', 1, 0);
    const told = async (headers: Record<string, string>) =>
      (await ask(port, '/programs', { headers })).headers['x-lane'] ?? '-';
    assert.equal(await told({ 'x-lane': 'catalog@v2' }), 'catalog@v1');
    assert.equal(await told({ 'x-lane': 'catalog@v1' }), '-');
    assert.equal(await told({}), '-');
  });
});
