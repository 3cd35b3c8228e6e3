import assert from 'node:assert/strict';

/** How often each value came. */
export type Counts = ReadonlyMap<string, number>;

const total = (counts: Counts): number => [...counts.values()].reduce((sum, each) => sum + each, 0);

/**
 * Asserts that a value came about as often as independent choices with this chance would give it: within five standard
 * deviations, which a right implementation misses once in two million times.
 */
export function assertShare(counts: Counts, value: string, chance: number): void {
  const all = total(counts);
  const came = counts.get(value) ?? 0;
  const expected = all * chance;
  const bound = 5 * Math.sqrt(all * chance * (1 - chance)) + 1;
  assert.ok(
    Math.abs(came - expected) <= bound,
    `${value} came ${came} times of ${all}; expected ${expected.toFixed(0)} ± ${bound.toFixed(0)} (${show(counts)})`,
  );
}

/** Asserts which values came at all. */
export function assertValues(counts: Counts, values: readonly string[]): void {
  assert.deepEqual([...counts.keys()].sort(), [...values].sort(), show(counts));
}

export function show(counts: Counts): string {
  return [...counts].map(([value, count]) => `${value}: ${count}`).join(', ');
}
