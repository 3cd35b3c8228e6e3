import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { figuresOf, type Repetition, spread, summarise } from '../../../bench/failover/figures.ts';
import type { Outcome } from '../../../bench/failover/load.ts';
import { guideWith, places } from '../../../bench/failover/publish.ts';
import { page, type Results, tables } from '../../../bench/failover/results.ts';
import { longestStall } from '../../../bench/failover/stalls.ts';

const outcome = (more: Partial<Outcome>): Outcome => ({
  ...{ method: 'GET', began: 0, ended: 0, kind: 'ok', by: undefined },
  ...more,
});
const named = { system: 'switchyard', fault: 'crash', load: 'load', stall: 0 } as const;

describe('figures of the failover bench', () => {
  it('count the time to the last bad request that began while the fault lasted', () => {
    const outcomes = [
      outcome({ began: 990, ended: 1010, kind: 'cut' }),
      outcome({ began: 1300, kind: 'late', method: 'POST' }),
      outcome({ began: 1500 }),
      outcome({ began: 9000, kind: '503' }),
    ];
    const figures = figuresOf({ began: 1000, well: 8000, ended: 9500, outcomes, known: undefined, back: 8700 }, named);
    assert.equal(figures.lastBad, 300);
    assert.equal(figures.back, 700);
    assert.equal(figures.known, null);
    assert.deepEqual(figures.requests, { GET: 3, POST: 1 });
    assert.deepEqual(figures.bad, { GET: { cut: 1, '503': 1 }, POST: { late: 1 } });
  });

  it('take percentiles among what was measured, and what was never seen as worse than all', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.deepEqual(spread(hundred), { p50: 50, p99: 99, max: 100, missing: 0 });
    assert.deepEqual(spread([1, null, 2]), { p50: 2, p99: null, max: null, missing: 1 });
    assert.deepEqual(spread([]), { p50: null, p99: null, max: null, missing: 0 });
  });

  it('leave out repetitions in which the bench stood still, and count them', () => {
    const stalls = [{ at: 500, ms: 200 }];
    assert.equal(longestStall(stalls, 400, 900), 200);
    assert.equal(longestStall(stalls, 200, 310), 200);
    assert.equal(longestStall(stalls, 501, 900), 0);
    assert.equal(longestStall(stalls, 100, 299), 0);
    const summary = summarise(named, [repetition({}), repetition({ stall: 200, lastBad: 9999 })], 100);
    assert.equal(summary.repetitions, 1);
    assert.equal(summary.voided, 1);
    assert.equal(summary.lastBad.max, 0);
  });
});

function repetition(more: Partial<Repetition>): Repetition {
  return {
    ...named,
    ...{ lastBad: 0, known: null, back: 100, requests: { GET: 10, POST: 10 }, bad: { GET: {}, POST: {} } },
    ...more,
  };
}

function resultsOf(repetitions: readonly Repetition[], more: Partial<Results> = {}): Results {
  const kind = { fault: 'crash', load: 'load' } as const;
  return {
    ...{ date: '2026-01-02T03:04:05Z', machine: 'a machine', repetitions: 1, parallel: 1, starvedMs: 100, workers: 2 },
    broken: 0,
    systems: ['switchyard', 'haproxy'].map(name => ({ name, version: '1', about: name })),
    faults: [{ name: 'crash', about: 'it dies' }],
    summaries: ['switchyard', 'haproxy'].map(system => summarise({ ...kind, system }, repetitions, 100)),
    ...more,
  };
}

describe('tables of the failover bench', () => {
  const slow = { lastBad: 1500, bad: { GET: { '503': 2 }, POST: {} } };

  it('mark the best of the systems, ours or not', () => {
    const text = tables(resultsOf([repetition(slow), repetition({ system: 'haproxy', back: 200 })]));
    assert.match(text, /\| crash \| switchyard \| 1\.50 \/ 1\.50 \/ 1\.50 \| 2\.00 \(in 100%\) \| 0 \| 0 \| \*\*0\.10/);
    assert.match(text, /\| crash \| haproxy \| \*\*0\.00 \/ 0\.00 \/ 0\.00\*\* \| \*\*0\*\* \| 0 \| 0 \| 0\.20/);
  });

  it('say which goals were missed', () => {
    const missed = tables(resultsOf([repetition(slow)]));
    assert.match(missed, /within 1 s \(p99\) \| crash under load 1\.50 s \| \*\*no\*\* \|/);
    assert.match(missed, /no idempotent request fails by a crash \| 2 failed \| \*\*no\*\* \|/);
    const met = tables(resultsOf([repetition({})]));
    assert.match(met, /within 1 s \(p99\) \| at most crash under load 0\.00 s \| yes \|/);
    assert.match(tables(resultsOf([])), /within 1 s \(p99\) \| nothing \| - \|/);
  });
});

describe('results of the failover bench', () => {
  it('stand on their page and in the guide as they were measured, once they were', () => {
    if (!existsSync(places.results)) {
      assert.match(guideWith(resultsOf([])), /\*\*Under load\*\*/);
      return;
    }
    const results = JSON.parse(readFileSync(places.results, 'utf8')) as Results;
    if (process.env['UPDATE_DOCS']) {
      writeFileSync(places.page, page(results));
      writeFileSync(places.guide, guideWith(results));
    }
    const hint = 'run UPDATE_DOCS=1 npm test -- test/unit/bench/failover.test.ts';
    assert.equal(readFileSync(places.page, 'utf8'), page(results), `bench/failover/results.md is stale: ${hint}`);
    assert.equal(readFileSync(places.guide, 'utf8'), guideWith(results), `docs/guides/failover.md is stale: ${hint}`);
  });
});
