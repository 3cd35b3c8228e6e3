import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  followingSegment,
  isVersionSegment,
  namesOf,
  type SegmentPlace,
  segmentPlace,
  versionOf,
  versionShapes,
} from '../../../src/ir/version-segment.ts';
import { ApiVersioning } from '../../../src/policy/api-versioning.ts';
import type { PathMatch } from '../../../src/policy/match.ts';

const inside = (rest: string): SegmentPlace => ({ kind: 'inside', rest });
const path = (match: Partial<PathMatch>): PathMatch => ({ ignoreCase: false, ...match });

describe('where the version stands in a path', () => {
  const cases: readonly (readonly [match: PathMatch | undefined, after: string, place: SegmentPlace])[] = [
    [undefined, '/', inside('')],
    [undefined, '/api', { kind: 'above' }],
    [path({ prefix: '/' }), '/', inside('')],
    [path({ prefix: '/items' }), '/', inside('/items')],
    [path({ prefix: '/items/' }), '/', inside('/items/')],
    [path({ prefix: '/api' }), '/api', inside('')],
    [path({ prefix: '/api/' }), '/api', inside('/')],
    [path({ prefix: '/api/items' }), '/api', inside('/items')],
    [path({ prefix: '/apis' }), '/api', { kind: 'outside' }],
    [path({ prefix: '/a' }), '/a/b', { kind: 'above' }],
    [path({ prefix: '/a/' }), '/a/b', { kind: 'above' }],
    [path({ prefix: '/API', ignoreCase: true }), '/api', inside('')],
    [path({ prefix: '/API' }), '/api', { kind: 'outside' }],
    [path({ exact: '/' }), '/', inside('/')],
    [path({ exact: '/a' }), '/a/b', { kind: 'outside' }],
    [path({ exact: '/a/b' }), '/a/b', inside('')],
    [path({ template: '/{id}' }), '/', inside('/{id}')],
    [path({ template: '/api/{id}' }), '/api', inside('/{id}')],
    [path({ template: '/{a}/{b}' }), '/api', { kind: 'unclear' }],
    [path({ template: '/api{a}' }), '/api', { kind: 'unclear' }],
    [path({ template: '/users/{id}' }), '/api', { kind: 'outside' }],
    [path({ template: '/api' }), '/api/x', { kind: 'outside' }],
    [path({ regex: '.*[.]json' }), '/', inside('.*[.]json')],
    [path({ regex: '/api/[0-9]+' }), '/api', inside('/[0-9]+')],
    [path({ regex: '/api(?:/.*)?' }), '/api', inside('(?:/.*)?')],
    [path({ regex: '/a\\.b/.*' }), '/a.b', inside('/.*')],
    [path({ regex: '/api.*' }), '/api', { kind: 'unclear' }],
    [path({ regex: '/api/*' }), '/api', { kind: 'unclear' }],
    [path({ regex: '/api/a|/web/b' }), '/api', { kind: 'unclear' }],
    [path({ regex: '/api/(a|b)' }), '/api', inside('/(a|b)')],
    [path({ regex: '/api/[|]' }), '/api', inside('/[|]')],
    [path({ regex: '/web/[0-9]+' }), '/api', { kind: 'outside' }],
    [path({ regex: '/ap?/x' }), '/api', { kind: 'unclear' }],
  ];
  for (const [match, after, place] of cases) {
    it(`${JSON.stringify(match ?? {})} after ${after}`, () => assert.deepEqual(segmentPlace(match, after), place));
  }
});

describe('names of versions', () => {
  const versioning = ApiVersioning.parse({
    in: { path: {} },
    versions: { v1: {}, v2: {}, 'v1.2': {}, '2024-10-01': {}, stable: {}, constructor: {} },
    aliases: { latest: 'v2', newest: 'v2', v1: 'v2', lost: 'v3' },
  });

  it('those with numbers have a shape', () => {
    assert.deepEqual(versionShapes(versioning), ['[0-9]+-[0-9]+-[0-9]+', 'v[0-9]+', 'v[0-9]+\\.[0-9]+']);
    for (const segment of ['v1', 'v99', 'v3.4', '1-1-1', 'stable', 'latest', 'constructor']) {
      assert.ok(isVersionSegment(segment, versioning), segment);
    }
    for (const segment of ['v', 'v1x', 'vendors', 'V1', 'v1.2.3', 'toString', '']) {
      assert.ok(!isVersionSegment(segment, versioning), segment);
    }
  });

  it('an alias means its version, unless a version has the name', () => {
    assert.deepEqual(namesOf('v2', versioning), ['v2', 'latest', 'newest']);
    assert.deepEqual(namesOf('v1', versioning), ['v1']);
    assert.equal(versionOf('latest', versioning), 'v2');
    assert.equal(versionOf('v1', versioning), 'v1');
    assert.equal(versionOf('lost', versioning), undefined);
  });

  it('the segment after the place, where it is certain', () => {
    const following = (match: Partial<PathMatch>, after: string) =>
      followingSegment(path(match), segmentPlace(path(match), after));
    assert.equal(following({ prefix: '/v2/items' }, '/'), 'v2');
    assert.equal(following({ prefix: '/api/v2' }, '/api'), 'v2');
    assert.equal(following({ template: '/v2/{id}' }, '/'), 'v2');
    assert.equal(following({ template: '/{id}/v2' }, '/'), undefined);
    assert.equal(following({ prefix: '/api' }, '/api'), undefined);
    assert.equal(following({ regex: '/v2' }, '/'), undefined);
  });
});
