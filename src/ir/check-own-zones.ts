import { type Problem, problem } from '../base/problem.ts';
import type { Destination } from '../policy/destination.ts';
import type { Fleet, Sidecar } from '../policy/fleet.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Route } from '../policy/route.ts';
import type { Service } from '../policy/service.ts';
import { servicesNamedBehind } from './fallback.ts';
import { keepingEntries, lookup, sortedEntries } from './order.ts';
import { prefersOwnZone } from './own-zones.ts';
import { meshRoutes } from './sidecars.ts';

type Target = Pick<Destination, 'service'> & Partial<Pick<Destination, 'version'>>;

const preferringOwnZone = keepingEntries((_name, service: Service) => prefersOwnZone(service));

/** Fleets that hold services which prefer the zone of the proxy, and of whose proxies it is not known where they stand. */
export function checkOwnZones(policy: Policy): readonly Problem[] {
  if (!preferringOwnZone(policy.services).includes(true)) return [];
  return sortedEntries(policy.fleets).flatMap(([name, fleet]) => {
    if (knowsItsZones(policy, fleet)) return [];
    const services = servicesOfFleet(policy, fleet).filter(each => {
      const service = lookup(policy.services, each);
      return service && prefersOwnZone(service);
    });
    if (services.length === 0) return [];
    const message =
      `For ${services.join(', ')} the zone of the proxy is to come first, but it is not known in which zones the proxies ` +
      'of this fleet stand, so that weights hold across zones.';
    const hint = 'declare `zones` of the fleet; or, for sidecars, `zone` of the endpoints that they stand beside';
    return [problem('fleet.zones_unknown', ['fleets', name], message, hint)];
  });
}

function knowsItsZones(policy: Policy, { zones, sidecar }: Fleet): boolean {
  const own = sidecar?.service === undefined ? undefined : lookup(policy.services, sidecar.service);
  return own ? own.endpoints.some(each => each.zone !== undefined) : zones !== undefined;
}

/** Those that its proxies send to, and those that take over from them. */
function servicesOfFleet(policy: Policy, { sidecar, gateways = [] }: Fleet): readonly string[] {
  return servicesNamedBehind(policy, sidecar ? ofSidecar(policy, sidecar) : ofGateways(policy, gateways));
}

function ofSidecar(policy: Policy, sidecar: Sidecar): readonly Target[] {
  const upstreams = sidecar.upstreams.map(({ service }) => ({ service }));
  return [...upstreams, ...meshRoutes(policy, sidecar).flatMap(([, route]) => targetsOf(route))];
}

function ofGateways(policy: Policy, gateways: readonly string[]): readonly Target[] {
  const routes = Object.values(policy.routes).filter(route => route.gateways.some(each => gateways.includes(each)));
  const listeners = gateways.flatMap(each => lookup(policy.gateways, each)?.listeners ?? []);
  return [
    ...routes.flatMap(targetsOf),
    ...listeners.flatMap(listener => (listener.protocol === 'http' ? [] : listener.to)),
  ];
}

const targetsOf = (route: Route): readonly Target[] => route.rules.flatMap(rule => rule.to ?? []);
