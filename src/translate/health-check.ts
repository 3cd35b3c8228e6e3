import { any } from '../../proto/codec.ts';
import type { HealthCheck as EnvoyHealthCheck, HealthCheck_Payload } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Endpoint_HealthCheckConfig } from '../../proto/gen/envoy.config.endpoint.v3.ts';
import type { Int64Range } from '../../proto/gen/envoy.type.v3.ts';
import { parseAddress } from '../base/address.ts';
import { millis } from '../base/units.ts';
import type { Endpoint } from '../policy/endpoint.ts';
import type { GrpcCheck, HealthCheck, HttpCheck, RedisCheck, TcpCheck, UdpCheck } from '../policy/health-check.ts';
import type { Service } from '../policy/service.ts';
import { envoyAddress } from './address.ts';
import { setOptions } from './header-changes.ts';
import { duration, wholePercent } from './units.ts';

/** The active check of a service, as each Envoy that has it carries it out. Empty where there is none. */
export function healthChecks(serviceName: string, service: Service): readonly EnvoyHealthCheck[] {
  const check = service.healthCheck;
  if (!check) return [];
  const keeping = check.reuseConnection ? {} : { reuse_connection: false };
  return [{ ...timing(check), ...keeping, ...checker(serviceName, service, check) }];
}

/** Where an endpoint is checked, if not where its traffic goes. */
export function endpointCheck(
  service: Service,
  own: Endpoint['healthCheck'],
): { readonly health_check_config?: Endpoint_HealthCheckConfig } {
  if (!service.healthCheck) return {};
  if (own === 'off') return { health_check_config: { disable_active_health_check: true } };
  const address = own?.address === undefined ? undefined : parseAddress(own.address);
  const port = own?.port ?? service.healthCheck.port;
  const config: Endpoint_HealthCheckConfig = {
    ...(own?.host === undefined ? {} : { hostname: own.host }),
    ...(address?.kind === 'ip' ? { address: envoyAddress(address) } : port === undefined ? {} : { port_value: port }),
  };
  return Object.keys(config).length === 0 ? {} : { health_check_config: config };
}

function timing(check: HealthCheck): EnvoyHealthCheck {
  const jitter = check.initialJitter ?? millis(Math.round((check.interval * check.jitter) / 100));
  return {
    timeout: duration(check.timeout),
    interval: duration(check.interval),
    unhealthy_threshold: check.unhealthyAfter,
    healthy_threshold: check.healthyAfter,
    // Envoy uses the one while an endpoint is going down, the other while it is coming up.
    unhealthy_edge_interval: duration(check.edgeInterval),
    healthy_edge_interval: duration(check.healthyEdgeInterval ?? check.edgeInterval),
    unhealthy_interval: duration(check.unhealthyInterval),
    no_traffic_interval: duration(check.idleInterval),
    ...(check.idleHealthyInterval === undefined
      ? {}
      : { no_traffic_healthy_interval: duration(check.idleHealthyInterval) }),
    ...(jitter > 0 ? { initial_jitter: duration(jitter) } : {}),
    ...(check.jitter > 0 ? { interval_jitter_percent: wholePercent(check.jitter) } : {}),
  };
}

function checker(serviceName: string, service: Service, check: HealthCheck): EnvoyHealthCheck {
  if (check.http) return { http_health_check: httpCheck(serviceName, service, check.http) };
  if (check.grpc) return { grpc_health_check: grpcCheck(serviceName, check.grpc) };
  if (check.redis) return { custom_health_check: redisCheck(check.redis) };
  if (check.udp) return { custom_health_check: udpCheck(check.udp) };
  return { tcp_health_check: tcpCheck(check.tcp ?? {}) };
}

function httpCheck(
  serviceName: string,
  service: Service,
  check: HttpCheck,
): NonNullable<EnvoyHealthCheck['http_health_check']> {
  const http2 = service.protocol === 'http2' || service.protocol === 'grpc';
  const headers = setOptions(check.headers);
  return {
    // Envoy's own choice, the cluster's name, holds an `@` for a version, which is no host.
    host: check.host ?? serviceName,
    path: check.path,
    method: check.method,
    ...(headers.length > 0 ? { request_headers_to_add: headers } : {}),
    expected_statuses: check.expect.map(statusRange),
    retriable_statuses: check.retriable.map(statusRange),
    ...(check.receive ? { receive: check.receive.map(envoyPayload), response_buffer_size: check.receiveWithin } : {}),
    codec_client_type: (check.protocol ?? (http2 ? 'http2' : 'http')) === 'http2' ? 'HTTP2' : 'HTTP1',
  };
}

/** `200-299` or `200`, both ends included, as Envoy's range, whose end is not. */
function statusRange(text: string): Int64Range {
  const [start, end = start] = text.split('-').map(Number);
  return { start: start ?? Number.NaN, end: (end ?? Number.NaN) + 1 };
}

function tcpCheck(check: TcpCheck): NonNullable<EnvoyHealthCheck['tcp_health_check']> {
  return {
    ...(check.send ? { send: envoyPayload(check.send) } : {}),
    ...(check.receive ? { receive: check.receive.map(envoyPayload) } : {}),
  };
}

function grpcCheck(serviceName: string, check: GrpcCheck): NonNullable<EnvoyHealthCheck['grpc_health_check']> {
  const metadata = setOptions(check.metadata);
  return {
    service_name: check.service,
    authority: check.host ?? serviceName,
    ...(metadata.length > 0 ? { initial_metadata: metadata } : {}),
  };
}

type CustomCheck = NonNullable<EnvoyHealthCheck['custom_health_check']>;

function redisCheck({ maintenanceKey }: RedisCheck): CustomCheck {
  const config = maintenanceKey === undefined ? {} : { key: maintenanceKey };
  return {
    name: 'envoy.health_checkers.redis',
    typed_config: any('envoy.extensions.health_checkers.redis.v3.Redis', config),
  };
}

function udpCheck({ send, receive }: UdpCheck): CustomCheck {
  return {
    name: 'envoy.health_checkers.udp',
    typed_config: any('envoy.extensions.health_checkers.udp.v3.UdpHealthCheck', {
      send: envoyPayload(send),
      receive: envoyPayload(receive),
    }),
  };
}

function envoyPayload(hex: string): HealthCheck_Payload {
  return { text: hex };
}
