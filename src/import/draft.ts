import { parseAddress } from '../base/address.ts';
import type { PolicyPath } from '../base/problem.ts';
import { formatDuration, millis, parseDuration } from '../base/units.ts';
import { type Binding, bindingsOverlap, formatBinding } from '../ir/overlap.ts';
import type { PolicyInput } from '../policy/kinds.ts';
import { suggestName } from '../policy/names.ts';
import { Notes } from './notes.ts';
import { Regexes } from './regexes.ts';
import { importLimits, type Statement } from './statement.ts';

export type ServiceDraft = NonNullable<PolicyInput['services']>[string];
export type GatewayDraft = NonNullable<PolicyInput['gateways']>[string];
export type ListenerDraft = GatewayDraft['listeners'][number];
export type RouteDraft = NonNullable<PolicyInput['routes']>[string];
export type RuleDraft = RouteDraft['rules'][number];
export type EndpointDraft = NonNullable<ServiceDraft['endpoints']>[number];

/** A policy in the making; only the import that made it knows it. */
export interface Draft {
  readonly services: Record<string, ServiceDraft>;
  readonly gateways: Record<string, GatewayDraft>;
  readonly routes: Record<string, RouteDraft>;
  readonly notes: Notes;
  readonly regexes: Regexes;
  /** The gateways of each port. */
  readonly ports: Map<number, Port[]>;
  /** What was last put after a name that was taken. */
  readonly numbers: Map<string, number>;
}

interface Port extends Binding {
  readonly gateway: string;
}

export const newDraft = (): Draft => ({
  services: {},
  gateways: {},
  routes: {},
  notes: new Notes(),
  regexes: new Regexes(),
  ports: new Map(),
  numbers: new Map(),
});

/** A name that a policy takes, and that nothing of this kind has. */
export function freeName(draft: Draft, kind: 'services' | 'gateways' | 'routes', wish: string): string {
  const near = suggestName(wish.replaceAll('_', '-')) ?? (/^[a-z0-9][a-z0-9-]*$/.test(wish) ? wish : 'unnamed');
  const base = near === 'constructor' ? 'constructor-1' : near.slice(0, 56).replace(/-+$/, '');
  const key = `${kind} ${base}`;
  let number = draft.numbers.get(key) ?? 1;
  let name = number === 1 ? base : `${base}-${number}`;
  while (Object.hasOwn(draft[kind], name)) name = `${base}-${++number}`;
  draft.numbers.set(key, number);
  return name;
}

/** The gateway of a listener, which `at` asks for: the listener's own where there is none yet. Undefined: its port is taken. */
export function gatewayFor(draft: Draft, listener: ListenerDraft, at: Statement): string | undefined {
  const binding = { port: listener.port, address: listener.address ?? '0.0.0.0', protocol: listener.protocol };
  const others = draft.ports.get(binding.port) ?? [];
  const other = others.find(each => bindingsOverlap(each, binding));
  if (!other && Object.keys(draft.gateways).length >= importLimits.gateways) {
    draft.notes.left(at, [], `there are more than ${importLimits.gateways} ports`);
    return undefined;
  }
  if (other) {
    if (other.address === binding.address && other.protocol === 'http' && binding.protocol === 'http')
      return other.gateway;
    draft.notes.left(at, ['gateways', other.gateway], `${formatBinding(other)} is taken by another listener`);
    return undefined;
  }
  const gateway = freeName(draft, 'gateways', `${listener.protocol}-${listener.port}`);
  draft.gateways[gateway] = { listeners: [listener] };
  draft.ports.set(binding.port, [...others, { ...binding, gateway }]);
  draft.notes.became(at, ['gateways', gateway]);
  return gateway;
}

/** An address as a policy takes it; undefined: it is none. */
export function addressOf(text: string, port: number): string | undefined {
  const whole = text.startsWith('unix:') || /:\d+$/.test(text.replace(/^\[[^\]]*\]/, '')) ? text : `${text}:${port}`;
  const clean = whole.replace(/^(unix:[^:]*):.*$/, '$1');
  return parseAddress(clean) ? clean : undefined;
}

/** Why a port that speaks TLS is left out, and what to do. */
export const noTls = [
  'gateways speak no TLS, and in plain text the port must not answer',
  'let something before the gateways end TLS, give this port as a plain one, and say trustedProxies: 1 of its listener',
] as const;

/** Why nothing of a server is in the policy. */
export const noPort = 'none of its ports is in the policy';

/** A time as near as a policy takes it, from `min` to `max` milliseconds; told where it is another. */
export function timeWithin(
  notes: Notes,
  at: Statement,
  path: PolicyPath,
  time: string | undefined,
  min: number,
  max: number,
): string | undefined {
  if (time === undefined) return undefined;
  const value = parseDuration(time) ?? Number.POSITIVE_INFINITY;
  if (value >= min && value <= max) return time;
  const near = formatDuration(millis(Math.min(max, Math.max(min, value))));
  notes.changed(at, path, `${time} becomes ${near}, the nearest that a policy takes`);
  return near;
}

/** A whole number as near as a policy takes it; told where it is another. Undefined: it is none. */
export function countWithin(
  notes: Notes,
  at: Statement,
  path: PolicyPath,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) {
    notes.changed(at, path, `"${text}" is no whole number`);
    return undefined;
  }
  const near = Math.min(max, Math.max(min, Number(text)));
  if (near !== Number(text)) notes.changed(at, path, `${text} becomes ${near}, the nearest that a policy takes`);
  return near;
}

/** Endpoints of a service, with where they came from; no more than a policy takes. */
export function endpointsOf(
  notes: Notes,
  service: PolicyPath,
  servers: readonly Statement[],
  made: (server: Statement) => EndpointDraft | undefined,
): EndpointDraft[] {
  const endpoints: EndpointDraft[] = [];
  for (const each of servers) {
    notes.take(each);
    const endpoint = made(each);
    if (!endpoint) continue;
    if (endpoints.length >= importLimits.endpoints) {
      notes.left(each, service, `a service has at most ${importLimits.endpoints} endpoints`);
      continue;
    }
    notes.became(each, [...service, 'endpoints', endpoints.length]);
    endpoints.push(endpoint);
  }
  return endpoints;
}

/** A text as a part of a regular expression. */
export const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** An answer for what an import could not take, so that nothing else gets these requests. */
export const notImported = (what: string) => ({ status: 501, body: `Not imported: ${what}` });

export const isPath = (text: string): boolean => /^\/[^?#\s]*$/.test(text);

/** A header that a policy may name. */
export const isHeaderName = (text: string): boolean => /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(text);
export const isFraming = (name: string): boolean => /^(host|content-length|transfer-encoding)$/i.test(name);
