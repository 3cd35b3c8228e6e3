import { memo1 } from '../base/memo.ts';
import type { Policy } from '../policy/kinds.ts';
import { declaredEndpoints } from './address.ts';
import { endpointsOf, endpointsOfVersion, type ResolvedNames } from './endpoints.ts';
import type { ServiceClusterIr } from './ir.ts';
import { keeping } from './kept.ts';
import { lookup, sortedEntries } from './order.ts';
import type { ActiveOverrides } from './overrides.ts';

/** The cluster of a destination key, `catalog` or `catalog@v1`; undefined where either name is not declared. */
export type ClusterOf = (key: string) => ServiceClusterIr | undefined;

const keepCluster = keeping<ServiceClusterIr>();
/** Clusters that nothing but the policy decides. */
const plainClusters = memo1((_: Policy['services']) => new Map<string, ServiceClusterIr | undefined>());

/** Host names by the services that have them. */
const namesByService = memo1(
  (services: Policy['services']): ReadonlyMap<string, readonly string[]> =>
    new Map(
      sortedEntries(services).flatMap(([name, service]) => {
        const hosts = declaredEndpoints(service).flatMap(({ address }) =>
          address.kind === 'host' ? address.host : [],
        );
        return hosts.length === 0 ? [] : [[name, hosts] as const];
      }),
    ),
);

/** Services with endpoints by host name, by name. */
export function servicesWithNames({ services }: Policy): ReadonlyMap<string, readonly string[]> {
  return namesByService(services);
}

/** The answers that clusters of this policy depend on, as texts. */
export function answersFor(policy: Policy, resolved: ResolvedNames): readonly string[] {
  return [...servicesWithNames(policy).values()].flatMap(hosts => hosts.map(host => resolved.get(host)?.join() ?? ''));
}

/** Makes each cluster when it is first asked for; all fleets share it. */
export function clustersOf(policy: Policy, overrides: ActiveOverrides, resolved: ResolvedNames): ClusterOf {
  const plain = plainClusters(policy.services);
  const named = servicesWithNames(policy);
  const make = (key: string, serviceName: string) => clusterOf(policy, overrides, resolved, key, serviceName);
  return key => {
    const serviceName = serviceOf(key);
    if (named.has(serviceName) || overrides.endpointsOf(serviceName).size > 0) return make(key, serviceName);
    const known = plain.get(key);
    if (known) return known;
    const made = make(key, serviceName);
    plain.set(key, made);
    return made;
  };
}

function serviceOf(key: string): string {
  const at = key.indexOf('@');
  return at < 0 ? key : key.slice(0, at);
}

function clusterOf(
  policy: Policy,
  overrides: ActiveOverrides,
  resolved: ResolvedNames,
  name: string,
  serviceName: string,
): ServiceClusterIr | undefined {
  const service = lookup(policy.services, serviceName);
  const version = name === serviceName ? undefined : name.slice(serviceName.length + 1);
  if (!service || (version !== undefined && !lookup(service.versions, version))) return undefined;
  const all = endpointsOf(service, overrides.endpointsOf(serviceName), resolved);
  const endpoints = version === undefined ? all : endpointsOfVersion(service, version, all);
  return keepCluster(service, name, [endpoints], () => ({ kind: 'service', name, serviceName, service, endpoints }));
}
