import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { RouteConfiguration, VirtualHost } from '../../proto/gen/envoy.config.route.v3.ts';
import type { HttpConnectionManager } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { TcpProxy } from '../../proto/gen/envoy.extensions.filters.network.tcp_proxy.v3.ts';
import { expressionsIn, type Mismatch, mismatch } from './mismatch.ts';
import { type Destination, type Outcome, outcomeOf } from './outcome.ts';
import { arrival, type TracedRequest } from './request.ts';
import { finished, type Steps } from './steps.ts';
import { virtualHostFor } from './virtual-host.ts';

/** What an Envoy does with a request, and why. */
export interface Trace {
  /** The request as routes see it. */
  readonly request: TracedRequest;
  /** Name of the route configuration; absent where bytes are passed on. */
  readonly routeTable?: string;
  readonly virtualHost?: { readonly name: string; readonly domain: string };
  /** Routes that were passed over, in Envoy's order. */
  readonly passedOver: readonly PassedOver[];
  /** The route that took the request. */
  readonly route?: RouteAt;
  readonly outcome: Outcome;
}

/** A route by its name and its place in the table, such as `virtual_hosts[0].routes[2]`. */
export interface RouteAt {
  readonly name: string;
  readonly field: string;
}

export interface PassedOver extends RouteAt, Mismatch {}

/**
 * Follows a request through a listener and its routes, as the Envoys do that were sent them. A function of the messages
 * alone: nothing is asked of a proxy. What Envoy adds to requests by itself, such as `x-request-id`, is not there.
 *
 * @param tables the route configurations that the listener may name
 */
export function trace(...asked: Parameters<typeof traceSteps>): Trace {
  return finished(traceSteps(...asked));
}

/** The same, with a step for each route that is looked at: there may be very many, with expressions to be read. */
export function* traceSteps(
  listener: Listener,
  tables: (name: string) => RouteConfiguration | undefined,
  request: TracedRequest,
): Steps<Trace> {
  const filter = listener.filter_chains?.[0]?.filters?.at(-1)?.typed_config;
  if (filter?.['@type'] === tcpProxyType) return connection(filter as TcpProxy, request);
  const manager = (filter ?? {}) as HttpConnectionManager;
  const arrived = arrival(request, manager);
  if (arrived.kind === 'redirect') {
    const why = 'the path holds escaped slashes: the caller is sent to the plain path';
    return ended(request, { kind: 'unrouted', status: 307, why, location: arrived.path });
  }
  if (arrived.kind === 'refused') return ended(request, { kind: 'unrouted', status: 400, why: arrived.why });
  const name = manager.rds?.route_config_name ?? '';
  const table = tables(name);
  if (!table) return ended(arrived.request, { kind: 'unrouted', status: 404, why: 'the listener has no routes' });
  return { routeTable: name, ...(yield* inTable(table, arrived.request)) };
}

const tcpProxyType = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

function connection({ cluster, weighted_clusters: split }: TcpProxy, request: TracedRequest): Trace {
  const several = (split?.clusters ?? []).map(({ name = '', weight = 0 }): Destination => ({ cluster: name, weight }));
  return ended(request, {
    kind: 'connection',
    destinations: cluster === undefined ? several : [{ cluster, weight: 1 }],
  });
}

function ended(request: TracedRequest, outcome: Outcome): Trace {
  return { request, passedOver: [], outcome };
}

function* inTable(table: RouteConfiguration, request: TracedRequest): Steps<Trace> {
  const choice = virtualHostFor(table, request.host);
  if (!choice) {
    const known = (table.virtual_hosts ?? []).flatMap(each => each.domains ?? []).join(', ') || 'none';
    return ended(request, { kind: 'unrouted', status: 404, why: `no host fits ${request.host}; there are: ${known}` });
  }
  const { host, domain } = choice;
  const virtualHost = { name: host.name ?? '', domain };
  const field = `virtual_hosts[${table.virtual_hosts?.indexOf(host)}]`;
  return { virtualHost, ...(yield* inHost(host, field, request)) };
}

/** Reading one costs as much as looking at so many plain routes. */
const looksOfExpression = 50;

function* inHost({ routes = [] }: VirtualHost, field: string, request: TracedRequest): Steps<Trace> {
  const passedOver: PassedOver[] = [];
  for (const [index, route] of routes.entries()) {
    const at: RouteAt = { name: route.name ?? '', field: `${field}.routes[${index}]` };
    yield 1 + looksOfExpression * expressionsIn(route.match ?? {});
    const lost = mismatch(route.match ?? {}, request);
    if (!lost) return { request, passedOver, route: at, outcome: outcomeOf(route, request) };
    passedOver.push({ ...at, ...lost });
  }
  return { request, passedOver, outcome: { kind: 'unrouted', status: 404, why: 'no rule takes the request' } };
}
