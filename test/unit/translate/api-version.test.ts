import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { millis } from '../../../src/base/units.ts';
import type { RuleIr } from '../../../src/ir/ir.ts';
import { segmentExpressions } from '../../../src/ir/version-segment.ts';
import { ApiVersioning } from '../../../src/policy/api-versioning.ts';
import { maxProgramSize, sizeOf } from '../../../src/policy/check-regex.ts';
import { Retries } from '../../../src/policy/retries.ts';
import { Rule } from '../../../src/policy/route.ts';
import { routeConfiguration } from '../../../src/translate/route.ts';
import { routeOf } from '../../support/route-simulator.ts';

/** A rule of the tests: which service it sends to (`plain` has no versions), where, and for which version. */
interface Spec {
  readonly service: 'shop' | 'plain';
  readonly path: { readonly prefix: string } | { readonly exact: string } | undefined;
  readonly apiVersion: string | undefined;
}

const states: Readonly<Record<string, string>> = { v1: 'retired', v2: 'deprecated', v3: 'active', stable: 'active' };
const aliases: Readonly<Record<string, string>> = { latest: 'v3', old: 'v1' };

function routesOf(specs: readonly Spec[], versioning: ApiVersioning) {
  const rules = specs.map(({ service, path, apiVersion }, index): RuleIr => {
    const match = { ...(path ? { path } : {}), ...(apiVersion && service === 'shop' ? { apiVersion } : {}) };
    const rule = Rule.parse({ match, to: [{ service }] });
    return {
      name: String(index),
      routeName: 'r',
      rule,
      action: {
        kind: 'forward',
        to: [{ destination: service, cluster: service, serviceName: service, weight: 1 }],
        timeout: millis(0),
        retries: Retries.parse({ attempts: 0 }),
        hashService: undefined,
        webSockets: true,
        behindSidecars: false,
      },
      apiVersioning: service === 'shop' ? { serviceName: service, versioning } : undefined,
    };
  });
  const table = { name: 't', virtualHosts: [{ name: 'r', domains: ['*'], rules }] };
  return routeConfiguration(table).virtual_hosts?.[0]?.routes ?? [];
}

/** What the guide says, written anew: name of the route that answers, or undefined. */
function expected(
  specs: readonly Spec[],
  versioning: ApiVersioning,
  request: { path: string; version: string | undefined },
): string | undefined {
  const place = versioning.in.path;
  const { named, path } = place
    ? readPath(request.path, place.after)
    : { named: request.version || undefined, path: request.path };
  const known = named === undefined ? undefined : Object.hasOwn(states, named) ? named : aliases[named];
  const unknown = named !== undefined && known === undefined;
  for (const [index, spec] of specs.entries()) {
    const suits = (plain: string) =>
      !spec.path || ('exact' in spec.path ? plain === spec.path.exact : isBelow(plain, spec.path.prefix));
    const versioned = spec.service === 'shop';
    const fits = suits(versioned ? path : request.path);
    const asNone = named === undefined || (unknown && versioning.unknown === 'default');
    if (fits && !versioned) return String(index);
    if (fits && spec.apiVersion === undefined) {
      if (asNone) return String(index);
      if (unknown && versioning.unknown === 'reject') return `${index}@unknown:${place ? 404 : 400}`;
      if (known !== undefined) return states[known] === 'retired' ? `${index}@${known}:410` : String(index);
    }
    if (fits && spec.apiVersion !== undefined) {
      if (known === spec.apiVersion || (asNone && versioning.default === spec.apiVersion)) {
        return states[spec.apiVersion] === 'retired' ? `${index}@${spec.apiVersion}:410` : String(index);
      }
    }
    const later = specs.slice(index + 1);
    const guards = versioned && spec.apiVersion !== undefined && !later.some(other => sameGroup(other, spec));
    if (fits && guards) {
      if (known !== undefined && states[known] === 'retired') return `${index}@${known}:410`;
      if (unknown && versioning.unknown === 'reject') return `${index}@unknown:${place ? 404 : 400}`;
    }
  }
  return undefined;
}

const everyPath = { prefix: '/' };
const sameGroup = (a: Spec, b: Spec) =>
  a.service === b.service &&
  a.apiVersion !== undefined &&
  JSON.stringify(a.path ?? everyPath) === JSON.stringify(b.path ?? everyPath);
const isBelow = (path: string, prefix: string) =>
  prefix.endsWith('/') ? path.startsWith(prefix) : path === prefix || path.startsWith(`${prefix}/`);

function readPath(path: string, after: string): { named: string | undefined; path: string } {
  const base = after === '/' ? '' : after;
  if (!path.startsWith(`${base}/`)) return { named: undefined, path };
  const [, segment = '', ...rest] = path.slice(base.length).split('/');
  const isVersion = Object.hasOwn(states, segment) || Object.hasOwn(aliases, segment) || /^v\d+$/.test(segment);
  if (!isVersion) return { named: undefined, path };
  return { named: segment, path: base + rest.map(each => `/${each}`).join('') || '/' };
}

