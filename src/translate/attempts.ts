import type { HeaderValueOption } from '../../proto/gen/envoy.config.core.v3.ts';
import type { HeaderMatcher, HedgePolicy, RetryPolicy, VirtualHost } from '../../proto/gen/envoy.config.route.v3.ts';
import type { RuleIr } from '../ir/ir.ts';
import { mayRepeat, repeatsReset } from '../ir/repeats.ts';
import type { Retries } from '../policy/retries.ts';
import { idempotent, idempotentMethods } from './methods.ts';
import { retryPolicy } from './retry-policy.ts';
import type { Conditions } from './route-match.ts';

/** A part of a rule's requests, and how often they are tried. */
export interface Attempts {
  readonly conditions: Conditions;
  readonly settings: { readonly retry_policy?: RetryPolicy; readonly hedge_policy?: HedgePolicy };
  /** What the virtual host says of idempotent requests is meant for these too, or does no harm. */
  readonly resets: boolean;
}

/** The request header by which Envoy is asked for further conditions. It takes it away, also what a caller sends. */
export const retryOn = 'x-envoy-retry-on';

const isIdempotent = `request.method in [${idempotentMethods.map(method => `"${method}"`).join(', ')}]`;

/** For virtual hosts of which a rule has the usual retries: in place of a second route for each of its rules. */
const resetsOfIdempotent: Pick<VirtualHost, 'request_headers_to_add'> = {
  request_headers_to_add: [
    { header: { key: retryOn, value: `%CEL(${isIdempotent} ? "reset" : "")%` }, append_action: 'ADD_IF_ABSENT' },
  ],
};

/** What a virtual host says for its rules, if one has the usual retries. */
export function usualAttempts(rules: readonly RuleIr[]): Pick<VirtualHost, 'request_headers_to_add'> | undefined {
  return rules.some(rule => isUsual(retriesOf(rule))) ? resetsOfIdempotent : undefined;
}

/**
 * A rule's requests by what may be tried again: Envoy's conditions hold for every method. Mostly one part, since resets
 * alone are told apart by the virtual host; two, idempotent requests first, where a rule says more.
 */
export function attempts(rule: RuleIr): readonly Attempts[] {
  const retries = retriesOf(rule);
  if (!retries) return [{ conditions: {}, settings: {}, resets: false }];
  const behindSidecars = rule.action.kind === 'forward' && rule.action.behindSidecars;
  const part = (repeats: boolean): Attempts => ({
    conditions: {},
    settings: { retry_policy: retryPolicy(retries, { repeats, behindSidecars }) },
    resets: repeatsReset(retries),
  });
  if (isUsual(retries)) return [part(false)];
  if (retries.methods === 'all' || !(mayRepeat(retries) || retries.hedge)) return [part(true)];
  const { settings, ...first } = part(true);
  return [
    { ...first, conditions: { headers: [idempotentOnly] }, settings: { ...settings, ...hedged(retries) } },
    part(false),
  ];
}

/** What keeps the header of the virtual host out of a route's requests. */
export function overruling({ resets }: Attempts): readonly HeaderValueOption[] {
  if (resets) return [];
  return [{ header: { key: retryOn, value: 'nothing' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }];
}

const idempotentOnly: HeaderMatcher = { name: ':method', string_match: { safe_regex: idempotent } };

function hedged({ hedge }: Retries): Attempts['settings'] {
  return hedge ? { hedge_policy: { hedge_on_per_try_timeout: true } } : {};
}

/** Undefined where nothing is tried again. Envoy retries at any endpoint, also what strict sessions forbid to go elsewhere. */
function retriesOf({ action }: RuleIr): Retries | undefined {
  if (action.kind !== 'forward' || action.retries.attempts === 0) return undefined;
  return action.to.some(({ sessions }) => sessions?.strict) ? undefined : action.retries;
}

/** Only resets depend on the method, and nothing else that a route of its own would have to say. */
function isUsual(retries: Retries | undefined): boolean {
  if (!retries || retries.methods === 'all' || retries.hedge) return false;
  const { on, statuses, perTryTimeout, perTryIdleTimeout } = retries;
  if (perTryTimeout !== undefined || perTryIdleTimeout !== undefined || statuses.length > 0) return false;
  return on.includes('reset') && !on.includes('gatewayError') && !on.includes('serverError');
}
