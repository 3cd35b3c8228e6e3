import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { typeLabel } from '../../base/type-name.ts';
import { fleetOf } from '../../fleet/proxy.ts';
import type { TypeTotals } from '../../fleet/totals.ts';
import { proxyStates, readMetrics } from '../api.ts';
import type { AdminDependencies, TlsStatus } from '../dependencies.ts';
import { gauge } from '../gauge.ts';
import { fleetName, ProxyCounts } from '../proxy-counts.ts';
import { proxyRows } from '../proxy-table.ts';
import { type Api, serve } from '../serve.ts';
import { inTurns } from '../turns.ts';
import { operationMetrics } from './operation-metrics.ts';

/** Metrics in the text format of Prometheus, computed when they are asked for. */
export function metricsRoutes(api: Api, dependencies: AdminDependencies): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'switchyard_' });
  policyMetrics(registry, dependencies);
  proxyMetrics(registry, dependencies);
  rejectionMetrics(registry, dependencies);
  xdsMetrics(registry, dependencies);
  operationMetrics(registry, dependencies);
  if (dependencies.tls) tlsMetrics(registry, 'xds', dependencies.tls);
  if (dependencies.adminTls) tlsMetrics(registry, 'admin', dependencies.adminTls);
  const all = Registry.merge([registry, dependencies.meters.registry]);
  serve(api, readMetrics, async ({ context }) =>
    context.body(await all.metrics(), 200, { 'content-type': all.contentType }),
  );
}

function policyMetrics(registry: Registry, { control }: AdminDependencies): void {
  gauge(registry, 'policy_revision', 'Number of the revision in force; 0 before the first.', () => {
    return control.accepted?.revision.number ?? 0;
  });
  gauge(registry, 'policy_accepted_timestamp_seconds', 'When the revision in force was accepted.', () => {
    return (control.accepted?.revision.at ?? 0) / 1000;
  });
  gauge(registry, 'policy_refused', '1 while the newest save of the policy is one that was refused.', () => {
    return control.rejected ? 1 : 0;
  });
  gauge(registry, 'frozen', '1 while nothing is published but what is asked by name.', () => {
    return control.freezing.status.frozen ? 1 : 0;
  });
  new Gauge({
    name: 'switchyard_overrides',
    help: 'Traffic shifts and endpoint overrides, by whether they have effect.',
    labelNames: ['effect'],
    registers: [registry],
    collect() {
      for (const effect of ['active', 'suspended'] as const) {
        const count = control.accepted?.overrides.filter(each => each.effect === effect).length;
        this.set({ effect }, count ?? 0);
      }
    },
  });
}

/** Of those with snapshots. Sub-fleets may be thousands: in metrics they count as the fleet that they are of. */
function fleetNames({ board }: AdminDependencies): ReadonlySet<string> {
  return new Set([...(board.current?.snapshots.keys() ?? [])].map(fleetName));
}

function proxyMetrics(registry: Registry, dependencies: AdminDependencies): void {
  new Gauge({
    name: 'switchyard_proxies',
    help: 'Proxies by fleet and state; the fleet is empty while a proxy is given none.',
    labelNames: ['fleet', 'state'],
    registers: [registry],
    async collect() {
      const counts = new ProxyCounts();
      await inTurns(proxyRows(dependencies), row => void counts.add(row));
      this.reset();
      for (const fleet of ['', ...fleetNames(dependencies)]) {
        for (const state of proxyStates) this.set({ fleet, state }, 0);
      }
      for (const { fleet, state, count } of counts.all) this.set({ fleet: fleet ?? '', state }, count);
    },
  });
}

function rejectionMetrics(registry: Registry, dependencies: AdminDependencies): void {
  const { control, fleet: proxies, board } = dependencies;
  new Gauge({
    name: 'switchyard_quarantines',
    help: 'Contents that are not sent to a fleet, since its proxies reject them.',
    labelNames: ['fleet'],
    registers: [registry],
    collect() {
      this.reset();
      for (const fleet of fleetNames(dependencies)) this.set({ fleet }, 0);
      for (const { fleet } of control.accepted?.quarantines ?? []) this.inc({ fleet: fleetName(fleet) });
    },
  });
  new Gauge({
    name: 'switchyard_withheld_resources',
    help: 'Contents withheld from single proxies that rejected them, or may, summed over the proxies of a fleet.',
    labelNames: ['fleet', 'type'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [key, { types }] of board.current?.snapshots ?? [])
        for (const url of types.keys()) this.set({ fleet: fleetName(key), type: typeLabel(url) }, 0);
      for (const proxy of proxies.proxies()) {
        const { rejects = [], suspects = [] } = proxy.withheld ?? {};
        const fleet = fleetName(fleetOf(proxy) ?? '');
        for (const { typeUrl } of [...rejects, ...suspects]) this.inc({ fleet, type: typeLabel(typeUrl) });
      }
    },
  });
}

function xdsMetrics(registry: Registry, { fleet, openStreams }: AdminDependencies): void {
  gauge(registry, 'xds_streams', 'xDS streams that are open.', openStreams);
  const perType = (name: string, help: string, read: (totals: TypeTotals) => number) =>
    new Counter({
      name: `switchyard_xds_${name}`,
      help,
      labelNames: ['type'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [url, totals] of fleet.totals.byType) this.inc({ type: typeLabel(url) }, read(totals));
      },
    });
  perType('responses_total', 'xDS responses sent.', totals => totals.sent);
  perType('acks_total', 'xDS responses that proxies have acknowledged.', totals => totals.acked);
  perType('nacks_total', 'xDS responses that proxies have rejected.', totals => totals.nacked);
  perType('sent_bytes_total', 'Bytes of the xDS responses sent.', totals => totals.bytes);
  new Counter({
    name: 'switchyard_xds_limited_total',
    help: 'How often xDS clients have come to a limit, and were ended or made to wait.',
    labelNames: ['limit'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [limit, count] of fleet.totals.limited) this.inc({ limit }, count);
    },
  });
  new Counter({
    name: 'switchyard_xds_streams_opened_total',
    help: 'xDS streams that proxies have opened.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(fleet.totals.opened);
    },
  });
}

function tlsMetrics(registry: Registry, of: 'xds' | 'admin', tls: TlsStatus): void {
  const what = of === 'xds' ? 'xDS' : 'the admin API';
  new Gauge({
    name: `switchyard_${of}_tls_expiry_timestamp_seconds`,
    help: `When what ${what} is served with expires: the certificate with its chain, the newest client authority, and the oldest list of revoked certificates.`,
    labelNames: ['file'],
    registers: [registry],
    collect() {
      for (const [file, at] of Object.entries(tls.expiry)) this.set({ file }, at / 1000);
    },
  });
  new Counter({
    name: `switchyard_${of}_tls_refusals_total`,
    help: `Clients that were not let in to ${what}.`,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(tls.refusals);
    },
  });
}
