import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { connectHttp2 } from '../support/grpc.ts';
import { startOrcaServer } from '../support/orca.ts';
import { freePort } from '../support/ports.ts';
import { assertShare, type Counts, show } from '../support/statistics.ts';
import { firstLine, startTcpBackend } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { edgePolicy, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

// Two machines, each with an application and, at another port, which is the same on both, an account of its load.
const machines = { idle: '127.0.0.2', busy: '127.0.0.3' } as const;
const [webPort, tcpPort, reportPort] = [await freePort(), await freePort(), await freePort()];
const names = ['idle', 'busy'] as const;
type Name = (typeof names)[number];
const each = async <T>(make: (name: Name, on: string) => Promise<T>): Promise<{ readonly [K in Name]: T }> => ({
  idle: await make('idle', machines.idle),
  busy: await make('busy', machines.busy),
});
const web = await each((name, on) => world.backend({ name, on, port: webPort }));
const raw = await each(async (name, on) => world.use(await startTcpBackend(name, on, tcpPort)));
const reports = await each(async (name, on) => world.use(await startOrcaServer(name, `${on}:${reportPort}`)));

const [port, tcp] = [await world.port(), await world.port()];

type Balancing = NonNullable<ServiceInput['loadBalancing']>;
type ByReports = Extract<Balancing, { policy: 'clientSideWeightedRoundRobin' }>;
const balancing = (outOfBand?: ByReports['outOfBand']): Balancing => ({
  policy: 'clientSideWeightedRoundRobin',
  blackout: '0s',
  update: '100ms',
  ...(outOfBand === undefined ? {} : { outOfBand }),
});
const zones = { idle: 'west', busy: 'east' } as const;
const at = (of: Readonly<Record<Name, { readonly address: string }>>) =>
  names.map(name => ({ address: of[name].address, zone: zones[name] }));
const beside = { interval: '100ms', port: reportPort };

const services: Record<string, ServiceInput> = {
  'in-answers': { endpoints: at(web), loadBalancing: balancing() },
  apart: { endpoints: at(web), loadBalancing: balancing({ ...beside, authority: 'orca.test' }) },
  // What an application does not have at its own port.
  nowhere: { endpoints: at(web), loadBalancing: balancing('100ms') },
  zoned: {
    endpoints: at(web),
    loadBalancing: {
      policy: 'roundRobin',
      zones: { mode: 'byLoad', probe: '0%', update: '100ms', smoothing: '100ms', outOfBand: beside },
    },
  },
  'zoned-twice': {
    endpoints: at(web),
    loadBalancing: {
      ...balancing(beside),
      zones: { mode: 'byLoad', probe: '0%', update: '100ms', smoothing: '100ms' },
    } as ByReports,
  },
  raw: { protocol: 'tcp', endpoints: at(raw), loadBalancing: balancing(beside) },
  remote: { protocol: 'grpc', endpoints: at(reports), loadBalancing: balancing('100ms') },
};
const policy = edgePolicy(port, {
  services,
  rules: [
    ...Object.keys(services)
      .filter(service => service !== 'raw' && service !== 'remote')
      .map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
    { to: [{ service: 'remote' }] },
  ],
});
policy.gateways?.['public']?.listeners.push({
  port: tcp,
  address: '127.0.0.1',
  protocol: 'tcp',
  to: [{ service: 'raw' }],
});
await world.start(policy, [{ id: 'edge-1', cluster: 'edge', zone: 'east' }]);

/** What both report: utilisation, at the same number of requests. */
function report(idle: number, busy: number): void {
  reports.idle.report({ rps_fractional: 100, application_utilization: idle });
  reports.busy.report({ rps_fractional: 100, application_utilization: busy });
}
beforeEach(() => report(0.1, 0.9));

const requests = 200;
const share = (counts: Counts) => (counts.get('idle') ?? 0) / requests;
const spread = (service: string) => askMany(requests, () => ask(port, `/${service}`));
const becomes = (what: string, look: () => Promise<Counts>, fits: (share: number) => boolean) =>
  until(`another spread of ${what}`, async () => {
    const counts = await look();
    if (!fits(share(counts))) throw new Error(show(counts));
    return true;
  });

describe('load that endpoints report beside the traffic', () => {
  it('gives the busy one less, and what is asked for in answers is not there', async () => {
    covers('services.*.loadBalancing.outOfBand.port');
    await until('nine of ten of apart go to the idle one, and again', async () => {
      for (let time = 0; time < 2; time++) assertShare(await spread('apart'), 'idle', 0.9);
      return true;
    });
    for (const other of ['in-answers', 'nowhere']) assertShare(await spread(other), 'idle', 0.5);
  });

  it('follows without a request between', async () => {
    await becomes(
      'apart',
      () => spread('apart'),
      each => each > 0.85,
    );
    report(0.9, 0.1);
    await becomes(
      'apart',
      () => spread('apart'),
      each => each < 0.15,
    );
  });

  it('is asked for as often and under the name that the policy says', () => {
    covers('services.*.loadBalancing.outOfBand.interval', 'services.*.loadBalancing.outOfBand.authority');
    const asked = reports.busy.opened;
    assert.ok(asked.some(({ authority, interval }) => authority === 'orca.test' && interval === '0.100s'));
    assert.ok(asked.some(({ authority }) => authority === reports.busy.address));
  });

  it('is asked for anew where nothing has come for three intervals', async () => {
    reports.idle.report(undefined);
    const before = reports.idle.opened.length;
    await until('new streams', () => reports.idle.opened.length > before);
  });

  it('is at the port of the endpoints where none is named', async () => {
    covers('services.*.loadBalancing.outOfBand');
    using client = connectHttp2(port);
    const look = async (): Promise<Counts> => {
      const counts = new Map<string, number>();
      for (let index = 0; index < requests; index++) {
        const { by } = await client.call('/grpc.health.v1.Health/Check');
        counts.set(by, (counts.get(by) ?? 0) + 1);
      }
      return counts;
    };
    await becomes('remote', look, each => each > 0.85);
  });

  it('is for connections too', async () => {
    const look = async (): Promise<Counts> => {
      const counts = new Map<string, number>();
      for (let index = 0; index < requests; index++) {
        const by = await firstLine(tcp);
        counts.set(by, (counts.get(by) ?? 0) + 1);
      }
      return counts;
    };
    await becomes('raw', look, each => each > 0.85);
    report(0.5, 0.5);
    await becomes('raw', look, each => each < 0.6);
  });

  it('lets requests leave a busy zone, and none of them while it is not', async () => {
    covers('services.*.loadBalancing.zones.outOfBand');
    for (const service of ['zoned', 'zoned-twice']) {
      report(0.1, 0.9);
      await becomes(
        service,
        () => spread(service),
        each => each > 0.8,
      );
      report(0.5, 0.5);
      await becomes(
        service,
        () => spread(service),
        each => each === 0,
      );
    }
  });
});
