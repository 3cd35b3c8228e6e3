import type { LaneDraft } from './lane-draft.ts';
import { type Lanes, rangeOf, typesIn } from './lanes.ts';
import { isShared, type Target, targetsOf } from './order.ts';
import type { OrderState } from './order-state.ts';

/** By type, what all lanes of it were last told to move to; nothing where that differs from lane to lane. */
export type Targets = ReadonlyMap<string, Target>;

/** A lane that may not have been told its target. */
interface Due {
  readonly index: number;
  readonly target: Target;
}

const unserved: Target = { target: undefined, keepLeftover: true };

/**
 * Which lanes are to be told what, in the order of sending. Of a type whose target is that which all were told, only the
 * one that has begun since: there may be thousands.
 *
 * @param order undefined: nothing is published for the node.
 */
export function dueTargets(
  order: OrderState | undefined,
  { lanes, begun = -1 }: Pick<LaneDraft, 'lanes' | 'begun'>,
  known: Targets,
): { readonly targets: Targets; readonly due: readonly Due[] } {
  const targetOf = order ? targetsOf(order) : () => unserved;
  const due: Due[] = [];
  let targets = known;
  for (const typeUrl of typesIn(lanes)) {
    const [from, to] = rangeOf(lanes, typeUrl);
    const shared = order && !isShared(order, typeUrl) ? undefined : sharedBy(lanes, from, targetOf);
    if (shared && isSame(shared, known.get(typeUrl))) {
      if (begun >= from && begun < to) due.push({ index: begun, target: shared });
      continue;
    }
    targets = withTarget(targets, typeUrl, shared);
    for (const [at, { state }] of lanes.slice(from, to).entries()) {
      due.push({ index: from + at, target: shared ?? targetOf(state) });
    }
  }
  return { targets, due };
}

function sharedBy(lanes: Lanes, from: number, targetOf: ReturnType<typeof targetsOf>): Target | undefined {
  const lane = lanes[from];
  return lane && targetOf(lane.state);
}

function isSame(a: Target, b: Target | undefined): boolean {
  return a.target === b?.target && a.keepLeftover === b?.keepLeftover;
}

function withTarget(targets: Targets, typeUrl: string, target: Target | undefined): Targets {
  if (target) return new Map(targets).set(typeUrl, target);
  if (!targets.has(typeUrl)) return targets;
  return new Map([...targets].filter(([url]) => url !== typeUrl));
}
