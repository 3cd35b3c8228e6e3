import { memo1 } from '../base/memo.ts';
import type { WeightsByService } from '../policy/computed-weights.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Service } from '../policy/service.ts';
import { declaredEndpoints } from './address.ts';
import { endpointsOf, endpointsOfVersion, type ResolvedNames } from './endpoints.ts';
import { destinationsBehind } from './fallback.ts';
import type { FallbackClusterIr, ServiceClusterIr } from './ir.ts';
import { keeping } from './kept.ts';
import { keepingEntries, lookup } from './order.ts';
import type { ActiveOverrides } from './overrides.ts';

/**
 * The clusters that one by this name needs, itself among them: `catalog`, `catalog@v1` or, with what takes over,
 * `catalog+last`. None where it is not declared.
 */
export type ClustersOf = (name: string) => readonly (ServiceClusterIr | FallbackClusterIr)[];

type ClusterOf = (key: string) => ServiceClusterIr | undefined;

const keepCluster = keeping<ServiceClusterIr>();
const keepGuarded = keeping<FallbackClusterIr>();
/** Clusters that nothing but the service decides, by name. */
const plainClusters = memo1((_: Service) => new Map<string, ServiceClusterIr | undefined>());

const noNames: readonly (readonly [string, readonly string[]])[] = [];
const namesOfEach = keepingEntries((name, service: Service) => {
  const hosts = declaredEndpoints(service).flatMap(({ address }) => (address.kind === 'host' ? address.host : []));
  return hosts.length === 0 ? noNames : [[name, hosts] as const];
});

/** Host names by the services that have them. */
const namesByService = memo1(
  (services: Policy['services']): ReadonlyMap<string, readonly string[]> => new Map(namesOfEach(services).flat()),
);

/** Services with endpoints by host name, by name. */
export function servicesWithNames({ services }: Policy): ReadonlyMap<string, readonly string[]> {
  return namesByService(services);
}

/** The answers that clusters of this policy depend on, as texts. */
export function answersFor(policy: Policy, resolved: ResolvedNames): readonly string[] {
  return [...servicesWithNames(policy).values()].flatMap(hosts => hosts.map(host => resolved.get(host)?.join() ?? ''));
}

/** All that clusters are made from. */
interface Circumstances {
  readonly policy: Policy;
  readonly overrides: ActiveOverrides;
  readonly resolved: ResolvedNames;
  readonly computed: WeightsByService;
}

const noWeights: ReadonlyMap<string, number> = new Map<string, number>();

/** Makes each cluster when it is first asked for; all fleets share it. */
export function clustersOf(circumstances: Circumstances): ClustersOf {
  const one = serviceClustersOf(circumstances);
  return name => {
    const members = destinationsBehind(name).flatMap(each => one(each) ?? []);
    const [first, second] = members;
    return first && second ? [guarded(name, first, members), ...members] : members;
  };
}

function guarded(
  name: string,
  { serviceName, service }: ServiceClusterIr,
  members: readonly ServiceClusterIr[],
): FallbackClusterIr {
  const names = members.map(each => each.name);
  return keepGuarded(service, name, names, () => ({ kind: 'fallback', name, serviceName, service, members: names }));
}

function serviceClustersOf(circumstances: Circumstances): ClusterOf {
  const { policy, overrides, computed } = circumstances;
  const named = servicesWithNames(policy);
  const make = (key: string, serviceName: string) => clusterOf(circumstances, key, serviceName);
  return key => {
    const serviceName = serviceOf(key);
    const moved = overrides.endpointsOf(serviceName).size > 0 || computed.has(serviceName);
    const service = lookup(policy.services, serviceName);
    if (!service || named.has(serviceName) || moved) return make(key, serviceName);
    const plain = plainClusters(service);
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
  { policy, overrides, resolved, computed }: Circumstances,
  name: string,
  serviceName: string,
): ServiceClusterIr | undefined {
  const service = lookup(policy.services, serviceName);
  const version = name === serviceName ? undefined : name.slice(serviceName.length + 1);
  if (!service || (version !== undefined && !lookup(service.versions, version))) return undefined;
  const all = endpointsOf(
    service,
    overrides.endpointsOf(serviceName),
    resolved,
    computed.get(serviceName) ?? noWeights,
  );
  const endpoints = version === undefined ? all : endpointsOfVersion(service, version, all);
  return keepCluster(service, name, [endpoints], () => ({ kind: 'service', name, serviceName, service, endpoints }));
}
