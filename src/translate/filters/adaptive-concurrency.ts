import { any } from '../../../proto/codec.ts';
import { duration, percentMessage } from '../units.ts';
import type { HttpFilterWriter } from './filter.ts';

/**
 * Turns away what the application behind an inbound listener is too slow for. It measures all that passes the listener,
 * so that it is of use only where that goes to one service; and Envoy offers no settings of it by route.
 */
export const adaptiveConcurrency: HttpFilterWriter<'adaptive_concurrency'> = {
  name: 'adaptive_concurrency',
  config: ({ adaptiveConcurrency: settings }) =>
    settings &&
    any('envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency', {
      gradient_controller_config: {
        sample_aggregate_percentile: { value: 50 },
        concurrency_limit_params: {
          max_concurrency_limit: settings.maxConcurrency,
          concurrency_update_interval: '0.100s',
        },
        min_rtt_calc_params: {
          interval: duration(settings.measureEvery),
          request_count: 50,
          jitter: { value: 10 },
          min_concurrency: settings.minConcurrency,
          buffer: percentMessage(settings.headroom),
        },
      },
      ...(settings.status === 429 ? { concurrency_limit_exceeded_status: { code: 'TooManyRequests' } } : {}),
    }),
};
