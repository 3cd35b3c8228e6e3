import { any, type MessageTypes } from '../../../proto/codec.ts';
import { fieldsOf, valuesOf } from '../../../proto/descriptors.ts';

export const cluster: MessageTypes['envoy.config.cluster.v3.Cluster'] = {
  name: 'catalog',
  type: 'EDS',
  eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' }, service_name: 'catalog' },
  connect_timeout: '0.250s',
  lb_policy: 'LEAST_REQUEST',
  least_request_lb_config: { choice_count: 2, active_request_bias: { default_value: 1.5, runtime_key: 'bias' } },
  health_checks: [{ timeout: '1s', interval: '5s', unhealthy_threshold: 3, http_health_check: { path: '/healthz' } }],
  outlier_detection: { consecutive_5xx: 5, enforcing_consecutive_5xx: 0, detect_degraded_hosts: true },
  circuit_breakers: { thresholds: [{ max_connections: 1000, retry_budget: { budget_interval: '10s' } }] },
  metadata: {
    filter_metadata: {
      switchyard: { zones: ['a', null, { weight: 0.5, local: true }], name: '' },
      'envoy.lb': { canary: true },
    },
  },
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      { explicit_http_config: { http2_protocol_options: {} } },
    ),
  },
};

export const listener: MessageTypes['envoy.config.listener.v3.Listener'] = {
  name: 'edge',
  address: { socket_address: { address: '127.0.0.1', port_value: 10_000 } },
  filter_chains: [
    {
      filters: [
        {
          name: 'http',
          typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
            stat_prefix: 'edge',
            codec_type: 'HTTP2',
            rds: { route_config_name: 'edge', config_source: { ads: {} } },
            stream_idle_timeout: '300s',
            http_filters: [{ name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) }],
          }),
        },
        { name: 'other', typed_config: { '@type': 'type.googleapis.com/vendor.Filter', value: 'AQIDBA==' } },
      ],
    },
  ],
  per_connection_buffer_limit_bytes: 32_768,
};

export const routes: MessageTypes['envoy.config.route.v3.RouteConfiguration'] = {
  name: 'edge',
  virtual_hosts: [
    {
      name: 'shop',
      domains: ['shop.example', 'café.example'],
      routes: [
        {
          match: { prefix: '', cookies: [{ name: 'tier', string_match: { exact: 'gold' }, invert_match: true }] },
          route: {
            weighted_clusters: {
              clusters: [
                { name: 'v1', weight: 95 },
                { name: 'v2', weight: 0 },
              ],
              use_hash_policy: true,
            },
            timeout: '0s',
            retry_policy: { retry_on: '5xx', num_retries: 2, per_try_timeout: '1.000001s' },
          },
        },
        { match: { path: '/old' }, redirect: { response_code: 'PERMANENT_REDIRECT', path_redirect: '/new' } },
      ],
    },
  ],
};

export const endpoints: MessageTypes['envoy.config.endpoint.v3.ClusterLoadAssignment'] = {
  cluster_name: 'catalog',
  endpoints: [
    {
      locality: { region: 'eu', zone: 'a' },
      load_balancing_weight: 3,
      priority: 1,
      lb_endpoints: [
        {
          endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 8001 } } },
          health_status: 'DRAINING',
          load_balancing_weight: 7,
        },
      ],
    },
  ],
};

export const delta: MessageTypes['envoy.service.discovery.v3.DeltaDiscoveryResponse'] = {
  system_version_info: '7',
  resources: [
    { name: 'catalog', version: 'abc', resource: any('envoy.config.cluster.v3.Cluster', cluster), ttl: '60s' },
    { name: 'gone', resource: { '@type': 'type.googleapis.com/vendor.Thing', value: '' } },
  ],
  type_url: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  removed_resources: ['old'],
  nonce: '12',
  resource_errors: [{ resource_name: { name: 'x' }, error_detail: { code: 5, message: 'not found' } }],
};

const SCALARS: Readonly<Record<string, unknown>> = {
  bool: true,
  bytes: 'AQL/',
  double: -1.5,
  float: 0.1,
  int32: -7,
  sint32: -8,
  sfixed32: -9,
  uint32: 4_294_967_295,
  fixed32: 3,
  int64: '-9223372036854775808',
  sint64: -5,
  sfixed64: -6,
  uint64: '18446744073709551615',
  fixed64: 12,
  string: 'tëxt',
};

const WELL_KNOWN: Readonly<Record<string, unknown>> = {
  'google.protobuf.Any': { '@type': 'type.googleapis.com/vendor.Thing', value: 'AQI=' },
  'google.protobuf.BoolValue': false,
  'google.protobuf.BytesValue': 'AQI=',
  'google.protobuf.DoubleValue': 0,
  'google.protobuf.Duration': '-1.500s',
  'google.protobuf.FieldMask': 'a,b',
  'google.protobuf.FloatValue': 0.25,
  'google.protobuf.Int32Value': -1,
  'google.protobuf.Int64Value': '9007199254740993',
  'google.protobuf.ListValue': [1, null, [], {}],
  'google.protobuf.StringValue': '',
  'google.protobuf.Struct': { list: [true, 'x'], none: null, inner: { number: 1e300 } },
  'google.protobuf.Timestamp': '2026-01-31T12:00:00.123Z',
  'google.protobuf.UInt32Value': 0,
  'google.protobuf.UInt64Value': 5,
  'google.protobuf.Value': { a: [1] },
};

/** A message with every field set; of each oneof the member that `variant` picks. Nested ones have one level less. */
export function filled(type: string, variant: number, levels = 2): unknown {
  if (Object.hasOwn(WELL_KNOWN, type)) return WELL_KNOWN[type];
  const rows = fieldsOf(type) ?? [];
  const message: Record<string, unknown> = {};
  for (const [, name, fieldType, label = 'one', oneof, keyType] of rows) {
    const members = rows.filter(row => typeof oneof === 'string' && row[4] === oneof);
    if (members.length > 0 && members[variant % members.length]?.[1] !== name) continue;
    const value = sample(fieldType, variant, levels);
    if (value === undefined) continue;
    if (label === 'map') message[name] = { [keyType === 'string' ? 'key' : '7']: value };
    else message[name] = label === 'one' || label === 'optional' ? value : [value, value];
  }
  return message;
}

/** How many variants show every member of every oneof. */
export function variants(type: string): number {
  const sizes = new Map<string, number>();
  for (const [, , , , oneof] of fieldsOf(type) ?? []) if (oneof) sizes.set(oneof, (sizes.get(oneof) ?? 0) + 1);
  return Math.max(1, ...sizes.values());
}

function sample(type: string, variant: number, levels: number): unknown {
  if (Object.hasOwn(SCALARS, type)) return SCALARS[type];
  const values = valuesOf(type);
  if (values) return Object.keys(values).find(name => values[name] !== 0);
  return levels > 0 || Object.hasOwn(WELL_KNOWN, type) ? filled(type, variant, levels - 1) : {};
}
