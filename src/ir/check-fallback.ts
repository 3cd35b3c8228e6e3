import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import { destinationKey, destinationParts } from '../policy/destination.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Service } from '../policy/service.ts';
import { declaredFallback, fallbackChain, mayFallBack } from './fallback.ts';
import { keepingEntries, lookup, sortedEntries } from './order.ts';
import { overHttp } from './over-http.ts';
import { listed, namesOf, notFound } from './references.ts';

/** One `fallback` of a policy. */
interface Declared {
  readonly path: PolicyPath;
  readonly serviceName: string;
  readonly service: Service;
  /** What it says. */
  readonly target: string;
  /** Destinations that it is for. */
  readonly keys: readonly string[];
}

const none: readonly never[] = [];
const declaredByEach = keepingEntries((name, service: Service): readonly Declared[] =>
  mayFallBack(service) ? fallbacksOf(name, service) : none,
);

/** What is wrong with what takes over from services. */
export function checkFallbacks(policy: Policy): readonly Problem[] {
  return declaredByEach(policy.services).flatMap((declared): readonly Problem[] => {
    if (declared.length === 0) return none;
    return [...declared.flatMap(each => checkFallback(policy, each)), ...checkOptions(declared)];
  });
}

function fallbacksOf(serviceName: string, service: Service): readonly Declared[] {
  const versions = sortedEntries(service.versions);
  const own = versions.flatMap(([version, { fallback }]) => {
    const path = ['services', serviceName, 'versions', version, 'fallback'];
    const keys = [destinationKey({ service: serviceName, version })];
    return fallback === undefined ? [] : [{ path, serviceName, service, target: fallback, keys }];
  });
  if (service.fallback === undefined) return own;
  const without = versions.flatMap(([version, { fallback }]) => (fallback === undefined ? [version] : []));
  const keys = [undefined, ...without].map(version => destinationKey({ service: serviceName, version }));
  const path = ['services', serviceName, 'fallback'];
  return [{ path, serviceName, service, target: service.fallback, keys }, ...own];
}

function checkFallback(policy: Policy, declared: Declared): readonly Problem[] {
  const { path, serviceName, service, target } = declared;
  const { service: name, version } = destinationParts(target);
  const other = lookup(policy.services, name);
  if (!other) return [notFound('service.fallback_not_found', path, 'service', name, policy.services)];
  if (version !== undefined && !lookup(other.versions, version)) {
    const message = `The service "${name}" has no version "${version}".`;
    return [problem('service.fallback_not_found', path, message, listed(namesOf(other.versions)))];
  }
  if (service.protocol === 'udp') {
    const message = `"${serviceName}" speaks udp, and datagrams have no fallback.`;
    return [problem('service.fallback_protocol', path, message, 'give endpoints a priority: they are backups then')];
  }
  if (service.protocol !== other.protocol && !(overHttp(service) && overHttp(other))) {
    const message = `"${serviceName}" speaks ${service.protocol} and "${name}" ${other.protocol}: requests and connections cannot take each other's place.`;
    return [problem('service.fallback_protocol', path, message, 'name a service that is called in the same way')];
  }
  return checkCircle(policy, declared);
}

function checkCircle(policy: Policy, { path, target, keys }: Declared): readonly Problem[] {
  const onward = fallbackChain(policy.services, target);
  const last = destinationParts(onward.at(-1) ?? target);
  const service = lookup(policy.services, last.service);
  const next = service && declaredFallback(service, last.version);
  const back = keys.find(key => onward.includes(key) || next === key);
  if (back === undefined) return [];
  const circle = [back, ...onward.slice(0, onward.includes(back) ? onward.indexOf(back) : undefined), back];
  const message = `What takes over leads back to where it began: ${circle.join(' → ')}.`;
  const hint =
    onward[0] === back ? 'declare it for the other versions alone, under versions' : 'let the last have none';
  return [problem('service.fallback_circle', path, message, hint)];
}

/** What Envoy cannot do, or does otherwise, where something takes over. */
function checkOptions([first]: readonly Declared[]): readonly Problem[] {
  if (!first) return [];
  const { service, path } = first;
  if (service.retryBudget) {
    const message =
      'A retry budget does not grow with the requests of a service from which another takes over: Envoy counts them at each of the two, and retries before.';
    const hint = 'limit retries by circuitBreakers.maxRetries in place of retryBudget';
    return [problem('service.fallback_retry_budget', path, message, hint)];
  }
  if (service.sessions) {
    const message =
      'Sessions do not hold in a service from which another takes over: Envoy would choose an endpoint anew each time.';
    const hint = 'declare the endpoints of the other here, with a higher priority and failover: whenAllDown';
    return [problem('service.fallback_sessions', path, message, hint)];
  }
  const priorities = new Set(service.endpoints.map(each => each.priority));
  if (priorities.size > 1 && service.failover === 'gradual') {
    const message =
      'The endpoints have several priorities, and step in gradually: what takes over would step in gradually, too.';
    return [problem('service.fallback_gradual', path, message, 'set failover: whenAllDown, or give all one priority')];
  }
  return [];
}
