import { compareText } from '../base/compare.ts';
import { didYouMean } from '../base/suggest.ts';
import { canonicalAddress } from '../ir/address.ts';
import { lookup } from '../ir/order.ts';
import { destinationKey } from '../policy/destination.ts';
import type { Policy } from '../policy/kinds.ts';
import type { EndpointOverride, Override, TrafficShift } from '../policy/operational-state.ts';
import { type OverrideKey, overrideId } from '../store/store.ts';
import type { OverrideOutcome } from './control.ts';
import { declaredEndpoint, whyRefused } from './usable.ts';

/** What a write of operational state comes to. Pure: the same state gives the same decision. */
export type Decision =
  | { readonly kind: 'put'; readonly override: Override }
  | { readonly kind: 'end'; readonly override: Override }
  /** Its time is up. */
  | { readonly kind: 'expire'; readonly override: Override }
  /** The time of the sessions that it spares is up: it goes on as this. */
  | { readonly kind: 'move'; readonly override: EndpointOverride }
  /** Of endpoints of a service, all or nothing. */
  | EndpointsChange
  /** What is wanted is so already. */
  | { readonly kind: 'keep'; readonly override: Override }
  | { readonly kind: 'answer'; readonly outcome: Exclude<OverrideOutcome, { readonly kind: 'done' }> };

/** Overrides of several endpoints of a service, written together. */
export interface EndpointsChange {
  readonly kind: 'change';
  readonly service: string;
  /** Addresses of the endpoints that were asked for, whether or not something changes for them. */
  readonly addresses: readonly string[];
  readonly put: readonly EndpointOverride[];
  readonly end: readonly EndpointOverride[];
}

