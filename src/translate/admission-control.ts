import { any } from '../../proto/codec.ts';
import type { HttpFilter } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { AdmissionControl } from '../policy/shedding.ts';
import { duration, percentMessage } from './units.ts';

/** Envoy wants a key of its runtime beside each value; nobody sets these. */
const key = (name: string) => `switchyard.admission_control.${name}`;

/**
 * The filters of a cluster whose requests are admitted by its own success: each cluster counts for itself, which the
 * filter of a listener could not do.
 */
export function admittingFilters(control: AdmissionControl): readonly HttpFilter[] {
  const { successRate, window, minimumRate, maxRejected } = control;
  return [
    {
      name: 'envoy.filters.http.admission_control',
      typed_config: any('envoy.extensions.filters.http.admission_control.v3.AdmissionControl', {
        // Empty: Envoy's own, statuses below 500 and, of gRPC, those that do not tell of trouble of the server.
        success_criteria: {},
        sampling_window: duration(window),
        sr_threshold: { default_value: percentMessage(successRate), runtime_key: key('success_rate') },
        rps_threshold: { default_value: minimumRate, runtime_key: key('minimum_rate') },
        max_rejection_probability: { default_value: percentMessage(maxRejected), runtime_key: key('max_rejected') },
      }),
    },
    {
      name: 'envoy.filters.http.upstream_codec',
      typed_config: any('envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec', {}),
    },
  ];
}
