// Runs alone: it measures shares by load that was reported a moment ago.
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { freePort } from '../support/ports.ts';
import { assertShare, type Counts, show } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [east, west] = await world.backends('east', 'west');
const ports = { east: await world.port(), west: await world.port(), nowhere: await world.port() };
const fleets = ['east', 'west', 'nowhere'] as const;

type Balancing = NonNullable<ServiceInput['loadBalancing']>;
type ByLoad = Exclude<Extract<Balancing, { policy: 'clientSideWeightedRoundRobin' }>['zones'], string | undefined>;
/** At once, so that what is reported counts before the next requests. */
const quick = { mode: 'byLoad', update: '100ms', smoothing: '100ms' } as const;
const apart = [
  { address: east.address, zone: 'east' },
  { address: west.address, zone: 'west' },
];
const byLoad = (more: Partial<Extract<ByLoad, { mode: 'byLoad' }>> = {}): ServiceInput => ({
  endpoints: apart,
  loadBalancing: { policy: 'roundRobin', zones: { ...quick, ...more } },
});

const nobody = `127.0.0.1:${await freePort()}`;

const services: Record<string, ServiceInput> = {
  anywhere: { endpoints: apart, loadBalancing: { policy: 'roundRobin' } },
  own: { endpoints: apart, loadBalancing: { policy: 'roundRobin', zones: 'ownFirst' } },
  'by-word': { endpoints: apart, loadBalancing: { policy: 'roundRobin', zones: 'byLoad' } },
  loaded: byLoad(),
  least: { endpoints: apart, loadBalancing: { policy: 'leastRequest', zones: quick } },
  random: { endpoints: apart, loadBalancing: { policy: 'random', zones: quick } },
  twice: {
    endpoints: apart,
    loadBalancing: { policy: 'clientSideWeightedRoundRobin', blackout: '0s', update: '100ms', zones: quick },
  },
  'wide-margin': byLoad({ margin: '60%' }),
  'without-probes': byLoad({ probe: '0%' }),
  'many-probes': byLoad({ probe: '30%' }),
  slow: byLoad({ smoothing: '1h' }),
  late: byLoad({ update: '1h' }),
  forgetful: byLoad({ expiration: '1s' }),
  named: byLoad({ utilizationMetrics: ['named_metrics.queue'] }),
  before: { endpoints: [{ address: nobody }], healthCheck: { tcp: {} }, fallback: 'loaded' },
  backups: {
    endpoints: [{ address: nobody }, ...apart.map(each => ({ ...each, priority: 1, healthCheck: 'off' as const }))],
    healthCheck: { tcp: {} },
    loadBalancing: { policy: 'roundRobin', zones: quick },
  },
};

const policy: PolicyInput = {
  services,
  gateways: Object.fromEntries(
    fleets.map(name => [name, { listeners: [{ port: ports[name], address: '127.0.0.1', protocol: 'http' }] }]),
  ),
  routes: {
    all: {
      gateways: [...fleets],
      rules: Object.keys(services).map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
    },
  },
  fleets: Object.fromEntries(
    fleets.map(name => [name, { match: { cluster: name }, gateways: [name], zones: { east: 1, west: 1 } }]),
  ),
};
await world.start(policy, [
  { id: 'east-1', cluster: 'east', zone: 'east' },
  { id: 'west-1', cluster: 'west', zone: 'west', variant: 'sotw' },
  { id: 'nowhere-1', cluster: 'nowhere' },
]);

/** Load that both zones report in every answer; undefined: none. */
function report(ofEast?: number, ofWest?: number, more: readonly [string, string] = ['', '']): void {
  const text = (load: number, rest: string) => `TEXT application_utilization=${load},rps_fractional=100${rest}`;
  const headers = (load: number | undefined, rest: string) =>
    load === undefined ? {} : { headers: { 'endpoint-load-metrics': text(load, rest) } };
  east.behave(headers(ofEast, more[0]));
  west.behave(headers(ofWest, more[1]));
}
beforeEach(() => report(0.5, 0.5));

