import { compareText } from '../base/compare.ts';
import type { Fleet, Sidecar, Upstream } from '../policy/fleet.ts';
import type { Policy } from '../policy/kinds.ts';
import { type Route, Rule } from '../policy/route.ts';
import type { Service } from '../policy/service.ts';
import { clusterFor, servicesBehind } from './fallback.ts';
import { clustersFor, clustersUsed, fleetIr } from './fleets.ts';
import { forwardingTo } from './forwarding.ts';
import { groupSeats, inboundIr, seatsOf } from './inbound.ts';
import type { FleetIr, ListenerIr, OwnZoneIr, RouteTableIr, VirtualHostIr } from './ir.ts';
import { keeping } from './kept.ts';
import { maintenanceIr, serviceIsDown } from './maintenance.ts';
import type { Model } from './model.ts';
import { lookup, sortedEntries, sortedUnique } from './order.ts';
import { declaredZones, zonesOfEndpoints } from './own-zones.ts';
import { servicesOfRoute } from './references.ts';
import { bindingOf, hashServiceOf, timeoutOf, virtualHost } from './rules.ts';

/** An upstream whose service is declared. */
export interface KnownUpstream {
  readonly upstream: Upstream;
  /** Place in the fleet's list. */
  readonly index: number;
  readonly service: Service;
}

const keepListener = keeping<ListenerIr>();
const keepTable = keeping<RouteTableIr>();
const keepHost = keeping<VirtualHostIr>();

/** The fleet, or its sub-fleets: one for each distinct set of listeners. They share what is behind the application. */
export function sidecarFleets(model: Model, name: string, fleet: Fleet, sidecar: Sidecar): readonly FleetIr[] {
  const out = outbound(model, sidecar);
  const serviceName = sidecar.service;
  const service = serviceName === undefined ? undefined : lookup(model.policy.services, serviceName);
  const zones = sidecarZones(model, name, fleet, serviceName);
  const groups = service ? groupSeats(name, seatsOf(fleet, sidecar, service)) : [];
  if (serviceName === undefined || !service || groups.length === 0) {
    return [fleetIr(fleet, { key: name, fleetName: name, role: 'sidecar', members: undefined }, { ...out, zones })];
  }
  return groups.map(({ key, members, places }) => {
    const inbound = inboundIr(serviceName, service, places);
    return fleetIr(
      fleet,
      { key, fleetName: name, role: 'sidecar', members },
      {
        listeners: [...out.listeners, ...inbound.listeners],
        routeTables: [...out.routeTables, ...inbound.routeTables],
        clusters: [...out.clusters, inbound.clusters],
        zones,
      },
    );
  });
}

function sidecarZones(
  { clustersOf }: Model,
  name: string,
  fleet: Fleet,
  serviceName: string | undefined,
): readonly OwnZoneIr[] {
  const [own] = serviceName === undefined ? [] : clustersOf(serviceName);
  return own?.kind === 'service' ? zonesOfEndpoints(fleet, name, own.endpoints) : declaredZones(fleet);
}

/** The declared upstreams, each service once, by name. */
export function knownUpstreams(policy: Policy, sidecar: Sidecar): readonly KnownUpstream[] {
  const byName = new Map<string, KnownUpstream>();
  for (const [index, upstream] of sidecar.upstreams.entries()) {
    const service = lookup(policy.services, upstream.service);
    if (service && !byName.has(upstream.service)) byName.set(upstream.service, { upstream, index, service });
  }
  return [...byName.values()].sort((a, b) => compareText(a.upstream.service, b.upstream.service));
}

/** Routes of the mesh that a sidecar has: those that send to its upstreams only. */
export function meshRoutes(policy: Policy, sidecar: Sidecar): readonly (readonly [string, Route])[] {
  const reachable = new Set(knownUpstreams(policy, sidecar).map(({ upstream }) => upstream.service));
  return sortedEntries(policy.routes).filter(
    ([, route]) => route.mesh && servicesOfRoute(route).every(service => reachable.has(service)),
  );
}

