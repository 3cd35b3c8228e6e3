import { addressKey, parseAddress } from '../base/address.ts';
import { compareText } from '../base/compare.ts';
import { type EndpointState, endpointStates, type HealthReport } from '../base/endpoint-health.ts';
import { memo1 } from '../base/memo.ts';
import { fleetOf, type ProxyStatus } from '../fleet/proxy.ts';
import type { EndpointHealthReply, EndpointHealthRow } from './api.ts';
import type { AdminDependencies } from './dependencies.ts';
import { inTurns } from './turns.ts';

type FleetIr = NonNullable<AdminDependencies['control']['accepted']>['fleets'][number];

/** Rows of one answer: what is looked up is this times the number of proxies. */
const mostRows = 1000;
const mostUnknown = 20;

/** The endpoints of a service in a fleet. */
interface Held {
  readonly clusters: readonly string[];
  /** Address → as the policy declares it. */
  readonly declared: ReadonlyMap<string, string>;
}

/** A proxy that holds services, and what it says of their endpoints. */
interface Witness {
  readonly services: ReadonlyMap<string, Held>;
  /** Absent: unknown. */
  readonly report: HealthReport | undefined;
}

/**
 * How the connected proxies find endpoints: all of a service, or without one those that some proxy does not find
 * healthy; of the fleets that the caller sees. What a proxy does not say of an endpoint that it should hold is unknown.
 *
 * @param limit endpoints that are told of one by one
 */
export async function endpointHealth(
  { control, fleet, endpointHealth: view }: Pick<AdminDependencies, 'control' | 'fleet' | 'endpointHealth'>,
  { service, limit = mostRows }: { readonly service?: string | undefined; readonly limit?: number | undefined },
  sees: (fleet: string) => boolean,
): Promise<EndpointHealthReply> {
  const visible = (control.accepted?.fleets ?? []).filter(each => sees(each.key));
  const fleets = new Map(visible.map(each => [each.key, each]));
  const witnesses: Witness[] = [];
  const unknown: { readonly id: string; readonly fleet: string; readonly why: string }[] = [];
  await inTurns(fleet.proxies(), proxy => {
    const of = fleets.get(fleetOf(proxy) ?? '');
    if (!of) return undefined;
    const seen = viewOf(proxy, view);
    witnesses.push({ services: servicesOf(of), report: seen.kind === 'known' ? seen.report : undefined });
    if (seen.kind === 'unknown') unknown.push({ id: proxy.node.id, fleet: of.key, why: seen.why });
    return undefined;
  });
  const wanted = await wantedRows(witnesses, service);
  return {
    endpoints: await countedRows(wanted.slice(0, Math.min(limit, mostRows)), witnesses),
    count: wanted.length,
    proxies: witnesses.length,
    unknown: unknown.slice(0, mostUnknown),
    unknownCount: unknown.length,
  };
}

function viewOf(proxy: ProxyStatus, view: AdminDependencies['endpointHealth']) {
  return view?.(proxy) ?? { kind: 'unknown' as const, why: 'nobody asks it' };
}

const servicesOf = memo1((fleet: FleetIr): ReadonlyMap<string, Held> => {
  const services = new Map<string, { clusters: string[]; declared: Map<string, string> }>();
  for (const cluster of fleet.clusters) {
    if (cluster.kind !== 'service') continue;
    const held = services.get(cluster.serviceName) ?? { clusters: [], declared: new Map<string, string>() };
    services.set(cluster.serviceName, held);
    held.clusters.push(cluster.name);
    for (const each of cluster.endpoints) held.declared.set(addressKey(each.address), each.declared);
  }
  return services;
});

interface Wanted {
  readonly service: string;
  readonly address: string;
  readonly declared: string;
}

/** Those in trouble first, each once. */
async function wantedRows(witnesses: readonly Witness[], service: string | undefined): Promise<readonly Wanted[]> {
  const troubled = new Map<string, Wanted>();
  const others = new Map<string, Wanted>();
  const seen = new Set<Held>();
  const look = ({ services, report }: Witness) => {
    let looks = 1;
    for (const [name, held] of service === undefined ? services : named(services, service)) {
      const add = (rows: Map<string, Wanted>, address: string) => {
        const declared = held.declared.get(address);
        if (declared !== undefined) rows.set(`${name} ${address}`, { service: name, address, declared });
      };
      for (const cluster of held.clusters) {
        const said = report?.get(cluster)?.troubled;
        looks += 1 + (said?.size ?? 0);
        for (const [address] of said ?? []) add(troubled, address);
      }
      if (service === undefined || seen.has(held)) continue;
      seen.add(held);
      for (const address of held.declared.keys()) add(others, address);
    }
    return looks;
  };
  await inTurns(witnesses, look);
  for (const key of troubled.keys()) others.delete(key);
  return [...sorted(troubled), ...sorted(others)];
}

const named = (services: Witness['services'], name: string): readonly (readonly [string, Held])[] => {
  const held = services.get(name);
  return held ? [[name, held]] : [];
};

const sorted = (rows: ReadonlyMap<string, Wanted>) =>
  [...rows].sort(([a], [b]) => compareText(a, b)).map(([, row]) => row);

async function countedRows(
  wanted: readonly Wanted[],
  witnesses: readonly Witness[],
): Promise<readonly EndpointHealthRow[]> {
  const counted = wanted.map(each => ({ ...each, counts: noCounts() }));
  const hear = ({ services, report }: Witness) => {
    for (const { service, address, counts } of counted) {
      const held = services.get(service);
      if (held?.declared.has(address)) counts[worst(held, address, report)] += 1;
    }
    return counted.length;
  };
  await inTurns(witnesses, hear);
  return counted.map(({ service, address, declared, counts }) => {
    const shown = parseAddress(declared)?.kind === 'host' ? { address } : {};
    return { service, endpoint: declared, ...shown, ...counts };
  });
}

const noCounts = () => ({ failedCheck: 0, ejected: 0, unchecked: 0, degraded: 0, healthy: 0, unknown: 0 });

/** A service may be several clusters, one for each version, and each has its own ejections. */
function worst({ clusters }: Held, address: string, report: HealthReport | undefined): EndpointState | 'unknown' {
  if (!report) return 'unknown';
  const said = new Set<EndpointState>();
  for (const cluster of clusters) {
    const health = report.get(cluster);
    if (health?.hosts.has(address)) said.add(health.troubled.get(address) ?? 'healthy');
  }
  return endpointStates.find(state => said.has(state)) ?? 'unknown';
}
