import type { PolicyPath } from '../base/problem.ts';
import { type Resource, servedTypes } from '../base/resource.ts';
import type { FleetIr } from '../ir/ir.ts';
import {
  destinationsOf,
  originOfCluster,
  originOfEndpoint,
  originOfHost,
  originOfListener,
  originOfRule,
  originOfTable,
} from '../ir/origin.ts';
import type { Destination } from '../policy/destination.ts';
import type { Policy } from '../policy/kinds.ts';
import { retryOn } from './attempts.ts';
import { entryLength, type FieldStep, fieldHolding, stepsAlong, textsIn, valueAt, walk } from './field-walk.ts';
import {
  clusterFields,
  clusterFieldsByLoad,
  endpointFields,
  type FieldNames,
  hashedRuleFields,
  hostFields,
  listenerFields,
  ruleFields,
  serviceFields,
} from './origin-fields.ts';
import { maintenanceMark } from './route-action.ts';
import { translate } from './translate.ts';

/** What is known of the part of a resource that is asked about. */
export interface Clue {
  /** Such as `health_checks[0].timeout`, also through `typed_config`. */
  readonly field?: string;
  /** What Envoy says of the resource, such as the message of a NACK. Used where there is no field. */
  readonly words?: string;
}

/**
 * What of the policy a resource of a fleet was made of: the declaration, and inside it as much of the way to the field
 * as can be told. Never a wrong place; a nearer one rather than none.
 */
export function originOf(policy: Policy, fleet: FleetIr, resource: Resource, clue: Clue = {}): PolicyPath {
  const words = clue.words === undefined ? '' : wordsAbout(fleet, resource, clue.words);
  const field = clue.field ?? fieldInWords(resource, words) ?? '';
  const steps = stepsAlong(resource.message, field);
  switch (resource.type) {
    case servedTypes.cluster:
      return ofCluster(policy, originOfCluster(policy, fleet, resource.name), steps);
    case servedTypes.endpoint:
      return ofAssignment(policy, fleet, resource.name, steps);
    case servedTypes.listener:
      return ofListener(policy, originOfListener(policy, fleet, resource.name), steps);
    case servedTypes.route:
      return ofTable(policy, steps) ?? originOfTable(policy, fleet, resource.name);
    case servedTypes.runtime:
      return ['fleets', fleet.fleetName];
  }
}

/** All settings are the service's, whichever of its versions the cluster is of. */
function ofCluster(policy: Policy, own: PolicyPath, steps: readonly FieldStep[]): PolicyPath {
  if (own[0] !== 'services' || steps[0]?.name === 'load_assignment') return own;
  const service = own.slice(0, 2);
  const byLoad = valueAt(policy, [...service, 'loadBalancing', 'zones', 'mode']) === 'byLoad';
  const found = walk(valueAt(policy, service), steps, byLoad ? clusterFieldsByLoad : clusterFields);
  return found ? [...service, ...found] : own;
}

function ofListener(policy: Policy, own: PolicyPath, steps: readonly FieldStep[]): PolicyPath {
  // Where a service's own sidecars listen is decided by the fleet and the endpoints together.
  if (own[0] === 'services') return own;
  const found = walk(valueAt(policy, own), steps, listenerFields);
  if (found || own[0] !== 'fleets') return [...own, ...(found ?? [])];
  const outbound = [...own.slice(0, 2), 'sidecar', 'outbound'];
  const shared = walk(valueAt(policy, outbound), steps, listenerFields);
  return shared ? [...outbound, ...shared] : own;
}

function ofAssignment(policy: Policy, fleet: FleetIr, name: string, steps: readonly FieldStep[]): PolicyPath {
  const own = originOfCluster(policy, fleet, name);
  const [locality, endpoint] = steps;
  if (own[0] === 'services' && locality?.name === 'policy') {
    const service = own.slice(0, 2);
    const backups = valueAt(policy, [...service, 'failover']) === 'whenAllDown';
    return [...service, backups ? 'failover' : 'overprovisioning'];
  }
  if (locality?.name !== 'endpoints' || typeof locality.at !== 'number') return own;
  const place = endpoint?.name === 'lb_endpoints' && typeof endpoint.at === 'number' ? endpoint.at : undefined;
  const declared = originOfEndpoint(policy, fleet, name, locality.at, place);
  return declared ? inside(policy, declared, steps.slice(place === undefined ? 1 : 2), endpointFields) : own;
}

function ofTable(policy: Policy, [host, route, ...within]: readonly FieldStep[]): PolicyPath | undefined {
  if (host?.name !== 'virtual_hosts') return undefined;
  const ofHost = originOfHost(policy, nameOf(host.value));
  if (!ofHost || ofHost[0] === 'services') return ofHost && ofService(policy, ofHost, within);
  if (route?.name !== 'routes') return inside(policy, ofHost, route ? [route, ...within] : [], hostFields);
  const ofRule = originOfRule(policy, nameOf(route.value));
  const rule = ofRule && valueAt(policy, ofRule);
  if (!ofRule || !rule) return ofRule ?? ofHost;
  const { to = [] } = rule as { readonly to?: readonly Destination[] };
  if (nameOf(route.value).endsWith(maintenanceMark) && within[0]?.name === 'direct_response') {
    return ofPage(policy, ofRule, to);
  }
  const rest = within.map(step => (step.name === 'clusters' ? { ...step, at: declaredPlace(to, step) } : step));
  const names = valueAt(rule, ['sticky', 'hashBy']) ? hashedRuleFields : ruleFields;
  const own = rest[0]?.name.endsWith('_headers_to_add') ? headerChange(rule, rest[0]) : walk(rule, rest, names);
  if (own && entryLength(rest, serviceFields) <= entryLength(rest, names)) return [...ofRule, ...own];
  const part = rest.find(step => step.name === 'clusters')?.at;
  const candidates = typeof part === 'number' ? to.slice(part, part + 1) : candidatesOf(to, route.value, rest);
  const from = candidates.find(({ service }) => walk(policy.services[service], rest, serviceFields));
  return from ? ofService(policy, ['services', from.service], rest) : [...ofRule, ...(own ?? [])];
}

