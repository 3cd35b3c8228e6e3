import type { WeightsByService } from '../policy/computed-weights.ts';
import type { Policy } from '../policy/kinds.ts';
import { answersFor, type ClustersOf, clustersOf, servicesWithNames } from './clusters.ts';
import type { ResolvedNames } from './endpoints.ts';
import type { ActiveOverrides } from './overrides.ts';

/** What every part of a compile reads. */
export interface Model {
  readonly policy: Policy;
  readonly overrides: ActiveOverrides;
  readonly clustersOf: ClustersOf;
  /** All that decides rules, listeners and route tables: whatever is made of the same is the same. */
  readonly routing: readonly unknown[];
  /** All that decides endpoints. */
  readonly endpoints: readonly unknown[];
  /** Services of which something besides their declaration decides the endpoints. */
  readonly moved: ReadonlySet<string>;
}

export function modelOf(
  policy: Policy,
  overrides: ActiveOverrides,
  resolved: ResolvedNames,
  computed: WeightsByService,
): Model {
  const { services, gateways, routes } = policy;
  return {
    policy,
    overrides,
    clustersOf: clustersOf({ policy, overrides, resolved, computed }),
    routing: [services, gateways, routes, ...overrides.allShifts, ...overrides.allMaintenance],
    moved: new Set([...overrides.moved, ...computed.keys(), ...servicesWithNames(policy).keys()]),
    endpoints: [services, ...overrides.allEndpoints, ...[...computed].flat(), ...answersFor(policy, resolved)],
  };
}
