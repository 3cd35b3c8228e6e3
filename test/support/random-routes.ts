import type { Chance } from './chance.ts';
import type { StaticPolicy } from './static-envoy.ts';

type RuleInput = StaticPolicy['routes'][string]['rules'][number];
type MatchInput = NonNullable<RuleInput['match']>;

/** A request that may come to any of the routes below. */
export interface RandomRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

const paths = ['/', '/a', '/a/', '/a/b', '/a/b/c', '/A/B', '/ab', '/v1/a', '/v2/a/b', '/files/x.css'] as const;
const texts = ['beta', 'be', 'ta', 'v1', 'v12', ''] as const;
const hosts = ['shop.test', 'api.shop.test', '*.shop.test', '*.test', 'shop.*', 'api.*', '*'] as const;

/** Few words that meet each other often: each condition is met by about half of the requests that reach it. */
export function randomRequest(chance: Chance): RandomRequest {
  const headers: Record<string, string | readonly string[]> = {};
  if (chance.happens(0.5)) headers['x-lane'] = chance.happens(0.2) ? ['alpha', 'beta'] : chance.of(texts);
  if (chance.happens(0.3)) headers['x_under'] = 'beta';
  if (chance.happens(0.5)) headers['cookie'] = `other=1; lane=${chance.of(['beta', '"beta"', 'v1', ''])}; lane=late`;
  if (chance.happens(0.3)) {
    const version = chance.of(['first@v1', 'first@v2', 'first@v9']);
    headers['cookie'] = [headers['cookie'], `first-version=${version}`].filter(Boolean).join('; ');
  }
  return {
    method: chance.of(['GET', 'GET', 'POST', 'DELETE', 'PUT']),
    host: chance.of(['shop.test', 'SHOP.test', 'api.shop.test:8080', 'a.b.shop.test', 'shop.other', 'api.x', 'nobody']),
    path: spoiled(chance, chance.of(paths)) + query(chance),
    headers,
  };
}

/** Now and then a path that is not plain. */
function spoiled(chance: Chance, path: string): string {
  if (!chance.happens(0.15)) return path;
  return chance.of([
    path.replaceAll('/', '//'),
    `/x/..${path}`,
    `/.${path}`,
    path.replace(/(.)\/(.)/, '$1%2F$2'),
    path.replace(/(.)\/(.)/, '$1%5c$2'),
    path.replace('a', '%61'),
    `${path}%20b`,
    `${path}%2e`,
    `${path}/%2E%2e/b`,
    `${path};x=1`,
    path.replace(/(.)\/(.)/, '$1\\$2'),
  ]);
}

function query(chance: Chance): string {
  return chance.of(['', '', '?', '?user=beta', '?x=1&user=v1&user=beta', '?user', '?users=beta', '?user=a%20b&lane=1']);
}

