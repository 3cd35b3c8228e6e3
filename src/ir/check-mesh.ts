import { memo1 } from '../base/memo.ts';
import { type Problem, problem } from '../base/problem.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Route } from '../policy/route.ts';
import { keepingEntries, lookup, sortedEntries } from './order.ts';
import { servicesOfRoute } from './references.ts';
import { knownUpstreams } from './sidecars.ts';

/** Routes of the mesh that no sidecar is given, or that some sidecars are not given though they call one of its services. */
export function checkMesh(policy: Policy): readonly Problem[] {
  const fleets = sortedEntries(policy.fleets).flatMap(([name, { sidecar }]) => {
    if (!sidecar) return [];
    const overHttp = knownUpstreams(policy, sidecar).filter(({ service }) => service.protocol !== 'tcp');
    return [{ name, reachable: new Set(overHttp.map(({ upstream }) => upstream.service)) }];
  });
  return routesOfMesh(policy.routes).flatMap(([name, route]) => {
    const services = servicesOfRoute(route).filter(service => lookup(policy.services, service));
    const partly = fleets.flatMap(({ name: fleet, reachable }) => {
      const missing = services.filter(service => !reachable.has(service));
      if (missing.length === 0 || missing.length === services.length) return [];
      const message = `The route "${name}" is not given to these sidecars: it also sends to ${quoted(missing)}.`;
      const hint = `add ${quoted(missing)} to the upstreams`;
      return [problem('fleet.route_partly_reachable', ['fleets', fleet, 'sidecar', 'upstreams'], message, hint)];
    });
    const given = fleets.some(
      ({ reachable }) => reachable.size > 0 && services.every(service => reachable.has(service)),
    );
    if (given || route.gateways.length > 0) return partly;
    const message = 'No sidecar is given this route: none has all of its services as upstreams.';
    const hint =
      services.length > 0 ? `add ${quoted(services)} to a fleet's sidecar.upstreams` : 'declare a sidecar fleet';
    return [...partly, problem('route.not_attached', ['routes', name], message, hint)];
  });
}

const none: readonly (readonly [string, Route])[] = [];
const ofMeshEach = keepingEntries((name, route: Route) => (route.mesh ? [[name, route] as const] : none));
const routesOfMesh = memo1((routes: Policy['routes']) => ofMeshEach(routes).flat());

const quoted = (names: readonly string[]) => names.map(name => `"${name}"`).join(', ');
