import { isIP } from 'node:net';
import { addressKey, parseAddress } from '../base/address.ts';
import { compareText } from '../base/compare.ts';
import { memo1 } from '../base/memo.ts';
import type { Endpoint } from '../policy/endpoint.ts';
import type { EndpointOverride } from '../policy/operational-state.ts';
import type { Service } from '../policy/service.ts';
import { type DeclaredEndpoint, declaredEndpoints } from './address.ts';
import type { EndpointIr } from './ir.ts';
import { keeping, keepingList } from './kept.ts';
import { envoyWeights } from './weights.ts';

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

/** What besides its declaration decides an endpoint. */
interface Circumstances {
  readonly overrides: ReadonlyMap<string, EndpointOverride>;
  readonly resolved: ResolvedNames;
  readonly weightOf: (declared: DeclaredEndpoint) => number;
}

/** All endpoints of a service that Envoys are told of, sorted by priority, zone and address. */
export function endpointsOf(
  service: Service,
  overrides: ReadonlyMap<string, EndpointOverride>,
  resolved: ResolvedNames,
  computed: ReadonlyMap<string, number>,
): readonly EndpointIr[] {
  const declared = declaredEndpoints(service);
  const plain = overrides.size === 0 && computed.size === 0 && !declared.some(each => each.address.kind === 'host');
  const circumstances = { overrides, resolved, weightOf: envoyWeights(service, overrides, computed) };
  const from = plain ? nothing : declared.flatMap(each => influences(each, circumstances));
  return keepAll(service, '', from, () => keepSome(service, '', compile(declared, circumstances)));
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

/**
 * True unless Envoys must not know the zones of the endpoints: this policy by itself prefers the proxy's own, counting
 * endpoints and not weights, and cannot be told otherwise.
 */
export function tellsZones({ loadBalancing: { policy, zones } }: Service): boolean {
  return policy !== 'clientSideWeightedRoundRobin' || zones.mode === 'byLoad';
}

/** True if Envoys look at the load that endpoints report, to choose a zone or an endpoint. */
export function goesByReports({ loadBalancing: { policy, zones } }: Service): boolean {
  return policy === 'clientSideWeightedRoundRobin' || zones.mode === 'byLoad';
}

/** True if endpoints of the service are declared to step in only when all of lower priority are down. */
export function hasBackups({ failover, endpoints }: Service): boolean {
  return failover === 'whenAllDown' && endpoints.some(each => each.priority !== endpoints[0]?.priority);
}

/** What besides the declaration decides an endpoint, as texts and numbers, so that equal means identical. */
function influences(declared: DeclaredEndpoint, { overrides, resolved, weightOf }: Circumstances): readonly unknown[] {
  return [weightOf(declared), overrides.get(declared.key)?.state, answerOf(declared, resolved)?.join()];
}

function compile(declared: readonly DeclaredEndpoint[], circumstances: Circumstances): readonly EndpointIr[] {
  const { overrides, weightOf } = circumstances;
  const byAddress = new Map<string, EndpointIr>();
  for (const each of declared) {
    if (each.address.kind === 'host') continue;
    const plain = !overrides.has(each.key) && weightOf(each) === each.endpoint.weight;
    const own = plain ? plainEndpoint(each.endpoint) : instances(each, circumstances)[0];
    if (own && !byAddress.has(each.key)) byAddress.set(each.key, own);
  }
  // Where a name resolves to an address that is also declared by itself, the declaration by address counts.
  for (const each of declared) {
    if (each.address.kind !== 'host') continue;
    for (const endpoint of instances(each, circumstances)) {
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

/** An endpoint that nothing but its declaration decides: nearly all of them, so it is remembered at little cost. */
const plainEndpoint = memo1((endpoint: Endpoint): EndpointIr | undefined => {
  const address = parseAddress(endpoint.address);
  if (!address || address.kind === 'host') return undefined;
  return endpointIr(endpoint, address, endpoint.weight, endpoint.state);
});

/** What an endpoint is in the circumstances: one for each address of its host name, or itself, or nothing. */
function instances(declared: DeclaredEndpoint, circumstances: Circumstances): readonly EndpointIr[] {
  const { endpoint, address, key } = declared;
  const { overrides, resolved, weightOf } = circumstances;
  return keepEndpoint(endpoint, '', influences(declared, circumstances), () => {
    const override = overrides.get(key);
    const answer = answerOf(declared, resolved)?.filter(ip => isIP(ip) !== 0) ?? [];
    const addresses =
      address.kind === 'host' ? answer.map(ip => ({ kind: 'ip' as const, ip, port: address.port })) : [address];
    const state = override?.state ?? endpoint.state;
    const weight = weightOf(declared);
    return addresses.flatMap((each, place) => endpointIr(endpoint, each, weight, state, place) ?? []);
  });
}

function endpointIr(
  { address: declared, zone, priority, labels, healthCheck, hashKey }: Endpoint,
  address: EndpointIr['address'],
  weight: number,
  state: Endpoint['state'],
  place = 0,
): EndpointIr | undefined {
  if (state === 'disabled') return undefined;
  const own = healthCheck === undefined ? {} : { healthCheck };
  // Endpoints of one key would have the same places on a ring, and one of them all of the callers.
  const key = hashKey === undefined ? {} : { hashKey: place === 0 ? hashKey : `${hashKey}#${place + 1}` };
  return { address, declared, weight, zone, priority, state, labels, ...own, ...key };
}