function outbound(model: Model, sidecar: Sidecar) {
  const upstreams = knownUpstreams(model.policy, sidecar);
  const overHttp = upstreams.filter(({ service }) => service.protocol !== 'tcp');
  const listeners = upstreams.flatMap(({ upstream, service }) => tcpListener(model, sidecar, upstream, service) ?? []);
  const routeTables: RouteTableIr[] = [];
  if (overHttp.length > 0) {
    listeners.push(httpListener(sidecar));
    routeTables.push(outboundTable(model, sidecar, overHttp));
  }
  const names = sortedUnique(upstreams.map(({ upstream }) => clusterFor(model.policy.services, upstream.service)));
  const clusters = [clustersFor(model, names), ...clustersUsed(model, sidecar, listeners, routeTables)];
  return { listeners, routeTables, clusters };
}

function httpListener(sidecar: Sidecar): ListenerIr {
  const { address, port } = sidecar.outbound;
  return keepListener(sidecar, 'outbound', [], () => ({
    kind: 'http',
    name: 'outbound',
    address,
    port,
    reusePort: false,
    role: 'outbound',
    routeTable: 'outbound',
    http2: true,
    declared: undefined,
  }));
}

function tcpListener(
  { policy }: Model,
  sidecar: Sidecar,
  upstream: Upstream,
  service: Service,
): ListenerIr | undefined {
  const { service: serviceName, port } = upstream;
  if (service.protocol !== 'tcp' || port === undefined) return undefined;
  const name = `outbound/${serviceName}`;
  const cluster = clusterFor(policy.services, serviceName);
  return keepListener(sidecar, name, [cluster], () => ({
    kind: 'tcp',
    name,
    address: sidecar.outbound.address,
    port,
    reusePort: false,
    role: 'outbound',
    to: [{ destination: serviceName, cluster, serviceName, weight: 1 }],
  }));
}

/** Routes of the mesh that send to these services only, and, for their other hosts, the services themselves. */
function outboundTable(model: Model, sidecar: Sidecar, upstreams: readonly KnownUpstream[]): RouteTableIr {
  const routes = meshRoutes(model.policy, sidecar);
  const taken = new Set(routes.flatMap(([, route]) => route.hosts));
  const hosts = [
    ...routes.map(([name, route]) => virtualHost(model, name, route)),
    ...upstreams.flatMap(({ upstream, service }) => {
      const domains = [`${upstream.service}.${sidecar.outbound.domain}`, upstream.service];
      const free = domains.filter(domain => !taken.has(domain));
      return free.length === 0 ? [] : [upstreamHost(model, upstream.service, service, free)];
    }),
  ];
  return keepTable(sidecar, 'outbound', hosts, () => ({ name: 'outbound', virtualHosts: hosts }));
}

function upstreamHost(
  { policy: { services }, overrides }: Model,
  serviceName: string,
  service: Service,
  domains: readonly string[],
): VirtualHostIr {
  const name = `upstream/${serviceName}`;
  const behind = servicesBehind(services, serviceName);
  const cluster = clusterFor(services, serviceName);
  const down = serviceIsDown(overrides, serviceName, service);
  return keepHost(service, `${name} ${domains.join(' ')}`, [cluster, ...behind, down], () => {
    const action = {
      kind: 'forward' as const,
      to: [{ destination: serviceName, cluster, serviceName, weight: 1, ...bindingOf(services, serviceName, service) }],
      timeout: timeoutOf(service),
      retries: service.retries,
      hashService: hashServiceOf(behind),
      ...forwardingTo(behind),
    };
    const rule = Rule.parse({ to: [{ service: serviceName }] });
    const versioning = service.apiVersioning;
    const apiVersioning = versioning && { serviceName, versioning };
    const page = maintenanceIr({ services: [service] }, action.to, [down]);
    return { name, domains, rules: [{ name, routeName: name, rule, action, apiVersioning, ...page }] };
  });
}
