import { isIP } from 'node:net';
import type { Endpoint } from '../policy/endpoint.ts';
import type { EndpointOverride } from '../policy/operational-state.ts';
import type { Service } from '../policy/service.ts';
import { addressKey, type DeclaredEndpoint, declaredEndpoints } from './address.ts';
import type { EndpointIr } from './ir.ts';
import { keeping, keepingList } from './kept.ts';
import { compareText } from './order.ts';

/** Host name → its last good IPs. */
export type ResolvedNames = ReadonlyMap<string, readonly string[]>;

const keepEndpoint = keeping<readonly EndpointIr[]>();
const keepAll = keeping<readonly EndpointIr[]>();
const keepSome = keepingList<EndpointIr>();
const noAnswer: readonly string[] = [];
const nothing: readonly unknown[] = [];

/** The IPs of an endpoint's host name; empty while it has never been resolved; undefined if it has no host name. */
export function answerOf(declared: DeclaredEndpoint, resolved: ResolvedNames): readonly string[] | undefined {
  return declared.address.kind === 'host' ? (resolved.get(declared.address.host) ?? noAnswer) : undefined;
}

/** All endpoints of a service that Envoys are told of, sorted by priority, zone and address. */
export function endpointsOf(
  service: Service,
  overrides: ReadonlyMap<string, EndpointOverride>,
  resolved: ResolvedNames,
): readonly EndpointIr[] {
  const declared = declaredEndpoints(service);
  const plain = overrides.size === 0 && !declared.some(each => each.address.kind === 'host');
  const from = plain ? nothing : declared.flatMap(each => influences(each, overrides, resolved));
  return keepAll(service, '', from, () => keepSome(service, '', compile(declared, overrides, resolved)));
}

/** Those of `all` that bear every label of the version. */
export function endpointsOfVersion(
  service: Service,
  version: string,
  all: readonly EndpointIr[],
): readonly EndpointIr[] {
  const labels = Object.entries(service.versions[version]?.labels ?? {});
  return keepAll(service, version, [all], () =>
    keepSome(
      service,
      version,
      all.filter(endpoint => bears(endpoint, labels)),
    ),
  );
}

/** True if the endpoint bears all the labels. */
export function bears(
  endpoint: { readonly labels: Readonly<Record<string, string>> },
  labels: readonly (readonly [string, string])[],
): boolean {
  return labels.every(([label, value]) => Object.hasOwn(endpoint.labels, label) && endpoint.labels[label] === value);
}

/** What besides the declaration decides an endpoint, as texts and numbers, so that equal means identical. */
function influences(
  declared: DeclaredEndpoint,
  overrides: ReadonlyMap<string, EndpointOverride>,
  resolved: ResolvedNames,
): readonly unknown[] {
  const override = overrides.get(declared.key);
  return [override?.weight, override?.state, answerOf(declared, resolved)?.join()];
}

function compile(
  declared: readonly DeclaredEndpoint[],
  overrides: ReadonlyMap<string, EndpointOverride>,
  resolved: ResolvedNames,
): readonly EndpointIr[] {
  const byAddress = new Map<string, EndpointIr>();
  // Where a name resolves to an address that is also declared by itself, the declaration by address counts.
  const byKind = [...declared].sort((a, b) => Number(a.address.kind === 'host') - Number(b.address.kind === 'host'));
  for (const each of byKind) {
    const override = overrides.get(each.key);
    const answer = answerOf(each, resolved);
    const made = keepEndpoint(each.endpoint, '', influences(each, overrides, resolved), () => [
      ...instances(each, override, answer),
    ]);
    for (const endpoint of made) {
      const key = addressKey(endpoint.address);
      if (!byAddress.has(key)) byAddress.set(key, endpoint);
    }
  }
  return [...byAddress]
    .sort(
      ([a, first], [b, second]) =>
        first.priority - second.priority || compareText(first.zone ?? '', second.zone ?? '') || compareText(a, b),
    )
    .map(([, endpoint]) => endpoint);
}

function* instances(
  { endpoint, address }: DeclaredEndpoint,
  override: EndpointOverride | undefined,
  answer: readonly string[] | undefined,
): Iterable<EndpointIr> {
  const state: Endpoint['state'] = override?.state ?? endpoint.state;
  if (state === 'disabled') return;
  const rest = {
    declared: endpoint.address,
    weight: override?.weight ?? endpoint.weight,
    zone: endpoint.zone,
    priority: endpoint.priority,
    state,
    labels: endpoint.labels,
  };
  if (address.kind !== 'host') {
    yield { address, ...rest };
    return;
  }
  for (const ip of answer ?? []) {
    if (isIP(ip) !== 0) yield { address: { kind: 'ip', ip, port: address.port }, ...rest };
  }
}
