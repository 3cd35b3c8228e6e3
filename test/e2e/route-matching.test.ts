import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startBackend } from '../support/backend.ts';
import type { Ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { type StaticPolicy, startStaticEnvoy } from '../support/static-envoy.ts';

type RuleInput = StaticPolicy['routes'][string]['rules'][number];
type MatchInput = NonNullable<RuleInput['match']>;
/** A path, or a path with what else is sent. */
type Request = string | readonly [path: string, options: Ask];

interface MatchCase {
  readonly match: MatchInput;
  readonly hits: readonly Request[];
  readonly misses: readonly Request[];
}

const cookie = (text: string | readonly string[]): Ask => ({ headers: { cookie: text } });
const lane = (value: string | readonly string[]): Ask => ({ headers: { 'x-lane': value } });

const cases: Readonly<Record<string, MatchCase>> = {
  everything: { match: {}, hits: ['/', '/a/b?c'], misses: [] },
  exact: { match: { path: { exact: '/cart' } }, hits: ['/cart', '/cart?x=1'], misses: ['/cart/', '/cart/1', '/Cart'] },
  prefix: {
    match: { path: { prefix: '/api' } },
    hits: ['/api', '/api/', '/api/x', '/api?x'],
    misses: ['/apix', '/', '/API'],
  },
  'prefix-text': { match: { path: '/api' }, hits: ['/api/x'], misses: ['/apix'] },
  'prefix-slash': { match: { path: '/api/' }, hits: ['/api/', '/api/x'], misses: ['/api', '/apix'] },
  'prefix-root': { match: { path: '/' }, hits: ['/', '/x'], misses: [] },
  'path-regex': {
    match: { path: { regex: '/items/[0-9]+' } },
    hits: ['/items/12', '/items/12?x'],
    misses: ['/items/', '/items/1/x', '/x/items/1'],
  },
  'path-template': {
    match: { path: { template: '/users/{id}/orders' } },
    hits: ['/users/7/orders', '/users/7/orders?x'],
    misses: ['/users/orders', '/users/7/orders/1', '/users/7/8/orders'],
  },
  'path-template-rest': {
    match: { path: { template: '/files/**' } },
    hits: ['/files/a', '/files/a/b'],
    misses: ['/other/a'],
  },
  'prefix-any-case': {
    match: { path: { prefix: '/Api', ignoreCase: true } },
    hits: ['/api/x', '/API'],
    misses: ['/apix'],
  },
  'exact-any-case': {
    match: { path: { exact: '/Cart', ignoreCase: true } },
    hits: ['/cart', '/CART'],
    misses: ['/carts'],
  },
  method: { match: { methods: ['POST'] }, hits: [['/', { method: 'POST' }]], misses: ['/', ['/', { method: 'PUT' }]] },
  methods: {
    match: { methods: ['PUT', 'DELETE'] },
    hits: [
      ['/', { method: 'PUT' }],
      ['/', { method: 'DELETE' }],
    ],
    misses: ['/', ['/', { method: 'POST' }]],
  },
  'many-methods': {
    match: {
      methods: [
        'GET',
        'PROPFIND',
        'PROPPATCH',
        'MKCOL',
        'COPY',
        'MOVE',
        'LOCK',
        'UNLOCK',
        'VERSION',
        'REPORT',
        'CHECKOUT',
        'CHECKIN',
        'MERGE',
      ],
    },
    hits: ['/', ['/', { method: 'MERGE' }], ['/', { method: 'PROPFIND' }], ['/', { method: 'CHECKOUT' }]],
    misses: [['/', { method: 'POST' }]],
  },
  'header-exact': {
    match: { headers: { 'x-lane': { exact: 'beta' } } },
    hits: [
      ['/', lane('beta')],
      ['/', lane(['alpha', 'beta'])],
    ],
    misses: ['/', ['/', lane('beta2')], ['/', lane('Beta')]],
  },
  'header-text': { match: { headers: { 'X-Lane': 'beta' } }, hits: [['/', lane('beta')]], misses: ['/'] },
  'header-prefix': {
    match: { headers: { 'x-lane': { prefix: 'be' } } },
    hits: [['/', lane('beta')]],
    misses: ['/', ['/', lane('abe')]],
  },
  'header-suffix': {
    match: { headers: { 'x-lane': { suffix: 'ta' } } },
    hits: [['/', lane('beta')]],
    misses: ['/', ['/', lane('tab')]],
  },
  'header-contains': {
    match: { headers: { 'x-lane': { contains: 'et' } } },
    hits: [['/', lane('beta')]],
    misses: ['/', ['/', lane('bta')]],
  },
  'header-regex': {
    match: { headers: { 'x-lane': { regex: 'v[0-9]+' } } },
    hits: [['/', lane('v12')]],
    misses: ['/', ['/', lane('v12x')], ['/', lane('av1')]],
  },
  'header-present': {
    match: { headers: { 'x-lane': { present: true } } },
    hits: [
      ['/', lane('x')],
      ['/', lane('')],
    ],
    misses: ['/'],
  },
  'header-absent': {
    match: { headers: { 'x-lane': { present: false } } },
    hits: ['/'],
    misses: [
      ['/', lane('x')],
      ['/', lane('')],
    ],
  },
  'header-not': {
    match: { headers: { 'x-lane': { exact: 'beta', not: true } } },
    hits: ['/', ['/', lane('alpha')]],
    misses: [['/', lane('beta')]],
  },
  'header-not-prefix': {
    match: { headers: { 'x-lane': { prefix: 'be', not: true } } },
    hits: ['/', ['/', lane('abe')]],
    misses: [['/', lane('beta')]],
  },
  'header-not-regex': {
    match: { headers: { 'x-lane': { regex: 'v[0-9]+', not: true } } },
    hits: ['/', ['/', lane('v')]],
    misses: [['/', lane('v1')]],
  },
  'header-not-present': {
    match: { headers: { 'x-lane': { present: true, not: true } } },
    hits: ['/'],
    misses: [['/', lane('x')]],
  },
  'header-not-absent': {
    match: { headers: { 'x-lane': { present: false, not: true } } },
    hits: [['/', lane('x')]],
    misses: ['/'],
  },
  'two-headers': {
    match: { headers: { 'x-lane': 'beta', 'x-other': '1' } },
    hits: [['/', { headers: { 'x-lane': 'beta', 'x-other': '1' } }]],
    misses: [
      ['/', lane('beta')],
      ['/', { headers: { 'x-other': '1' } }],
    ],
  },
  'query-exact': {
    match: { query: { preview: '1' } },
    hits: ['/?preview=1', '/?a=2&preview=1&b'],
    misses: ['/', '/?preview=2', '/?xpreview=1', '/?preview', '/?preview=2&preview=1'],
  },
  'query-prefix': { match: { query: { lane: { prefix: 'be' } } }, hits: ['/?lane=beta'], misses: ['/?lane=abe', '/'] },
  'query-suffix': { match: { query: { lane: { suffix: 'ta' } } }, hits: ['/?lane=beta'], misses: ['/?lane=tab'] },
  'query-contains': {
    match: { query: { lane: { contains: 'et' } } },
    hits: ['/?lane=beta'],
    misses: ['/?lane=b&x=et'],
  },
  'query-regex': {
    match: { query: { lane: { regex: 'v[0-9]+' } } },
    hits: ['/?lane=v12'],
    misses: ['/?lane=v', '/?lane=v1x'],
  },
  'query-encoded': { match: { query: { lane: 'a%20b' } }, hits: ['/?lane=a%20b'], misses: ['/?lane=a+b'] },
  'query-present': {
    match: { query: { lane: { present: true } } },
    hits: ['/?lane', '/?lane=', '/?x&lane=1'],
    misses: ['/', '/?lanes=1'],
  },
  'query-absent': {
    match: { query: { lane: { present: false } } },
    hits: ['/', '/?lanes=1'],
    misses: ['/?lane', '/?lane=1'],
  },
  'query-not-present': { match: { query: { lane: { present: true, not: true } } }, hits: ['/'], misses: ['/?lane=1'] },
  'query-not-exact': {
    match: { query: { lane: { exact: 'beta', not: true } } },
    hits: ['/', '/?lane=alpha', '/?lane=betas', '/?xlane=beta', '/?lane', '/?x=lane=beta'],
    misses: ['/?lane=beta', '/?a=1&lane=beta', '/?lane=beta&a=1', '/?a&lane=beta&b'],
  },
  'query-not-empty': {
    match: { query: { lane: { exact: '', not: true } } },
    hits: ['/', '/?lane=1', '/?lanes'],
    misses: ['/?lane', '/?lane=', '/?lane&a', '/?a&lane=&b'],
  },
  'query-not-prefix': {
    match: { query: { lane: { prefix: 'be', not: true } } },
    hits: ['/', '/?lane=abe', '/?xlane=be'],
    misses: ['/?lane=beta', '/?a&lane=be'],
  },
  'query-not-suffix': {
    match: { query: { lane: { suffix: 'ta', not: true } } },
    hits: ['/', '/?lane=tab', '/?lane=x&b=ta'],
    misses: ['/?lane=beta', '/?a&lane=ta&b'],
  },
  'query-not-contains': {
    match: { query: { lane: { contains: 'et', not: true } } },
    hits: ['/', '/?lane=bta', '/?lane=x&b=et'],
    misses: ['/?lane=beta', '/?a&lane=et&b'],
  },
  'cookie-exact': {
    match: { cookies: { lane: 'beta' } },
    hits: [
      ['/', cookie('lane=beta')],
      ['/', cookie('a=1; lane=beta; b=2')],
      ['/', cookie('lane="beta"')],
      ['/', cookie(['a=1', 'lane=beta'])],
    ],
    misses: ['/', ['/', cookie('lane=beta2')], ['/', cookie('xlane=beta')], ['/', cookie('a=lane=beta')]],
  },
  'cookie-prefix': {
    match: { cookies: { lane: { prefix: 'be' } } },
    hits: [['/', cookie('a=1; lane=beta')]],
    misses: ['/', ['/', cookie('lane=abe')]],
  },
  'cookie-suffix': {
    match: { cookies: { lane: { suffix: 'ta' } } },
    hits: [['/', cookie('a=1; lane=beta; b=2')]],
    misses: [['/', cookie('lane=tab')]],
  },
  'cookie-contains': {
    match: { cookies: { lane: { contains: 'et' } } },
    hits: [['/', cookie('lane=beta; a=1')]],
    misses: [['/', cookie('lane=b; x=et')]],
  },
  'cookie-regex': {
    match: { cookies: { lane: { regex: 'v[0-9]+' } } },
    hits: [['/', cookie('a=1; lane=v7; b=2')]],
    misses: [['/', cookie('lane=v7x')]],
  },
  'cookie-odd-name': {
    match: { cookies: { 'a.b*': '1' } },
    hits: [['/', cookie('a.b*=1')]],
    misses: [['/', cookie('axbb=1')]],
  },
  'cookie-present': {
    match: { cookies: { lane: { present: true } } },
    hits: [
      ['/', cookie('lane=')],
      ['/', cookie('a=1; lane=x')],
    ],
    misses: ['/', ['/', cookie('a=1')]],
  },
  'cookie-absent': {
    match: { cookies: { lane: { present: false } } },
    hits: ['/', ['/', cookie('a=1')]],
    misses: [['/', cookie('a=1; lane=x')]],
  },
  'cookie-not': {
    match: { cookies: { lane: { exact: 'beta', not: true } } },
    hits: ['/', ['/', cookie('a=1')], ['/', cookie('lane=alpha')]],
    misses: [['/', cookie('a=1; lane=beta')]],
  },
  'cookie-not-present': {
    match: { cookies: { lane: { present: true, not: true } } },
    hits: ['/'],
    misses: [['/', cookie('lane=')]],
  },
  'all-at-once': {
    match: {
      path: '/api',
      methods: ['GET'],
      headers: { 'x-lane': 'beta' },
      query: { preview: '1' },
      cookies: { user: { present: true } },
    },
    hits: [['/api/x?preview=1', { headers: { 'x-lane': 'beta', cookie: 'user=1' } }]],
    misses: [
      ['/x?preview=1', { headers: { 'x-lane': 'beta', cookie: 'user=1' } }],
      ['/api/x?preview=1', { method: 'POST', headers: { 'x-lane': 'beta', cookie: 'user=1' } }],
      ['/api/x?preview=1', { headers: { cookie: 'user=1' } }],
      ['/api/x', { headers: { 'x-lane': 'beta', cookie: 'user=1' } }],
      ['/api/x?preview=1', { headers: { 'x-lane': 'beta' } }],
    ],
  },
};

/** Rules that do something; each matches `/NAME` and below of the host `rules.test`. */
const to = [{ service: 'app' }];
const rules = {
  plain: { to },
  headers: {
    to,
    requestHeaders: {
      set: { 'x-lane': 'set', 'x-percent': '100%%', 'x-empty': '' },
      add: { 'x-via': 'edge' },
      remove: ['x-secret'],
    },
    responseHeaders: { set: { 'x-answer': 'set' }, add: { 'x-more': 'added' }, remove: ['x-hidden'] },
  },
  'rewrite-root': { to, rewrite: { prefix: '/' } },
  'rewrite-other': { to, rewrite: { prefix: '/new/place' } },
  'rewrite-slash': { to, rewrite: { prefix: '/new/' } },
  'rewrite-regex': {
    to,
    rewrite: { regex: { pattern: '^/rewrite-regex/([a-z]+)/([0-9]+)', replacement: '/\\2/\\1' } },
  },
  'rewrite-host': { to, rewrite: { host: 'inner.test' } },
  'redirect-https': { redirect: { scheme: 'https' } },
  'redirect-all': {
    redirect: { scheme: 'https', host: 'www.test', port: 8443, path: '/new', stripQuery: true, status: 308 },
  },
  'redirect-prefix': { redirect: { prefix: '/' } },
  'redirect-303': { redirect: { host: 'other.test', status: 303 } },
  respond: { respond: { status: 503, body: 'Back at noon.' } },
  'respond-json': {
    respond: { status: 429, body: '{"a":"100%"}', contentType: 'application/json' },
    responseHeaders: { set: { 'retry-after': '5' } },
  },
  'respond-empty': { respond: { status: 204 } },
  'respond-long': { respond: { status: 200, body: 'ü'.repeat(4000) } },
} as const satisfies Record<string, RuleInput>;

const longPrefix = `/${'long-segment/'.repeat(12)}end`;
const app = await startBackend({ name: 'app' });
app.behave({ headers: { 'x-hidden': '1', 'x-more': 'own', 'x-answer': 'own' } });
const second = await startBackend({ name: 'second' });
const slow = await startBackend({ name: 'slow' });
const edge = await startStaticEnvoy({
  services: {
    app: { endpoints: [{ address: app.address }] },
    second: { endpoints: [{ address: second.address }] },
    slow: { endpoints: [{ address: slow.address }], timeout: '300ms' },
  },
  routes: {
    ...Object.fromEntries(
      Object.entries(cases).map(([name, { match }]) => [
        name,
        { hosts: [`${name}.test`], rules: [{ name: 'hit', match, to }] },
      ]),
    ),
    rules: {
      hosts: ['rules.test'],
      rules: [
        ...Object.entries(rules).map(([name, rule]): RuleInput => ({ name, match: { path: `/${name}` }, ...rule })),
        { match: { path: { exact: '/exact' } }, to, rewrite: { prefix: '/' } },
        { match: { path: '/ends/' }, to, rewrite: { prefix: '/new' } },
        { match: { path: { prefix: '/AnyCase', ignoreCase: true } }, to, rewrite: { prefix: '/' } },
        { match: { path: longPrefix }, to, rewrite: { prefix: '/' } },
        { match: { path: '/order', headers: { 'x-first': '1' } }, to },
        { match: { path: '/order' }, to: [{ service: 'second' }] },
        { match: { path: '/quick' }, to: [{ service: 'slow' }], timeout: '200ms' },
        { match: { path: '/patient' }, to: [{ service: 'slow' }], timeout: '0s' },
        { match: { path: '/restless' }, to: [{ service: 'slow' }], timeout: '0s', idleTimeout: '200ms' },
        {
          match: { path: '/none' },
          to: [
            { service: 'app', weight: 0 },
            { service: 'second', weight: 1 },
          ],
        },
      ],
    },
    'any-path': { hosts: ['any-path.test'], rules: [{ match: { path: '/' }, to, rewrite: { prefix: '/base' } }] },
  },
});
after(async () => {
  await edge[Symbol.asyncDispose]();
  await app.die();
  await second.die();
  await slow.die();
});

const call = (host: string, request: Request) => {
  const [path, options] = typeof request === 'string' ? [request, {}] : request;
  return edge.ask(path, { host, ...options });
};
const at = (path: string, options: Ask = {}) => edge.ask(path, { host: 'rules.test', ...options });

describe('matches', () => {
  covers(
    'routes.*.hosts',
    'routes.*.rules[].match.path',
    'routes.*.rules[].match.path.exact',
    'routes.*.rules[].match.path.prefix',
    'routes.*.rules[].match.path.regex',
    'routes.*.rules[].match.path.template',
    'routes.*.rules[].match.path.ignoreCase',
    'routes.*.rules[].match.methods',
    'routes.*.rules[].match.headers.*.exact',
    'routes.*.rules[].match.headers.*.prefix',
    'routes.*.rules[].match.headers.*.suffix',
    'routes.*.rules[].match.headers.*.contains',
    'routes.*.rules[].match.headers.*.regex',
    'routes.*.rules[].match.headers.*.present',
    'routes.*.rules[].match.headers.*.not',
    'routes.*.rules[].match.query.*.exact',
    'routes.*.rules[].match.query.*.prefix',
    'routes.*.rules[].match.query.*.suffix',
    'routes.*.rules[].match.query.*.contains',
    'routes.*.rules[].match.query.*.regex',
    'routes.*.rules[].match.query.*.present',
    'routes.*.rules[].match.query.*.not',
    'routes.*.rules[].match.cookies.*.exact',
    'routes.*.rules[].match.cookies.*.prefix',
    'routes.*.rules[].match.cookies.*.suffix',
    'routes.*.rules[].match.cookies.*.contains',
    'routes.*.rules[].match.cookies.*.regex',
    'routes.*.rules[].match.cookies.*.present',
    'routes.*.rules[].match.cookies.*.not',
  );
  for (const [name, { hits, misses }] of Object.entries(cases)) {
    it(name, async () => {
      for (const request of hits) {
        assert.equal((await call(`${name}.test`, request)).by, 'app', `${JSON.stringify(request)} must match`);
      }
      for (const request of misses) {
        assert.equal((await call(`${name}.test`, request)).status, 404, `${JSON.stringify(request)} must not match`);
      }
    });
  }

  it('the port of the Host header does not matter, an unknown host is not found', async () => {
    assert.equal((await call('everything.test:8080', '/')).by, 'app');
    assert.equal((await call('unknown.test', '/')).status, 404);
  });

  it('the first rule that matches wins', async () => {
    assert.equal((await at('/order', { headers: { 'x-first': '1' } })).by, 'app');
    assert.equal((await at('/order')).by, 'second');
  });
});

describe('header changes', () => {
  covers(
    'routes.*.rules[].requestHeaders.set',
    'routes.*.rules[].requestHeaders.add',
    'routes.*.rules[].requestHeaders.remove',
    'routes.*.rules[].responseHeaders.set',
    'routes.*.rules[].responseHeaders.add',
    'routes.*.rules[].responseHeaders.remove',
  );

  it('set replaces, add keeps what is there, remove takes away', async () => {
    const sent = { 'x-lane': 'own', 'x-via': 'own', 'x-secret': '1' };
    const answer = await at('/headers', { headers: sent });
    const { headers } = answer.seen();
    assert.equal(headers['x-lane'], 'set');
    assert.equal(headers['x-percent'], '100%');
    assert.equal(headers['x-empty'], '');
    assert.equal(headers['x-via'], 'own, edge');
    assert.equal(headers['x-secret'], undefined);
    assert.equal(answer.headers['x-answer'], 'set');
    assert.equal(answer.headers['x-more'], 'own, added');
    assert.equal(answer.headers['x-hidden'], undefined);
  });
});

describe('rewrites', () => {
  covers(
    'routes.*.rules[].rewrite.prefix',
    'routes.*.rules[].rewrite.regex.pattern',
    'routes.*.rules[].rewrite.regex.replacement',
    'routes.*.rules[].rewrite.host',
  );
  const paths: Readonly<Record<string, string>> = {
    '/plain/x?y=1': '/plain/x?y=1',
    '/rewrite-root': '/',
    '/rewrite-root/': '/',
    '/rewrite-root/x': '/x',
    '/rewrite-root/x/y?z=/rewrite-root': '/x/y?z=/rewrite-root',
    '/rewrite-root?x': '/?x',
    '/rewrite-other': '/new/place',
    '/rewrite-other/x?y': '/new/place/x?y',
    '/rewrite-slash/x': '/new/x',
    '/rewrite-slash': '/new',
    '/rewrite-regex/abc/12/x?y': '/12/abc/x?y',
    '/rewrite-regex/else': '/rewrite-regex/else',
    '/exact?x=1': '/?x=1',
    '/ends/x': '/new/x',
    '/ends/': '/new/',
    '/anycase/x': '/x',
    [`${longPrefix}/x`]: '/x',
    [longPrefix]: '/',
  };
  for (const [path, url] of Object.entries(paths)) {
    it(`${path.slice(0, 40)} → ${url}`, async () => assert.equal((await at(path)).seen().url, url));
  }

  it('the whole path moves below another', async () => {
    assert.equal((await call('any-path.test', '/x?y')).seen().url, '/base/x?y');
    assert.equal((await call('any-path.test', '/')).seen().url, '/base/');
  });

  it('the host changes', async () => {
    assert.equal((await at('/rewrite-host')).seen().headers.host, 'inner.test');
    assert.equal((await at('/plain')).seen().headers.host, 'rules.test');
  });
});

describe('redirects', () => {
  covers(
    'routes.*.rules[].redirect.scheme',
    'routes.*.rules[].redirect.host',
    'routes.*.rules[].redirect.port',
    'routes.*.rules[].redirect.path',
    'routes.*.rules[].redirect.prefix',
    'routes.*.rules[].redirect.stripQuery',
    'routes.*.rules[].redirect.status',
  );
  const expected: Readonly<Record<string, readonly [number, string]>> = {
    '/redirect-https/x?y=1': [302, 'https://rules.test/redirect-https/x?y=1'],
    '/redirect-all/x?y=1': [308, 'https://www.test:8443/new'],
    '/redirect-prefix/x?y=1': [302, 'http://rules.test/x?y=1'],
    '/redirect-prefix': [302, 'http://rules.test/'],
    '/redirect-303/x': [303, 'http://other.test/redirect-303/x'],
  };
  for (const [path, [status, location]] of Object.entries(expected)) {
    it(path, async () => {
      const answer = await at(path);
      assert.deepEqual([answer.status, answer.headers.location], [status, location]);
    });
  }
});

describe('direct responses', () => {
  covers('routes.*.rules[].respond.status', 'routes.*.rules[].respond.body', 'routes.*.rules[].respond.contentType');

  it('with status, body and type', async () => {
    const plain = await at('/respond');
    assert.deepEqual(
      [plain.status, plain.text, plain.headers['content-type']],
      [503, 'Back at noon.', 'text/plain; charset=utf-8'],
    );
    const json = await at('/respond-json');
    assert.deepEqual([json.status, json.text, json.headers['content-type']], [429, '{"a":"100%"}', 'application/json']);
    assert.equal(json.headers['retry-after'], '5');
  });

  it('without a body', async () => {
    const empty = await at('/respond-empty');
    assert.deepEqual([empty.status, empty.text, empty.headers['content-type']], [204, '', undefined]);
  });

  it('longer than Envoy takes by itself', async () => {
    assert.equal((await at('/respond-long')).text, 'ü'.repeat(4000));
  });
});

describe('destinations', () => {
  it('one of weight 0 gets nothing', async () => {
    for (let count = 0; count < 20; count++) assert.equal((await at('/none')).by, 'second');
  });

  it('a named rule has statistics of its own', async () => {
    covers('routes.*.rules[].name');
    await at('/plain');
    const total = await edge.envoy.stat('vhost.rules.route.rules/plain.upstream_rq_total');
    assert.ok(total !== undefined && total > 0);
  });
});

describe('times', () => {
  covers('routes.*.rules[].timeout', 'routes.*.rules[].idleTimeout');
  const answered = async (path: string) => {
    slow.behave({ delay: 600 });
    return (await at(path)).status;
  };

  it('a request ends with the timeout of its rule; 0s turns it off', async () => {
    assert.equal(await answered('/quick'), 504);
    assert.equal(await answered('/patient'), 200);
  });

  it('a silent stream ends with the idle timeout of its rule', async () => {
    assert.equal(await answered('/restless'), 504);
  });
});
