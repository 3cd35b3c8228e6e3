import { any } from '../../proto/codec.ts';
import type { LoadBalancingPolicy } from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { TypedExtensionConfig } from '../../proto/gen/envoy.config.core.v3.ts';
import type {
  ConsistentHashingLbConfig,
  SlowStartConfig,
} from '../../proto/gen/envoy.extensions.load_balancing_policies.common.v3.ts';
import type { LeastRequest } from '../../proto/gen/envoy.extensions.load_balancing_policies.least_request.v3.ts';
import type { Percent } from '../base/units.ts';
import type { LoadBalancing, SlowStart } from '../policy/load-balancing.ts';
import { duration, percentMessage, wholePercent } from './units.ts';
import { zoneChoice } from './zones.ts';

/**
 * The balancing policy as a typed extension. What Envoy reads from `common_lb_config` even then (panic threshold, new
 * hosts before their first check) is set by the cluster.
 */
export function loadBalancingPolicy(settings: LoadBalancing): LoadBalancingPolicy {
  return { policies: [{ typed_extension_config: extension(settings) }] };
}

function extension(settings: LoadBalancing): TypedExtensionConfig {
  switch (settings.policy) {
    case 'roundRobin':
      return {
        name: 'envoy.load_balancing_policies.round_robin',
        typed_config: any('envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin', {
          ...slowStart(settings.slowStart),
          locality_lb_config: zoneChoice(settings.zones),
        }),
      };
    case 'leastRequest':
      return {
        name: 'envoy.load_balancing_policies.least_request',
        typed_config: any('envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest', {
          ...choice(settings.choiceCount),
          active_request_bias: {
            default_value: settings.activeRequestBias,
            runtime_key: 'switchyard.load_balancing.active_request_bias',
          },
          ...slowStart(settings.slowStart),
          locality_lb_config: zoneChoice(settings.zones),
        }),
      };
    case 'random':
      return {
        name: 'envoy.load_balancing_policies.random',
        typed_config: any('envoy.extensions.load_balancing_policies.random.v3.Random', {
          locality_lb_config: zoneChoice(settings.zones),
        }),
      };
    case 'clientSideWeightedRoundRobin':
      return {
        name: 'envoy.load_balancing_policies.client_side_weighted_round_robin',
        typed_config: any(
          'envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin',
          {
            blackout_period: duration(settings.blackout),
            weight_expiration_period: duration(settings.expiration),
            weight_update_period: duration(settings.update),
            error_utilization_penalty: settings.errorPenalty,
            ...(settings.utilizationMetrics.length > 0
              ? { metric_names_for_computing_utilization: settings.utilizationMetrics }
              : {}),
            ...slowStart(settings.slowStart),
          },
        ),
      };
    case 'ringHash':
      return {
        name: 'envoy.load_balancing_policies.ring_hash',
        typed_config: any('envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash', {
          minimum_ring_size: settings.minimumRingSize,
          maximum_ring_size: settings.maximumRingSize,
          ...boundedLoad(settings.maxLoad),
          ...(settings.zones.mode === 'weighted' ? { locality_weighted_lb_config: {} } : {}),
        }),
      };
    case 'maglev':
      return {
        name: 'envoy.load_balancing_policies.maglev',
        typed_config: any('envoy.extensions.load_balancing_policies.maglev.v3.Maglev', {
          table_size: settings.tableSize,
          ...boundedLoad(settings.maxLoad),
          ...(settings.zones.mode === 'weighted' ? { locality_weighted_lb_config: {} } : {}),
        }),
      };
  }
}

function choice(count: number | 'all'): LeastRequest {
  return count === 'all' ? { selection_method: 'FULL_SCAN' } : { choice_count: count };
}

function boundedLoad(maxLoad: Percent | undefined): {
  readonly consistent_hashing_lb_config?: ConsistentHashingLbConfig;
} {
  return maxLoad === undefined ? {} : { consistent_hashing_lb_config: { hash_balance_factor: wholePercent(maxLoad) } };
}

function slowStart(settings: SlowStart | undefined): { readonly slow_start_config?: SlowStartConfig } {
  if (!settings) return {};
  return {
    slow_start_config: {
      slow_start_window: duration(settings.window),
      aggression: {
        default_value: settings.aggression,
        runtime_key: 'switchyard.load_balancing.slow_start_aggression',
      },
      min_weight_percent: percentMessage(settings.minWeight),
    },
  };
}
