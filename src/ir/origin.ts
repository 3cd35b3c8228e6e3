import type { PolicyPath } from '../base/problem.ts';
import { type Destination, destinationKey, destinationParts } from '../policy/destination.ts';
import type { Policy } from '../policy/kinds.ts';
import { tellsZones } from './endpoints.ts';
import { destinationsBehind } from './fallback.ts';
import { listenerNames } from './gateways.ts';
import { seatsOf } from './inbound.ts';
import type { EndpointIr, FleetIr } from './ir.ts';
import { lookup } from './order.ts';
import { formatBinding } from './overlap.ts';

/**
 * From the names that fleets' resources bear back to what a policy declares. Each is the inverse of how `ir.ts` says
 * that a name is made. What is not declared, or stands in every fleet, comes from the fleet.
 */

/** What a cluster or its load assignment was made of: `catalog`, `catalog@v1`, `catalog+last` or `inbound/checkout`. */
export function originOfCluster(policy: Policy, { fleetName }: FleetIr, name: string): PolicyPath {
  const inbound = afterPrefix('inbound/', name);
  const [destination = name, fallback] = destinationsBehind(name);
  if (fallback !== undefined) return originOfFallback(policy, fleetName, destination);
  const [serviceName = '', version] = (inbound?.split('/')[0] ?? name).split('@');
  const service = lookup(policy.services, serviceName);
  if (!service) return ['fleets', fleetName];
  const known = version !== undefined && lookup(service.versions, version);
  return ['services', serviceName, ...(known ? ['versions', version] : [])];
}

function originOfFallback(policy: Policy, fleetName: string, key: string): PolicyPath {
  const { service: serviceName, version } = destinationParts(key);
  const service = lookup(policy.services, serviceName);
  if (!service) return ['fleets', fleetName];
  const own = version !== undefined && lookup(service.versions, version)?.fallback !== undefined;
  return ['services', serviceName, ...(own ? ['versions', version] : []), 'fallback'];
}

/** The destinations that a cluster was made for. */
export function destinationsOf(to: readonly Destination[], cluster: string): readonly Destination[] {
  const [key] = destinationsBehind(cluster);
  return to.filter(each => destinationKey(each) === key);
}

/** What a listener was made of: `gateway/public/80`, `outbound`, `outbound/db`, `inbound/checkout`. */
export function originOfListener(policy: Policy, { fleetName }: FleetIr, name: string): PolicyPath {
  const fleet = lookup(policy.fleets, fleetName);
  const upstream = afterPrefix('outbound/', name);
  const inbound = afterPrefix('inbound/', name);
  if (upstream !== undefined) {
    const index = fleet?.sidecar?.upstreams.findIndex(each => each.service === upstream) ?? -1;
    return index < 0 ? ['fleets', fleetName] : ['fleets', fleetName, 'sidecar', 'upstreams', index];
  }
  if (name === 'outbound') return ['fleets', fleetName, 'sidecar', 'outbound'];
  if (inbound !== undefined) return originOfInbound(policy, fleetName, inbound);
  const gatewayName = afterPrefix('gateway/', name)?.split('/')[0] ?? '';
  const gateway = lookup(policy.gateways, gatewayName);
  if (!gateway) return ['fleets', fleetName];
  const index = listenerNames(gatewayName, gateway.listeners).indexOf(name);
  return ['gateways', gatewayName, ...(index < 0 ? [] : ['listeners', index])];
}

/** `checkout`, or with the binding that tells several listeners of one sidecar apart: `checkout/10.0.0.21:15006`. */
function originOfInbound(policy: Policy, fleetName: string, name: string): PolicyPath {
  const [serviceName = '', binding] = name.split('/');
  const service = lookup(policy.services, serviceName);
  const fleet = lookup(policy.fleets, fleetName);
  if (!service) return ['fleets', fleetName];
  const seats = fleet?.sidecar && binding !== undefined ? seatsOf(fleet, fleet.sidecar, service) : [];
  const place = seats.flatMap(seat => seat.places).find(each => formatBinding(each) === binding);
  return ['services', serviceName, ...(place ? ['endpoints', place.endpoint.index] : [])];
}

/** What a route table as a whole was made of: `gateway/public`, `outbound` or `inbound/checkout`. */
export function originOfTable(policy: Policy, { fleetName }: FleetIr, name: string): PolicyPath {
  const gateway = afterPrefix('gateway/', name);
  const service = afterPrefix('inbound/', name)?.split('/')[0];
  if (gateway !== undefined && lookup(policy.gateways, gateway)) return ['gateways', gateway];
  if (service !== undefined && lookup(policy.services, service)) return ['services', service];
  return ['fleets', fleetName, ...(name === 'outbound' ? ['sidecar'] : [])];
}

/** What a virtual host was made of: `shop`, `upstream/catalog` or `inbound/checkout`; undefined if it is none of ours. */
export function originOfHost(policy: Policy, name: string): PolicyPath | undefined {
  const service = afterPrefix('upstream/', name) ?? afterPrefix('inbound/', name)?.split('/')[0];
  if (service !== undefined) return lookup(policy.services, service) && ['services', service];
  return lookup(policy.routes, name) && ['routes', name];
}

/**
 * What an Envoy route was made of: `shop/everyone`, `shop/#3`, and, answered by us for a version of an API,
 * `shop/everyone@v1:410`; undefined if it is none of ours.
 */
export function originOfRule(policy: Policy, name: string): PolicyPath | undefined {
  const [routeName = '', ruleName = ''] = (name.split('@')[0] ?? '').split('/');
  const route = lookup(policy.routes, routeName);
  if (!route) return originOfHost(policy, name);
  const place = afterPrefix('#', ruleName);
  const index = place === undefined ? route.rules.findIndex(rule => rule.name === ruleName) : Number(place) - 1;
  return ['routes', routeName, ...(route.rules[index] ? ['rules', index] : [])];
}

/**
 * The declaration of an endpoint: that of the number `endpoint` in the locality of the number `locality` of a load
 * assignment, which stand in the order of the cluster's endpoints.
 */
export function originOfEndpoint(
  policy: Policy,
  fleet: FleetIr,
  name: string,
  locality: number,
  endpoint = 0,
): PolicyPath | undefined {
  const cluster = fleet.clusters.find(each => each.name === name);
  if (cluster?.kind !== 'service') return undefined;
  const groups = Map.groupBy(cluster.endpoints, ({ priority, zone }: EndpointIr) =>
    tellsZones(cluster.service) ? `${priority} ${zone ?? ''}` : priority,
  );
  const found = [...groups.values()][locality]?.[endpoint];
  const declared = lookup(policy.services, cluster.serviceName)?.endpoints ?? [];
  const index = declared.findIndex(each => each.address === found?.declared);
  return index < 0 ? undefined : ['services', cluster.serviceName, 'endpoints', index];
}

function afterPrefix(prefix: string, name: string): string | undefined {
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}
