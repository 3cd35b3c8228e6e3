import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Service } from '../policy/service.ts';
import { lookup } from './order.ts';
import { namesOf } from './references.ts';

/** Whether the zones of endpoints are such that balancing can go by them. */
export function checkZones(path: PolicyPath, { loadBalancing: { zones }, endpoints }: Service): readonly Problem[] {
  switch (zones.mode) {
    case 'ignored':
      return [];
    case 'ownFirst':
      return checkOwnFirst([...path, 'loadBalancing', 'zones'], endpoints);
    case 'byLoad':
      return checkByLoad([...path, 'loadBalancing', 'zones'], endpoints);
    case 'weighted':
      return checkWeights([...path, 'endpoints'], endpoints, zones.weights);
  }
}

function checkWeights(
  path: PolicyPath,
  endpoints: Service['endpoints'],
  weights: Readonly<Record<string, number>>,
): readonly Problem[] {
  return endpoints.flatMap(({ zone }, index) => {
    if (zone !== undefined && lookup(weights, zone) !== undefined) return [];
    const known = `the zones with a weight are ${namesOf(weights).join(', ')}`;
    const what = zone === undefined ? 'The endpoint stands in no zone' : `Zone "${zone}" has no weight`;
    const message = `${what}, so Envoy would never send it anything; ${known}.`;
    const hint = 'give the zone a weight in `loadBalancing.zones.weights`';
    return [
      problem('service.zone_without_weight', [...path, index, ...(zone === undefined ? [] : ['zone'])], message, hint),
    ];
  });
}

function checkOwnFirst(path: PolicyPath, endpoints: Service['endpoints']): readonly Problem[] {
  const first = Math.min(...endpoints.map(each => each.priority));
  if (standApart(endpoints.filter(each => each.priority === first))) return [];
  const message = 'zones has no effect: the endpoints of the first priority do not stand in different zones.';
  return [problem('service.option_without_effect', path, message)];
}

/** Envoy goes by load in every priority. */
function checkByLoad(path: PolicyPath, endpoints: Service['endpoints']): readonly Problem[] {
  if (standApart(endpoints)) return [];
  const message = 'zones has no effect: no two endpoints of the same priority stand in different zones.';
  return [problem('service.option_without_effect', path, message)];
}

/** Whether two of the same priority stand in different zones. */
function standApart(endpoints: Service['endpoints']): boolean {
  const zones = new Map(endpoints.map(({ priority, zone }) => [priority, zone]));
  return endpoints.some(({ priority, zone }) => zones.get(priority) !== zone);
}
