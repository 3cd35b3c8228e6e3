import { any } from '../../proto/codec.ts';
import type { HeaderMatcher, RetryPolicy } from '../../proto/gen/envoy.config.route.v3.ts';
import { sortedEntries } from '../ir/order.ts';
import type { Retries, RetryOn } from '../policy/retries.ts';
import { headerMatcher } from './text-match.ts';
import { duration } from './units.ts';
import { unanswered, unreached } from './unreached.ts';

const safeConditions: Partial<Readonly<Record<RetryOn, string>>> = {
  connectFailure: 'connect-failure',
  refusedStream: 'refused-stream',
  resetBeforeRequest: 'reset-before-request',
  retriable4xx: 'retriable-4xx',
  grpcUnavailable: 'unavailable',
  grpcCancelled: 'cancelled',
  grpcDeadlineExceeded: 'deadline-exceeded',
  grpcResourceExhausted: 'resource-exhausted',
  grpcInternal: 'internal',
};

/** Those that may come after the effect. Envoy's `retriable-4xx` is 409 alone, which says that there was none. */
const repeatingConditions: Partial<Readonly<Record<RetryOn, string>>> = {
  reset: 'reset',
  gatewayError: 'gateway-error',
  serverError: '5xx',
};

/**
 * How often a balancer is asked again for an endpoint that was not tried yet, before it must do with one that was. A dead
 * one has nothing to do, so that of two endpoints least request chooses it three times out of four.
 */
const choicesOfOtherHost = 64;

interface About {
  /** The requests may be done twice. */
  readonly repeats: boolean;
  /** Sidecars may say, in place of an application, that it refuses connections or broke them off. */
  readonly behindSidecars: boolean;
}

/** How some of a rule's requests are tried again. */
export function retryPolicy(retries: Retries, { repeats, behindSidecars }: About): RetryPolicy {
  const { on, statuses, backoff } = retries;
  const named = (names: Partial<Readonly<Record<RetryOn, string>>>) =>
    Object.entries(names).flatMap(([name, text]) => (on.some(each => each === name) ? [text] : []));
  const headers = [
    ...sortedEntries(retries.headers).map(([name, match]) => headerMatcher(name, match)),
    ...(behindSidecars ? saidBySidecars(retries) : []),
  ];
  const byStatus = repeats && statuses.length > 0;
  const conditions = [
    ...named(safeConditions),
    ...(repeats ? named(repeatingConditions) : []),
    ...(headers.length > 0 ? ['retriable-headers'] : []),
    ...(byStatus ? ['retriable-status-codes'] : []),
  ];
  return {
    retry_on: conditions.join(','),
    num_retries: retries.attempts,
    ...(byStatus ? { retriable_status_codes: [...new Set(statuses)].sort((a, b) => a - b) } : {}),
    ...(headers.length > 0 ? { retriable_headers: headers } : {}),
    ...(repeats ? perTry(retries) : {}),
    retry_back_off: { base_interval: duration(backoff.base), max_interval: duration(backoff.max) },
    ...retryAfter(retries),
    ...(retries.otherHost ? otherHost : {}),
  };
}

/** The answers of sidecars after which it is tried again, whoever asks. */
function saidBySidecars({ on, methods }: Retries): readonly HeaderMatcher[] {
  return [
    ...(on.includes('connectFailure') ? [unreached] : []),
    ...(on.includes('reset') ? [unanswered(methods)] : []),
  ];
}

/** Only where another attempt follows: what is cut for good is a matter of the timeout of the whole. */
function perTry({ perTryTimeout, perTryIdleTimeout }: Retries): RetryPolicy {
  return {
    ...(perTryTimeout === undefined ? {} : { per_try_timeout: duration(perTryTimeout) }),
    ...(perTryIdleTimeout === undefined ? {} : { per_try_idle_timeout: duration(perTryIdleTimeout) }),
  };
}

function retryAfter({ backoff }: Retries): RetryPolicy {
  if (backoff.retryAfter === undefined) return {};
  return {
    rate_limited_retry_back_off: {
      reset_headers: [{ name: 'retry-after', format: 'SECONDS' }],
      max_interval: duration(backoff.retryAfter),
    },
  };
}

const otherHost: RetryPolicy = {
  retry_host_predicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      typed_config: any('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {}),
    },
  ],
  host_selection_retry_max_attempts: choicesOfOtherHost,
};
