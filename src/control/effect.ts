import type { FleetIr, RuleIr } from '../ir/ir.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { OverrideKey } from '../store/store.ts';
import type { Effect } from './control.ts';

interface Fleets {
  readonly fleets: readonly FleetIr[];
  readonly snapshots: ReadonlyMap<string, Snapshot>;
}

/** What a write has led to, among the fleets that hold the thing it was about. */
export function effectOf(before: Fleets | undefined, after: Fleets, holds: (fleet: FleetIr) => boolean): Effect {
  const all = new Map<string, Snapshot>();
  const touched = new Map<string, Snapshot>();
  for (const fleet of after.fleets) {
    const snapshot = after.snapshots.get(fleet.key);
    if (!snapshot || !holds(fleet)) continue;
    all.set(fleet.key, snapshot);
    if (before?.snapshots.get(fleet.key) !== snapshot) touched.set(fleet.key, snapshot);
  }
  const gone = before?.fleets.some(fleet => holds(fleet) && !after.snapshots.has(fleet.key)) ?? false;
  return { concerned: touched.size > 0 ? touched : all, changed: touched.size > 0 || gone };
}

/** What a write of overrides is about: a rule, a service or a route. */
export type Subject = Exclude<OverrideKey, { readonly kind: 'endpoint' }> | Omit<EndpointKey, 'address'>;

type EndpointKey = Extract<OverrideKey, { readonly kind: 'endpoint' }>;

/** Whether a fleet holds the rule or the service that an override is about. */
export function holderOf(key: Subject): (fleet: FleetIr) => boolean {
  if (key.kind === 'endpoint') return fleet => fleet.clusters.some(each => each.serviceName === key.service);
  if (key.kind === 'shift') return hasRule(each => each.routeName === key.route && each.rule.name === key.rule);
  if (key.of === 'route') return hasRule(each => each.routeName === key.name);
  return hasRule(({ action }) => action.kind === 'forward' && action.to.some(each => each.serviceName === key.name));
}

function hasRule(is: (rule: RuleIr) => boolean): (fleet: FleetIr) => boolean {
  return ({ routeTables }) => routeTables.some(({ virtualHosts }) => virtualHosts.some(({ rules }) => rules.some(is)));
}
