import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Withheld } from '../snapshot/withhold.ts';
import type { OrderState, Proof } from './order-state.ts';
import { names, replacedIn } from './overlay.ts';
import { resourceType } from './resource-type.ts';
import { mergeAll, nothing, type Retired } from './retired.ts';

/**
 * What was rejected after something else was published is not sent again on the way there (R10, R42). What was retired is
 * kept at its last good content, or not at all. A step from which a cluster or its endpoints had to be left out proves
 * nothing of what leads there, so what it retires is left to the next one (R37).
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
  const { released, warming, warmed, retiring, settling, lingering, closing } = order;
  const proving: Proof[] = [];
  let passed: readonly Retired[] = [];
  for (const { snapshot, acked, retired } of order.proving) {
    const step = without(snapshot);
    passed = [...passed, corrected(retired)];
    if (!isWhole(step, snapshot)) continue;
    proving.push({ snapshot: step, acked, retired: mergeAll(nothing, passed) });
    passed = [];
  }
  return {
    ...order,
    released: released && without(released),
    proving,
    warming: warming && without(warming),
    warmed: warmed && without(warmed),
    retiring: mergeAll(nothing, [...passed, corrected(retiring)]),
    settling: corrected(settling),
    lingering: corrected(lingering),
    closing: corrected(closing),
  };
}

/** True if it has everything still that others may lead to. */
function isWhole(step: Snapshot, before: Snapshot): boolean {
  return [...before.types].every(([url, set]) => {
    const now = step.types.get(url);
    return resourceType(url).order !== 'made' || (now !== undefined && names(now, set));
  });
}
