import type { HeaderMatcher } from '../../proto/gen/envoy.config.route.v3.ts';
import type { LocalReplyConfig } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { Retries } from '../policy/retries.ts';
import { idempotent } from './methods.ts';

/**
 * A sidecar that cannot connect to its application answers 503, in which callers could not see that the request had no
 * effect. So it says it by a header, and the caller's proxy takes that for what it is: a connection that failed.
 */
const header = 'x-switchyard-unreached';

/** The same for a connection that broke before the answer came: its value is the method, by which callers decide. */
const brokenHeader = 'x-switchyard-unanswered';

/** For inbound listeners. `UF` are failed connections alone; `UC` and `UR` those that broke under a request. */
export const sayUnreached: LocalReplyConfig = {
  mappers: [mapper(['UF'], header, 'true'), mapper(['UC', 'UR'], brokenHeader, '%REQ(:METHOD)%')],
};

function mapper(flags: readonly string[], key: string, value: string) {
  return {
    filter: { response_flag_filter: { flags } },
    headers_to_add: [{ header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' as const }],
  };
}

/** Finds what sidecars say of a connection that failed. */
export const unreached: HeaderMatcher = { name: header, present_match: true };

/** Finds what sidecars say of a connection that broke, for requests of these methods. */
export function unanswered(methods: Retries['methods']): HeaderMatcher {
  return methods === 'all'
    ? { name: brokenHeader, present_match: true }
    : { name: brokenHeader, string_match: { safe_regex: idempotent } };
}

/** For route tables of callers: passed on, it would make the next proxy repeat what this one's application has done. */
export const withoutUnreached = { response_headers_to_remove: [header, brokenHeader] } as const;
