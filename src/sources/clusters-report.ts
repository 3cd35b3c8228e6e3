import type { ClusterHealth, EndpointState, HealthReport } from '../base/endpoint-health.ts';

type Wanted = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Reads the answer of an Envoy's `/clusters?format=json`. Whatever else it holds is passed over.
 * @param wanted addresses by cluster; of others nothing is kept
 * @throws Error when it is no such answer.
 */
export function readClusters(text: string, wanted: Wanted): HealthReport {
  const answer: unknown = JSON.parse(text);
  if (!isRecord(answer)) throw new Error('the answer is no mapping');
  const report = new Map<string, ClusterHealth>();
  for (const cluster of listAt(answer, 'cluster_statuses')) {
    const name = isRecord(cluster) ? cluster['name'] : undefined;
    if (!isRecord(cluster) || typeof name !== 'string') throw new Error('a cluster has no name');
    const known = wanted.get(name);
    if (known) report.set(name, readHosts(cluster, known));
  }
  return report;
}

function readHosts(cluster: Readonly<Record<string, unknown>>, wanted: ReadonlySet<string>): ClusterHealth {
  const hosts = new Set<string>();
  const troubled = new Map<string, Exclude<EndpointState, 'healthy'>>();
  for (const host of listAt(cluster, 'host_statuses')) {
    if (!isRecord(host)) throw new Error('an endpoint is no mapping');
    const address = addressOf(host['address']);
    if (address === undefined || !wanted.has(address)) continue;
    hosts.add(address);
    const state = stateOf(host['health_status']);
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

function listAt(value: Readonly<Record<string, unknown>>, key: string): readonly unknown[] {
  const list = value[key] ?? [];
  if (!Array.isArray(list)) throw new Error(`${key} is no list`);
  return list;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