/** What a decision is made from. */
export interface Situation {
  readonly policy: Policy;
  readonly overrides: readonly Override[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function decideShift(
  wanted: Omit<TrafficShift, 'kind' | 'since'>,
  { policy, overrides, now }: Situation,
): Decision {
  const route = lookup(policy.routes, wanted.route);
  if (!route) {
    return notFound(`There is no route "${wanted.route}".`, didYouMean(wanted.route, Object.keys(policy.routes)));
  }
  const rule = route.rules.find(each => each.name === wanted.rule);
  if (!rule) {
    const names = route.rules.flatMap(each => each.name ?? []);
    const known = names.length > 0 ? `named rules: ${names.join(', ')}` : 'give the rule a name to be able to shift it';
    const hint = didYouMean(wanted.rule, names) ?? known;
    return notFound(`Route "${wanted.route}" has no rule named "${wanted.rule}".`, hint);
  }
  if (!rule.to) return invalid([`rule "${wanted.rule}" does not send to services, so it has no weights`]);
  const problems = weightMistakes(wanted.weights, rule.to.map(destinationKey));
  if (problems.length > 0) return invalid(problems);
  const shift: TrafficShift = { ...wanted, kind: 'shift', weights: inOrder(wanted.weights), since: now };
  const current = find(overrides, shift);
  const same = current?.kind === 'shift' && JSON.stringify(current.weights) === JSON.stringify(shift.weights);
  return same ? { kind: 'keep', override: current } : { kind: 'put', override: shift };
}

/** Fields that are not given stay as an earlier override set them; a new state brings its own end, or none. */
export function decideEndpoint(
  wanted: Omit<EndpointOverride, 'kind' | 'since'>,
  { force }: { readonly force: boolean },
  situation: Situation,
): Decision {
  const { policy, overrides, now } = situation;
  const service = lookup(policy.services, wanted.service);
  if (!service) return noService(policy, wanted.service);
  const declared = declaredEndpoint(service, wanted.address);
  if (!declared) {
    const known = service.endpoints.map(each => each.address);
    const hint = didYouMean(wanted.address, known) ?? `it has ${known.slice(0, 10).join(', ') || 'none'}`;
    return notFound(`Service "${wanted.service}" has no endpoint ${wanted.address}.`, hint);
  }
  const problems = endpointMistakes(wanted, now);
  if (problems.length > 0) return invalid(problems);
  const { current, override } = overrideOf({ ...wanted, address: declared.address }, situation);
  if (current === override) return { kind: 'keep', override };
  const after = [...overrides.filter(each => each !== current), override];
  const touched = { service: wanted.service, addresses: [override.address] };
  const why = force ? undefined : whyRefused(policy, overrides, after, touched);
  if (why !== undefined) return { kind: 'answer', outcome: { kind: 'refused', why } };
  return { kind: 'put', override };
}

/** What an endpoint is overridden by now, and from then on: the same object where what is wanted is so already. */
export function overrideOf(
  wanted: Omit<EndpointOverride, 'kind' | 'since'>,
  { overrides, now }: Situation,
): { readonly current: EndpointOverride | undefined; readonly override: EndpointOverride } {
  const found = find(overrides, { kind: 'endpoint', service: wanted.service, address: wanted.address });
  const current = found?.kind === 'endpoint' ? found : undefined;
  const { by: _by, since: _since, reason: _reason, expiresAt, sessionsUntil, ...before } = current ?? {};
  const stays = wanted.state === undefined;
  const override: EndpointOverride = {
    ...before,
    ...(stays && expiresAt !== undefined ? { expiresAt } : {}),
    ...(stays && sessionsUntil !== undefined ? { sessionsUntil } : {}),
    ...wanted,
    kind: 'endpoint',
    since: now,
  };
  return { current, override: current && sameEndpointOverride(current, override) ? current : override };
}

/**
 * An endpoint whose sessions have had their time is disabled. The last one that Envoys are told of is not, since they
 * would have nothing to send to: its sessions have no end any more.
 */
export function decideSessionsEnd(drain: EndpointOverride, { policy, overrides }: Situation): Decision {
  const disabled: EndpointOverride = { ...drain, state: 'disabled' };
  const after = overrides.map(each => (each === drain ? disabled : each));
  const touched = { service: drain.service, addresses: [drain.address] };
  if (whyRefused(policy, overrides, after, touched) === undefined) return { kind: 'move', override: disabled };
  const { sessionsUntil: _, ...endless } = drain;
  return { kind: 'move', override: endless };
}

export function decideEnd(key: OverrideKey, { overrides }: Situation): Decision {
  const override = find(overrides, key);
  if (override) return { kind: 'end', override };
  return notFound(notOverridden(key));
}

function notOverridden(key: OverrideKey): string {
  if (key.kind === 'shift') return `Nothing overrides rule "${key.rule}" of route "${key.route}".`;
  if (key.kind === 'endpoint') return `Nothing overrides ${key.address} of "${key.service}".`;
  return `Nobody has put ${key.of} "${key.name}" into maintenance; if it is, the policy says so.`;
}

/** The overrides after a decision. */
export function applied(overrides: readonly Override[], decision: Decision): readonly Override[] {
  if (decision.kind === 'answer' || decision.kind === 'keep') return overrides;
  if (decision.kind === 'change') {
    const ended = decision.end.reduce((all, override) => applied(all, { kind: 'end', override }), overrides);
    return decision.put.reduce((all, override) => applied(all, { kind: 'put', override }), ended);
  }
  const id = overrideId(decision.override);
  if (decision.kind === 'end' || decision.kind === 'expire') return overrides.filter(each => overrideId(each) !== id);
  const at = overrides.findIndex(each => overrideId(each) === id);
  return at < 0 ? [...overrides, decision.override] : overrides.with(at, decision.override);
}

export function find(overrides: readonly Override[], key: OverrideKey): Override | undefined {
  const id = overrideId(key.kind === 'endpoint' ? { ...key, address: canonicalAddress(key.address) } : key);
  return overrides.find(
    each => overrideId(each.kind === 'endpoint' ? { ...each, address: canonicalAddress(each.address) } : each) === id,
  );
}

function weightMistakes(weights: Readonly<Record<string, number>>, declared: readonly string[]): readonly string[] {
  const given = Object.keys(weights);
  const unknown = given.filter(key => !declared.includes(key));
  const missing = declared.filter(key => !given.includes(key));
  const bad = given.filter(key => !Number.isInteger(weights[key]) || (weights[key] ?? -1) < 0);
  const problems = [
    ...unknown.map(key => `the rule does not send to "${key}"; it sends to ${declared.join(', ')}`),
    ...missing.map(key => `the weight of "${key}" is missing`),
    ...bad.map(key => `the weight of "${key}" must be a whole number from 0 on, is ${weights[key]}`),
  ];
  if (problems.length === 0 && given.every(key => weights[key] === 0)) {
    return ['the weights are all 0: one at least must be more'];
  }
  return problems;
}

export function endpointMistakes(wanted: Partial<EndpointOverride>, now: number): readonly string[] {
  const { weight, state, expiresAt, sessionsUntil } = wanted;
  const problems: string[] = [];
  if (weight === undefined && state === undefined) problems.push('weight or state must be given');
  if (weight !== undefined && !(Number.isInteger(weight) && weight >= 1 && weight <= 1000)) {
    problems.push(`weight must be a whole number from 1 to 1000, is ${weight}; to send nothing there, drain it`);
  }
  if (expiresAt !== undefined && !(expiresAt > now)) problems.push('its end lies in the past');
  if (sessionsUntil !== undefined) {
    if (state !== 'draining') problems.push('only an endpoint that drains keeps its sessions for a time');
    if (!(sessionsUntil > now)) problems.push('the end of its sessions lies in the past');
    if (expiresAt !== undefined && !(sessionsUntil < expiresAt)) problems.push('its sessions must end before it does');
  }
  return problems;
}

function sameEndpointOverride(a: EndpointOverride, b: EndpointOverride): boolean {
  const same = (key: 'weight' | 'state' | 'expiresAt' | 'sessionsUntil') => a[key] === b[key];
  return same('weight') && same('state') && same('expiresAt') && same('sessionsUntil');
}

function inOrder(weights: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(weights).sort(([a], [b]) => compareText(a, b)));
}

export function notFound(what: string, hint?: string): Decision {
  return {
    kind: 'answer',
    outcome: hint === undefined ? { kind: 'notFound', what } : { kind: 'notFound', what, hint },
  };
}

export function noService({ services }: Policy, name: string): Decision {
  return notFound(`There is no service "${name}".`, didYouMean(name, Object.keys(services)));
}

export function invalid(problems: readonly string[]): Decision {
  return { kind: 'answer', outcome: { kind: 'invalid', problems } };
}