const requests = 300;
const spread = (service: string, from: keyof typeof ports = 'east', count = requests): Promise<Counts> =>
  askMany(count, () => ask(ports[from], `/${service}`));

/**
 * What was reported counts after some requests and a look at it, and then it stays so. On the way there it may look so
 * once and pass: a zone that was asked nothing yet has nothing to do, gets requests, and then has a load to report.
 */
async function settles(service: string, chance: number, from: keyof typeof ports = 'east'): Promise<void> {
  await until(`${chance} of ${service} in the east, from ${from}, and again`, async () => {
    for (let time = 0; time < 2; time++) {
      const counts = await spread(service, from);
      if (Math.abs((counts.get('east') ?? 0) / requests - chance) > 0.1) throw new Error(show(counts));
    }
    assertShare(await spread(service, from), 'east', chance);
    return true;
  });
}

describe('zones by load', () => {
  it('keep requests in the zone of the proxy while it is no busier than others, but for a few', async () => {
    covers('services.*.loadBalancing.zones.mode', 'services.*.loadBalancing.zones.probe');
    for (const service of ['loaded', 'by-word', 'least', 'random', 'twice']) {
      await settles(service, 0.97);
      await settles(service, 0.03, 'west');
    }
    await settles('without-probes', 1);
    await settles('many-probes', 0.7);
    assertShare(await spread('anywhere'), 'east', 0.5);
  });

  it('send each zone what it has left when the own one is busier', async () => {
    covers('services.*.loadBalancing.zones.update');
    report(0.9, 0.1);
    for (const service of ['loaded', 'least', 'random', 'twice']) await settles(service, 0.1);
    // From the other side nothing has a reason to come here; and what goes by something else stays as it was.
    await settles('loaded', 0.03, 'west');
    await settles('own', 1);
    assertShare(await spread('anywhere'), 'east', 0.5);
    assertShare(await spread('late'), 'east', 0.97);
  });

  it('come back when it is over', async () => {
    report(0.9, 0.1);
    await settles('loaded', 0.1);
    report(0.2, 0.6);
    await settles('loaded', 0.97);
  });

  it('are all alike to a proxy that stands in none of them', async () => {
    await settles('loaded', 0.5, 'nowhere');
    report(0.6, 0.2);
    await settles('loaded', 1 / 3, 'nowhere');
  });

  it('differ by more than the margin, or they do not', async () => {
    covers('services.*.loadBalancing.zones.margin');
    report(0.6, 0.2);
    await settles('loaded', 1 / 3);
    await settles('wide-margin', 0.97);
    report(0.9, 0.1);
    await settles('wide-margin', 0.1);
  });

  it('are followed slowly', async () => {
    covers('services.*.loadBalancing.zones.smoothing');
    await settles('slow', 0.97);
    await settles('loaded', 0.97);
    report(0.9, 0.1);
    await settles('loaded', 0.1);
    assertShare(await spread('slow'), 'east', 0.97);
  });

  it('go by their endpoints when reports do not come again', async () => {
    covers('services.*.loadBalancing.zones.expiration');
    report(0.9, 0.1);
    for (const service of ['forgetful', 'loaded']) await settles(service, 0.1);
    report();
    await settles('forgetful', 0.5);
    await settles('loaded', 0.1);
  });

  it('go by the metrics that they are told to', async () => {
    covers('services.*.loadBalancing.zones.utilizationMetrics');
    report(0.5, 0.5, [',named_metrics.queue=0.9', ',named_metrics.queue=0.1']);
    await settles('named', 0.1);
    await settles('loaded', 0.97);
  });

  it('count in every priority', async () => {
    await settles('backups', 0.97);
    report(0.9, 0.1);
    await settles('backups', 0.1);
  });

  it('take the reports out of what callers get, also of what takes over', async () => {
    for (const service of ['loaded', 'before']) {
      const { by, headers } = await until('an answer', async () => {
        const answer = await ask(ports.east, `/${service}`);
        return answer.status === 200 && answer;
      });
      assert.ok(by === 'east' || by === 'west');
      assert.equal(headers['endpoint-load-metrics'], undefined, service);
    }
  });
});
