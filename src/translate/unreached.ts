import type { HeaderMatcher, RetryPolicy } from '../../proto/gen/envoy.config.route.v3.ts';
import type { LocalReplyConfig } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';

/**
 * A sidecar that cannot connect to its application answers 503, in which callers could not see that the request had no
 * effect. So it says it by this header, and the caller's proxy takes that for what it is: a connection that failed.
 */
const header = 'x-switchyard-unreached';

/** For inbound listeners. `UF` are failed connections alone; a request that was sent has other flags. */
export const sayUnreached: LocalReplyConfig = {
  mappers: [
    {
      filter: { response_flag_filter: { flags: ['UF'] } },
      headers_to_add: [{ header: { key: header, value: 'true' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
    },
  ],
};

/** Condition of a retry policy, and what it looks at. */
export const retryUnreached = {
  condition: 'retriable-headers',
  settings: { retriable_headers: [{ name: header, present_match: true } satisfies HeaderMatcher] },
} as const satisfies { readonly condition: string; readonly settings: RetryPolicy };

/** For route tables of callers: passed on, it would make the next proxy repeat what this one's application has done. */
export const withoutUnreached = { response_headers_to_remove: [header] } as const;
