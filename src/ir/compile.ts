import type { Problem } from '../base/problem.ts';
import type { Policy } from '../policy/kinds.ts';
import type { OperationalState } from '../policy/operational-state.ts';
import { type Assigner, assignerOf } from './assign.ts';
import { clustersOf } from './clusters.ts';
import type { ResolvedNames } from './endpoints.ts';
import { edgeFleet } from './fleets.ts';
import type { FleetIr } from './ir.ts';
import type { Model } from './model.ts';
import { sortedEntries } from './order.ts';
import { applyOverrides, type OverrideEffect } from './overrides.ts';
import { sidecarFleets } from './sidecars.ts';

export interface CompileInput {
  readonly policy: Policy;
  readonly state: OperationalState;
  /** Host name, in lower case → its last good IPs, sorted. */
  readonly resolved: ResolvedNames;
}

export interface CompileResult {
  /** By key. Of use only if no problem is an error. */
  readonly fleets: readonly FleetIr[];
  /** With paths, without files; by path. */
  readonly problems: readonly Problem[];
  /** Every override, shifts first, in the order of the operational state. */
  readonly overrides: readonly OverrideEffect[];
  readonly assign: Assigner;
}

/** Resolves a policy into what each fleet holds. Pure. */
export function compile({ policy, state, resolved }: CompileInput): CompileResult {
  const overrides = applyOverrides(policy, state);
  const model: Model = { policy, overrides, clusterOf: clustersOf(policy, overrides, resolved) };
  const fleets = sortedEntries(policy.fleets).flatMap(([name, fleet]) => {
    const { sidecar } = fleet;
    return sidecar ? sidecarFleets(model, name, fleet, sidecar) : [edgeFleet(model, name, fleet)];
  });
  return { fleets, problems: overrides.problems, overrides: overrides.effects, assign: assignerOf(fleets) };
}
