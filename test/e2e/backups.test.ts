import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { edgePolicy, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [a, b, c, spare, last] = await world.backends('a', 'b', 'c', 'spare', 'last');
const port = await world.port();

const endpoints: NonNullable<ServiceInput['endpoints']> = [
  ...[a, b, c].map(({ address }) => ({ address })),
  { address: spare.address, priority: 1 },
  { address: last.address, priority: 2 },
];
const common: ServiceInput = {
  endpoints,
  healthCheck: {
    http: { path: '/health' },
    interval: '100ms',
    // The dead refuse connections at once; on a busy machine the living may be slow.
    timeout: '5s',
    edgeInterval: '40ms',
    unhealthyInterval: '100ms',
    idleInterval: '100ms',
    jitter: '0%',
  },
  outlierDetection: 'off',
  retries: { attempts: 0 },
};
const roundRobin = (panicThreshold: string) => ({ policy: 'roundRobin', panicThreshold }) as const;
const services: Record<string, ServiceInput> = {
  gradual: { ...common, loadBalancing: roundRobin('0%') },
  tight: { ...common, loadBalancing: roundRobin('0%'), overprovisioning: '100%' },
  // A threshold that one healthy endpoint of three is below.
  'when-all-down': { ...common, loadBalancing: roundRobin('50%'), failover: 'whenAllDown' },
  bound: { ...common, sessions: { cookie: { name: 'lane' } }, failover: 'whenAllDown' },
  hashed: { ...common, loadBalancing: { policy: 'ringHash' }, failover: 'whenAllDown' },
};

const policyOf = (declared: Record<string, ServiceInput>) =>
  edgePolicy(port, {
    services: declared,
    rules: Object.keys(services).map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
  });

const [edge] = await world.start(policyOf(services), [{ id: 'edge-1', cluster: 'edge' }]);

const untilHealthy = async (count: number) => {
  for (const service of Object.keys(services)) {
    const healthy = () => edge?.stat(`cluster.${service}.membership_healthy`);
    await until(`${count} of ${service} healthy`, async () => (await healthy()) === count);
  }
};
const answers = (service: string, count = 60) => askMany(count, () => ask(port, `/${service}`));

/** Waits until these answer and no others: Envoy tells its workers of what has died or come back with a delay. */
async function assertOnly(names: readonly string[]): Promise<void> {
  for (const service of ['when-all-down', 'hashed']) {
    await until(`only ${names} answer`, async () => {
      const counts = await answers(service, 200);
      assertValues(counts, service === 'hashed' ? [...counts.keys()].slice(0, 1) : names);
      for (const name of counts.keys()) assert.ok(names.includes(name), name);
      return true;
    });
  }
}

describe('backups', () => {
  let session = '';

  it('share in from the first primary that is down, where the others are to bear no more than they do', async () => {
    covers('services.*.overprovisioning');
    await untilHealthy(5);
    await a.die();
    await untilHealthy(4);
    // Of three, two are two thirds; with the 40% more that Envoy lets each bear they are nearly enough.
    for (const [service, share] of [
      ['tight', 1 / 3],
      ['gradual', 1 / 15],
    ] as const) {
      await until(`${share} of ${service} go to the spare`, async () => {
        const counts = await answers(service, 300);
        assertValues(counts, ['b', 'c', 'spare']);
        assertShare(counts, 'spare', share);
        return true;
      });
    }
    await a.revive();
  });

  it('get nothing while one primary is healthy, and no panic begins; they share in what is gradual', async () => {
    covers('services.*.failover');
    await untilHealthy(5);
    await assertOnly(['a', 'b', 'c']);
    await a.die();
    await b.die();
    await untilHealthy(3);
    await assertOnly(['c']);
    // A third of the primaries, with the 40% more that Envoy lets each endpoint bear.
    assertShare(await answers('gradual', 300), 'c', 0.46);
  });

  it('get everything when no primary is left, one priority after the other', async () => {
    await c.die();
    await untilHealthy(2);
    await assertOnly(['spare']);
    await until('a session begins at the backup', async () => {
      const first = await ask(port, '/bound');
      session = first.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
      return first.by === 'spare';
    });
    await spare.die();
    await untilHealthy(1);
    await assertOnly(['last']);
  });

  it('get nothing more when a primary is back, but for the sessions that began there', async () => {
    await spare.revive();
    await b.revive();
    await untilHealthy(3);
    await assertOnly(['b']);
    const withSession = () => ask(port, '/bound', { headers: { cookie: session } });
    const others = () => askMany(20, () => ask(port, '/bound'));
    // Each service has checks of its own.
    await until('both services find it healthy', async () => [...(await others()).keys()].join() === 'b');
    assertValues(await askMany(20, withSession), ['spare']);
  });

  it('are what a drain of all primaries goes to', async () => {
    await a.revive();
    await c.revive();
    await untilHealthy(5);
    await assertOnly(['a', 'b', 'c']);
    const drained = endpoints.map(
      each => ({ ...each, state: each.priority === undefined ? 'draining' : 'active' }) as const,
    );
    await world.saved(
      policyOf(
        Object.fromEntries(
          Object.entries(services).map(([name, service]) => [name, { ...service, endpoints: drained }]),
        ),
      ),
    );
    await assertOnly(['spare']);
  });

  it('are asked like all others once nobody is healthy, where the panic threshold is above zero', async () => {
    for (const backend of [a, b, c, spare, last]) backend.behaveOnChecks({ status: 500 });
    await untilHealthy(0);
    await until('nobody is asked at 0%', async () => (await ask(port, '/gradual')).status === 503);
    await until('all are asked', async () => (await answers('when-all-down', 20)).size === 5);
  });
});
