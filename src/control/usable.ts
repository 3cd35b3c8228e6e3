import { canonicalAddress, endpointsByAddress } from '../ir/address.ts';
import { bears } from '../ir/endpoints.ts';
import { fallbackChain } from '../ir/fallback.ts';
import { lookup } from '../ir/order.ts';
import { destinationKey, destinationParts } from '../policy/destination.ts';
import type { Endpoint, EndpointState } from '../policy/endpoint.ts';
import type { Policy } from '../policy/kinds.ts';
import type { EndpointOverride, Override } from '../policy/operational-state.ts';
import type { Service } from '../policy/service.ts';

/** The declared endpoint with this address, however it is spelled. */
export function declaredEndpoint(service: Service, address: string): Endpoint | undefined {
  return endpointsByAddress(service).get(canonicalAddress(address))?.endpoint;
}

/**
 * Why an override must not be made without force: it would take the last usable endpoint from a service, or from one
 * of its versions that traffic is sent to. With none active, Envoy sends everything to those that drain; unless there
 * is a fallback with an active one.
 */
export function whyRefused(
  policy: Policy,
  before: readonly Override[],
  after: readonly Override[],
  { service: name, address }: EndpointOverride,
): string | undefined {
  const service = lookup(policy.services, name);
  const endpoint = service && declaredEndpoint(service, address);
  if (!service || !endpoint) return undefined;
  const states = (overrides: readonly Override[], of: (endpoint: Endpoint) => boolean): readonly EndpointState[] =>
    service.endpoints.filter(of).map(each => stateOf(each, name, overrides));
  const takesTheLast = (of: (endpoint: Endpoint) => boolean): boolean => {
    const [had, has] = [states(before, of), states(after, of)];
    const active = (all: readonly EndpointState[]) => all.some(state => state === 'active');
    const told = (all: readonly EndpointState[]) => all.some(state => state !== 'disabled');
    return (active(had) && !active(has)) || (told(had) && !told(has));
  };
  const falls = (version?: string) => isTakenOver(policy, after, destinationKey({ service: name, version }));
  if (takesTheLast(() => true) && !falls()) return `${address} is the last usable endpoint of service "${name}"`;
  for (const version of versionsInUse(policy, name)) {
    const labels = Object.entries(service.versions[version]?.labels ?? {});
    if (bears(endpoint, labels) && takesTheLast(each => bears(each, labels)) && !falls(version)) {
      return `${address} is the last usable endpoint of version "${version}" of service "${name}", which traffic is sent to`;
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

/** Versions that a rule or a TCP listener names as a destination. */
function versionsInUse(policy: Policy, service: string): ReadonlySet<string> {
  const destinations = [
    ...Object.values(policy.routes).flatMap(route => route.rules.flatMap(rule => rule.to ?? [])),
    ...Object.values(policy.gateways).flatMap(gateway =>
      gateway.listeners.flatMap(listener => (listener.protocol === 'http' ? [] : listener.to)),
    ),
  ];
  return new Set(destinations.flatMap(each => (each.service === service ? (each.version ?? []) : [])));
}
