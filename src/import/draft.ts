import { parseAddress } from '../base/address.ts';
import { checkRegex } from '../policy/check-regex.ts';
import type { PolicyInput } from '../policy/kinds.ts';
import { suggestName } from '../policy/names.ts';
import type { Notes } from './notes.ts';

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
}

/** A name that a policy takes, and that is none of those given. */
export function freeName(wish: string, taken: Readonly<Record<string, unknown>>): string {
  const near = suggestName(wish.replaceAll('_', '-')) ?? (/^[a-z0-9][a-z0-9-]*$/.test(wish) ? wish : 'unnamed');
  const base = near === 'constructor' ? 'constructor-1' : near.slice(0, 58).replace(/-+$/, '');
  let name = base;
  for (let number = 2; Object.hasOwn(taken, name); number += 1) name = `${base}-${number}`;
  return name;
}

/** The policy of a draft: one fleet of edge proxies serves all its gateways. */
export function policyOf({ services, gateways, routes }: Draft): PolicyInput {
  const names = Object.keys(gateways);
  return {
    ...(Object.keys(services).length > 0 ? { services } : {}),
    ...(names.length > 0 ? { gateways } : {}),
    ...(Object.keys(routes).length > 0 ? { routes } : {}),
    ...(names.length > 0 ? { fleets: { edge: { match: { cluster: 'edge' }, gateways: names } } } : {}),
  };
}

/** The gateway of a listener: its name, the listener's own where there is none yet. */
export function gatewayFor(draft: Draft, listener: ListenerDraft): string {
  const there = Object.entries(draft.gateways).find(([, { listeners }]) =>
    listeners.some(
      each => each.port === listener.port && (each.address ?? '0.0.0.0') === (listener.address ?? '0.0.0.0'),
    ),
  );
  if (there) return there[0];
  const name = freeName(`${listener.protocol}-${listener.port}`, draft.gateways);
  draft.gateways[name] = { listeners: [listener] };
  return name;
}

/** An address as a policy takes it; undefined: it is none. */
export function addressOf(text: string, port: number): string | undefined {
  const whole = text.startsWith('unix:') || /:\d+$/.test(text.replace(/^\[[^\]]*\]/, '')) ? text : `${text}:${port}`;
  const clean = whole.replace(/^(unix:[^:]*):.*$/, '$1');
  return parseAddress(clean) ? clean : undefined;
}

/** What a regular expression that is found anywhere comes to where a path is matched as a whole; or why it cannot. */
export function wholeRegex(
  pattern: string,
  ignoreCase: boolean,
): { readonly regex: string } | { readonly why: string } {
  const bare = pattern.includes('|')
    ? `.*(?:${pattern}).*`
    : `${pattern.startsWith('^') ? pattern.slice(1) : `.*${pattern}`}`.replace(/(?<!\\)\$$|$/, end =>
        end === '$' ? '' : '.*',
      );
  const regex = `${ignoreCase ? '(?i)' : ''}${bare.replace(/(?<!\\)\.\*\.\*$/, '.*')}`;
  const mistake = checkRegex(regex);
  return mistake ? { why: `${mistake.message}; ${mistake.hint}` } : { regex };
}

/** Why a port that speaks TLS is left out, and what to do. */
export const noTls = [
  'gateways speak no TLS, and in plain text the port must not answer',
  'let something before the gateways end TLS, give this port as a plain one, and say trustedProxies: 1 of its listener',
] as const;

/** Why nothing of a server is in the policy. */
export const noPort = 'none of its ports is in the policy';

/** A text as a part of a regular expression. */
export const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** An answer for what an import could not take, so that nothing else gets these requests. */
export const notImported = (what: string) => ({ status: 501, body: `Not imported: ${what}` });

export const isPath = (text: string): boolean => /^\/[^?#\s]*$/.test(text);

/** A header that a policy may name. */
export const isHeaderName = (text: string): boolean => /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(text);
export const isFraming = (name: string): boolean => /^(host|content-length|transfer-encoding)$/i.test(name);