/** The nearest page that is declared, or else the rule that has one all the same. */
function ofPage(policy: Policy, rule: PolicyPath, to: readonly Destination[]): PolicyPath {
  const owners = [rule, rule.slice(0, 2), ...to.map(({ service }) => ['services', service])];
  const pages = owners.map(owner => [...owner, 'maintenance', 'page']);
  return pages.find(page => valueAt(policy, page) !== undefined) ?? rule;
}

/** Parts of a split are known by their names: where a hash chooses, they have an order of their own. */
function declaredPlace(to: readonly Destination[], { at, value }: FieldStep): FieldStep['at'] {
  const [named] = destinationsOf(to, nameOf(value));
  return named ? to.indexOf(named) : at;
}

/** Filters are set up by the one destination of a route; other settings may be those of any that the rule has. */
function candidatesOf(to: readonly Destination[], route: unknown, rest: readonly FieldStep[]): readonly Destination[] {
  const cluster = valueAt(route, ['route', 'cluster']);
  if (rest[0]?.name !== 'typed_per_filter_config' || typeof cluster !== 'string') return to;
  return destinationsOf(to, cluster);
}

/** The change that a rule makes to the header, or what else of the rule sets it; undefined for other headers of ours. */
function headerChange(rule: unknown, { name, value }: FieldStep): PolicyPath | undefined {
  const field = name === 'request_headers_to_add' ? 'requestHeaders' : 'responseHeaders';
  const key = String(valueAt(value, ['header', 'key']));
  const text = valueAt(value, ['header', 'value']);
  const kind = ['set', 'add'].find(each => valueAt(rule, [field, each, key]) === text);
  if (kind !== undefined && text !== undefined) return [field, kind, key];
  if (field === 'responseHeaders' && key === stickyHeader(valueAt(rule, ['sticky']))) return ['sticky'];
  if (field === 'requestHeaders' && key === retryOn && valueAt(rule, ['retries'])) return ['retries'];
  return key === 'content-type' && valueAt(rule, ['respond']) ? ['respond', 'contentType'] : undefined;
}

function stickyHeader(sticky: unknown): unknown {
  return sticky && (valueAt(sticky, ['header', 'name']) ?? 'set-cookie');
}

/** What a rule that nobody declared, or that says nothing of it, takes from a service. */
function ofService(policy: Policy, service: PolicyPath, steps: readonly FieldStep[]): PolicyPath {
  return inside(policy, service, steps, serviceFields);
}

function inside(policy: Policy, own: PolicyPath, steps: readonly FieldStep[], names: FieldNames): PolicyPath {
  return [...own, ...(walk(valueAt(policy, own), steps, names) ?? [])];
}

function nameOf(value: unknown): string {
  const { name } = (value ?? {}) as { readonly name?: unknown };
  return typeof name === 'string' ? name : '';
}

/** Envoy lists clusters and listeners as `NAME: WORDS, NAME: WORDS`. */
function wordsAbout(fleet: FleetIr, { type, name }: Resource, words: string): string {
  const after = words.split(`${name}: `).slice(1).join(`${name}: `);
  if (after === '') return words;
  const others = translate(fleet).filter(each => each.type === type && each.name !== name);
  const ends = others.map(each => after.indexOf(`, ${each.name}: `)).filter(at => at >= 0);
  return after.slice(0, Math.min(after.length, ...ends));
}

/**
 * The field that Envoy's words are about: `ClusterValidationError.HealthChecks[0]: … HealthCheckValidationError.Timeout: …`
 * has it; elsewhere it may be what they quote: a virtual host, a route, or a text such as a regular expression.
 */
function fieldInWords(resource: Resource, words: string): string | undefined {
  const chain = [...words.matchAll(/(?<!\w)(\w+)ValidationError\.([\w[\]".]+)(?=: )/g)];
  const own = chain.findIndex(([, type]) => resource.type.endsWith(`.${type}`));
  if (own >= 0) {
    return chain
      .slice(own)
      .map(([, , field]) => field)
      .join('.');
  }
  return words === '' ? undefined : quotedField(resource, words);
}

/** Plain words such as `shop` or `EDS` may stand in any sentence, so that they count only as the name of a virtual host. */
function quotedField({ name, message }: Resource, words: string): string | undefined {
  const host = /virtual host '?([^\s']+)/.exec(words)?.[1];
  const texts = [...textsIn(message)]
    .filter(([, text]) => text !== name && !/^\w*$/.test(text) && stands(text, words))
    .sort(([, a], [, b]) => b.length - a.length);
  const path = texts[0]?.[0] ?? (host === undefined ? undefined : fieldHolding(message, host));
  return path?.replace(/\.name$/, '');
}

/** Whether the words hold the text, and not as part of a longer one. */
function stands(text: string, words: string): boolean {
  const at = words.indexOf(text);
  if (at < 0) return false;
  const around = `${words.charAt(at - 1)}${words.charAt(at + text.length)}`;
  return !/[\w/-]/.test(around);
}
