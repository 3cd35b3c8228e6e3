import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { distanceToGlob, fitsGlob, globsMeet, MOST_COMPARED } from '../../../src/ir/glob.ts';

const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 7 });
const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
const expression = (pattern: string) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`);

/** All texts of a and b up to a length. */
function texts(length: number): readonly string[] {
  if (length === 0) return [''];
  const shorter = texts(length - 1);
  return ['', ...shorter.flatMap(each => [`a${each}`, `b${each}`])];
}

describe('globs', () => {
  it('fit what the expression with .* for * fits', () => {
    fc.assert(
      fc.property(glob, text, (pattern, value) => fitsGlob(pattern, value) === expression(pattern).test(value)),
    );
  });

  it('meet if and only if some text fits both', () => {
    const all = [...new Set(texts(8))];
    const short = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 4 });
    fc.assert(
      fc.property(short, short, (a, b) => globsMeet(a, b) === all.some(each => fitsGlob(a, each) && fitsGlob(b, each))),
      { numRuns: 300 },
    );
  });

  it('are 0 away from what fits them, and only from that', () => {
    fc.assert(
      fc.property(glob, text, (pattern, value) => (distanceToGlob(pattern, value) === 0) === fitsGlob(pattern, value)),
    );
  });

  it('are as many letters away as must change', () => {
    assert.equal(distanceToGlob('edge', 'egde'), 2);
    assert.equal(distanceToGlob('edge-*', 'edg-1'), 1);
    assert.equal(distanceToGlob('edge', ''), 4);
  });

  it('take long texts without delay', () => {
    const long = 'a'.repeat(1_000_000);
    const started = performance.now();
    assert.equal(fitsGlob('*a*a*a*a*b', long), false);
    assert.equal(distanceToGlob('b', long), MOST_COMPARED);
    assert.ok(performance.now() - started < 1000);
  });

  it('are compared with long texts from where these begin to differ', () => {
    const long = 'a'.repeat(200);
    assert.equal(distanceToGlob(`${long}bc`, `${long}cb`), 2);
    assert.equal(distanceToGlob(`${long}b*`, `${long}c${long}`), 1);
  });
});
