import { any } from '../../../proto/codec.ts';
import type { HttpFilterWriter } from './filter.ts';

/** Sends requests on by the route table. */
export const router: HttpFilterWriter<'router'> = {
  name: 'router',
  config: ({ role }) =>
    any('envoy.extensions.filters.http.router.v3.Router', {
      // What a caller outside is told of upstream times and attempts helps nobody but an attacker.
      ...(role === 'edge' ? { suppress_envoy_headers: true } : {}),
    }),
};
