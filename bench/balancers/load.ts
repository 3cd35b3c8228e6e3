import { setTimeout as pause } from 'node:timers/promises';
import { Chance } from '../../test/support/chance.ts';
import { type Answer, ask } from '../../test/support/client.ts';

/** One answer. */
export interface Sample {
  readonly server: string;
  /** Milliseconds from the call to the end of the answer. */
  readonly ms: number;
  readonly hit: boolean;
  readonly item: string;
}

export interface Calls {
  readonly port: number;
  readonly path: string;
  readonly count: number;
  /** Calls a second on average; they come at random, whatever the answers take. */
  readonly perSecond: number;
  /** The item of a call, from 0 (which is asked for most) on; it travels in `x-item`, by which hashes go. */
  readonly item: (chance: Chance) => number;
  /** Equal seeds give equal calls at equal times. */
  readonly seed: number;
}

/** Makes the calls, and resolves with what came of them when all are answered. Rejects when one is not. */
export async function load({ port, path, count, perSecond, item, seed }: Calls): Promise<readonly Sample[]> {
  const chance = new Chance(seed);
  const calls: Promise<Sample>[] = [];
  let due = performance.now();
  for (let call = 0; call < count; call++) {
    due += (-Math.log(1 - chance.next()) * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 1) await pause(wait);
    // While the machine stood still the servers did too: what was missed is not made up for in a burst.
    due = Math.max(due, performance.now() - 20);
    const name = String(item(chance));
    const began = performance.now();
    const asked = ask(port, path, { headers: { 'x-item': name }, patience: 60_000 });
    const answered = asked.then(answer => sample(answer, name, began));
    // One that fails is told of when all have been made.
    answered.catch(() => undefined);
    calls.push(answered);
  }
  return Promise.all(calls);
}

function sample(answer: Answer, item: string, began: number): Sample {
  if (answer.status !== 200) throw new Error(`a call was answered ${answer.status}: ${answer.text}`);
  return { server: answer.by, ms: performance.now() - began, hit: answer.headers['x-hit'] === 'true', item };
}

/** Draws from so many items; the one of rank n is asked for as often as the first, divided by n to this power. */
export function zipf(items: number, power: number): (chance: Chance) => number {
  let sum = 0;
  const bounds = Array.from({ length: items }, (_, index) => {
    sum += (index + 1) ** -power;
    return sum;
  });
  return chance => {
    const drawn = chance.next() * sum;
    return bounds.findIndex(bound => drawn < bound);
  };
}

/** Of some values, the one that this share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Share of the samples that a server answered. */
export const shareOf = (samples: readonly Sample[], server: string): number =>
  samples.filter(each => each.server === server).length / samples.length;

export function busiest(samples: readonly Sample[]): number {
  return Math.max(...[...Map.groupBy(samples, each => each.server).values()].map(each => each.length / samples.length));
}

export const hitRate = (samples: readonly Sample[]): number => samples.filter(each => each.hit).length / samples.length;
