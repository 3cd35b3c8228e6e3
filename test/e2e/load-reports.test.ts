import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { assertShare, type Counts, show } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { edgePolicy, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [idle, busy] = await world.backends('idle', 'busy');
const port = await world.port();

type Balancing = NonNullable<ServiceInput['loadBalancing']>;
type ByLoad = Omit<Extract<Balancing, { policy: 'clientSideWeightedRoundRobin' }>, 'policy'>;

/** `busy` is declared to be the greater, which does not count. */
const byLoad = (more: ByLoad = {}): ServiceInput => ({
  endpoints: [
    { address: idle.address, zone: 'east' },
    { address: busy.address, zone: 'west' },
  ],
  loadBalancing: { policy: 'clientSideWeightedRoundRobin', blackout: '0s', update: '100ms', ...more },
});

const services: Record<string, ServiceInput> = {
  plain: { ...byLoad(), loadBalancing: { policy: 'roundRobin' } },
  reported: byLoad(),
  patient: byLoad({ blackout: '1h' }),
  late: byLoad({ update: '1h' }),
  forgetful: byLoad({ expiration: '1s' }),
  lenient: byLoad({ errorPenalty: 0 }),
  named: byLoad({ utilizationMetrics: ['named_metrics.queue'] }),
};
await world.start(
  edgePolicy(port, {
    services,
    rules: Object.keys(services).map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
  }),
  [{ id: 'edge-1', cluster: 'edge' }],
);

/** Reports of load in every answer; without one, none. */
function report(ofIdle?: string, ofBusy?: string): void {
  for (const [backend, text] of [
    [idle, ofIdle],
    [busy, ofBusy],
  ] as const) {
    backend.behave(
      text === undefined ? {} : { headers: { 'endpoint-load-metrics': `TEXT rps_fractional=100,${text}` } },
    );
  }
}

const spread = (service: string): Promise<Counts> => askMany(300, () => ask(port, `/${service}`));
const share = (counts: Counts) => (counts.get('idle') ?? 0) / 300;

/** Whatever was reported is in effect after some requests and an update of weights. */
const becomes = (service: string, fits: (share: number) => boolean) =>
  until(`another spread of ${service}`, async () => {
    const counts = await spread(service);
    if (!fits(share(counts))) throw new Error(show(counts));
    return true;
  });

beforeEach(() => report('application_utilization=0.1', 'application_utilization=0.9'));

describe('balancing by reported load', () => {
  it('gives the busy endpoint less', async () => {
    covers('services.*.loadBalancing.policy', 'services.*.loadBalancing.update', 'services.*.loadBalancing.blackout');
    for (const other of ['plain', 'patient', 'late']) {
      await spread(other);
      assertShare(await spread(other), 'idle', 0.5);
    }
    await becomes('reported', each => each > 0.85);
    assertShare(await spread('reported'), 'idle', 0.9);
  });

  it('takes the reports out of what callers get', async () => {
    assert.equal((await ask(port, '/reported')).headers['endpoint-load-metrics'], undefined);
    assert.match(String((await ask(port, '/plain')).headers['endpoint-load-metrics']), /^TEXT/);
  });

  it('forgets reports that do not come again', async () => {
    covers('services.*.loadBalancing.expiration');
    await becomes('forgetful', each => each > 0.85);
    report();
    await becomes('forgetful', each => each < 0.6);
    assert.ok(share(await spread('reported')) > 0.75, 'another remembers');
  });

  it('counts errors as a load', async () => {
    covers('services.*.loadBalancing.errorPenalty');
    report('application_utilization=0.1', 'application_utilization=0.1,eps=80');
    await becomes('reported', each => each > 0.8);
    await becomes('lenient', each => each < 0.6);
  });

  it('goes by the metrics that it is told to', async () => {
    covers('services.*.loadBalancing.utilizationMetrics');
    report('cpu_utilization=0.5,named_metrics.queue=0.1', 'cpu_utilization=0.5,named_metrics.queue=0.9');
    await becomes('named', each => each > 0.8);
    await becomes('reported', each => each < 0.6);
    report(
      'application_utilization=0.9,named_metrics.queue=0.1',
      'application_utilization=0.1,named_metrics.queue=0.9',
    );
    await becomes('reported', each => each < 0.2);
    await becomes('named', each => each > 0.8);
  });
});
