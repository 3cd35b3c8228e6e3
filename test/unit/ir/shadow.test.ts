import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { covers } from '../../../src/ir/shadow.ts';
import { ApiVersioning } from '../../../src/policy/api-versioning.ts';
import { Match, type PathMatch, type TextMatch } from '../../../src/policy/match.ts';

type MatchInput = Parameters<typeof Match.parse>[0];
const match = (input: MatchInput, versioning?: ApiVersioning) => ({ match: Match.parse(input), versioning });
const covered = (wide: MatchInput, narrow: MatchInput, versioning?: ApiVersioning) =>
  covers(match(wide, versioning), match(narrow, versioning));

interface Request {
  readonly path: string;
  readonly method: string;
  readonly header: string | undefined;
}

/** What the reference says of matches, written down once more, plainly. */
function matches({ path, methods, headers }: Match, request: Request): boolean {
  return (
    (path === undefined || pathMatches(path, request.path)) &&
    (methods?.includes(request.method) ?? true) &&
    Object.values(headers).every(each => textMatches(each, request.header))
  );
}

function pathMatches({ exact, prefix, template, ignoreCase }: PathMatch, path: string): boolean {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  if (exact !== undefined) return fold(exact) === fold(path);
  if (prefix !== undefined) {
    const stem = fold(prefix).replace(/\/$/, '');
    return prefix.endsWith('/') ? fold(path).startsWith(`${stem}/`) : `${fold(path)}/`.startsWith(`${stem}/`);
  }
  const segments = (template ?? '')
    .split('/')
    .map(each => (each === '**' ? '.*' : /^[{*]/.test(each) ? '[^/]+' : each));
  return new RegExp(`^${segments.join('/')}$`).test(path);
}

function textMatches(wanted: TextMatch, value: string | undefined): boolean {
  const { exact, prefix, suffix, contains, present, not } = wanted;
  if (present !== undefined) return ((value !== undefined) === present) !== not;
  const fits =
    value !== undefined &&
    (exact === undefined || value === exact) &&
    (prefix === undefined || value.startsWith(prefix)) &&
    (suffix === undefined || value.endsWith(suffix)) &&
    (contains === undefined || value.includes(contains));
  return fits !== not;
}

const segment = fc.constantFrom('a', 'A', 'b', 'ab', '');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map(each => `/${each.join('/')}`);
const template = fc.array(fc.constantFrom('a', 'b', '{x}', '*'), { minLength: 1, maxLength: 3 });
const pathInput = fc.oneof(
  fc.record({ exact: path, ignoreCase: fc.boolean() }),
  fc.record({ prefix: path, ignoreCase: fc.boolean() }),
  template.map(each => ({
    template: `/${each.map((part, index) => (part === '{x}' ? `{x${index}}` : part)).join('/')}`,
  })),
);
const value = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 3 });
const not = fc.boolean();
const textInput = fc.oneof(
  fc.record({ exact: value, not }),
  fc.record({ prefix: value, not }),
  fc.record({ suffix: value, not }),
  fc.record({ contains: value, not }),
  fc.record({ present: fc.boolean(), not }),
);
const method = fc.constantFrom('GET', 'PUT', 'POST');
const matchInput = fc.record(
  {
    path: pathInput,
    methods: fc.uniqueArray(method, { minLength: 1 }),
    headers: fc.record({ 'x-a': textInput }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<MatchInput>;
const request: fc.Arbitrary<Request> = fc.record({ path, method, header: fc.option(value, { nil: undefined }) });

describe('a match that covers another', () => {
  it('matches every request that the other matches', () => {
    let tried = 0;
    fc.assert(
      fc.property(
        matchInput,
        matchInput,
        fc.array(request, { minLength: 20, maxLength: 40 }),
        (wide, narrow, requests) => {
          if (!covered(wide, narrow)) return;
          const [a, b] = [Match.parse(wide), Match.parse(narrow)];
          for (const each of requests) {
            if (!matches(b, each)) continue;
            tried += 1;
            assert.ok(matches(a, each), JSON.stringify(each));
          }
        },
      ),
      { numRuns: 5000 },
    );
    assert.ok(tried > 500, `only ${tried} requests put it to the test`);
  });

  it('covers itself', () => {
    fc.assert(fc.property(matchInput, each => covered(each, structuredClone(each))));
  });

  for (const [wide, narrow] of [
    [{}, { path: '/a', methods: ['GET'], headers: { 'x-a': '1' } }],
    [{ path: '/' }, {}],
    [{ path: '/a' }, { path: '/a/b' }],
    [{ path: '/a' }, { path: { exact: '/a' } }],
    [{ path: '/a' }, { path: { template: '/a/{b}' } }],
    [{ path: { prefix: '/A', ignoreCase: true } }, { path: { exact: '/a/b', ignoreCase: true } }],
    [{ methods: ['GET', 'PUT'] }, { methods: ['PUT'] }],
    [{ query: { a: { present: true } } }, { query: { a: '1', b: '2' } }],
    [{ cookies: { a: { prefix: 'x' } } }, { cookies: { a: { prefix: 'xy' } } }],
    [{ path: { regex: '/a+' } }, { path: { regex: '/a+' }, methods: ['GET'] }],
  ] satisfies [MatchInput, MatchInput][]) {
    it(`${JSON.stringify(wide)} covers ${JSON.stringify(narrow)}`, () => {
      assert.equal(covered(wide, narrow), true);
      assert.equal(covered(narrow, wide), wide.path === '/' && narrow.path === undefined);
    });
  }
});

describe('versions of the API', () => {
  const versions = { v1: {}, v2: {} };
  const header = ApiVersioning.parse({ in: { header: {} }, versions });
  const ignoring = ApiVersioning.parse({ in: { header: {} }, versions, unknown: 'ignore' });
  const inPath = ApiVersioning.parse({ in: { path: {} }, versions });

  it('are covered by a rule without one, and not the other way round', () => {
    assert.equal(covered({}, { apiVersion: 'v1' }, header), true);
    assert.equal(covered({ apiVersion: 'v1' }, {}, header), false);
    assert.equal(covered({ apiVersion: 'v1' }, { apiVersion: 'v2' }, header), false);
    assert.equal(covered({ apiVersion: 'v1' }, { apiVersion: 'v1', path: '/a' }, header), true);
  });

  it('in the path are covered by rules of other services for every path only', () => {
    assert.equal(covers(match({ path: '/a' }), match({ path: '/a', apiVersion: 'v1' }, inPath)), false);
    assert.equal(covers(match({ path: '/a' }), match({ path: '/a' }, inPath)), false);
    assert.equal(covers(match({}), match({ path: '/a', apiVersion: 'v1' }, inPath)), true);
    assert.equal(covered({ path: '/a' }, { path: '/a/b', apiVersion: 'v1' }, inPath), true);
  });

  it('that are unknown are left to later rules where the service says so', () => {
    assert.equal(covers(match({}, ignoring), match({})), false);
    assert.equal(covers(match({}, header), match({})), true);
    assert.equal(covered({}, { apiVersion: 'v1' }, ignoring), true);
  });
});
