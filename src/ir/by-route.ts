import { memo1 } from '../base/memo.ts';
import { changedNames } from '../base/records.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Route } from '../policy/route.ts';
import { servicesOfRoute } from './references.ts';

/** Routes by name, in their order. Stays the same list while routes do. */
export type RouteList = readonly (readonly [name: string, route: Route])[];

/** Something made of each of a list of routes, and of the services that they send to. */
export interface OfRoutes<R> {
  readonly routes: RouteList;
  readonly services: Policy['services'];
  readonly made: readonly R[];
}

/**
 * The same for other services: made anew only of routes that send to a service which has changed, or to one of `more`, and
 * of those in `others`. Undefined where that does not tell all that may be another: routes or names of services came or
 * went. `make` must depend on the route, the services that it names and whatever else the caller says by `more` and
 * `others` alone.
 */
export function renewedOfRoutes<R>(
  last: OfRoutes<R> | undefined,
  { routes, services }: Pick<OfRoutes<R>, 'routes' | 'services'>,
  make: (name: string, route: Route) => R,
  { more = [], others = [] }: { readonly more?: Iterable<string>; readonly others?: Iterable<string> } = {},
): readonly R[] | undefined {
  if (!last || last.routes !== routes) return undefined;
  const changed = changedNames(last.services, services);
  if (!changed) return undefined;
  const { byService, byName } = placesIn(routes);
  const places = new Set<number>();
  for (const names of [changed, more]) {
    for (const name of names) for (const place of byService.get(name) ?? []) places.add(place);
  }
  for (const name of others) {
    const place = byName.get(name);
    if (place !== undefined) places.add(place);
  }
  let made: R[] | undefined;
  for (const place of places) {
    const [name, route] = routes[place] ?? [];
    if (name === undefined || !route) continue;
    const one = make(name, route);
    if (one === last.made[place]) continue;
    made ??= last.made.slice();
    made[place] = one;
  }
  return made ?? last.made;
}

interface Places {
  readonly byService: ReadonlyMap<string, readonly number[]>;
  readonly byName: ReadonlyMap<string, number>;
}

const placesIn = memo1((routes: RouteList): Places => {
  const byService = new Map<string, number[]>();
  for (const [place, [, route]] of routes.entries()) {
    for (const service of servicesOfRoute(route)) {
      const known = byService.get(service);
      if (known) known.push(place);
      else byService.set(service, [place]);
    }
  }
  return { byService, byName: new Map(routes.map(([name], place) => [name, place])) };
});
