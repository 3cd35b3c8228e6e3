import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assertShare, likely } from '../../support/statistics.ts';

it('shares that come by chance hold, also small ones, and others do not', () => {
  // Five deviations of the normal distribution end at 24, which small shares pass once in a hundred thousand times.
  assert.deepEqual(likely(300, 0.03), [0, 31]);
  assert.deepEqual(likely(300, 0.97), [269, 300]);
  assert.deepEqual(likely(300, 0.5), [99, 201]);
  assert.deepEqual(likely(300, 1), [299, 300]);
  assert.deepEqual(likely(400, 2 ** -20), [0, 2]);
  const counts = new Map([
    ['a', 98],
    ['b', 202],
  ]);
  assert.throws(() => assertShare(counts, 'a', 1 / 2), /a came 98 times of 300; expected 150, from 99 to 201/);
});
