import { Counter, Gauge, type Registry } from 'prom-client';
import { fleetOf } from '../../fleet/proxy.ts';
import { dataParts, dataSizes, freeBytes } from '../data-size.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { gauge } from '../gauge.ts';
import { fleetName } from '../proxy-counts.ts';
import { inTurns } from '../turns.ts';

/** Counters whose values are kept elsewhere. */
function counted<L extends string>(
  registry: Registry,
  about: { readonly name: string; readonly help: string; readonly label?: L },
  read: () => Iterable<readonly [string, number]>,
): void {
  new Counter({
    name: `switchyard_${about.name}`,
    help: about.help,
    labelNames: about.label === undefined ? [] : [about.label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of read()) {
        if (about.label === undefined) this.inc(count);
        else this.inc({ [about.label]: value } as Record<L, string>, count);
      }
    },
  });
}

/** What concerns those who operate it: who asks, what is written down, what is told, and the disk. */
export function operationMetrics(registry: Registry, dependencies: AdminDependencies): void {
  const { audit, refusals, tokens } = dependencies;
  counted(
    registry,
    {
      name: 'admin_refusals_total',
      help: 'Requests to the admin API that were refused before they were looked at, by why.',
      label: 'reason',
    },
    () => refusals.counts,
  );
  counted(
    registry,
    { name: 'audit_entries_total', help: 'Entries of the audit log, by what became of the request.', label: 'result' },
    () => audit.counts,
  );
  counted(
    registry,
    { name: 'audit_failures_total', help: 'Entries of the audit log that could not be written.' },
    () => [['', audit.failures]],
  );
  gauge(registry, 'audit_failing', '1 while the audit log cannot be written.', () =>
    audit.failing === undefined ? 0 : 1,
  );
  gauge(registry, 'tokens', 'Tokens of the admin API, beside that of the first admin.', () => tokens.list().length);
  eventMetrics(registry, dependencies);
  owedMetrics(registry, dependencies);
  dataMetrics(registry, dependencies.data);
}

function eventMetrics(registry: Registry, { events, readers }: AdminDependencies): void {
  counted(
    registry,
    { name: 'events_total', help: 'What has happened, by type of event.', label: 'type' },
    () => events.counts,
  );
  gauge(registry, 'event_readers', 'Who follows the events just now.', () => readers.size);
  counted(
    registry,
    { name: 'event_readers_dropped_total', help: 'Readers of the events that were ended since they did not read.' },
    () => [['', readers.severed]],
  );
  counted(registry, { name: 'event_gaps_total', help: 'How often a reader was told that it missed events.' }, () => [
    ['', readers.gaps],
  ]);
}

function owedMetrics(registry: Registry, dependencies: AdminDependencies): void {
  const { board, fleet, propagation } = dependencies;
  new Gauge({
    name: 'switchyard_unacknowledged_seconds',
    help: 'For how long, at most, a connected proxy of a fleet has not acknowledged what it shall hold; 0 when all have.',
    labelNames: ['fleet'],
    registers: [registry],
    async collect() {
      const snapshots = board.current?.snapshots;
      const now = performance.now();
      const longest = new Map([...(snapshots?.keys() ?? [])].map(key => [fleetName(key), 0]));
      await inTurns(fleet.proxies(), proxy => {
        const key = fleetOf(proxy);
        const snapshot = key === undefined ? undefined : snapshots?.get(key);
        if (key === undefined || !snapshot) return undefined;
        const name = fleetName(key);
        for (const { typeUrl, state, acked } of proxy.types.values()) {
          const intended = snapshot.types.get(typeUrl)?.version;
          if (state === 'notAsked' || intended === undefined || acked === intended) continue;
          longest.set(name, Math.max(longest.get(name) ?? 0, propagation.owedFor(proxy.clientId, key, typeUrl, now)));
        }
        return proxy.types.size;
      });
      this.reset();
      for (const [name, ms] of longest) this.set({ fleet: name }, ms / 1000);
    },
  });
}

function dataMetrics(registry: Registry, folder: string): void {
  new Gauge({
    name: 'switchyard_data_bytes',
    help: 'Size of the data directory, by part.',
    labelNames: ['part'],
    registers: [registry],
    async collect() {
      const sizes = await dataSizes(folder);
      for (const part of dataParts) this.set({ part }, sizes[part]);
    },
  });
  new Gauge({
    name: 'switchyard_data_free_bytes',
    help: 'What is left on the disk of the data directory.',
    registers: [registry],
    async collect() {
      const free = await freeBytes(folder);
      if (free !== undefined) this.set(free);
    },
  });
}
