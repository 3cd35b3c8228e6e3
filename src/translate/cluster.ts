import { any } from '../../proto/codec.ts';
import type { Cluster, Cluster_CommonLbConfig } from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { ConfigSource } from '../../proto/gen/envoy.config.core.v3.ts';
import type { HttpProtocolOptions } from '../../proto/gen/envoy.extensions.upstreams.http.v3.ts';
import { memo1 } from '../base/memo.ts';
import type { FallbackClusterIr, LocalClusterIr, ServiceClusterIr } from '../ir/ir.ts';
import type { Service } from '../policy/service.ts';
import type { AdmissionControl } from '../policy/shedding.ts';
import { envoyAddress } from './address.ts';
import { admittingFilters } from './admission-control.ts';
import { circuitBreakers, noCircuitBreakers } from './circuit-breakers.ts';
import { healthChecks } from './health-check.ts';
import { loadBalancingPolicy } from './load-balancing.ts';
import { outlierDetection } from './outlier-detection.ts';
import { duration, percentMessage } from './units.ts';

/** What a service cluster's message depends on: everything but the endpoints, which travel by themselves. */
export type ServiceClusterSettings = Pick<ServiceClusterIr, 'name' | 'serviceName' | 'service'>;

/** A service, or one of its versions, whose endpoints come over EDS from `source`. */
export function serviceCluster({ name, serviceName, service }: ServiceClusterSettings, source: ConfigSource): Cluster {
  const checks = healthChecks(serviceName, service);
  return {
    name,
    type: 'EDS',
    eds_cluster_config: endpointsFrom(source),
    connect_timeout: duration(service.connectTimeout),
    load_balancing_policy: loadBalancingPolicy(service.loadBalancing),
    common_lb_config: sharedBalancing(service),
    ...(checks.length > 0 ? { health_checks: checks } : {}),
    ...(service.outlierDetection === 'off' ? {} : { outlier_detection: outlierDetection(service.outlierDetection) }),
    circuit_breakers: circuitBreakers(service),
    // An endpoint that left the policy gets nothing more, even while its checks still pass.
    ignore_health_on_host_removal: true,
    upstream_connection_options: keepalive,
    ...protocol(service, service.admissionControl),
  };
}

/**
 * Clusters one after the other: each for as long as an endpoint before it is healthy. They bring what concerns
 * connections and endpoints along; here is what Envoy asks the cluster of a route for: it limits retries, and its filters
 * are passed, not those of the member that is chosen.
 */
export function fallbackCluster({ name, service, members }: FallbackClusterIr): Cluster {
  return {
    name,
    cluster_type: {
      name: 'envoy.clusters.aggregate',
      typed_config: any('envoy.extensions.clusters.aggregate.v3.ClusterConfig', { clusters: members }),
    },
    lb_policy: 'CLUSTER_PROVIDED',
    connect_timeout: duration(service.connectTimeout),
    common_lb_config: { healthy_panic_threshold: percentMessage(service.loadBalancing.panicThreshold) },
    circuit_breakers: circuitBreakers(service),
    ...(service.admissionControl ? protocol(service, service.admissionControl) : {}),
  };
}

/** The application beside a sidecar. It is neither checked nor ejected: there is no other to go to. */
export function localCluster({ name, service, application }: LocalClusterIr): Cluster {
  return {
    name,
    type: 'STATIC',
    connect_timeout: duration(service.connectTimeout),
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: envoyAddress(application) } }] }],
    },
    circuit_breakers: noCircuitBreakers,
    ...protocol(service),
  };
}

function sharedBalancing(service: Service): Cluster_CommonLbConfig {
  return {
    healthy_panic_threshold: percentMessage(service.loadBalancing.panicThreshold),
    // Envoy's 1s holds back the second of two drains, or the second death, for that long.
    update_merge_window: '0.100s',
    // Otherwise new endpoints count as unhealthy until checked, and traffic spills to the next priority meanwhile.
    // Sessions reach an endpoint that drains, which new callers do not. Envoy's own list lacks DRAINING.
    ...(service.sessions ? { override_host_status: { statuses: ['UNKNOWN', 'HEALTHY', 'DEGRADED', 'DRAINING'] } } : {}),
    ...(service.healthCheck ? { ignore_new_hosts_until_first_hc: true } : {}),
  };
}

/** @param admits requests are admitted by what became of others; never towards the application beside a sidecar */
function protocol(service: Service, admits?: AdmissionControl): Cluster {
  const usual = !admits && Object.keys(service.connections).length === 0;
  switch (service.protocol) {
    case 'tcp':
      // A connection has no next request that could go elsewhere; ended, the caller connects anew. Only where a check
      // says what healthy means: being ejected for refusing new connections is no reason to end the old ones.
      return service.healthCheck?.closeConnections ? { close_connections_on_host_health_failure: true } : {};
    case 'udp':
      return {};
    case 'http':
      return usual ? http1 : http({ ...http1Options, ...own(http1Options, service, admits) });
    case 'http2':
    case 'grpc':
      return usual ? http2 : http({ ...http2Options, ...own(http2Options, service, admits) });
  }
}

/** What a service says of its connections, and the filters before them. */
function own(
  { common_http_protocol_options: usual }: HttpProtocolOptions,
  { connections: { idleTimeout, maxDuration, maxRequests } }: Service,
  admits: AdmissionControl | undefined,
): HttpProtocolOptions {
  const common = {
    ...usual,
    ...(idleTimeout === undefined ? {} : { idle_timeout: duration(idleTimeout) }),
    ...(maxDuration === undefined ? {} : { max_connection_duration: duration(maxDuration) }),
    ...(maxRequests === undefined ? {} : { max_requests_per_connection: maxRequests }),
  };
  return {
    ...(Object.keys(common).length > 0 ? { common_http_protocol_options: common } : {}),
    ...(admits ? { http_filters: admittingFilters(admits) } : {}),
  };
}

function http(options: HttpProtocolOptions): Cluster {
  return {
    // Bounds what a slow caller makes us hold of a response; Envoy's own 1 MiB a connection is far too much at an edge.
    per_connection_buffer_limit_bytes: 32 * 1024,
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        options,
      ),
    },
  };
}

// What all clusters have alike is one object: a fleet may hold thousands of them.

const endpointsFrom = memo1((source: ConfigSource): Cluster['eds_cluster_config'] => ({ eds_config: source }));

/** A connection to a machine that vanished without a word ends after a minute; nothing else would end a silent one. */
const keepalive: Cluster['upstream_connection_options'] = {
  tcp_keepalive: { keepalive_time: 30, keepalive_interval: 10, keepalive_probes: 3 },
};

const http1Options: HttpProtocolOptions = {
  // Most HTTP/1 servers end idle connections after 5s or more; the side that ends them first loses no request.
  common_http_protocol_options: { idle_timeout: '4s' },
  explicit_http_config: { http_protocol_options: {} },
};

const http1 = http(http1Options);

const http2Options: HttpProtocolOptions = {
  explicit_http_config: {
    // A ping before the first request after a silence, to find out that a connection is dead. Regular pings
    // would be less trouble, but gRPC servers take them for an attack.
    http2_protocol_options: {
      connection_keepalive: { connection_idle_interval: '5s', timeout: '1s' },
      initial_stream_window_size: 64 * 1024,
      initial_connection_window_size: 1024 * 1024,
    },
  },
};

const http2 = http(http2Options);
