import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decode, encode } from '../../../proto/codec.ts';
import { millis } from '../../../src/base/units.ts';
import type { RouteTableIr, RuleIr } from '../../../src/ir/ir.ts';
import { Retries } from '../../../src/policy/retries.ts';
import { Rule } from '../../../src/policy/route.ts';
import { replacedPrefix, replacePrefix } from '../../../src/translate/path-rewrite.ts';
import { routeConfiguration } from '../../../src/translate/route.ts';
import { translate } from '../../../src/translate/translate.ts';
import { fleetsOf, goldenCases } from '../../support/golden-case.ts';

type RuleInput = Parameters<typeof Rule.parse>[0];

function tableOf(...rules: readonly RuleInput[]): RouteTableIr {
  const made = rules.map((input, index): RuleIr => {
    const rule = Rule.parse(input);
    return {
      name: `r/#${index + 1}`,
      routeName: 'r',
      rule,
      action: rule.to
        ? {
            kind: 'forward',
            to: rule.to.map(({ service, weight }) => ({
              destination: service,
              cluster: service,
              serviceName: service,
              weight,
            })),
            timeout: millis(1000),
            retries: Retries.parse({}),
            hashService: undefined,
            webSockets: true,
            behindSidecars: false,
          }
        : { kind: rule.redirect ? 'redirect' : 'respond' },
      apiVersioning: undefined,
    };
  });
  return { name: 't', virtualHosts: [{ name: 'r', domains: ['*'], rules: made }] };
}

describe('a route configuration', () => {
  it('is the same object for the same table, and shares the virtual hosts of others', () => {
    const table = tableOf({ to: [{ service: 'a' }] });
    const grown = { ...table, virtualHosts: [...table.virtualHosts, { name: 's', domains: ['s'], rules: [] }] };
    assert.equal(routeConfiguration(table), routeConfiguration(table));
    assert.equal(routeConfiguration(grown).virtual_hosts?.[0], routeConfiguration(table).virtual_hosts?.[0]);
  });

  it('does not depend on the order in which a rule is written', () => {
    const to = [{ service: 'a' }];
    const one = tableOf({
      match: {
        headers: { a: '1', b: '2' },
        query: { x: '1', y: '2' },
        cookies: { c: '1', d: '2' },
        methods: ['GET', 'PUT'],
      },
      requestHeaders: { set: { a: '1', b: '2' }, add: { c: '1', d: '2' }, remove: ['e', 'f'] },
      to,
    });
    const other = tableOf({
      to,
      requestHeaders: { remove: ['f', 'e'], add: { d: '2', c: '1' }, set: { b: '2', a: '1' } },
      match: {
        methods: ['PUT', 'GET'],
        cookies: { d: '2', c: '1' },
        query: { y: '2', x: '1' },
        headers: { b: '2', a: '1' },
      },
    });
    assert.deepEqual(routeConfiguration(one), routeConfiguration(other));
    const bytes = (table: RouteTableIr) =>
      encode('envoy.config.route.v3.RouteConfiguration', routeConfiguration(table));
    assert.deepEqual(bytes(one), bytes(other));
  });

  it('raises the limit of direct responses as far as needed, in bytes', () => {
    const limit = (body: string) =>
      routeConfiguration(tableOf({ respond: { status: 200, body } })).max_direct_response_body_size_bytes;
    assert.equal(limit('a'.repeat(4096)), undefined);
    assert.equal(limit('ü'.repeat(2049)), 4098);
  });

  it('has no route for a version that no service of the rule has', () => {
    const table = tableOf({ match: { apiVersion: 'v1' }, to: [{ service: 'a' }] });
    assert.deepEqual(routeConfiguration(table).virtual_hosts?.[0]?.routes, []);
  });

  it('survives the wire, in every golden policy', () => {
    for (const each of goldenCases()) {
      for (const { type, message } of fleetsOf(each).flatMap(translate)) {
        const bytes = encode(type, message);
        assert.deepEqual(encode(type, decode(type, bytes)), bytes);
      }
    }
  });
});

describe('replacing a prefix', () => {
  /** What Envoy makes of a path by the rewrite. */
  const byEnvoy = (path: string, prefix: string, replacement: string): string => {
    const rewrite = replacePrefix(prefix, replacement);
    const { pattern, substitution = '' } = rewrite.regex_rewrite ?? {};
    if (pattern) return path.replace(new RegExp(pattern.regex ?? ''), substitution);
    return rewrite.prefix_rewrite === undefined ? path : rewrite.prefix_rewrite + path.slice(prefix.length);
  };
  const segment = fc.constantFrom('a', 'b.c', 'long-segment');
  const plain = fc.array(segment, { maxLength: 3 }).map(parts => `/${parts.join('/')}`);
  const withSlash = fc.tuple(plain, fc.boolean()).map(([path, slash]) => (slash && path !== '/' ? `${path}/` : path));

  it('leaves one slash between the replacement and the rest', () => {
    fc.assert(
      fc.property(withSlash, withSlash, plain, (prefix, replacement, rest) => {
        const path = prefix.endsWith('/') ? prefix + rest.slice(1) : prefix + (rest === '/' ? '' : rest);
        const result = byEnvoy(path, prefix, replacement);
        assert.match(result, /^\/(?!\/)/);
        assert.doesNotMatch(result, /\/\//);
        assert.ok(result.startsWith(replacement.replace(/\/$/, '')));
        assert.ok(rest === '/' || result.endsWith(rest));
      }),
    );
  });

  it('is foretold for a path that is known', () => {
    fc.assert(
      fc.property(withSlash, withSlash, plain, (prefix, replacement, rest) => {
        const path = prefix.endsWith('/') ? prefix + rest.slice(1) : prefix + (rest === '/' ? '' : rest);
        const strip = (text: string) => text.replace(/(.)\/$/, '$1');
        assert.equal(strip(replacedPrefix(path, prefix, replacement)), strip(byEnvoy(path, prefix, replacement)));
      }),
    );
  });
});
