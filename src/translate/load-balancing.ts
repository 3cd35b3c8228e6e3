import { any } from '../../proto/codec.ts';
import type { LoadBalancingPolicy } from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { TypedExtensionConfig } from '../../proto/gen/envoy.config.core.v3.ts';
import type {
  ConsistentHashingLbConfig,
  LocalityLbConfig,
  SlowStartConfig,
} from '../../proto/gen/envoy.extensions.load_balancing_policies.common.v3.ts';
import type { LeastRequest } from '../../proto/gen/envoy.extensions.load_balancing_policies.least_request.v3.ts';
import type { LoadAwareLocality } from '../../proto/gen/envoy.extensions.load_balancing_policies.load_aware_locality.v3.ts';
import type { Percent } from '../base/units.ts';
import type { LoadBalancing, SlowStart } from '../policy/load-balancing.ts';
import type { OutOfBandReports } from '../policy/load-reports.ts';
import type { ByLoad, Zones } from '../policy/zones.ts';
import { duration, percentMessage, wholePercent } from './units.ts';
import { zoneChoice } from './zones.ts';

/**
 * The balancing policy as a typed extension. What Envoy reads from `common_lb_config` even then (panic threshold, new
 * hosts before their first check) is set by the cluster.
 */
export function loadBalancingPolicy(settings: LoadBalancing): LoadBalancingPolicy {
  const { zones } = settings;
  return only(zones.mode === 'byLoad' ? zonesByLoad(zones, settings) : extension(settings));
}

const only = (config: TypedExtensionConfig): LoadBalancingPolicy => ({
  policies: [{ typed_extension_config: config }],
});

/** First a zone by the load of its endpoints, then an endpoint in it as if there were no other zone. */
function zonesByLoad(zones: ByLoad, settings: LoadBalancing): TypedExtensionConfig {
  const within = settings.policy === 'clientSideWeightedRoundRobin' ? settings : undefined;
  return {
    name: 'envoy.load_balancing_policies.load_aware_locality',
    typed_config: any('envoy.extensions.load_balancing_policies.load_aware_locality.v3.LoadAwareLocality', {
      endpoint_picking_policy: only(extension(settings)),
      weight_update_period: duration(zones.update),
      ...utilization(zones.utilizationMetrics ?? within?.utilizationMetrics),
      utilization_variance_threshold: zones.margin / 100,
      smoothing_time_constant: duration(zones.smoothing),
      remote_probe_fraction: zones.probe / 100,
      weight_expiration_period: duration(zones.expiration),
      ...outOfBand(zones.outOfBand ?? within?.outOfBand),
    }),
  };
}

function extension(settings: LoadBalancing): TypedExtensionConfig {
  switch (settings.policy) {
    case 'roundRobin':
      return {
        name: 'envoy.load_balancing_policies.round_robin',
        typed_config: any('envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin', {
          ...slowStart(settings.slowStart),
          ...localities(settings.zones),
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
          ...localities(settings.zones),
        }),
      };
    case 'random':
      return {
        name: 'envoy.load_balancing_policies.random',
        typed_config: any('envoy.extensions.load_balancing_policies.random.v3.Random', {
          ...localities(settings.zones),
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
            ...utilization(settings.utilizationMetrics),
            ...slowStart(settings.slowStart),
            ...outOfBand(settings.outOfBand),
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

function localities(zones: Zones): { readonly locality_lb_config?: LocalityLbConfig } {
  return zones.mode === 'byLoad' ? {} : { locality_lb_config: zoneChoice(zones) };
}

function utilization(metrics: readonly string[] = []): {
  readonly metric_names_for_computing_utilization?: readonly string[];
} {
  return metrics.length === 0 ? {} : { metric_names_for_computing_utilization: metrics };
}

function outOfBand(
  settings: OutOfBandReports | undefined,
): Pick<LoadAwareLocality, 'enable_oob_load_report' | 'oob_reporting_period' | 'oob_reporting_config'> {
  if (!settings) return {};
  const { interval, port, authority } = settings;
  const where = {
    ...(port === undefined ? {} : { port_value: port }),
    ...(authority === undefined ? {} : { authority }),
  };
  return {
    enable_oob_load_report: true,
    oob_reporting_period: duration(interval),
    ...(Object.keys(where).length === 0 ? {} : { oob_reporting_config: where }),
  };
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
