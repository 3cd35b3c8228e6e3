import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { boundProblems } from '../../../src/base/bound-problems.ts';
import { hasErrors, problem } from '../../../src/base/problem.ts';

const many = (code: 'schema.missing' | 'service.no_endpoints', count: number) =>
  Array.from({ length: count }, (_, index) => problem(code, ['services', index], `number ${index}`));

describe('boundProblems', () => {
  it('keeps up to a thousand as they are', () => {
    const problems = many('schema.missing', 1000);
    assert.equal(boundProblems(problems), problems);
  });

  it('keeps errors before warnings, and counts the rest', () => {
    const bound = boundProblems([...many('service.no_endpoints', 1500), ...many('schema.missing', 10)]);
    assert.equal(bound.length, 1001);
    assert.ok(bound.slice(0, 10).every(each => each.code === 'schema.missing'));
    assert.match(bound.at(-1)?.message ?? '', /\b510 more\b/);
  });

  it('makes no error of many warnings', () => {
    assert.equal(hasErrors(boundProblems(many('service.no_endpoints', 5000))), false);
  });
});
