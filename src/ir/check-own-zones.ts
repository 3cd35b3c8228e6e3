import { type Problem, problem } from '../base/problem.ts';
import type { Fleet } from '../policy/fleet.ts';
import type { Policy } from '../policy/kinds.ts';
import { lookup, sortedEntries, sortedUnique } from './order.ts';
import { prefersOwnZone } from './own-zones.ts';
import { servicesOfRoute } from './sidecars.ts';

/** Fleets that hold services which prefer the zone of the proxy, and of whose proxies it is not known where they stand. */
export function checkOwnZones(policy: Policy): readonly Problem[] {
  if (!Object.values(policy.services).some(prefersOwnZone)) return [];
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

function servicesOfFleet(policy: Policy, { sidecar, gateways = [] }: Fleet): readonly string[] {
  if (sidecar) return sortedUnique(sidecar.upstreams.map(each => each.service));
  const ofRoutes = Object.values(policy.routes)
    .filter(route => route.gateways.some(each => gateways.includes(each)))
    .flatMap(servicesOfRoute);
  const ofListeners = gateways
    .flatMap(each => lookup(policy.gateways, each)?.listeners ?? [])
    .flatMap(listener => (listener.protocol === 'tcp' ? listener.to.map(each => each.service) : []));
  return sortedUnique([...ofRoutes, ...ofListeners]);
}
