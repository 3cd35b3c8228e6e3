import { isDeepStrictEqual } from 'node:util';
import { formatAddress, parseAddress } from '../base/address.ts';
import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import type { ApiVersioning } from '../policy/api-versioning.ts';
import type { Policy } from '../policy/kinds.ts';
import { Retries } from '../policy/retries.ts';
import type { Service } from '../policy/service.ts';
import { declaredEndpoints } from './address.ts';
import { checkHealth } from './check-health.ts';
import { checkLoadReports } from './check-load-reports.ts';
import { checkRetries } from './check-retries.ts';
import { checkZones } from './check-zones.ts';
import { servicesWithNames } from './clusters.ts';
import { answerOf, bears, hasBackups, type ResolvedNames } from './endpoints.ts';
import { keepingEntries, lookup, sortedEntries } from './order.ts';
import { overHttp } from './over-http.ts';
import { listed, namesOf } from './references.ts';
import { versionOf } from './version-segment.ts';

const none: readonly Problem[] = [];
const problemsOfEach = keepingEntries((name, service: Service): readonly Problem[] => {
  const found = checkService(['services', name], service);
  return found.length === 0 ? none : found;
});

/** What is wrong with services by themselves. */
export function checkServices(policy: Policy): readonly Problem[] {
  return problemsOfEach(policy.services).flat();
}

/** Host names without an answer. */
export function checkNames(policy: Policy, resolved: ResolvedNames): readonly Problem[] {
  return [...servicesWithNames(policy).keys()].flatMap(name => {
    const service = lookup(policy.services, name);
    return service ? unresolvedNames(['services', name], service, resolved) : [];
  });
}

function checkService(path: PolicyPath, service: Service): readonly Problem[] {
  return [
    ...checkEndpoints(path, service),
    ...checkHashKeys(path, service),
    ...checkVersions(path, service),
    ...checkOptions(path, service),
    ...checkHealth(path, service),
    ...checkZones(path, service),
    ...checkLoadReports(path, service),
    ...checkMaintenance(path, service),
    ...(overHttp(service) ? checkRetries(service.retries, [...path, 'retries']) : []),
    ...(service.apiVersioning ? checkApiVersioning([...path, 'apiVersioning'], service.apiVersioning) : []),
  ];
}

function checkMaintenance(path: PolicyPath, service: Service): readonly Problem[] {
  if (!service.maintenance || overHttp(service)) return [];
  const message = `The service speaks ${service.protocol}, where no page can be answered.`;
  const hint = 'remove it; to take the service out, drain or disable its endpoints';
  return [problem('service.maintenance_protocol', [...path, 'maintenance'], message, hint)];
}

/** A warning: it must not keep a whole policy out that one of its names cannot be looked up at the moment. */
function unresolvedNames(path: PolicyPath, service: Service, resolved: ResolvedNames): readonly Problem[] {
  return declaredEndpoints(service).flatMap(each => {
    if (each.address.kind !== 'host' || answerOf(each, resolved)?.length !== 0) return [];
    const at = [...path, 'endpoints', each.index, 'address'];
    const message = `"${each.address.host}" has never been resolved; the endpoint is left out until it is.`;
    return [problem('service.unresolved_name', at, message, 'check the name and the name server of this machine')];
  });
}

function checkEndpoints(path: PolicyPath, service: Service): readonly Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  for (const { endpoint, index, address, key } of declaredEndpoints(service)) {
    const at = [...path, 'endpoints', index];
    const earlier = seen.get(key);
    if (earlier === undefined) seen.set(key, index);
    else {
      const message = `${endpoint.address} is already endpoint number ${earlier + 1} of this service.`;
      const hint = 'remove one of the two; a higher weight sends more traffic';
      problems.push(problem('service.duplicate_endpoint', [...at, 'address'], message, hint));
    }
    if (!endpoint.inbound) continue;
    if (address.kind === 'unix') {
      const message = `No sidecar can take traffic in at ${formatAddress(address)}: callers dial an IP address and a port.`;
      problems.push(problem('service.inbound_on_unix_socket', [...at, 'inbound'], message, 'give the endpoint an IP'));
    }
    problems.push(...checkApplication([...at, 'inbound', 'application'], endpoint.inbound.application));
  }
  if (!service.endpoints.some(endpoint => endpoint.state !== 'disabled')) {
    const which = service.endpoints.length === 0 ? 'has no endpoints' : 'has only disabled endpoints';
    const message = `The service ${which}; requests to it are answered 503.`;
    problems.push(problem('service.no_endpoints', path, message));
  }
  return problems;
}

/** Endpoints of one key, which would have the same places among all hashes, and keys that nothing goes by. */
function checkHashKeys(path: PolicyPath, { endpoints, loadBalancing }: Service): readonly Problem[] {
  const seen = new Map<string, number>();
  return endpoints.flatMap(({ hashKey }, index) => {
    if (hashKey === undefined) return [];
    const at = [...path, 'endpoints', index, 'hashKey'];
    if (!('hashBy' in loadBalancing)) {
      const message = `hashKey has no effect: the policy "${loadBalancing.policy}" does not go by hashes.`;
      return [problem('service.option_without_effect', at, message)];
    }
    const earlier = seen.get(hashKey);
    if (earlier === undefined) {
      seen.set(hashKey, index);
      return [];
    }
    const message = `"${hashKey}" is already the key of endpoint number ${earlier + 1} of this service: one of the two would get the callers of both.`;
    return [problem('service.duplicate_hash_key', at, message, 'give each endpoint a key of its own')];
  });
}