/** Routes that leave nothing out that rules can ask for, and services for them at the addresses. */
export function randomRoutes(chance: Chance, first: readonly [string, string], second: string): StaticPolicy {
  const used = chance.some(hosts, 2);
  const groups = used.map((host, index) => ({ host, group: index % 3 }));
  const rule = (index: number): RuleInput => ({
    ...(chance.happens(0.7) ? { name: `rule-${index}` } : {}),
    match: randomMatch(chance),
    ...randomAction(chance),
    responseHeaders: { set: { 'x-route': '%ROUTE_NAME%', 'x-cluster': '%UPSTREAM_CLUSTER_RAW%' } },
  });
  return {
    services: {
      first: {
        endpoints: first.map((address, index) => ({ address, labels: { version: `v${index + 1}` } })),
        versions: { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' } } },
      },
      second: { endpoints: [{ address: second }] },
    },
    routes: Object.fromEntries(
      [0, 1, 2].flatMap(group => {
        const own = groups.filter(each => each.group === group).map(each => each.host);
        const rules = Array.from({ length: 3 + chance.below(8) }, (_, index) => rule(index));
        return own.length === 0 ? [] : [[`route-${group}`, { hosts: own, rules }] as const];
      }),
    ),
  };
}

function randomMatch(chance: Chance): MatchInput {
  return {
    ...(chance.happens(0.8) ? { path: randomPath(chance) } : {}),
    ...(chance.happens(0.2) ? { methods: [...chance.some(['GET', 'POST', 'DELETE', 'PROPFIND'])] } : {}),
    ...(chance.happens(0.3) ? { headers: { [chance.of(['x-lane', 'x_under'])]: randomText(chance) } } : {}),
    ...(chance.happens(0.2) ? { query: { user: randomText(chance, 'query') } } : {}),
    ...(chance.happens(0.2) ? { cookies: { lane: randomText(chance) } } : {}),
  };
}

function randomPath(chance: Chance): NonNullable<MatchInput['path']> {
  const path = chance.of(paths);
  const letters = chance.happens(0.3) ? { ignoreCase: true } : {};
  switch (chance.below(5)) {
    case 0:
      return { exact: path, ...letters };
    case 1:
      return { regex: chance.of(['/a(/.*)?', '/v[0-9]+/.*', '(?i)/a/b', '/[^/]*']) };
    case 2:
      return { template: chance.of(['/{id}', '/a/**', '/*/b', '/**.css', '/{v=v1}/{rest=**}', '/a/{x}/c']) };
    default:
      return { prefix: path, ...letters };
  }
}

function randomText(chance: Chance, where?: 'query'): NonNullable<MatchInput['headers']>[string] {
  const not = chance.happens(0.3) ? { not: true } : {};
  switch (chance.below(6)) {
    case 0:
      return { present: chance.happens(0.5), ...not };
    case 1:
      return { prefix: chance.of(['be', 'v1']), ...not };
    case 2:
      return { suffix: chance.of(['ta', '2']), ...not };
    case 3:
      return { contains: chance.of(['et', '1']), ...not };
    case 4:
      return { regex: chance.of(['v[0-9]+', 'be.*|']), ...(where === 'query' ? {} : not) };
    default:
      return { exact: chance.of(texts), ...not };
  }
}

function randomAction(chance: Chance): Omit<RuleInput, 'match' | 'name'> {
  switch (chance.below(6)) {
    case 0:
      return { respond: { status: chance.of([200, 404, 503]), body: 'answered' } };
    case 1:
      return { redirect: randomRedirect(chance) };
    case 2:
      return { to: [{ service: 'second' }], rewrite: randomRewrite(chance) };
    case 3:
      return {
        to: [
          { service: 'first', version: 'v1', weight: chance.below(3) },
          { service: 'first', version: 'v2', weight: 1 },
        ],
        sticky: 'cookie',
      };
    case 4:
      return { to: [{ service: 'first' }, { service: 'second', weight: chance.below(2) }] };
    default:
      return { to: [{ service: 'first' }] };
  }
}

function randomRedirect(chance: Chance): NonNullable<RuleInput['redirect']> {
  return {
    ...(chance.happens(0.5) ? { scheme: chance.of(['https', 'http']) } : {}),
    ...(chance.happens(0.3) ? { port: 8443 } : {}),
    ...(chance.happens(0.3) ? { stripQuery: true } : {}),
    ...chance.of([
      { host: 'www.test' },
      { path: '/new' },
      { path: '/new?own=1' },
      { prefix: '/new' },
      { status: 308, host: 'x.test' },
    ]),
  };
}

function randomRewrite(chance: Chance): NonNullable<RuleInput['rewrite']> {
  return {
    ...(chance.happens(0.3) ? { host: 'inside.test' } : {}),
    ...chance.of([
      { prefix: '/' },
      { prefix: '/new' },
      { regex: { pattern: '^/(.)(.*)$', replacement: '/\\2/\\1\\\\$1' } },
      { regex: { pattern: 'b', replacement: '' } },
    ]),
  };
}
