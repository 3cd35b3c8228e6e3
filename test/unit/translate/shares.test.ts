import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sharesOf } from '../../../src/translate/shares.ts';

const weight = fc.integer({ min: 0, max: 1_000_000 });
const total = 10_000;

describe('shares of a total', () => {
  it('are rounded by the largest remainder, the earlier first', () => {
    assert.deepEqual(sharesOf([95, 5], total), [9500, 500]);
    assert.deepEqual(sharesOf([2, 1], total), [6667, 3333]);
    assert.deepEqual(sharesOf([1, 1, 1], total), [3334, 3333, 3333]);
    assert.deepEqual(sharesOf([19_999, 1], total), [9999, 1]);
    assert.deepEqual(sharesOf([1, 19_999], total), [1, 9999]);
    assert.deepEqual(sharesOf([0, 7], total), [0, total]);
    assert.deepEqual(sharesOf([0, 0], total), [0, 0]);
  });

  it('sum up to it, are near the exact ones, and are 0 for weights of 0 alone', () => {
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 32 }), weights => {
        const sum = weights.reduce((all, each) => all + each, 0);
        fc.pre(sum > 0);
        const shares = sharesOf(weights, total);
        assert.equal(
          shares.reduce((all, each) => all + each, 0),
          total,
        );
        for (const [index, each] of weights.entries()) {
          const share = shares[index] ?? -1;
          assert.equal(share === 0, each === 0);
          assert.ok(Math.abs(share - (each * total) / sum) <= weights.length, `${share}`);
        }
      }),
    );
  });

  it('of one of two never fall while its part of the weights grows', () => {
    fc.assert(
      fc.property(weight, weight, weight, weight, (a, b, c, d) => {
        fc.pre(a + b > 0 && c + d > 0);
        const [one, other] =
          a * (c + d) <= c * (a + b)
            ? [sharesOf([a, b], total), sharesOf([c, d], total)]
            : [sharesOf([c, d], total), sharesOf([a, b], total)];
        assert.ok((one[0] ?? 0) <= (other[0] ?? 0) && (one[1] ?? 0) >= (other[1] ?? 0));
      }),
    );
  });
});
