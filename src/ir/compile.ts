import { compareText } from '../base/compare.ts';
import { memo1 } from '../base/memo.ts';
import type { PolicyPath, Problem } from '../base/problem.ts';
import { noComputedWeights, type WeightsByService } from '../policy/computed-weights.ts';
import type { Fleet } from '../policy/fleet.ts';
import type { Policy } from '../policy/kinds.ts';
import type { OperationalState } from '../policy/operational-state.ts';
import { type Assigner, assignerOf } from './assign.ts';
import { checkFallbacks } from './check-fallback.ts';
import { checkFleets } from './check-fleets.ts';
import { checkGateways } from './check-gateways.ts';
import { checkMesh } from './check-mesh.ts';
import { checkOwnZones } from './check-own-zones.ts';
import { checkRoutes } from './check-routes.ts';
import { checkNames, checkServices } from './check-services.ts';
import type { ResolvedNames } from './endpoints.ts';
import { edgeFleet } from './fleets.ts';
import type { FleetIr } from './ir.ts';
import { keeping, keepingList } from './kept.ts';
import { checkMachines } from './machines.ts';
import { type Model, modelOf } from './model.ts';
import { sortedEntries } from './order.ts';
import { applyOverrides, type OverrideEffect } from './overrides.ts';
import { sidecarFleets } from './sidecars.ts';

export interface CompileInput {
  readonly policy: Policy;
  readonly state: OperationalState;
  /** Host name, in lower case → its last good IPs, sorted. */
  readonly resolved: ResolvedNames;
  /** Weights that somebody computed, where declaration and overrides leave room for them; absent: none. */
  readonly computed?: WeightsByService;
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

const keepFleets = keeping<readonly FleetIr[]>();
const keepAll = keepingList<FleetIr>();

/**
 * Resolves a policy into what each fleet holds. Pure. Whatever comes of the same objects of the policy is the same
 * object, and what operational state and answers do not change stays, so the caller keeps what did not change of a
 * policy (`shareStructure`).
 */
export function compile({ policy, state, resolved, computed = noComputedWeights }: CompileInput): CompileResult {
  const overrides = applyOverrides(policy, state);
  const model = modelOf(policy, overrides, resolved, computed);
  const from = [...model.routing, ...model.endpoints];
  const made = sortedEntries(policy.fleets).flatMap(([name, fleet]) =>
    keepFleets(fleet, name, from, () => fleetsOf(model, name, fleet)),
  );
  const fleets = keepAll(policy.fleets, '', made);
  const problems = [...checkPolicy(policy), ...checkNames(policy, resolved), ...overrides.problems];
  return {
    fleets,
    problems: problems.sort(compareProblems),
    overrides: overrides.effects,
    assign: assignerOf(fleets),
  };
}

function fleetsOf(model: Model, name: string, fleet: Fleet): readonly FleetIr[] {
  return fleet.sidecar ? sidecarFleets(model, name, fleet, fleet.sidecar) : [edgeFleet(model, name, fleet)];
}

/** All that is wrong with a policy whatever the circumstances. */
export const checkPolicy = memo1((policy: Policy): readonly Problem[] => [
  ...checkServices(policy),
  ...checkFallbacks(policy),
  ...checkGateways(policy),
  ...checkRoutes(policy),
  ...checkMesh(policy),
  ...checkFleets(policy),
  ...checkMachines(policy),
  ...checkOwnZones(policy),
]);

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
