import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startBackend } from '../support/backend.ts';
import type { Answer, Ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { type StaticPolicy, startStaticEnvoy } from '../support/static-envoy.ts';

type Versioning = NonNullable<StaticPolicy['services'][string]['apiVersioning']>;
type RuleInput = StaticPolicy['routes'][string]['rules'][number];

const versions: Versioning['versions'] = {
  v1: { state: 'retired' },
  v2: { state: 'deprecated', deprecatedSince: '2026-06-30', sunset: '2027-06-30' },
  v3: {},
  v4: {},
  v10: { state: 'deprecated' },
};
const usual = { versions, default: 'v2', aliases: { latest: 'v3', old: 'v1' } } as const;
const places = {
  path: { path: {} },
  strip: { path: { strip: true } },
  after: { path: { after: '/api', strip: true } },
  kept: { path: { after: '/api' } },
  header: { header: { name: 'x-version' } },
  media: { mediaType: { vendor: 'shop' } },
  query: { query: { parameter: 'version' } },
} as const satisfies Record<string, Versioning['in']>;
type Place = keyof typeof places;
const placeNames = Object.keys(places) as Place[];

/** A request for a path that names a version at a place. */
function naming(place: Place, path: string, version: string | undefined): [path: string, options: Ask] {
  if (version === undefined) return [path, {}];
  if (place === 'path' || place === 'strip') return [`/${version}${path}`, {}];
  if (place === 'after' || place === 'kept') return [path.replace('/api', `/api/${version}`), {}];
  if (place === 'header') return [path, { headers: { 'x-version': version } }];
  if (place === 'media') return [path, { headers: { accept: `application/vnd.shop.${version}+json` } }];
  return [`${path}?version=${version}`, {}];
}

/** What the application sees as path, when `/api/items` is asked for. */
function arrives(place: Place, version: string | undefined): string {
  if (version === undefined || place === 'strip' || place === 'after') return '/api/items';
  const [path] = naming(place, '/api/items', version);
  return path;
}

const names = ['a', 'b', 'other'] as const;
const [a, b, other] = await Promise.all(names.map(name => startBackend({ name })));
assert.ok(a && b && other);
/** One service per place and setting, with two deployments that know nothing of API versions. */
const service = (apiVersioning: Versioning): StaticPolicy['services'][string] => ({
  endpoints: [a, b].map(({ address, name }) => ({ address, labels: { lane: name } })),
  versions: { a: { labels: { lane: 'a' } }, b: { labels: { lane: 'b' } } },
  apiVersioning,
});
const services: Record<string, StaticPolicy['services'][string]> = {
  other: { endpoints: [{ address: other.address }] },
  none: service({ in: { header: {} }, versions: { v1: {}, v2: {} } }),
  'none-query': service({ in: { query: {} }, versions: { v1: {}, v2: {} } }),
  odd: service({ in: { path: {} }, versions: { stable: {}, '2024-10-01': {}, 'v1.2': {} }, default: 'stable' }),
};
const routes: Record<string, { hosts: string[]; rules: RuleInput[] }> = {};
const host = (name: string, ...rules: RuleInput[]) => {
  routes[name] = { hosts: [`${name}.test`], rules };
};
const rest: RuleInput = { to: [{ service: 'other' }] };
const path = '/api/items';
for (const place of placeNames) {
  for (const unknown of ['reject', 'default', 'ignore'] as const) {
    const name = `${place}-${unknown}`;
    services[name] = service({ in: places[place], ...usual, unknown });
    const rule = (version: string, lane: string): RuleInput => ({
      match: { path, apiVersion: version },
      to: [{ service: name, version: lane }],
    });
    host(`asking-${name}`, rule('v3', 'b'), rule('v2', 'a'), rest);
    host(`default-first-${name}`, rule('v2', 'a'), rule('v3', 'b'), rest);
    host(`all-${name}`, { name: 'all', match: { path }, to: [{ service: name, version: 'a' }] }, rest);
    host(`every-path-${name}`, { to: [{ service: name, version: 'a' }] });
  }
}
const reject = (place: Place) => `${place}-reject`;
host(
  'conditions',
  { match: { path, apiVersion: 'v3', methods: ['POST'] }, to: [{ service: reject('header'), version: 'b' }] },
  { match: { path, apiVersion: 'v2', headers: { 'x-beta': '1' } }, to: [{ service: reject('header'), version: 'a' }] },
  rest,
);
host('retired-rule', { match: { path, apiVersion: 'v1' }, to: [{ service: reject('header'), version: 'a' }] }, rest);
host('no-default', { match: { path, apiVersion: 'v2' }, to: [{ service: 'none', version: 'b' }] }, rest);
host('no-default-all', { match: { path }, to: [{ service: 'none', version: 'a' }] });
host('query-default', { match: { path, apiVersion: 'v2' }, to: [{ service: 'none-query', version: 'b' }] }, rest);
host('odd', { match: { path: '/items' }, to: [{ service: 'odd', version: 'a' }] }, rest);
host('odd-all', { to: [{ service: 'odd', version: 'a' }] });
const lane = (version: 'a' | 'b', place: Place) => [{ service: reject(place), version }];
host(
  'rewrite-strip',
  { match: { path: '/items', apiVersion: 'v3' }, to: lane('b', 'strip'), rewrite: { prefix: '/things' } },
  { match: { path: '/root', apiVersion: 'v3' }, to: lane('b', 'strip'), rewrite: { prefix: '/' } },
  { match: { path: { exact: '/' }, apiVersion: 'v3' }, to: lane('b', 'strip') },
  { match: { path: { prefix: '/Any', ignoreCase: true }, apiVersion: 'v3' }, to: lane('b', 'strip') },
  { match: { path: { regex: '/numbers/[0-9]+' } }, to: lane('a', 'strip') },
  { match: { path: { template: '/users/{id}/orders' } }, to: lane('a', 'strip') },
);
host(
  'rewrite-keep',
  { match: { path: '/items', apiVersion: 'v3' }, to: lane('b', 'path'), rewrite: { prefix: '/things' } },
  { match: { path: { exact: '/one' }, apiVersion: 'v3' }, to: lane('b', 'path'), rewrite: { prefix: '/two' } },
  { match: { path: { regex: '.*\\.json' } }, to: lane('a', 'path') },
);
host(
  'rewrite-after',
  { match: { path: '/api/items', apiVersion: 'v3' }, to: lane('b', 'kept'), rewrite: { prefix: '/things' } },
  { match: { path: '/api/carts', apiVersion: 'v3' }, to: lane('b', 'kept'), rewrite: { prefix: '/api/baskets' } },
  { match: { apiVersion: 'v3' }, to: lane('b', 'kept'), rewrite: { prefix: '/base' } },
);
host('unknown-rewrite', {
  match: { path: '/items' },
  to: [{ service: 'strip-default', version: 'a' }],
  rewrite: { prefix: '/things' },
});

const edge = await startStaticEnvoy({ services, routes });
after(async () => {
  await edge[Symbol.asyncDispose]();
  for (const each of [a, b, other]) await each.die();
});
const ask = (name: string, url: string, options: Ask = {}) => edge.ask(url, { host: `${name}.test`, ...options });
const sunset = 'Wed, 30 Jun 2027 23:59:59 GMT';
const deprecated = ['@1782777600', sunset];
const notes = (answer: Answer) => [answer.headers['deprecation'], answer.headers['sunset']];
const problem = (answer: Answer) => JSON.parse(answer.text) as { status: number; title: string; apiVersions: string[] };

function isRetired(answer: Answer): void {
  assert.equal(answer.status, 410, answer.text);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.deepEqual(problem(answer).apiVersions, ['v10', 'v4', 'v3', 'v2']);
  assert.match(answer.text, /"apiVersion":"v1"/);
}

function isUnknown(answer: Answer, place: Place): void {
  assert.equal(answer.status, 'path' in places[place] ? 404 : 400, answer.text);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.equal(problem(answer).title, 'Unknown API version');
  assert.deepEqual(problem(answer).apiVersions, ['v10', 'v4', 'v3', 'v2']);
}

for (const place of placeNames) {
  const at = (name: string, version: string | undefined, url = path) => {
    const [whole, options] = naming(place, url, version);
    return ask(name, whole, options);
  };

  describe(`rules that ask for a version: ${place}`, () => {
    covers('routes.*.rules[].match.apiVersion', 'services.*.apiVersioning.default', 'services.*.apiVersioning.aliases');
    for (const order of ['asking', 'default-first']) {
      const name = `${order}-${place}-reject`;

      it(`${order}: a version goes to its rule, by its name and by an alias`, async () => {
        for (const version of ['v3', 'latest']) {
          const answer = await at(name, version);
          assert.equal(answer.by, 'b', version);
          assert.equal(answer.seen().url, arrives(place, version));
          assert.deepEqual(notes(answer), [undefined, undefined]);
        }
      });

      it(`${order}: a deprecated version says so`, async () => {
        const answer = await at(name, 'v2');
        assert.equal(answer.by, 'a');
        assert.equal(answer.seen().url, arrives(place, 'v2'));
        assert.deepEqual(notes(answer), deprecated);
      });

      it(`${order}: callers that name none get the default`, async () => {
        const answer = await at(name, undefined);
        assert.equal(answer.by, 'a');
        assert.equal(answer.seen().url, path);
        assert.deepEqual(notes(answer), deprecated);
      });

      it(`${order}: a retired version is gone, by its name and by an alias`, async () => {
        isRetired(await at(name, 'v1'));
        isRetired(await at(name, 'old'));
      });

      it(`${order}: a version that does not exist`, async () => {
        isUnknown(await at(name, 'v9'), place);
        const asDefault = await at(`${order}-${place}-default`, 'v9');
        assert.equal(asDefault.by, 'a');
        assert.equal(asDefault.seen().url, arrives(place, 'v9'));
        assert.deepEqual(notes(asDefault), deprecated);
        assert.equal((await at(`${order}-${place}-ignore`, 'v9')).by, 'other');
      });

      it(`${order}: a version without a rule goes on to later rules`, async () => {
        assert.equal((await at(name, 'v4')).by, 'other');
        assert.equal((await at(name, 'v4', '/api/other')).by, 'other');
      });
    }
  });

  describe(`a rule for all versions: ${place}`, () => {
    covers(
      'services.*.apiVersioning.versions.*.state',
      'services.*.apiVersioning.versions.*.deprecatedSince',
      'services.*.apiVersioning.versions.*.sunset',
      'services.*.apiVersioning.unknown',
    );
    for (const kind of ['all', 'every-path']) {
      const name = `${kind}-${place}-reject`;

      it(`${kind}: forwards what is served`, async () => {
        for (const [version, expected] of [
          ['v3', [undefined, undefined]],
          ['latest', [undefined, undefined]],
          ['v2', deprecated],
          ['v10', ['true', undefined]],
          [undefined, deprecated],
        ] as const) {
          const answer = await at(name, version);
          assert.equal(answer.by, 'a', version);
          assert.equal(answer.seen().url, arrives(place, version));
          assert.deepEqual(notes(answer), expected, version);
        }
      });

      it(`${kind}: answers for what is not`, async () => {
        isRetired(await at(name, 'v1'));
        isRetired(await at(name, 'old'));
        isUnknown(await at(name, 'v9'), place);
      });

      it(`${kind}: unknown as the default, or ignored`, async () => {
        const asDefault = await at(`${kind}-${place}-default`, 'v9');
        assert.equal(asDefault.by, 'a');
        assert.deepEqual(notes(asDefault), deprecated);
        assert.equal(asDefault.seen().url, arrives(place, 'v9'));
        const ignored = await at(`${kind}-${place}-ignore`, 'v9');
        assert.deepEqual([ignored.by, ignored.status], kind === 'all' ? ['other', 200] : ['-', 404]);
      });
    }
  });
}

describe('what belongs to one place', () => {
  covers(
    'services.*.apiVersioning.in.path.after',
    'services.*.apiVersioning.in.path.strip',
    'services.*.apiVersioning.in.header.name',
    'services.*.apiVersioning.in.mediaType.vendor',
    'services.*.apiVersioning.in.query.parameter',
  );

  it('path: a segment that does not look like a version is an ordinary one', async () => {
    for (const url of ['/vendors', '/v', '/v2x/a', '/v-3', '/version2', '/xv2', '/api/v2']) {
      const answer = await ask('every-path-path-reject', url);
      assert.equal(answer.by, 'a', url);
      assert.equal(answer.seen().url, url);
    }
    assert.equal((await ask('every-path-path-reject', '/v77')).status, 404);
    assert.equal((await ask('every-path-after-reject', '/v77')).by, 'a');
    assert.equal((await ask('every-path-after-reject', '/api/v77?x')).status, 404);
    assert.equal((await ask('every-path-after-reject', '/api/vendors')).seen().url, '/api/vendors');
  });

  it('path: the segment alone, with a slash and with a query', async () => {
    for (const [url, seen] of [
      ['/v3', '/'],
      ['/v3/', '/'],
      ['/v3?x=1', '/?x=1'],
      ['/v3/a/b?x=/v3', '/a/b?x=/v3'],
    ] as const) {
      assert.equal((await ask('every-path-strip-reject', url)).seen().url, seen);
    }
    assert.equal((await ask('every-path-after-reject', '/api/v3?x=1')).seen().url, '/api?x=1');
    assert.equal((await ask('every-path-kept-reject', '/api/v3?x=1')).seen().url, '/api/v3?x=1');
  });

  it('path: names other than numbers', async () => {
    for (const version of ['stable', '2024-10-01', 'v1.2']) {
      assert.equal((await ask('odd', `/${version}/items`)).by, 'a', version);
      assert.equal((await ask('odd-all', `/${version}`)).by, 'a', version);
    }
    for (const version of ['2025-1-1', 'v1.3', 'v20.31']) {
      assert.equal((await ask('odd', `/${version}/items`)).status, 404, version);
      assert.equal((await ask('odd-all', `/${version}`)).status, 404, version);
    }
    for (const segment of ['beta', 'v1', 'v1x2', '2024']) {
      assert.equal((await ask('odd', `/${segment}/items`)).by, 'other', segment);
      assert.equal((await ask('odd-all', `/${segment}`)).by, 'a', segment);
    }
  });

  it('header: an empty one names none; case matters', async () => {
    const name = 'asking-header-reject';
    assert.equal((await ask(name, path, { headers: { 'x-version': '' } })).by, 'a');
    assert.equal((await ask(name, path, { headers: { 'x-version': 'V3' } })).status, 400);
  });

  it('query: an empty one names none; the first counts', async () => {
    const name = 'asking-query-reject';
    for (const query of ['?version=', '?version', '?xversion=v9'])
      assert.equal((await ask(name, path + query)).by, 'a');
    assert.equal((await ask(name, `${path}?a=1&version=v3&b`)).by, 'b');
    assert.equal((await ask(name, `${path}?version=v3&version=v2`)).by, 'b');
    assert.equal((await ask(name, `${path}?a=1&version=v9`)).status, 400);
    assert.equal((await ask(name, `${path}?version=v30`)).status, 400);
  });

  it('media type: among several, with parameters, in any case, with any suffix or none', async () => {
    const accept = (text: string | string[]) => ask('asking-media-reject', path, { headers: { accept: text } });
    for (const text of [
      'application/vnd.shop.v3',
      'application/vnd.shop.v3+xml',
      'text/html, application/vnd.shop.v3+json;q=0.9, */*;q=0.1',
      'text/html,application/vnd.shop.v3+json',
      'application/vnd.shop.v3; charset=utf-8',
      'Application/Vnd.Shop.V3+JSON',
      'application/vnd.shop.latest+json',
    ]) {
      assert.equal((await accept(text)).by, 'b', text);
    }
    assert.equal((await accept(['text/html', 'application/vnd.shop.v3+json'])).by, 'b');
    for (const text of ['*/*', 'application/json', 'application/vnd.other.v3+json', 'application/vnd.shop+json']) {
      assert.equal((await accept(text)).by, 'a', text);
    }
    for (const text of [
      'application/vnd.shop.v30+json',
      'application/vnd.shop.v3.1+json',
      'text/html, application/vnd.shop.v9',
    ]) {
      assert.equal((await accept(text)).status, 400, text);
    }
    isRetired(await accept('application/vnd.shop.v1+json'));
  });

  it('media type: a caller that takes several gets the best that is served', async () => {
    const both = 'application/vnd.shop.v1+json, application/vnd.shop.v2+json, application/vnd.shop.v3+json;q=0.5';
    const answer = await ask('all-media-reject', path, { headers: { accept: both } });
    assert.deepEqual([answer.by, ...notes(answer)], ['a', undefined, undefined]);
    const old = await ask('all-media-reject', path, {
      headers: { accept: 'application/vnd.shop.v1, application/vnd.shop.v9' },
    });
    assert.equal(old.status, 410);
  });
});

describe('with other conditions', () => {
  const version = (name: string, options: Ask = {}) =>
    ask('conditions', path, { ...options, headers: { ...options.headers, 'x-version': name } });

  it('guards ask for what their rules ask for', async () => {
    assert.equal((await version('v3', { method: 'POST' })).by, 'b');
    assert.equal((await version('v2', { headers: { 'x-beta': '1' } })).by, 'a');
    assert.equal((await version('v1', { method: 'POST' })).status, 410);
    assert.equal((await version('v9', { headers: { 'x-beta': '1' } })).status, 400);
    for (const name of ['v1', 'v2', 'v3', 'v9']) assert.equal((await version(name)).by, 'other', name);
  });

  it('a rule for a retired version answers 410', async () => {
    isRetired(await ask('retired-rule', path, { headers: { 'x-version': 'v1' } }));
    assert.equal((await ask('retired-rule', path, { headers: { 'x-version': 'v2' } })).by, 'other');
  });

  it('without a default, callers that name none meet only rules without a version', async () => {
    const name = (host: string, value: string) => ask(host, path, { headers: { 'x-api-version': value } });
    assert.equal((await ask('no-default', path)).by, 'other');
    assert.equal((await name('no-default', 'v2')).by, 'b');
    const none = await ask('no-default-all', path);
    assert.deepEqual([none.by, ...notes(none)], ['a', undefined, undefined]);
    assert.equal((await name('no-default-all', 'v1')).by, 'a');
    assert.equal((await ask('query-default', `${path}?api-version=v2`)).by, 'b');
    assert.equal((await ask('query-default', path)).by, 'other');
  });

  it('the rule is seen in logs and statistics by its name, and Envoy says who answered', async () => {
    await ask('all-header-reject', path);
    const total = await edge.envoy.stat('vhost.all-header-reject.route.all-header-reject/all.upstream_rq_total');
    assert.ok(total !== undefined && total > 0);
  });
});

describe('with rewrites', () => {
  const seen = async (name: string, url: string) => (await ask(name, url)).seen().url;

  it('a stripped version', async () => {
    assert.equal(await seen('rewrite-strip', '/v3/items/1?x'), '/things/1?x');
    assert.equal(await seen('rewrite-strip', '/latest/root/1'), '/1');
    assert.equal(await seen('rewrite-strip', '/v3/root'), '/');
    assert.equal(await seen('rewrite-strip', '/v3'), '/');
    assert.equal(await seen('rewrite-strip', '/v3/'), '/');
    assert.equal(await seen('rewrite-strip', '/v3/any/1'), '/Any/1');
    assert.equal((await ask('rewrite-strip', '/v9/root')).status, 404);
  });

  it('below regular expressions and templates', async () => {
    assert.equal(await seen('rewrite-strip', '/v3/numbers/12?x'), '/numbers/12?x');
    assert.equal(await seen('rewrite-strip', '/numbers/12'), '/numbers/12');
    assert.equal(await seen('rewrite-strip', '/v2/users/7/orders?x'), '/users/7/orders?x');
    assert.equal(await seen('rewrite-strip', '/users/7/orders'), '/users/7/orders');
    for (const url of ['/v1/numbers/12', '/v1/users/7/orders'])
      assert.equal((await ask('rewrite-strip', url)).status, 410);
    for (const url of ['/v9/numbers/12', '/v9/users/7/orders']) {
      assert.equal(problem(await ask('rewrite-strip', url)).status, 404);
    }
    assert.equal(await seen('rewrite-keep', '/v3/a/b.json?x'), '/v3/a/b.json?x');
    assert.equal(await seen('rewrite-keep', '/a/b.json'), '/a/b.json');
    assert.equal(problem(await ask('rewrite-keep', '/v30/a.json')).status, 404);
  });

  it('a version that stays', async () => {
    assert.equal(await seen('rewrite-keep', '/v3/items/1?x'), '/v3/things/1?x');
    assert.equal(await seen('rewrite-keep', '/latest/one'), '/latest/two');
    assert.equal(await seen('rewrite-after', '/api/v3/carts/1'), '/api/v3/baskets/1');
    assert.equal(await seen('rewrite-after', '/api/v3/items/1'), '/things/1');
    assert.equal(await seen('rewrite-after', '/api/v3/else'), '/base/api/else');
  });

  it('a version that does not exist, treated as none', async () => {
    assert.equal(await seen('unknown-rewrite', '/v9/items/1'), '/things/1');
    assert.equal(await seen('unknown-rewrite', '/items/1'), '/things/1');
  });
});
