import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Service } from '../policy/service.ts';
import { type DeclaredEndpoint, declaredEndpoints } from './address.ts';

/** Active checks that no Envoy would take, or that would do nothing. */
export function checkHealth(path: PolicyPath, service: Service): readonly Problem[] {
  return [...impossibleChecks(path, service), ...idleSettings(path, service)];
}

function impossibleChecks(path: PolicyPath, service: Service): readonly Problem[] {
  const { healthCheck: check, protocol } = service;
  if (!check) return [];
  const problems: Problem[] = [];
  if (check.grpc && protocol !== 'grpc' && protocol !== 'http2') {
    const message = `A check by grpc needs HTTP/2, and the service speaks ${protocol}.`;
    const hint = 'set protocol to grpc or http2, or check by http or tcp';
    problems.push(problem('service.health_check_impossible', [...path, 'healthCheck', 'grpc'], message, hint));
  }
  for (const each of declaredEndpoints(service)) {
    const own = each.endpoint.healthCheck;
    if (each.address.kind !== 'unix' || own === 'off') continue;
    if (own?.port === undefined && (check.port === undefined || own?.address !== undefined)) continue;
    const at = own?.port === undefined ? [...path, 'healthCheck', 'port'] : [...checkOf(path, each), 'port'];
    const message = `A port cannot be checked at ${each.endpoint.address}: a Unix socket has none.`;
    const hint = 'give the endpoint a healthCheck.address, or "off"';
    problems.push(problem('service.health_check_impossible', at, message, hint));
  }
  return problems;
}

function idleSettings(path: PolicyPath, service: Service): readonly Problem[] {
  const { healthCheck: check, protocol } = service;
  const report = (at: PolicyPath, what: string, why: string) =>
    problem('service.option_without_effect', at, `${what} has no effect: ${why}.`);
  const problems: Problem[] = [];
  if (check && !check.closeConnections && protocol !== 'tcp') {
    const at = [...path, 'healthCheck', 'closeConnections'];
    problems.push(report(at, 'healthCheck.closeConnections', `it is about tcp, and the service speaks ${protocol}`));
  }
  for (const each of declaredEndpoints(service)) {
    const own = each.endpoint.healthCheck;
    if (own === undefined) continue;
    const at = checkOf(path, each);
    if (!check) problems.push(report(at, 'healthCheck', 'the service has no healthCheck that it could differ from'));
    else if (own !== 'off' && own.host !== undefined && !namesHost(check)) {
      problems.push(report([...at, 'host'], 'healthCheck.host', 'only checks by http and grpc name a host'));
    }
  }
  return problems;
}

const namesHost = ({ http, grpc }: NonNullable<Service['healthCheck']>) => http !== undefined || grpc !== undefined;

const checkOf = (path: PolicyPath, { index }: DeclaredEndpoint): PolicyPath => [
  ...path,
  'endpoints',
  index,
  'healthCheck',
];
