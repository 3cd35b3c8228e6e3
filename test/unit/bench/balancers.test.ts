import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type BalancerName, balancers } from '../../../bench/balancers/balancers.ts';
import { busiest, quantile, type Sample, shareOf, zipf } from '../../../bench/balancers/load.ts';
import { Chance } from '../../support/chance.ts';

const root = path.join(import.meta.dirname, '..', '..', '..');
const rowsOf = (file: string) =>
  readFileSync(path.join(root, file), 'utf8')
    .split('\n')
    .filter(line => line.startsWith('| `'));

describe('the guide that chooses a balancer', () => {
  it('quotes rows of the newest results, and only such', () => {
    const measured = new Set(rowsOf('bench/balancers/results.md'));
    const quoted = rowsOf('docs/guides/choosing-a-balancer.md');
    assert.ok(quoted.length > 10);
    assert.deepEqual(
      quoted.filter(row => !measured.has(row)),
      [],
    );
  });

  it('has results of every balancer', () => {
    const rows = rowsOf('bench/balancers/results.md');
    for (const name of Object.keys(balancers) as BalancerName[]) {
      assert.ok(
        rows.some(row => row.startsWith(`| ${balancers[name].title} |`)),
        name,
      );
    }
  });
});

describe('what the bench of balancers counts', () => {
  it('draws the first item as often as its rank says', () => {
    const draw = zipf(2, 1);
    const chance = new Chance(7);
    const first = Array.from({ length: 3000 }, () => draw(chance)).filter(item => item === 0).length;
    assert.ok(Math.abs(first / 3000 - 2 / 3) < 0.05, String(first));
  });

  it('knows shares and quantiles', () => {
    const samples = ['a', 'a', 'b', 'c'].map((server, index): Sample => ({ server, ms: index, hit: false, item: '' }));
    assert.deepEqual([shareOf(samples, 'a'), busiest(samples)], [0.5, 0.5]);
    assert.equal(quantile([5, 1, 3], 0.5), 3);
    assert.equal(quantile([5, 1, 3], 0.99), 5);
  });
});
