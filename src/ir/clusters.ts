import type { Policy } from '../policy/kinds.ts';
import type { Service } from '../policy/service.ts';
import { endpointsOf, endpointsOfVersion, type ResolvedNames } from './endpoints.ts';
import type { ServiceClusterIr } from './ir.ts';
import { keeping } from './kept.ts';
import { lookup } from './order.ts';
import type { ActiveOverrides } from './overrides.ts';

/** The cluster of a service, or of one of its versions; undefined where either is not declared. */
export type ClusterOf = (service: string, version?: string) => ServiceClusterIr | undefined;

const keepCluster = keeping<ServiceClusterIr>();

/** Makes each cluster when it is first asked for, and only once, so that fleets share it. */
export function clustersOf(policy: Policy, overrides: ActiveOverrides, resolved: ResolvedNames): ClusterOf {
  return (serviceName, version) => {
    const service = lookup(policy.services, serviceName);
    if (!service || (version !== undefined && !lookup(service.versions, version))) return undefined;
    const all = endpointsOf(service, overrides.endpointsOf(serviceName), resolved);
    if (version === undefined) return cluster(serviceName, serviceName, service, all);
    return cluster(`${serviceName}@${version}`, serviceName, service, endpointsOfVersion(service, version, all));
  };
}

function cluster(
  name: string,
  serviceName: string,
  service: Service,
  endpoints: ServiceClusterIr['endpoints'],
): ServiceClusterIr {
  return keepCluster(service, name, [endpoints], () => ({ kind: 'service', name, serviceName, service, endpoints }));
}
