import type { OutlierDetection as EnvoyOutlierDetection } from '../../proto/gen/envoy.config.cluster.v3.ts';
import { millis } from '../base/units.ts';
import type { OutlierDetection } from '../policy/outlier-detection.ts';
import { duration, wholePercent } from './units.ts';

/** Passive health of a service. All that Envoy would fill in itself is written out, since its defaults rarely eject. */
export function outlierDetection(settings: OutlierDetection): EnvoyOutlierDetection {
  return { ...consecutive(settings), ...ejection(settings), ...statistics(settings) };
}

function consecutive(settings: OutlierDetection): EnvoyOutlierDetection {
  return {
    consecutive_5xx: settings.consecutiveServerErrors,
    enforcing_consecutive_5xx: wholePercent(settings.enforceConsecutiveServerErrors),
    consecutive_gateway_failure: settings.consecutiveGatewayErrors,
    enforcing_consecutive_gateway_failure: wholePercent(settings.enforceConsecutiveGatewayErrors),
    split_external_local_origin_errors: settings.splitLocalErrors,
    consecutive_local_origin_failure: settings.consecutiveLocalErrors,
    enforcing_consecutive_local_origin_failure: wholePercent(settings.enforceConsecutiveLocalErrors),
  };
}

function ejection(settings: OutlierDetection): EnvoyOutlierDetection {
  return {
    interval: duration(settings.interval),
    base_ejection_time: duration(settings.baseEjection),
    // Envoy rejects the cluster when the longest ejection is shorter than the first.
    max_ejection_time: duration(millis(Math.max(settings.maxEjection, settings.baseEjection))),
    max_ejection_time_jitter: duration(settings.ejectionJitter),
    max_ejection_percent: wholePercent(settings.maxEjected),
    always_eject_one_host: settings.alwaysEjectOne,
    successful_active_health_check_uneject_host: settings.activeCheckRestores,
    ...(settings.detectDegraded ? { detect_degraded_hosts: true } : {}),
  };
}

function statistics({ successRate, failurePercentage }: OutlierDetection): EnvoyOutlierDetection {
  return {
    enforcing_success_rate: wholePercent(successRate.enforce),
    enforcing_local_origin_success_rate: wholePercent(successRate.enforceLocal),
    success_rate_minimum_hosts: successRate.minimumEndpoints,
    success_rate_request_volume: successRate.requestVolume,
    success_rate_stdev_factor: Math.round(successRate.deviationFactor * 1000),
    enforcing_failure_percentage: wholePercent(failurePercentage.enforce),
    enforcing_failure_percentage_local_origin: wholePercent(failurePercentage.enforceLocal),
    failure_percentage_threshold: wholePercent(failurePercentage.threshold),
    failure_percentage_minimum_hosts: failurePercentage.minimumEndpoints,
    failure_percentage_request_volume: failurePercentage.requestVolume,
  };
}
