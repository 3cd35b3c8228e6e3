import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RateLimit } from '../../../src/access/rate-limit.ts';

describe('a limit on how often', () => {
  it('lets a burst pass, then as many as come back, and says how long to wait', () => {
    const limit = new RateLimit({ burst: 3, perSecond: 2 });
    assert.deepEqual(
      [0, 0, 0, 0].map(now => limit.take('ada', now)),
      [0, 0, 0, 500],
    );
    assert.equal(limit.take('ada', 250), 250);
    assert.equal(limit.take('ada', 500), 0);
    assert.equal(limit.take('ada', 500), 500);
    assert.deepEqual(
      [0, 0, 0, 0].map(() => limit.take('ada', 60_000)),
      [0, 0, 0, 500],
      'no more than a burst is saved',
    );
  });

  it('tells callers apart, and forgets those that are quiet', () => {
    const limit = new RateLimit({ burst: 1, perSecond: 0.001 });
    assert.equal(limit.take('ada', 0), 0);
    assert.equal(limit.take('bob', 0), 0);
    assert.ok(limit.take('ada', 0) > 0);
    for (let number = 0; number < 5000; number++) limit.take(String(number), 0);
    assert.equal(limit.take('ada', 0), 0);
  });

  it('is not confused by a clock that stands still or goes back', () => {
    const limit = new RateLimit({ burst: 1, perSecond: 1 });
    assert.equal(limit.take('ada', 1000), 0);
    assert.equal(limit.take('ada', 0), 1000);
    assert.equal(limit.take('ada', 1000), 0);
  });
});
