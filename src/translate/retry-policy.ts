import { any } from '../../proto/codec.ts';
import type { RetryPolicy } from '../../proto/gen/envoy.config.route.v3.ts';
import type { Retries, RetryOn } from '../policy/retries.ts';
import { duration } from './units.ts';
import { retryUnreached } from './unreached.ts';

const conditionNames: Readonly<Record<RetryOn, string>> = {
  connectFailure: 'connect-failure',
  refusedStream: 'refused-stream',
  resetBeforeRequest: 'reset-before-request',
  reset: 'reset',
  gatewayError: 'gateway-error',
  serverError: '5xx',
  retriable4xx: 'retriable-4xx',
  grpcUnavailable: 'unavailable',
  grpcCancelled: 'cancelled',
  grpcDeadlineExceeded: 'deadline-exceeded',
  grpcResourceExhausted: 'resource-exhausted',
  grpcInternal: 'internal',
};

/** How often a balancer is asked again for an endpoint that was not tried yet, before it must do with one that was. */
const choicesOfOtherHost = 5;

/**
 * Undefined when nothing is tried again.
 *
 * @param behindSidecars sidecars may say, in place of an application, that it refuses connections.
 */
export function retryPolicy(retries: Retries, behindSidecars: boolean): RetryPolicy | undefined {
  if (retries.attempts === 0) return undefined;
  const { statuses, perTryTimeout, backoff } = retries;
  const conditions = Object.entries(conditionNames).flatMap(([name, text]) =>
    retries.on.some(on => on === name) ? [text] : [],
  );
  const unreached = behindSidecars && retries.on.includes('connectFailure');
  if (unreached) conditions.push(retryUnreached.condition);
  if (statuses.length > 0) conditions.push('retriable-status-codes');
  return {
    retry_on: conditions.join(','),
    num_retries: retries.attempts,
    ...(statuses.length > 0 ? { retriable_status_codes: [...new Set(statuses)].sort((a, b) => a - b) } : {}),
    ...(unreached ? retryUnreached.settings : {}),
    ...(perTryTimeout === undefined ? {} : { per_try_timeout: duration(perTryTimeout) }),
    retry_back_off: { base_interval: duration(backoff.base), max_interval: duration(backoff.max) },
    ...(retries.otherHost ? otherHost : {}),
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
