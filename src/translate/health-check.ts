import { Buffer } from 'node:buffer';
import type { HealthCheck as EnvoyHealthCheck } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Int64Range } from '../../proto/gen/envoy.type.v3.ts';
import { millis } from '../base/units.ts';
import type { HealthCheck, HttpCheck, TcpCheck } from '../policy/health-check.ts';
import type { Service } from '../policy/service.ts';
import { duration, wholePercent } from './units.ts';

/** The active check of a service, as each Envoy that has it carries it out. Empty where there is none. */
export function healthChecks(serviceName: string, service: Service): readonly EnvoyHealthCheck[] {
  const check = service.healthCheck;
  if (!check) return [];
  return [{ ...timing(check), ...checker(serviceName, service, check) }];
}

function timing(check: HealthCheck): EnvoyHealthCheck {
  const jitter = millis(Math.round((check.interval * check.jitter) / 100));
  return {
    timeout: duration(check.timeout),
    interval: duration(check.interval),
    unhealthy_threshold: check.unhealthyAfter,
    healthy_threshold: check.healthyAfter,
    // Envoy uses the one while an endpoint is going down, the other while it is coming up.
    unhealthy_edge_interval: duration(check.edgeInterval),
    healthy_edge_interval: duration(check.edgeInterval),
    unhealthy_interval: duration(check.unhealthyInterval),
    no_traffic_interval: duration(check.idleInterval),
    ...(check.jitter > 0
      ? { initial_jitter: duration(jitter), interval_jitter_percent: wholePercent(check.jitter) }
      : {}),
  };
}

function checker(serviceName: string, service: Service, check: HealthCheck): EnvoyHealthCheck {
  if (check.http) return { http_health_check: httpCheck(serviceName, service, check.http) };
  if (check.grpc) return { grpc_health_check: { service_name: check.grpc.service, authority: serviceName } };
  return { tcp_health_check: tcpCheck(check.tcp ?? {}) };
}

function httpCheck(
  serviceName: string,
  service: Service,
  check: HttpCheck,
): NonNullable<EnvoyHealthCheck['http_health_check']> {
  const http2 = service.protocol === 'http2' || service.protocol === 'grpc';
  return {
    // Envoy's own choice, the cluster's name, holds an `@` for a version, which is no host.
    host: check.host ?? serviceName,
    path: check.path,
    method: check.method,
    expected_statuses: check.expect.map(statusRange),
    retriable_statuses: check.retriable.map(statusRange),
    codec_client_type: http2 ? 'HTTP2' : 'HTTP1',
  };
}

/** `200-299` or `200`, both ends included, as Envoy's range, whose end is not. */
function statusRange(text: string): Int64Range {
  const [start, end = start] = text.split('-').map(Number);
  return { start: start ?? Number.NaN, end: (end ?? Number.NaN) + 1 };
}

function tcpCheck(check: TcpCheck): NonNullable<EnvoyHealthCheck['tcp_health_check']> {
  return {
    ...(check.send ? { send: { text: hex(check.send) } } : {}),
    ...(check.receive ? { receive: [{ text: hex(check.receive) }] } : {}),
  };
}

/** Envoy takes payloads in hexadecimal. */
function hex(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex');
}
