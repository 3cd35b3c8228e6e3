import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Withheld } from '../snapshot/withhold.ts';
import type { OrderState, Proof } from './order-state.ts';
import { replacedIn } from './overlay.ts';
import { resourceType } from './resource-type.ts';
import { mergeAll, nothing, type Retired } from './retired.ts';

/**
 * What was rejected after something else was published is not sent again on the way there (R10, R42). What was retired is
 * kept at its last good content, or not at all.
 *
 * @param without a snapshot without what the client must not be sent.
 */
export function withoutRejected(
  order: OrderState,
  rejected: readonly Withheld[],
  without: (snapshot: Snapshot) => Snapshot,
): OrderState {
  const corrected = (kept: Retired): Retired => {
    const sets = new Map([...kept.sets].map(([url, set]) => [url, replacedIn(set, rejected)]));
    return [...sets].every(([url, set]) => kept.sets.get(url) === set) ? kept : { ...kept, sets };
  };
  const { released, proving, warming, warmed, retiring, settling, lingering, closing } = order;
  return withoutCutSteps({
    ...order,
    released: released && without(released),
    proving: proving.map(({ snapshot, acked, retired }) => ({
      snapshot: without(snapshot),
      acked,
      retired: corrected(retired),
    })),
    warming: warming && without(warming),
    warmed: warmed && without(warmed),
    retiring: corrected(retiring),
    settling: corrected(settling),
    lingering: corrected(lingering),
    closing: corrected(closing),
  });
}

/**
 * Where a cluster or its endpoints had to be left out, acknowledgements prove nothing of what leads there. Such a step is
 * not taken on the way to another goal, and what it retires is left to the next one (R37).
 */
export function withoutCutSteps(order: OrderState): OrderState {
  if (order.proving.every(({ snapshot }) => isWhole(snapshot))) return order;
  const proving: Proof[] = [];
  let passed: readonly Retired[] = [];
  for (const step of order.proving) {
    passed = [...passed, step.retired];
    if (!isWhole(step.snapshot)) continue;
    proving.push({ ...step, retired: mergeAll(nothing, passed) });
    passed = [];
  }
  return { ...order, proving, retiring: mergeAll(nothing, [...passed, order.retiring]) };
}

/** True if it has everything that others may lead to. */
function isWhole({ types }: Snapshot): boolean {
  return [...types].every(([url, { withheld, resources }]) => {
    if (!withheld || resourceType(url).order !== 'made') return true;
    return [...withheld].every(name => resources.has(name));
  });
}
