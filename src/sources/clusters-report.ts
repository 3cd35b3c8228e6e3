import type { ClusterHealth, EndpointState, HealthReport } from '../base/endpoint-health.ts';
import type { JsonWalk } from './json-walk.ts';

type Wanted = ReadonlyMap<string, ReadonlySet<string>>;

/** Characters of what it says of one endpoint; an Envoy says some two thousand. */
const longestHost = 64 * 1024;

/**
 * Reads the answer of an Envoy's `/clusters?format=json`, in turns. Whatever else it holds is passed over.
 *
 * @param wanted addresses by cluster; of others nothing is kept
 * @throws Error when it is no such answer.
 */
export async function readClusters(walk: JsonWalk, wanted: Wanted): Promise<HealthReport> {
  const report = new Map<string, ClusterHealth>();
  await walk.members('the answer', async key => {
    if (key !== 'cluster_statuses') return walk.skip(key);
    await walk.items(key, async () => {
      const { name, hosts } = await readCluster(walk);
      const known = wanted.get(name);
      if (known) report.set(name, keptOf(hosts, known));
    });
  });
  walk.end();
  return report;
}

interface Host {
  readonly address: string;
  readonly state: EndpointState;
}

async function readCluster(walk: JsonWalk): Promise<{ readonly name: string; readonly hosts: readonly Host[] }> {
  let name: unknown;
  const hosts: Host[] = [];
  await walk.members('a cluster', async key => {
    if (key === 'name') name = walk.value('the name of a cluster', longestHost);
    else if (key === 'host_statuses') await walk.items(key, () => void hosts.push(...readHost(walk)));
    else walk.skip(key);
  });
  if (typeof name !== 'string') throw new Error('a cluster has no name');
  return { name, hosts };
}

function readHost(walk: JsonWalk): readonly Host[] {
  const host = walk.value('an endpoint', longestHost);
  if (!isRecord(host)) throw new Error('an endpoint is no mapping');
  const address = addressOf(host['address']);
  return address === undefined ? [] : [{ address, state: stateOf(host['health_status']) }];
}

function keptOf(found: readonly Host[], wanted: ReadonlySet<string>): ClusterHealth {
  const hosts = new Set<string>();
  const troubled = new Map<string, Exclude<EndpointState, 'healthy'>>();
  for (const { address, state } of found) {
    if (!wanted.has(address)) continue;
    hosts.add(address);
    if (state !== 'healthy') troubled.set(address, state);
  }
  return { hosts, troubled };
}

function stateOf(status: unknown): EndpointState {
  const is = (...flags: readonly string[]) => isRecord(status) && flags.some(flag => status[flag] === true);
  // A new endpoint counts as failed until its first check, and says that this is still to come.
  if (is('pending_active_hc')) return 'unchecked';
  if (is('failed_active_health_check', 'excluded_via_immediate_hc_fail')) return 'failedCheck';
  if (is('failed_outlier_check')) return 'ejected';
  return is('failed_active_degraded_check', 'failed_degraded_outlier_detection') ? 'degraded' : 'healthy';
}

function addressOf(address: unknown): string | undefined {
  if (!isRecord(address)) return undefined;
  const { socket_address: socket, pipe } = address;
  if (isRecord(pipe) && typeof pipe['path'] === 'string') return `unix:${pipe['path']}`;
  if (!isRecord(socket)) return undefined;
  const { address: ip, port_value: number } = socket;
  if (typeof ip !== 'string' || typeof number !== 'number') return undefined;
  return ip.includes(':') ? `[${ip}]:${number}` : `${ip}:${number}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
