import type { Locality } from '../../proto/gen/envoy.config.core.v3.ts';
import type {
  ClusterLoadAssignment,
  ClusterLoadAssignment_Policy,
  LbEndpoint,
  LocalityLbEndpoints,
} from '../../proto/gen/envoy.config.endpoint.v3.ts';
import { hasBackups, tellsZones } from '../ir/endpoints.ts';
import { hasFallback } from '../ir/fallback.ts';
import type { EndpointIr, OwnZoneIr, ServiceClusterIr } from '../ir/ir.ts';
import type { Service } from '../policy/service.ts';
import { envoyAddress } from './address.ts';
import { endpointCheck } from './health-check.ts';
import { wholePercent } from './units.ts';

/**
 * Envoy gives a priority this many times the percentage of its endpoints that are healthy, and the next what is then
 * missing to 100. One healthy endpoint of a million is thus enough.
 */
const anyHealthyIsEnough: ClusterLoadAssignment_Policy = { overprovisioning_factor: 100_000_000 };

/**
 * The endpoints of a cluster, one locality per zone and priority. Without endpoints it is empty, which takes a service's
 * traffic away; a missing one would leave the old endpoints in use (R30).
 *
 * Priorities are renumbered without gaps, as Envoy and gRPC clients expect (R54).
 */
export function loadAssignment(cluster: ServiceClusterIr): ClusterLoadAssignment {
  const priorities = [...new Set(cluster.endpoints.map(each => each.priority))].sort((a, b) => a - b);
  return {
    cluster_name: cluster.name,
    ...(hasFallback(cluster) ? { policy: anyHealthyIsEnough } : spilling(cluster.service)),
    endpoints: priorities.flatMap((priority, level) =>
      localities(
        cluster.endpoints.filter(each => each.priority === priority),
        level,
        cluster.service,
      ),
    ),
  };
}

/**
 * The own fleet of a proxy: in each zone one endpoint, which nobody connects to, with the weight of all proxies there.
 * Zone-aware routing compares nothing else, and so a proxy that comes or goes is told to the others in a few bytes.
 */
export function ownFleetAssignment(name: string, zones: readonly OwnZoneIr[]): ClusterLoadAssignment {
  return {
    cluster_name: name,
    ...(zones.length === 0
      ? {}
      : {
          endpoints: zones.map(({ zone, weight }, index) => ({
            locality: locality(zone),
            lb_endpoints: [
              { endpoint: { address: { pipe: { path: `@${name}/${index}` } } }, load_balancing_weight: weight },
            ],
          })),
        }),
  };
}

/** When the next priority gets traffic; nothing where it is as Envoy does it by itself. */
function spilling(service: Service): { readonly policy?: ClusterLoadAssignment_Policy } {
  if (hasBackups(service)) return { policy: anyHealthyIsEnough };
  const factor = wholePercent(service.overprovisioning);
  return factor === 140 ? {} : { policy: { overprovisioning_factor: factor } };
}

function localities(endpoints: readonly EndpointIr[], level: number, service: Service): readonly LocalityLbEndpoints[] {
  const balancing = service.loadBalancing.zones;
  const zoneOf = ({ zone }: EndpointIr) => (tellsZones(service) && zone) || '';
  const zones = [...new Set(endpoints.map(zoneOf))].sort();
  return zones.map(zone => ({
    ...(zone === '' ? {} : { locality: locality(zone) }),
    lb_endpoints: endpoints.filter(each => zoneOf(each) === zone).map(each => lbEndpoint(each, service)),
    ...(balancing.mode === 'weighted' ? weightOf(zone, balancing.weights) : {}),
    ...(level === 0 ? {} : { priority: level }),
  }));
}

/** `eu/a`, or `a`. Proxies take for their own what is the same in both parts. */
function locality(text: string): Locality {
  const at = text.indexOf('/');
  return at < 0 ? { zone: text } : { region: text.slice(0, at), zone: text.slice(at + 1) };
}

function weightOf(
  zone: string,
  weights: Readonly<Record<string, number>>,
): Pick<LocalityLbEndpoints, 'load_balancing_weight'> {
  const weight = Object.hasOwn(weights, zone) ? weights[zone] : undefined;
  return weight === undefined ? {} : { load_balancing_weight: weight };
}

function lbEndpoint(endpoint: EndpointIr, service: Service): LbEndpoint {
  return {
    endpoint: { address: envoyAddress(endpoint.address), ...endpointCheck(service, endpoint.healthCheck) },
    ...(endpoint.state === 'draining' ? { health_status: 'DRAINING' } : {}),
    ...metadata(endpoint),
    load_balancing_weight: endpoint.weight,
  };
}

function metadata({ labels, hashKey }: EndpointIr): Pick<LbEndpoint, 'metadata'> {
  const known = { ...labels, ...(hashKey === undefined ? {} : { hash_key: hashKey }) };
  return Object.keys(known).length > 0 ? { metadata: { filter_metadata: { 'envoy.lb': known } } } : {};
}