function checkApplication(path: PolicyPath, text: string): readonly Problem[] {
  const address = parseAddress(text);
  if (address?.kind !== 'host') return [];
  const message = `"${text}" is a host name; the application behind a sidecar needs an IP or a Unix socket.`;
  const hint = address.host === 'localhost' ? `write 127.0.0.1:${address.port}` : 'write its loopback address';
  return [problem('schema.invalid_address', path, message, hint)];
}

function checkVersions(path: PolicyPath, service: Service): readonly Problem[] {
  return sortedEntries(service.versions).flatMap(([version, { labels }]) => {
    const wanted = Object.entries(labels);
    if (service.endpoints.some(endpoint => bears(endpoint, wanted))) return [];
    const text = sortedEntries(labels).map(([label, value]) => `${label}: ${value}`);
    const message = `No endpoint bears the labels of version "${version}" (${text.join(', ')}); requests to it are answered 503.`;
    return [problem('service.version_empty', [...path, 'versions', version], message)];
  });
}

const retriesByDefault = Retries.parse({});

function checkOptions(path: PolicyPath, service: Service): readonly Problem[] {
  const { loadBalancing } = service;
  const problems: Problem[] = [];
  const report = (option: string, why: string) =>
    problems.push(problem('service.option_without_effect', [...path, option], `${option} has no effect: ${why}.`));
  if (!overHttp(service)) {
    const why = `the service speaks ${service.protocol}, and it is about HTTP requests`;
    if (service.timeout !== undefined) report('timeout', why);
    if (service.sessions) report('sessions', why);
    if (service.retryBudget) report('retryBudget', why);
    if (service.apiVersioning) report('apiVersioning', why);
    if (service.admissionControl) report('admissionControl', why);
    if (service.adaptiveConcurrency) report('adaptiveConcurrency', why);
    if (!isDeepStrictEqual(service.connections, {})) report('connections', why);
    if (!isDeepStrictEqual(service.retries, retriesByDefault)) report('retries', why);
    if ('hashBy' in loadBalancing && !loadBalancing.hashBy.some(part => part.sourceIp)) {
      report('loadBalancing', `a ${service.protocol} service can be hashed by sourceIp only`);
    }
  }
  if (loadBalancing.policy === 'random' && unequal(service)) {
    report('loadBalancing', 'the policy "random" ignores the different weights of the endpoints');
  }
  if (loadBalancing.policy === 'leastRequest' && loadBalancing.choiceCount === 'all' && unequal(service)) {
    report('loadBalancing', 'choiceCount counts only where all endpoints have the same weight');
  }
  if (service.failover === 'whenAllDown' && service.overprovisioning !== 140) {
    report('overprovisioning', 'with whenAllDown one healthy endpoint is enough to keep others out');
  }
  if (service.adaptiveConcurrency && service.protocol !== 'tcp' && !service.endpoints.some(each => each.inbound)) {
    report('adaptiveConcurrency', 'no endpoint has an `inbound`, a sidecar that could do it');
  }
  if (service.failover === 'whenAllDown' && !hasBackups(service)) {
    report('failover', 'all endpoints have the same priority, so that there are no backups');
  }
  return problems;
}

function unequal({ endpoints }: Service): boolean {
  return new Set(endpoints.map(each => each.weight)).size > 1;
}

function checkApiVersioning(path: PolicyPath, versioning: ApiVersioning): readonly Problem[] {
  const problems: Problem[] = [];
  const names = namesOf(versioning.versions);
  const chosen = versioning.default;
  const version = chosen === undefined ? undefined : versionOf(chosen, versioning);
  if (chosen !== undefined && version === undefined) {
    const message = `The default "${chosen}" is none of the declared versions.`;
    const hint = didYouMean(chosen, names) ?? listed(names);
    problems.push(problem('apiVersioning.default_not_found', [...path, 'default'], message, hint));
  } else if (version !== undefined && versioning.versions[version]?.state === 'retired') {
    const message = `The default "${chosen}" is retired: every caller that names no version would be answered 410.`;
    const hint = 'choose a version that is still served, or none';
    problems.push(problem('apiVersioning.default_retired', [...path, 'default'], message, hint));
  }
  for (const [alias, version] of sortedEntries(versioning.aliases)) {
    const at = [...path, 'aliases', alias];
    if (names.includes(alias)) {
      const message = `"${alias}" is a version already, so it cannot be an alias.`;
      problems.push(problem('apiVersioning.alias_shadows_version', at, message, 'rename the alias'));
    }
    if (!names.includes(version)) {
      const message = `The alias "${alias}" stands for "${version}", which is none of the declared versions.`;
      problems.push(problem('apiVersioning.alias_not_found', at, message, didYouMean(version, names) ?? listed(names)));
    }
  }
  return problems;
}
