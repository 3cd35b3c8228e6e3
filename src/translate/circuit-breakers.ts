import type {
  CircuitBreakers_Thresholds,
  CircuitBreakers as EnvoyCircuitBreakers,
} from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { Service } from '../policy/service.ts';
import { percentMessage } from './units.ts';

/** Limits on what one Envoy may have open towards a service. What is left of them can be read in its statistics. */
export function circuitBreakers(service: Service): EnvoyCircuitBreakers {
  const { high, maxConnectionsPerEndpoint } = service.circuitBreakers;
  return {
    thresholds: [
      threshold(service, service.circuitBreakers),
      ...(high ? [{ priority: 'HIGH' as const, ...threshold(service, high) }] : []),
    ],
    ...(maxConnectionsPerEndpoint === undefined
      ? {}
      : { per_host_thresholds: [{ max_connections: maxConnectionsPerEndpoint }] }),
  };
}

type Limits = NonNullable<Service['circuitBreakers']['high']>;

function threshold(service: Service, limits: Limits): CircuitBreakers_Thresholds {
  return {
    max_connections: limits.maxConnections,
    max_pending_requests: limits.maxPending,
    max_requests: limits.maxRequests,
    ...retryLimit(service, limits),
    track_remaining: true,
  };
}

function retryLimit({ retryBudget }: Service, { maxRetries }: Limits): CircuitBreakers_Thresholds {
  if (!retryBudget) return { max_retries: maxRetries };
  return {
    retry_budget: {
      budget_percent: percentMessage(retryBudget.percent),
      min_retry_concurrency: retryBudget.minConcurrency,
    },
  };
}

const most = 4_294_967_295;

/**
 * None: towards the local application, since its callers' limits are meant for the service, and a second set of them
 * here would refuse what they let pass; and towards the control plane, to which every stream is a request.
 */
export const noCircuitBreakers: EnvoyCircuitBreakers = {
  thresholds: [{ max_connections: most, max_pending_requests: most, max_requests: most, max_retries: most }],
};
