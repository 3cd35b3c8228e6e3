import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../trace/steps.ts';

/** Looks at things in a turn: about as much as a small request costs. */
const aTurn = 250;

/**
 * Does something with each of many, some at once, and lets others have their turn between.
 *
 * @param each answers how many looks that was, 1 if nothing; or false, which ends the walk
 */
export async function inTurns<T>(items: Iterable<T>, each: (item: T) => number | false | undefined): Promise<void> {
  let spent = 0;
  for (const item of items) {
    const cost = each(item);
    if (cost === false) return;
    spent += cost ?? 1;
    if (spent < aTurn) continue;
    spent = 0;
    await setImmediate();
  }
}

/** What work in steps comes to, with turns of others between. */
export async function finishedInTurns<R>(steps: Steps<R>): Promise<R> {
  let came: { readonly result: R } | undefined;
  function* work(): Iterable<number> {
    came = { result: yield* steps };
  }
  await inTurns(work(), looks => looks);
  if (!came) throw new Error('work has ended before its end');
  return came.result;
}
