import { memo1 } from '../base/memo.ts';
import { canonicalAddress, endpointsByAddress } from '../ir/address.ts';
import { bears } from '../ir/endpoints.ts';
import { fallbackChain } from '../ir/fallback.ts';
import { keepingEntries, lookup } from '../ir/order.ts';
import { type Destination, destinationKey, destinationParts } from '../policy/destination.ts';
import type { Endpoint, EndpointState } from '../policy/endpoint.ts';
import type { Gateway } from '../policy/gateway.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Override } from '../policy/operational-state.ts';
import type { Route } from '../policy/route.ts';
import type { Service } from '../policy/service.ts';

/** The declared endpoint with this address, however it is spelled. */
export function declaredEndpoint(service: Service, address: string): Endpoint | undefined {
  return endpointsByAddress(service).get(canonicalAddress(address))?.endpoint;
}

/** Endpoints of a service that overrides are made for together. */
export interface Touched {
  readonly service: string;
  readonly addresses: readonly string[];
}

/**
 * Why overrides must not be made without force: they would take the last usable endpoint from a service, or from one
 * of its versions that traffic is sent to. With none active, Envoy sends everything to those that drain; unless there
 * is a fallback with an active one.
 */
export function whyRefused(
  policy: Policy,
  before: readonly Override[],
  after: readonly Override[],
  { service: name, addresses }: Touched,
): string | undefined {
  const service = lookup(policy.services, name);
  const touched = service ? addresses.flatMap(each => declaredEndpoint(service, each) ?? []) : [];
  if (!service || touched.length === 0) return undefined;
  const states = (overrides: readonly Override[], of: (endpoint: Endpoint) => boolean): readonly EndpointState[] =>
    service.endpoints.filter(of).map(each => stateOf(each, name, overrides));
  const takesTheLast = (of: (endpoint: Endpoint) => boolean): boolean => {
    const [had, has] = [states(before, of), states(after, of)];
    const active = (all: readonly EndpointState[]) => all.some(state => state === 'active');
    const told = (all: readonly EndpointState[]) => all.some(state => state !== 'disabled');
    return (active(had) && !active(has)) || (told(had) && !told(has));
  };
  const falls = (version?: string) => isTakenOver(policy, after, destinationKey({ service: name, version }));
  const last =
    addresses.length === 1 ? `${addresses[0]} is the last usable endpoint of` : 'no usable endpoint would be left of';
  if (takesTheLast(() => true) && !falls()) return `${last} service "${name}"`;
  for (const version of versionsInUse(policy, name)) {
    const labels = Object.entries(service.versions[version]?.labels ?? {});
    const takesPart = touched.some(each => bears(each, labels));
    if (takesPart && takesTheLast(each => bears(each, labels)) && !falls(version)) {
      return `${last} version "${version}" of service "${name}", which traffic is sent to`;
    }
  }
  return undefined;
}

/** True if something that takes over from a destination has an endpoint that is active. */
function isTakenOver(policy: Policy, overrides: readonly Override[], key: string): boolean {
  return fallbackChain(policy.services, key)
    .slice(1)
    .some(other => {
      const { service: name, version } = destinationParts(other);
      const service = lookup(policy.services, name);
      const labels = Object.entries(service?.versions[version ?? '']?.labels ?? {});
      const endpoints = service?.endpoints.filter(each => bears(each, labels)) ?? [];
      return endpoints.some(each => stateOf(each, name, overrides) === 'active');
    });
}

function stateOf(endpoint: Endpoint, service: string, overrides: readonly Override[]): EndpointState {
  const key = canonicalAddress(endpoint.address);
  const override = overrides.findLast(
    each => each.kind === 'endpoint' && each.service === service && canonicalAddress(each.address) === key,
  );
  return (override?.kind === 'endpoint' ? override.state : undefined) ?? endpoint.state;
}

const noVersions: readonly (readonly [string, string])[] = [];
const versionsOf = (to: readonly Destination[]): readonly (readonly [string, string])[] => {
  const named = to.flatMap(({ service, version }) => (version === undefined ? [] : [[service, version] as const]));
  return named.length === 0 ? noVersions : named;
};

const versionsOfRoutes = keepingEntries((_, { rules }: Route) => versionsOf(rules.flatMap(rule => rule.to ?? [])));
const versionsOfGateways = keepingEntries((_, { listeners }: Gateway) =>
  versionsOf(listeners.flatMap(listener => (listener.protocol === 'http' ? [] : listener.to))),
);
const byService = memo1((all: readonly (readonly (readonly [string, string])[])[]) =>
  Map.groupBy(all.flat(), ([service]) => service),
);

/** Versions that a rule or a TCP listener names as a destination. */
function versionsInUse({ routes, gateways }: Policy, service: string): ReadonlySet<string> {
  const named = [versionsOfRoutes(routes), versionsOfGateways(gateways)].flatMap(
    all => byService(all).get(service) ?? [],
  );
  return new Set(named.map(([, version]) => version));
}
