import type { Bootstrap } from '../../proto/gen/envoy.config.bootstrap.v3.ts';
import type { Cluster } from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { ConfigSource, Address as EnvoyAddress } from '../../proto/gen/envoy.config.core.v3.ts';
import type { OverloadManager } from '../../proto/gen/envoy.config.overload.v3.ts';
import { type Address, parseAddress } from '../base/address.ts';
import { controlPlane } from '../base/control-plane.ts';
import type { FleetXds } from '../policy/fleet.ts';
import { type BootstrapTls, controlPlaneSocket } from './bootstrap-tls.ts';
import { noCircuitBreakers } from './circuit-breakers.ts';
import { configSource, reportsOverGrpc, streamOverGrpc, type XdsVariant } from './config-source.ts';

/** What a proxy is told once, at its start; all else comes over xDS. Addresses are `HOST:PORT` or `unix:/PATH`. */
export interface BootstrapOptions {
  readonly node: {
    readonly id: string;
    readonly cluster: string;
    readonly region?: string;
    readonly zone?: string;
    readonly metadata?: Readonly<Record<string, string>>;
  };
  /** Where Switchyard's xDS listens; several for several replicas. */
  readonly xds: readonly string[];
  /** Absent: in plain text. */
  readonly tls?: BootstrapTls;
  readonly variant: XdsVariant;
  /** `perType`: clusters, listeners, runtime and its own fleet come over a stream each, `ads`: all over one. */
  readonly streams: FleetXds['streams'];
  /** Loopback or a Unix socket: whoever reaches it can end the proxy. */
  readonly admin: string;
  /** Heap at which requests are turned away; bytes. */
  readonly maxHeapBytes: number;
  /** Open connections from callers at which further ones are closed. */
  readonly maxConnections: number;
}

export const bootstrapDefaults = { streams: 'ads', maxHeapBytes: 1024 ** 3, maxConnections: 50_000 } as const;

/**
 * Name of the static cluster that holds the proxy's own fleet, which zone-aware routing compares with; and of its
 * load assignment. Envoy takes it from the bootstrap only.
 */
export const ownFleet = 'switchyard/fleet';

/** Name of the runtime layer that is delivered over RTDS. Envoy takes the list of layers from the bootstrap only. */
export const runtimeLayer = 'switchyard';

/**
 * A whole Envoy bootstrap for an edge proxy or a sidecar. It holds what xDS cannot bring later: identity, the way to
 * the control plane with its keepalive, the local cluster, the overload manager, the runtime layers, load reporting
 * and the admin address.
 */
export function bootstrap(options: BootstrapOptions): Bootstrap {
  const { node } = options;
  const locality = { ...(node.region ? { region: node.region } : {}), ...(node.zone ? { zone: node.zone } : {}) };
  return {
    node: {
      id: node.id,
      cluster: node.cluster,
      ...(Object.keys(locality).length > 0 ? { locality } : {}),
      ...(node.metadata ? { metadata: node.metadata } : {}),
    },
    admin: { address: socketAddress(address(options.admin)) },
    dynamic_resources: {
      // Also beside streams of single types: a fleet that is served over ADS would otherwise be refused as a whole.
      ads_config: streamOverGrpc(options.variant),
      cds_config: sourceOf(options, '15s'),
      lds_config: sourceOf(options, '15s'),
    },
    cluster_manager: {
      local_cluster_name: ownFleet,
      load_stats_config: reportsOverGrpc,
    },
    static_resources: { clusters: [controlPlaneCluster(options), localFleetCluster(options)] },
    layered_runtime: {
      layers: [
        { name: 'static', static_layer: { 're2.max_program_size.error_level': 100 } },
        { name: runtimeLayer, rtds_layer: { name: runtimeLayer, rtds_config: sourceOf(options, '2s') } },
        { name: 'admin', admin_layer: {} },
      ],
    },
    overload_manager: overloadManager(options),
  };
}

/**
 * Sheds connections and requests before the machine runs out of memory: the more of the heap is used, the less callers may
 * keep open that they do not use; then no new requests, and at last no new connections.
 */
