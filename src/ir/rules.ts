import { isDeepStrictEqual } from 'node:util';
import { type Millis, millis } from '../base/units.ts';
import { type Destination, destinationKey } from '../policy/destination.ts';
import type { Policy } from '../policy/kinds.ts';
import type { TrafficShift } from '../policy/operational-state.ts';
import type { Route, Rule } from '../policy/route.ts';
import type { Service } from '../policy/service.ts';
import { goesByReports } from './endpoints.ts';
import { clusterFor, mayFallBack, servicesBehind } from './fallback.ts';
import { forwardingTo } from './forwarding.ts';
import type { ActionIr, RuleIr, VirtualHostIr, WeightedClusterIr } from './ir.ts';
import { keeping, keepingEqual } from './kept.ts';
import { maintenanceIr, ruleIsDown, serviceIsDown } from './maintenance.ts';
import type { Model } from './model.ts';
import { lookup, sortedUnique } from './order.ts';
import { textOfShift } from './overrides.ts';
import { servicesOfRoute } from './references.ts';

/** A rule takes settings of its services; of most changes to a service it takes nothing. */
const keepRule = keepingEqual<RuleIr | undefined>();
const keepHost = keeping<VirtualHostIr>();
const keepSameHost = keeping<VirtualHostIr>();
const defaultTimeout = millis(30_000);
const noTimeout = millis(0);

/** A destination whose service is declared. */
interface Reached {
  readonly destination: Destination;
  readonly service: Service;
}

/** Those destinations whose service and version are declared. */
export function reachedBy(policy: Policy, to: readonly Destination[]): readonly Reached[] {
  return to.flatMap(destination => {
    const service = lookup(policy.services, destination.service);
    const known = destination.version === undefined || (service && lookup(service.versions, destination.version));
    return service && known ? [{ destination, service }] : [];
  });
}

/** The clusters that destinations stand for, in the declared order. */
export function weightedClusters(
  { services }: Policy,
  reached: readonly { readonly destination: Destination; readonly service?: Service }[],
  shift?: TrafficShift,
): readonly WeightedClusterIr[] {
  return reached.map(({ destination, service }) => {
    const key = destinationKey(destination);
    const weight = shift?.weights[key] ?? destination.weight;
    const cluster = clusterFor(services, key);
    return {
      destination: key,
      cluster,
      serviceName: destination.service,
      weight,
      ...bindingOf(services, key, service),
    };
  });
}

/**
 * How callers are bound to the endpoints of a destination, and whether answers, of what takes over from it as well, hold
 * something that is not for them; as fields of the destination.
 */
export function bindingOf(
  services: Policy['services'],
  key: string,
  service: Service | undefined,
): Pick<WeightedClusterIr, 'sessions' | 'loadReports'> {
  return {
    ...(service?.sessions ? { sessions: service.sessions } : {}),
    ...(servicesBehind(services, key).some(goesByReports) ? { loadReports: true } : {}),
  };
}

/** A route as a virtual host. */
export function virtualHost(model: Model, name: string, route: Route): VirtualHostIr {
  const shifts = model.overrides.shiftsOf(name);
  const { allMaintenance } = model.overrides;
  const read = servicesRead(model.policy.services, route);
  const from = [...read, ...[...shifts.values()].flatMap(textOfShift), ...allMaintenance];
  return keepHost(route, name, from, () => {
    const rules = route.rules.flatMap((rule, index) => ruleIr(model, { name, route }, rule, index, shifts) ?? []);
    return keepSameHost(route, name, rules, () => ({ name, domains: sortedUnique(route.hosts), rules }));
  });
}

/** What of the services decides a route: those that it names, and all of them where others may take over. */
function servicesRead(services: Policy['services'], route: Route): readonly unknown[] {
  return servicesOfRoute(route).map(name => {
    const service = lookup(services, name);
    return service && mayFallBack(service) ? services : service;
  });
}

/** How logs and statistics name a rule: `shop/everyone`, or by its place, counted from 1, as in `shop/#3`. */
function ruleName(routeName: string, rule: Rule, index: number): string {
  return `${routeName}/${rule.name ?? `#${index + 1}`}`;
}

function ruleIr(
  { policy, overrides }: Model,
  { name: routeName, route }: { readonly name: string; readonly route: Route },
  rule: Rule,
  index: number,
  shifts: ReadonlyMap<string, TrafficShift>,
): RuleIr | undefined {
  const shift = rule.name === undefined ? undefined : shifts.get(rule.name);
  const reached = reachedBy(policy, rule.to ?? []);
  const name = ruleName(routeName, rule, index);
  const to = weightedClusters(policy, reached, shift);
  const behind = to.flatMap(each => servicesBehind(policy.services, each.destination));
  const whole = ruleIsDown(overrides, routeName, route, rule);
  const down = reached.map(
    ({ destination, service }) => whole || serviceIsDown(overrides, destination.service, service),
  );
  const from = [...behind, ...to.map(each => each.weight), ...down, route.maintenance];
  return keepRule(rule, name, from, () => {
    const action = actionOf(rule, reached, to, behind);
    const services = reached.map(each => each.service);
    const page = maintenanceIr({ rule, route, services }, to, down);
    return action && { name, routeName, rule, action, apiVersioning: versioningOf(reached), ...page };
  });
}

function actionOf(
  rule: Rule,
  reached: readonly Reached[],
  to: readonly WeightedClusterIr[],
  behind: readonly Service[],
): ActionIr | undefined {
  if (rule.redirect) return { kind: 'redirect' };
  if (rule.respond) return { kind: 'respond' };
  const first = reached[0]?.service;
  if (!first) return undefined;
  return {
    kind: 'forward',
    to,
    timeout: rule.timeout ?? timeoutOf(first),
    retries: rule.retries ?? first.retries,
    hashService: hashServiceOf(behind),
    ...forwardingTo(behind),
  };
}

/** The first that hashes: a request has one list of what to hash by. */
export function hashServiceOf(services: readonly Service[]): Service | undefined {
  return services.find(({ loadBalancing }) => 'hashBy' in loadBalancing);
}

/** How long a request to the service may take where no rule says so. 0: for ever, since gRPC streams may be long. */
export function timeoutOf(service: Service): Millis {
  return service.timeout ?? (service.protocol === 'grpc' ? noTimeout : defaultTimeout);
}

/** What the services agree on; undefined where one has no versioning, or another one. */
export function versioningOf(reached: readonly Reached[]): RuleIr['apiVersioning'] {
  const first = reached[0];
  const versioning = first?.service.apiVersioning;
  if (!first || !versioning) return undefined;
  const agree = reached.every(({ service }) => isDeepStrictEqual(service.apiVersioning, versioning));
  return agree ? { serviceName: first.destination.service, versioning } : undefined;
}
