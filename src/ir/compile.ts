import type { Problem } from '../base/problem.ts';
import type { Fleet } from '../policy/fleet.ts';
import type { Policy } from '../policy/kinds.ts';
import type { OperationalState } from '../policy/operational-state.ts';
import { type Assigner, assignerOf } from './assign.ts';
import { type ClusterOf, clustersOf } from './clusters.ts';
import type { ResolvedNames } from './endpoints.ts';
import { clustersUsed, fleetIr } from './fleets.ts';
import { gatewayIr } from './gateways.ts';
import type { FleetIr } from './ir.ts';
import { lookup, sortedEntries, sortedUnique } from './order.ts';
import { type ActiveOverrides, applyOverrides, type OverrideEffect } from './overrides.ts';

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
  const clusterOf = clustersOf(policy, overrides, resolved);
  const fleets = sortedEntries(policy.fleets).flatMap(([name, fleet]) => {
    if (fleet.gateways) return [edgeFleet(policy, overrides, clusterOf, name, fleet)];
    return [];
  });
  return { fleets, problems: overrides.problems, overrides: overrides.effects, assign: assignerOf(fleets) };
}

function edgeFleet(
  policy: Policy,
  overrides: ActiveOverrides,
  clusterOf: ClusterOf,
  name: string,
  fleet: Fleet,
): FleetIr {
  const gateways = sortedUnique(fleet.gateways ?? []).flatMap(gatewayName => {
    const gateway = lookup(policy.gateways, gatewayName);
    return gateway ? [gatewayIr(policy, overrides, gatewayName, gateway)] : [];
  });
  const listeners = gateways.flatMap(gateway => gateway.listeners);
  const routeTables = gateways.flatMap(gateway => gateway.routeTable ?? []);
  return fleetIr(
    fleet,
    { key: name, fleetName: name, role: 'edge', members: undefined },
    { listeners, routeTables, clusters: clustersUsed(clusterOf, listeners, routeTables) },
  );
}
