import assert from 'node:assert/strict';

/** How often each value came. */
export type Counts = ReadonlyMap<string, number>;

const total = (counts: Counts): number => [...counts.values()].reduce((sum, each) => sum + each, 0);

/** What a right implementation misses so seldom that all shares of a thousand runs of all tests hold. */
const unlikely = 1e-9;

/**
 * Asserts that a value came about as often as independent choices with this chance would give it: so few or so many come
 * by chance once in a thousand million times.
 */
export function assertShare(counts: Counts, value: string, chance: number): void {
  const all = total(counts);
  const came = counts.get(value) ?? 0;
  const [least, most] = likely(all, chance);
  assert.ok(
    came >= least && came <= most,
    `${value} came ${came} times of ${all}; expected ${(all * chance).toFixed(0)}, from ${least} to ${most} (${show(counts)})`,
  );
}

/** The least and the most that so many choices give, exactly rather than by deviations, which fall short for small chances. */
export function likely(all: number, chance: number): readonly [number, number] {
  // What does not go by chance alone may be one off.
  if (chance <= 0) return [0, 1];
  if (chance >= 1) return [all - 1, all];
  const expected = all * chance;
  const logs: number[] = [all * Math.log1p(-chance)];
  for (let k = 1; k <= all; k++)
    logs.push((logs[k - 1] ?? 0) + Math.log((all - k + 1) / k) + Math.log(chance) - Math.log1p(-chance));
  const masses = logs.map(Math.exp);
  const bound = (from: readonly number[]) => {
    let sum = 0;
    return from.findIndex(mass => {
      sum += mass;
      return sum > unlikely;
    });
  };
  const least = bound(masses);
  const most = all - bound(masses.toReversed());
  return [Math.min(least, Math.floor(expected)), Math.max(most, Math.ceil(expected))];
}

/** Asserts which values came at all. */
export function assertValues(counts: Counts, values: readonly string[]): void {
  assert.deepEqual([...counts.keys()].sort(), [...values].sort(), show(counts));
}

export function show(counts: Counts): string {
  return [...counts].map(([value, count]) => `${value}: ${count}`).join(', ');
}
