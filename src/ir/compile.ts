import type { PolicyPath, Problem } from '../base/problem.ts';
import type { Policy } from '../policy/kinds.ts';
import type { OperationalState } from '../policy/operational-state.ts';
import { type Assigner, assignerOf } from './assign.ts';
import { checkFleets } from './check-fleets.ts';
import { checkGateways } from './check-gateways.ts';
import { checkMesh } from './check-mesh.ts';
import { checkRoutes } from './check-routes.ts';
import { checkServices } from './check-services.ts';
import { clustersOf } from './clusters.ts';
import type { ResolvedNames } from './endpoints.ts';
import { edgeFleet } from './fleets.ts';
import type { FleetIr } from './ir.ts';
import { checkMachines } from './machines.ts';
import type { Model } from './model.ts';
import { compareText, sortedEntries } from './order.ts';
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
  const problems = [
    ...checkServices(policy, resolved),
    ...checkGateways(policy),
    ...checkRoutes(policy),
    ...checkMesh(policy),
    ...checkFleets(policy),
    ...checkMachines(policy),
    ...overrides.problems,
  ].sort(compareProblems);
  return { fleets, problems, overrides: overrides.effects, assign: assignerOf(fleets) };
}

function compareProblems(a: Problem, b: Problem): number {
  return comparePaths(a.path, b.path) || compareText(a.code, b.code) || compareText(a.message, b.message);
}

/** Places of lists by number, names by code units, shorter before longer. */
function comparePaths(a: PolicyPath, b: PolicyPath): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    if (typeof part === 'number' && typeof other === 'number') return part - other;
    return compareText(String(part), String(other));
  }
  return a.length - b.length;
}
