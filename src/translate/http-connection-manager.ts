import { any } from '../../proto/codec.ts';
import type { ConfigSource } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Filter } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { HttpConnectionManager } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { HttpListenerIr } from '../ir/ir.ts';
import { httpFilters } from './filters/index.ts';
import { statPrefix } from './units.ts';
import { sayUnreached } from './unreached.ts';

/** Bytes that an edge proxy holds of one request's body, and so the largest body that can be sent again on a retry. */
export const edgeBuffer = 256 * 1024;

/** The network filter that speaks HTTP with callers and routes by a table that comes over RDS from `source`. */
export function httpConnectionManager(listener: HttpListenerIr, source: ConfigSource): Filter {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: any(
      'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      settings(listener, source),
    ),
  };
}

function settings(listener: HttpListenerIr, source: ConfigSource): HttpConnectionManager {
  const { trustedProxies = 0 } = listener.declared ?? {};
  return {
    codec_type: listener.http2 ? 'AUTO' : 'HTTP1',
    stat_prefix: statPrefix(listener.name),
    rds: { route_config_name: listener.routeTable, config_source: source },
    http_filters: httpFilters(listener),
    // Nobody counts as internal: such callers could set retries and timeouts by header. Without a range in this list Envoy
    // takes loopback and all private addresses for internal, so it holds one that no caller can have.
    internal_address_config: { cidr_ranges: [{ address_prefix: '0.0.0.0', prefix_len: 32 }] },
    // The application's own `server` header, or none, goes to the caller.
    server_header_transformation: 'PASS_THROUGH',
    // Envoy would answer WebSockets 403, and HTTP/1.0 426: nginx speaks it to what stands behind it, unless told otherwise.
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    http_protocol_options: { accept_http_10: true },
    ...(trustedProxies > 0 ? { xff_num_trusted_hops: trustedProxies } : {}),
    ...(listener.role === 'inbound' ? { local_reply_config: sayUnreached } : {}),
    ...(listener.role === 'edge' ? towardsStrangers : amongOurselves),
  };
}

/** RFC 8441, the only way for a WebSocket over HTTP/2. */
const webSocketsOverHttp2 = { allow_connect: true };

/**
 * Callers are anyone: their forwarding and `x-envoy-` headers are not believed, ambiguous paths are made plain before
 * rules see them, and what a slow or greedy one can hold is bounded.
 */
const towardsStrangers: HttpConnectionManager = {
  use_remote_address: true,
  normalize_path: true,
  merge_slashes: true,
  path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT',
  common_http_protocol_options: {
    idle_timeout: '3600s',
    // `x_user` and `x-user` become one variable in many applications. Refusing the request, as is also done, would
    // break callers whose extra header nobody reads; nginx drops such headers too.
    headers_with_underscores_action: 'DROP_HEADER',
  },
  http2_protocol_options: {
    ...webSocketsOverHttp2,
    max_concurrent_streams: 100,
    initial_stream_window_size: edgeBuffer,
    initial_connection_window_size: 4 * edgeBuffer,
  },
  request_headers_timeout: '10s',
  stream_idle_timeout: '300s',
};

/** Callers are our own applications and their sidecars: what they say is passed on as it is. */
const amongOurselves: HttpConnectionManager = {
  use_remote_address: false,
  http2_protocol_options: webSocketsOverHttp2,
  // Long silent streams are a matter of the applications; the hour only bounds what is leaked.
  stream_idle_timeout: '3600s',
};