function overloadManager({ maxHeapBytes, maxConnections }: BootstrapOptions): OverloadManager {
  return {
    refresh_interval: '0.250s',
    resource_monitors: [
      {
        name: 'envoy.resource_monitors.fixed_heap',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig',
          max_heap_size_bytes: maxHeapBytes,
        },
      },
      {
        name: 'envoy.resource_monitors.global_downstream_max_connections',
        typed_config: {
          '@type':
            'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
          max_active_downstream_connections: maxConnections,
        },
      },
    ],
    actions: [
      {
        ...heapAction('envoy.overload_actions.reduce_timeouts', { scaled: risingPressure }),
        typed_config: shorterWaits,
      },
      heapAction('envoy.overload_actions.shrink_heap', above(0.9)),
      heapAction('envoy.overload_actions.disable_http_keepalive', above(0.92)),
      heapAction('envoy.overload_actions.stop_accepting_requests', above(0.95)),
      heapAction('envoy.overload_actions.reject_incoming_connections', above(0.98)),
    ],
  };
}

function sourceOf({ streams, variant }: BootstrapOptions, initialFetchTimeout: string): ConfigSource {
  return { ...configSource({ streams, variant }), initial_fetch_timeout: initialFetchTimeout };
}

const risingPressure = { scaling_threshold: 0.85, saturation_threshold: 0.95 };

/** What idle connections and silent streams of callers may take when the heap is full; until then, from what they have. */
const shorterWaits = {
  '@type': 'type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig',
  timer_scale_factors: [
    { timer: 'HTTP_DOWNSTREAM_CONNECTION_IDLE', min_timeout: '2s' },
    { timer: 'HTTP_DOWNSTREAM_STREAM_IDLE', min_timeout: '10s' },
  ],
};

const above = (value: number) => ({ threshold: { value } });

function heapAction(name: string, when: object) {
  return { name, triggers: [{ name: 'envoy.resource_monitors.fixed_heap', ...when }] };
}

/** HTTP/2's own limit. */
const maxStreams = 2 ** 31 - 1;

function controlPlaneCluster({ xds, tls }: BootstrapOptions): Cluster {
  const addresses = xds.map(address);
  const byName = addresses.some(each => each.kind === 'host');
  return {
    name: controlPlane,
    type: byName ? 'STRICT_DNS' : 'STATIC',
    // Envoy's own choice is IPv6 alone where a name has both, and nobody may listen there: localhost is such a name.
    ...(byName && { dns_lookup_family: 'ALL' }),
    connect_timeout: '1s',
    ...(tls && { transport_socket: controlPlaneSocket(tls) }),
    load_assignment: {
      cluster_name: controlPlane,
      endpoints: [{ lb_endpoints: addresses.map(each => ({ endpoint: { address: socketAddress(each) } })) }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: {
          http2_protocol_options: {
            // A half-open connection to a control plane that is gone is noticed within 20 s (P8).
            connection_keepalive: { interval: '10s', timeout: '5s' },
            // One connection for all streams; with Envoy's own 1024, the next one would open another.
            max_concurrent_streams: maxStreams,
          },
        },
      },
    },
    // A stream is a request to Envoy: past its own 1024, clusters would never get their endpoints.
    circuit_breakers: noCircuitBreakers,
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 10, keepalive_interval: 5, keepalive_probes: 2 } },
  };
}

function localFleetCluster(options: BootstrapOptions): Cluster {
  return {
    name: ownFleet,
    type: 'EDS',
    connect_timeout: '0.250s',
    eds_cluster_config: { service_name: ownFleet, eds_config: sourceOf(options, '2s') },
  };
}

function socketAddress(each: Address): EnvoyAddress {
  if (each.kind === 'unix') return { pipe: { path: each.path } };
  return { socket_address: { address: each.kind === 'ip' ? each.ip : each.host, port_value: each.port } };
}

/** @throws TypeError for text that is no address: callers check what users give them first. */
function address(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed) throw new TypeError(`"${text}" is not an address like HOST:PORT or unix:/PATH`);
  return parsed;
}