const segments = fc.array(fc.constantFrom('api', 'items', 'v', 'vendors', 'v2x', 'v2'), { maxLength: 2 });
const pathText = segments.map(parts => `/${parts.join('/')}`);
const path = fc.option(
  fc.oneof(
    pathText.map(prefix => ({ prefix })),
    pathText.map(exact => ({ exact })),
    fc.constant({ prefix: '/api/' }),
  ),
  { nil: undefined },
);
const spec: fc.Arbitrary<Spec> = fc.record({
  service: fc.constantFrom('shop', 'shop', 'shop', 'plain'),
  path,
  apiVersion: fc.option(fc.constantFrom('v1', 'v2', 'v3', 'stable'), { nil: undefined }),
});
const settings = fc.record({
  default: fc.constantFrom(undefined, 'v2', 'v3', 'stable'),
  unknown: fc.constantFrom('reject', 'default', 'ignore'),
});
const versionName = fc.constantFrom(undefined, 'v1', 'v2', 'v3', 'stable', 'latest', 'old', 'v9', 'v10', '');
const versionings = (place: object, { default: fallback, unknown }: { default: string | undefined; unknown: string }) =>
  ApiVersioning.parse({
    in: place,
    versions: Object.fromEntries(Object.entries(states).map(([name, state]) => [name, { state }])),
    aliases,
    unknown,
    ...(fallback === undefined ? {} : { default: fallback }),
  });

describe('which rule a request meets is what the guide says', () => {
  it('with versions in the path', () => {
    const requestPath = fc
      .array(
        fc.constantFrom(
          'api',
          'items',
          'v1',
          'v2',
          'v3',
          'v9',
          'v10',
          'latest',
          'old',
          'stable',
          'v',
          'vendors',
          'v2x',
          '',
        ),
        { minLength: 1, maxLength: 4 },
      )
      .map(parts => `/${parts.join('/')}`);
    fc.assert(
      fc.property(
        fc.array(spec, { minLength: 1, maxLength: 5 }),
        settings,
        fc.constantFrom('/', '/api', '/api/items'),
        fc.array(requestPath, { minLength: 5, maxLength: 15 }),
        (specs, setting, after, paths) => {
          const versioning = versionings({ path: { after } }, setting);
          const routes = routesOf(specs, versioning);
          for (const each of paths) {
            for (const query of ['', '?x=/v2']) {
              const found = routeOf(routes, { path: each + query });
              assert.equal(found?.name, expected(specs, versioning, { path: each, version: undefined }), each);
            }
          }
        },
      ),
      { numRuns: 1500 },
    );
  });

  const elsewhere = {
    header: {
      place: { header: {} },
      request: (path: string, version: string | undefined) => ({
        path,
        headers: version === undefined ? {} : { 'x-api-version': version },
      }),
    },
    query: {
      place: { query: {} },
      request: (path: string, version: string | undefined) => ({
        path: version === undefined ? path : `${path}?a=b&api-version=${version}`,
      }),
    },
    'media type': {
      place: { mediaType: { vendor: 'shop' } },
      request: (path: string, version: string | undefined) => ({
        path,
        headers: version ? { accept: `text/html, application/vnd.shop.${version}+json;q=0.5` } : { accept: '*/*' },
      }),
    },
  };
  for (const [name, { place, request }] of Object.entries(elsewhere)) {
    it(`with versions in a ${name}`, () => {
      fc.assert(
        fc.property(
          fc.array(spec, { minLength: 1, maxLength: 5 }),
          settings,
          pathText,
          versionName,
          (specs, setting, path, version) => {
            const versioning = versionings(place, setting);
            const found = routeOf(routesOf(specs, versioning), request(path, version));
            assert.equal(found?.name, expected(specs, versioning, { path, version }));
          },
        ),
        { numRuns: 1500 },
      );
    });
  }
});

describe('expressions that are made of names and paths', () => {
  it('fit the limit of Envoy for paths and names of usual length', () => {
    const versioning = ApiVersioning.parse({
      in: { path: { after: '/an/api/behind/a/long/path/that/somebody/wants' } },
      versions: { 'v1.2.3-beta4': {}, '2024-10-01': {} },
      aliases: { 'the-latest-and-greatest': '2024-10-01' },
    });
    const path = Rule.parse({
      match: { path: '/an/api/behind/a/long/path/that/somebody/wants/items/of/orders/of/customers' },
      to: [{ service: 'a' }],
    }).match.path;
    const expressions = segmentExpressions(path, versioning);
    assert.ok(expressions.length >= 4);
    for (const each of expressions) assert.ok(sizeOf(each) <= maxProgramSize, `${sizeOf(each)}: ${each}`);
  });

  it('mean the names as they are', () => {
    const versioning = ApiVersioning.parse({ in: { path: {} }, versions: { 'v1.2': {} } });
    const routes = routesOf([{ service: 'shop', path: { prefix: '/a.b' }, apiVersion: undefined }], versioning);
    assert.equal(routeOf(routes, { path: '/v1.3/a.b' })?.name, '0@unknown:404');
    for (const other of ['/v1x3/a.b', '/v1.3/axb']) assert.equal(routeOf(routes, { path: other }), undefined, other);
  });
});
