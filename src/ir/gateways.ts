import { memo1, sameItems } from '../base/memo.ts';
import type { Gateway, Listener } from '../policy/gateway.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Route } from '../policy/route.ts';
import { type OfRoutes, type RouteList, renewedOfRoutes } from './by-route.ts';
import { fallingBack } from './fallback.ts';
import type { ListenerIr, RouteTableIr, VirtualHostIr } from './ir.ts';
import { keeping } from './kept.ts';
import type { Model } from './model.ts';
import { sortedEntries } from './order.ts';
import { reachedBy, virtualHost, weightedClusters } from './rules.ts';

/** What a gateway brings to every fleet that serves it. */
export interface GatewayIr {
  readonly listeners: readonly ListenerIr[];
  /** None if no listener of it speaks HTTP. */
  readonly routeTable: RouteTableIr | undefined;
}

const keepListener = keeping<ListenerIr>();
const keepTable = keeping<RouteTableIr>();

const keepGateway = keeping<GatewayIr>();

export function gatewayIr(model: Model, name: string, gateway: Gateway): GatewayIr {
  return keepGateway(gateway, name, model.routing, () => build(model, name, gateway));
}

function build(model: Model, name: string, gateway: Gateway): GatewayIr {
  const names = listenerNames(name, gateway.listeners);
  const listeners = gateway.listeners.flatMap(
    (listener, index) => listenerIr(model.policy, name, listener, names[index] ?? name) ?? [],
  );
  if (!listeners.some(listener => listener.kind === 'http')) return { listeners, routeTable: undefined };
  const hosts = hostsOf(model, name, gateway);
  const table = keepTable(gateway, name, hosts, () => ({ name: tableName(name), virtualHosts: hosts }));
  return { listeners, routeTable: table };
}

interface Hosts extends OfRoutes<VirtualHostIr> {
  readonly maintenance: readonly unknown[];
  readonly shifted: ReadonlySet<string>;
}

const lastHosts = new WeakMap<Gateway, Hosts>();

const routesByGateway = memo1((_: Policy['routes']) => new Map<string, RouteList>());

function routesOf(routes: Policy['routes'], gateway: string): RouteList {
  const known = routesByGateway(routes).get(gateway);
  if (known) return known;
  const found = sortedEntries(routes).filter(([, route]) => route.gateways.includes(gateway));
  routesByGateway(routes).set(gateway, found);
  return found;
}

function hostsOf(model: Model, name: string, gateway: Gateway): readonly VirtualHostIr[] {
  const { policy, overrides } = model;
  const { services } = policy;
  const about = { routes: routesOf(policy.routes, name), services };
  const last = lastHosts.get(gateway);
  const make = (routeName: string, route: Route) => virtualHost(model, routeName, route);
  const made =
    (last &&
      sameItems(last.maintenance, overrides.allMaintenance) &&
      renewedOfRoutes(last, about, make, {
        // What takes over is read beside the services that a route names.
        more: [...fallingBack(last.services), ...fallingBack(services)],
        others: [...last.shifted, ...overrides.shifted],
      })) ||
    about.routes.map(([routeName, route]) => make(routeName, route));
  lastHosts.set(gateway, { ...about, made, maintenance: overrides.allMaintenance, shifted: overrides.shifted });
  return made;
}

const tableName = (gateway: string) => `gateway/${gateway}`;

/**
 * `gateway/public/80`; a further listener on the same port bears its address, `gateway/public/10.0.0.1:80`. The first
 * one keeps the short name, so that adding another does not rename it: to Envoy, a new name is a new listener. That is
 * what `reusePort` needs, which Envoy refuses to change on a listener that it has. Ports of UDP are others: `gateway/public/53/udp`.
 */
export function listenerNames(gateway: string, listeners: readonly Listener[]): readonly string[] {
  return listeners.map((listener, index) => {
    const { address, port, protocol } = listener;
    const datagrams = protocol === 'udp';
    const first = listeners.findIndex(each => each.port === port && (each.protocol === 'udp') === datagrams) === index;
    const host = address.includes(':') ? `[${address}]` : address;
    const kind = datagrams ? '/udp' : listener.reusePort ? '/shared' : '';
    return `gateway/${gateway}/${first ? port : `${host}:${port}`}${kind}`;
  });
}

/** Undefined where datagrams have nowhere to go, which is a problem of the policy. */
function listenerIr(policy: Policy, gateway: string, listener: Listener, name: string): ListenerIr | undefined {
  const { address, port } = listener;
  const reusePort = listener.protocol === 'udp' || listener.reusePort;
  const limit =
    listener.protocol === 'udp' || listener.maxConnections === undefined
      ? {}
      : { maxConnections: listener.maxConnections };
  const place = { name, address, port, reusePort, role: 'edge' as const, ...limit };
  if (listener.protocol === 'http') {
    return keepListener(listener, name, [], () => ({
      ...place,
      kind: 'http',
      routeTable: tableName(gateway),
      http2: true,
      declared: listener,
    }));
  }
  const reached = reachedBy(policy, listener.to).map(({ destination }) => ({ destination }));
  const to = weightedClusters(policy, reached);
  const from = to.map(each => each.cluster);
  if (listener.protocol === 'tcp') return keepListener(listener, name, from, () => ({ ...place, kind: 'tcp', to }));
  const { idleTimeout } = listener;
  const [only] = to;
  return only && keepListener(listener, name, from, () => ({ ...place, kind: 'udp', to: only, idleTimeout }));
}
