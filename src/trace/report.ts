import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { RouteConfiguration } from '../../proto/gen/envoy.config.route.v3.ts';
import type { Destination, Outcome } from './outcome.ts';
import type { TracedRequest } from './request.ts';
import { finished, type Steps } from './steps.ts';
import { type Trace, traceSteps } from './trace.ts';

/** What is asked: a request, and which listener of a fleet it comes to. */
export interface TraceQuestion {
  readonly request: TracedRequest;
  /** Name of a listener, or its port. Absent: the only one, or that of port 80. */
  readonly listener?: string | number;
}

/** What a fleet holds, as far as requests are concerned. */
export interface TracedFleet {
  readonly listeners: readonly Listener[];
  table(name: string): RouteConfiguration | undefined;
}

/** A trace by the rules of the policy, which may be several routes of Envoy's each. */
export interface TraceReport {
  readonly listener: string;
  /** Absent where bytes are passed on. */
  readonly routeTable?: string;
  /** The request as rules see it. */
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly virtualHost?: { readonly name: string; readonly domain: string };
  /** In the order in which they were looked at, up to the one that took the request. */
  readonly rules: readonly TracedRule[];
  readonly outcome: Outcome;
}

export interface TracedRule {
  /** `shop/everyone`, `shop/#3`. */
  readonly name: string;
  readonly taken: boolean;
  /** The first condition that was not met, of each of its routes; each reason once. Empty for the one that was taken. */
  readonly why: readonly string[];
  /** Its first route in the table, or the one that took the request: `virtual_hosts[0].routes[2]`. */
  readonly field: string;
}

/** Whose question cannot be answered as it is: why, and what to do. */
export class TraceError extends Error {
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.name = 'TraceError';
    this.hint = hint;
  }
}

/** Follows a request through a fleet. @throws TraceError when it is not clear which listener is meant */
export function traceReport(...asked: Parameters<typeof traceReportSteps>): TraceReport {
  return finished(traceReportSteps(...asked));
}

/** The same in steps, as {@link traceSteps}. */
export function* traceReportSteps(
  fleet: TracedFleet,
  { request, listener: wanted }: TraceQuestion,
): Steps<TraceReport> {
  // A request does not come in datagrams, whose listener may have the same port.
  const listener = listenerFor(
    fleet.listeners.filter(each => each.udp_listener_config === undefined),
    wanted,
  );
  const traced = yield* traceSteps(listener, fleet.table, request);
  const { method, host, path } = traced.request;
  return {
    listener: listener.name ?? '',
    ...(traced.routeTable === undefined ? {} : { routeTable: traced.routeTable }),
    method,
    host,
    path,
    ...(traced.virtualHost ? { virtualHost: traced.virtualHost } : {}),
    rules: rulesOf(traced),
    outcome: traced.outcome,
  };
}

function listenerFor(listeners: readonly Listener[], wanted: string | number | undefined): Listener {
  const named = listeners.filter(each => wanted === undefined || each.name === wanted || portOf(each) === wanted);
  const [first] = named;
  if (first && named.length === 1) return first;
  const usual = wanted === undefined ? named.filter(each => portOf(each) === 80) : [];
  if (usual[0] && usual.length === 1) return usual[0];
  const known = listeners.map(each => `${each.name} (port ${portOf(each)})`).join(', ') || 'none';
  if (named.length > 1) throw new TraceError('the fleet has several listeners', `say which one is meant: ${known}`);
  throw new TraceError(`the fleet has no listener ${wanted ?? ''}`.trimEnd(), `its listeners: ${known}`);
}

function portOf({ address }: Listener): number | undefined {
  return address?.socket_address?.port_value;
}

function rulesOf({ passedOver, route }: Trace): readonly TracedRule[] {
  const groups: { readonly name: string; readonly field: string; readonly why: Set<string> }[] = [];
  for (const { name, field, why } of passedOver) {
    const group = groups.at(-1);
    if (group?.name === name) group.why.add(why);
    else groups.push({ name, field, why: new Set([why]) });
  }
  const lost = groups
    .filter(each => each.name !== route?.name)
    .map(({ name, field, why }) => ({ name, taken: false, why: [...why], field }));
  return route ? [...lost, { ...route, taken: true, why: [] }] : lost;
}

/** Shares of the destinations in percent, in their order. */
export function shares(destinations: readonly Destination[]): readonly number[] {
  const sum = destinations.reduce((total, each) => total + each.weight, 0);
  return destinations.map(({ weight }) => (sum === 0 ? 0 : (100 * weight) / sum));
}
