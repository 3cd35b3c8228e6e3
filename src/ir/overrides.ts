import type { PolicyPath, Problem } from '../base/problem.ts';
import { problem } from '../base/problem.ts';
import { destinationKey } from '../policy/destination.ts';
import type { Policy } from '../policy/kinds.ts';
import type {
  EndpointOverride,
  MaintenanceOverride,
  OperationalState,
  Override,
  TrafficShift,
} from '../policy/operational-state.ts';
import { canonicalAddress, endpointsByAddress } from './address.ts';
import { lookup, sortedEntries, sortedUnique } from './order.ts';
import { overHttp } from './over-http.ts';

/** An override and whether it has effect. */
export interface OverrideEffect {
  readonly override: Override;
  readonly effect: 'active' | 'suspended';
  /** Why it is suspended, as a sentence. */
  readonly why?: string;
}

/** The overrides that have effect, by what they change. */
export interface ActiveOverrides {
  /** Of the rules of a route, by name of the rule. */
  shiftsOf(route: string): ReadonlyMap<string, TrafficShift>;
  /** Of a service's endpoints, by canonical address. */
  endpointsOf(service: string): ReadonlyMap<string, EndpointOverride>;
  /** Whether somebody has put it into maintenance, whatever is declared. */
  inMaintenance(of: MaintenanceOverride['of'], name: string): boolean;
  /** All that somebody has put into maintenance. */
  readonly allMaintenance: readonly unknown[];
  /** Routes with a shift, and services with an override of an endpoint. */
  readonly shifted: ReadonlySet<string>;
  readonly moved: ReadonlySet<string>;
  /** All that shifts change, as texts and numbers: the same here means the same everywhere. */
  readonly allShifts: readonly unknown[];
  /** All that overrides of endpoints change, likewise. */
  readonly allEndpoints: readonly unknown[];
}

export interface AppliedOverrides extends ActiveOverrides {
  readonly effects: readonly OverrideEffect[];
  readonly problems: readonly Problem[];
}

const none: ReadonlyMap<string, never> = new Map<string, never>();

/** Judges every override against the policy. Of two for the same thing the later counts. */
export function applyOverrides(policy: Policy, state: OperationalState): AppliedOverrides {
  const effects: OverrideEffect[] = [];
  const problems: Problem[] = [];
  const shifts = new Map<string, Map<string, TrafficShift>>();
  const services = new Map<string, Map<string, EndpointOverride>>();
  const lastShift = new Map(state.shifts.map(shift => [`${shift.route}/${shift.rule}`, shift]));
  for (const shift of state.shifts) {
    const key = `${shift.route}/${shift.rule}`;
    const why =
      lastShift.get(key) === shift ? whyShiftRests(policy, shift) : 'a later shift of the same rule replaced it';
    if (why === undefined) {
      shifts.set(shift.route, (shifts.get(shift.route) ?? new Map<string, TrafficShift>()).set(shift.rule, shift));
      effects.push({ override: shift, effect: 'active' });
      continue;
    }
    effects.push({ override: shift, effect: 'suspended', why });
    problems.push(suspended(policy, shift, why));
  }
  for (const override of state.endpoints) {
    const service = lookup(policy.services, override.service);
    const address = canonicalAddress(override.address);
    if (service && endpointsByAddress(service).has(address)) {
      const changed = services.get(override.service) ?? new Map<string, EndpointOverride>();
      services.set(override.service, changed.set(address, override));
      effects.push({ override, effect: 'active' });
      continue;
    }
    const why = service
      ? `service "${override.service}" no longer has the endpoint ${override.address}`
      : `service "${override.service}" is no longer declared`;
    effects.push({ override, effect: 'suspended', why });
    problems.push(problem('override.endpoint_gone', ['services', override.service], `An override has ended: ${why}.`));
  }
  const maintained = new Set<string>();
  for (const override of state.maintenance) {
    const why = whyMaintenanceRests(policy, override);
    if (why === undefined) maintained.add(`${override.of} ${override.name}`);
    else problems.push(maintenanceSuspended(override, why));
    effects.push({ override, ...(why === undefined ? { effect: 'active' } : { effect: 'suspended', why }) });
  }
  return {
    effects,
    problems,
    inMaintenance: (of, name) => maintained.has(`${of} ${name}`),
    allMaintenance: [...maintained],
    shifted: new Set(shifts.keys()),
    moved: new Set(services.keys()),
    shiftsOf: route => shifts.get(route) ?? none,
    endpointsOf: service => services.get(service) ?? none,
    allShifts: [...shifts.values()].flatMap(ofRoute => [...ofRoute.values()].flatMap(textOfShift)),
    allEndpoints: [...services].flatMap(([service, changed]) =>
      [...changed].flatMap(([address, { weight, state: changedState }]) => [service, address, weight, changedState]),
    ),
  };
}

/** What a shift says of its rule. */
export function textOfShift({ route, rule, weights }: TrafficShift): readonly unknown[] {
  return [route, rule, ...sortedEntries(weights).flat()];
}

function whyShiftRests(policy: Policy, shift: TrafficShift): string | undefined {
  const route = lookup(policy.routes, shift.route);
  if (!route) return `route "${shift.route}" is no longer declared`;
  const rule = route.rules.find(each => each.name === shift.rule);
  if (!rule) return `route "${shift.route}" has no rule "${shift.rule}" any more`;
  if (!rule.to) return `rule "${shift.rule}" does not send to services any more`;
  const declared = sortedUnique(rule.to.map(destinationKey));
  const made = sortedUnique(Object.keys(shift.weights));
  if (declared.join() !== made.join()) {
    return `it was made for ${made.join(', ')}, and the rule now sends to ${declared.join(', ')}`;
  }
  if (!Object.values(shift.weights).some(weight => weight > 0)) return 'all of its weights are 0';
  return undefined;
}

function whyMaintenanceRests({ services, routes }: Policy, { of, name }: MaintenanceOverride): string | undefined {
  if (of === 'route') return lookup(routes, name) ? undefined : `route "${name}" is no longer declared`;
  const service = lookup(services, name);
  if (!service) return `service "${name}" is no longer declared`;
  return overHttp(service)
    ? undefined
    : `service "${name}" speaks ${service.protocol} now, where no page can be answered`;
}

function maintenanceSuspended({ of, name, by }: MaintenanceOverride, why: string): Problem {
  const message = `The maintenance of ${of} "${name}" by ${by} has no effect: ${why}.`;
  return problem('override.suspended', [`${of}s`, name], message, `end the maintenance, or restore the ${of}`);
}

function suspended(policy: Policy, shift: TrafficShift, why: string): Problem {
  const rules = lookup(policy.routes, shift.route)?.rules ?? [];
  const index = rules.findIndex(each => each.name === shift.rule);
  const path: PolicyPath =
    index < 0 ? ['routes', shift.route] : ['routes', shift.route, 'rules', index, ...(rules[index]?.to ? ['to'] : [])];
  return problem(
    'override.suspended',
    path,
    `The shift of rule "${shift.rule}" by ${shift.by} has no effect: ${why}.`,
    'end the shift, or restore the destinations that it was made for',
  );
}
