import { memo1 } from '../base/memo.ts';
import { destinationKey, destinationParts } from '../policy/destination.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Service } from '../policy/service.ts';
import type { ServiceClusterIr } from './ir.ts';
import { keepingEntries, lookup, sortedUnique } from './order.ts';

type Services = Policy['services'];

/**
 * Stands between the destinations that take over one from the other: `catalog+last`. A cluster that is named after all of
 * them is another one when they change, so that routes go to it when it can be used, and not before (R37).
 */
const then = '+';

/** What takes over from a destination, as text: what its version declares, or else its service. */
export function declaredFallback(service: Service, version: string | undefined): string | undefined {
  const own = version === undefined ? undefined : lookup(service.versions, version)?.fallback;
  return own ?? service.fallback;
}

/** True if something takes over from the service, or from one of its versions. */
export const mayFallBack = memo1(
  ({ fallback, versions }: Service): boolean =>
    fallback !== undefined || Object.values(versions).some(each => each.fallback !== undefined),
);

const noNames: readonly string[] = [];
const fallingBackEach = keepingEntries((name, service: Service) => (mayFallBack(service) ? [name] : noNames));

/** Names of the services from which, or from versions of which, something takes over. */
export function fallingBack(services: Services): readonly string[] {
  return fallingBackEach(services).flat();
}

/** True if something takes over from the service or version that a cluster is of. */
export function hasFallback({ name, service }: Pick<ServiceClusterIr, 'name' | 'service'>): boolean {
  return declaredFallback(service, destinationParts(name).version) !== undefined;
}

const chains = memo1((_: Services) => new Map<string, readonly string[]>());

/** A destination, and all that take over from it, one after the other, as far as they are declared. */
export function fallbackChain(services: Services, key: string): readonly string[] {
  const first = destinationParts(key);
  const alone = lookup(services, first.service);
  if (!alone) return [];
  if (!mayFallBack(alone)) return first.version === undefined || lookup(alone.versions, first.version) ? [key] : [];
  const known = chains(services).get(key);
  if (known) return known;
  const chain: string[] = [];
  let next: string | undefined = key;
  while (next !== undefined && !chain.includes(next)) {
    const { service: name, version } = destinationParts(next);
    const service = lookup(services, name);
    if (!service || (version !== undefined && !lookup(service.versions, version))) break;
    chain.push(next);
    next = declaredFallback(service, version);
  }
  chains(services).set(key, chain);
  return chain;
}

/** The cluster that requests to a destination go to. */
export function clusterFor(services: Services, key: string): string {
  const chain = fallbackChain(services, key);
  return chain.length > 1 ? chain.join(then) : key;
}

/** The destinations that a cluster is for: that of a rule, and those that take over from it. */
export function destinationsBehind(cluster: string): readonly string[] {
  return cluster.includes(then) ? cluster.split(then) : [cluster];
}

/** The services of a destination and of all that take over from it. */
export function servicesBehind(services: Services, key: string): readonly Service[] {
  return fallbackChain(services, key).flatMap(each => lookup(services, destinationParts(each).service) ?? []);
}

/** The names of all services that requests to destinations may come to. */
export function servicesNamedBehind(
  { services }: Pick<Policy, 'services'>,
  to: readonly Parameters<typeof destinationKey>[0][],
): readonly string[] {
  const keys = to.flatMap(destination => fallbackChain(services, destinationKey(destination)));
  return sortedUnique(keys.map(key => destinationParts(key).service));
}
