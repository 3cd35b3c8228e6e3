import { any } from '../../../proto/codec.ts';
import { headerMatcher } from '../text-match.ts';
import type { HttpFilterWriter } from './filter.ts';

/** What Envoy's own checks call themselves. */
const userAgent = 'Envoy/HC';

/**
 * Tells the filters that follow which requests are health checks, and passes these on. A check that is turned away would
 * take down an endpoint that works.
 */
export const healthCheck: HttpFilterWriter<'health_check'> = {
  name: 'health_check',
  config: ({ checkPath }) =>
    checkPath === undefined
      ? undefined
      : any('envoy.extensions.filters.http.health_check.v3.HealthCheck', {
          pass_through_mode: true,
          headers: [
            headerMatcher(':path', { exact: checkPath, not: false }),
            headerMatcher('user-agent', { exact: userAgent, not: false }),
          ],
        }),
};
