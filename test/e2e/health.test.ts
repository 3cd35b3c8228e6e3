// Runs alone: it measures the paces of checks.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Backend } from '../support/backend.ts';
import { answerChecks, bare, checksAfter, gaps, quick } from '../support/checks.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { connectHttp2, startGrpcBackend } from '../support/grpc.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { firstLine, startTcpBackend } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

type CheckInput = NonNullable<ServiceInput['healthCheck']>;

const port = await world.port();
const tcpPort = await world.port();
const services: Record<string, ServiceInput> = {};

/** A service with backends of its own, `NAME-0`, `NAME-1`, …, all checked. */
async function checked(name: string, count: number, check: CheckInput, more: Partial<ServiceInput> = {}) {
  const own = await Promise.all(Array.from({ length: count }, (_, index) => world.backend(`${name}-${index}`)));
  services[name] = { ...bare, endpoints: own.map(({ address }) => ({ address })), healthCheck: check, ...more };
  return own as [Backend, ...Backend[]];
}

const http = { http: { path: '/health' } };
const [basicGood, basicBad] = await checked('basic', 2, {
  ...quick,
  http: { path: '/health', host: 'checks.internal', method: 'HEAD' },
});
const [threshold] = await checked('threshold', 1, { ...http, ...quick, unhealthyAfter: 3, healthyAfter: 3 });
const [paced] = await checked('paced', 1, {
  ...http,
  ...quick,
  interval: '300ms',
  edgeInterval: '50ms',
  unhealthyInterval: '600ms',
  unhealthyAfter: 4,
});
const [idle] = await checked('idle', 1, { ...http, ...quick, idleInterval: '400ms' });
const [impatient] = await checked('impatient', 1, { ...http, ...quick, timeout: '60ms' });
const [patient] = await checked('patient', 1, { ...http, ...quick, timeout: '2s' });
const [lenient] = await checked('lenient', 1, { http: { path: '/health', expect: ['200', '404-410'] }, ...quick });
const [strict] = await checked('strict', 1, { http: { path: '/health', retriable: ['429'] }, ...quick });
const [byTcp, deadTcp] = await checked('by-tcp', 2, { tcp: {}, ...quick });
const panicking: Record<string, readonly Backend[]> = {
  'panic-never': await checked('panic-never', 3, { ...http, ...quick }, balanced('0%')),
  'panic-default': await checked('panic-default', 3, { ...http, ...quick }),
  'panic-half': await checked('panic-half', 3, { ...http, ...quick }, balanced('50%')),
};
const [first, second, standby] = await checked('preferred', 3, { ...http, ...quick });
services['preferred']?.endpoints?.forEach((endpoint, index) => {
  endpoint.priority = index === 2 ? 5 : 0;
});

function balanced(panicThreshold: string): Partial<ServiceInput> {
  return { loadBalancing: { policy: 'roundRobin', panicThreshold } };
}

const pongs = await Promise.all(['pong-0', 'pong-1'].map(async name => world.use(await startTcpBackend(name))));
for (const each of pongs) each.answer(() => 'a PONG b');
services['pong'] = {
  ...bare,
  protocol: 'tcp',
  endpoints: pongs.map(({ address }) => ({ address })),
  healthCheck: { tcp: { send: 'PING', receive: 'PONG' }, ...quick },
};
const grpcs = await Promise.all(['grpc-0', 'grpc-1'].map(async name => world.use(await startGrpcBackend(name))));
services['grpc'] = {
  ...bare,
  protocol: 'grpc',
  endpoints: grpcs.map(({ address }) => ({ address })),
  healthCheck: { grpc: { service: 'shop.Catalog' }, ...quick },
};

const [edge] = await world.start(
  {
    services,
    gateways: {
      public: {
        listeners: [
          { port, address: '127.0.0.1', protocol: 'http' },
          { port: tcpPort, address: '127.0.0.1', protocol: 'tcp', to: [{ service: 'pong' }] },
        ],
      },
    },
    routes: {
      shop: {
        gateways: ['public'],
        rules: Object.keys(services)
          .filter(service => service !== 'pong')
          .map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
      },
    },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
  },
  [{ id: 'edge-1', cluster: 'edge' }],
);

const healthy = (service: string) => edge?.stat(`cluster.${service}.membership_healthy`);
const untilHealthy = (service: string, count: number) =>
  until(`${count} of ${service} healthy`, async () => (await healthy(service)) === count);

describe('active checks over HTTP', () => {
  it('take an endpoint out when its checks fail, and bring it back when they pass', async () => {
    covers('services.*.healthCheck', 'services.*.healthCheck.http', 'services.*.healthCheck.http.path');
    assertValues(await askMany(20, () => ask(port, '/basic')), ['basic-0', 'basic-1']);
    basicBad?.behaveOnChecks({ status: 500 });
    await untilHealthy('basic', 1);
    assertValues(await askMany(20, () => ask(port, '/basic')), ['basic-0']);
    basicBad?.behaveOnChecks({});
    await untilHealthy('basic', 2);
    assertValues(await askMany(20, () => ask(port, '/basic')), ['basic-0', 'basic-1']);
  });

  it('ask for the host, and by the method, that they are told', () => {
    covers('services.*.healthCheck.http.host', 'services.*.healthCheck.http.method');
    const check = basicGood.checks.at(-1);
    assert.equal(check?.headers.host, 'checks.internal');
    assert.equal(check?.method, 'HEAD');
    assert.equal(patient.checks.at(-1)?.headers.host, 'patient');
    assert.equal(patient.checks.at(-1)?.method, 'GET');
  });

  it('count failures and successes in a row', async () => {
    covers('services.*.healthCheck.unhealthyAfter', 'services.*.healthCheck.healthyAfter');
    const failed = { status: 500 };
    answerChecks(threshold, failed, failed, {}, failed, failed);
    await checksAfter(threshold, 7);
    assert.equal(await edge?.stat('cluster.threshold.health_check.failure'), 4);
    assert.equal((await ask(port, '/threshold')).status, 200);
    answerChecks(threshold, failed, failed, failed);
    await untilHealthy('threshold', 0);
    threshold.behaveOnChecks(failed);
    await checksAfter(threshold, 1);
    // Up again only after three good checks in a row: the gauge stays at 0 over both shorter runs.
    answerChecks(threshold, {}, {}, failed, {}, {}, failed, failed);
    await checksAfter(threshold, 7);
    assert.equal(await edge?.stat('cluster.threshold.membership_healthy'), 0);
    await untilHealthy('threshold', 1);
    assert.equal((await ask(port, '/threshold')).status, 200);
  });

  it('come at the paces that they are told: while healthy, while in doubt, while unhealthy', async () => {
    covers(
      'services.*.healthCheck.interval',
      'services.*.healthCheck.edgeInterval',
      'services.*.healthCheck.unhealthyInterval',
    );
    await ask(port, '/paced');
    await checksAfter(paced, 1);
    const healthyFrom = paced.checks.length;
    await checksAfter(paced, 3);
    assertPace(gaps(paced, healthyFrom), 300);
    const doubtFrom = paced.checks.length;
    paced.behaveOnChecks({ status: 500 });
    await untilHealthy('paced', 0);
    // The first failing check comes at the healthy pace, the three that confirm it at the doubtful one.
    assertPace(gaps(paced, doubtFrom).slice(0, 3), 50);
    const unhealthyFrom = paced.checks.length - 1;
    await checksAfter(paced, 3);
    assertPace(gaps(paced, unhealthyFrom).slice(1), 600);
    paced.behaveOnChecks({});
  });

  it('come at the pace of idleness until the first request', async () => {
    covers('services.*.healthCheck.idleInterval');
    const from = idle.checks.length;
    await checksAfter(idle, 3);
    assertPace(gaps(idle, from), 400);
    await ask(port, '/idle');
    await checksAfter(idle, 2);
    const busyFrom = idle.checks.length - 1;
    await checksAfter(idle, 3);
    assertPace(gaps(idle, busyFrom), 100);
  });

  it('fail when they take too long', async () => {
    covers('services.*.healthCheck.timeout');
    impatient.behaveOnChecks({ delay: 250 });
    patient.behaveOnChecks({ delay: 250 });
    await untilHealthy('impatient', 0);
    await checksAfter(patient, 3);
    assert.equal(await healthy('patient'), 1);
  });

  it('pass by the statuses that are expected', async () => {
    covers('services.*.healthCheck.http.expect');
    lenient.behaveOnChecks({ status: 410 });
    await checksAfter(lenient, 4);
    assert.equal(await healthy('lenient'), 1);
    lenient.behaveOnChecks({ status: 204 });
    await untilHealthy('lenient', 0);
  });

  it('bear with retriable statuses once, and with no others', async () => {
    covers('services.*.healthCheck.http.retriable');
    answerChecks(strict, { status: 429 });
    await checksAfter(strict, 4);
    assert.equal(await healthy('strict'), 1);
    answerChecks(strict, { status: 500 });
    await untilHealthy('strict', 0);
    await untilHealthy('strict', 1);
  });
});

/** Every gap is at least the pace, as timers go, and most are not far above it. */
function assertPace(measured: readonly number[], pace: number): void {
  const shown = measured.map(each => each.toFixed(0)).join(', ');
  assert.ok(measured.length > 0, 'there are gaps to look at');
  for (const gap of measured) assert.ok(gap > pace * 0.9 - 5, `${shown}: not faster than ${pace}`);
  const least = Math.min(...measured);
  assert.ok(least < pace * 1.4 + 40, `${shown}: about ${pace}`);
}

describe('active checks over TCP and gRPC', () => {
  it('take out an endpoint that refuses connections', async () => {
    covers('services.*.healthCheck.tcp');
    await deadTcp?.die();
    await untilHealthy('by-tcp', 1);
    assertValues(await askMany(20, () => ask(port, '/by-tcp')), [byTcp.name]);
    await deadTcp?.revive();
    await untilHealthy('by-tcp', 2);
  });

  it('send a text, and look for one in the answer', async () => {
    covers('services.*.healthCheck.tcp.send', 'services.*.healthCheck.tcp.receive');
    const lines = async () => new Set([await firstLine(tcpPort), await firstLine(tcpPort), await firstLine(tcpPort)]);
    assert.equal((await lines()).size, 2);
    assert.match(pongs[0]?.received ?? '', /^(PING)+$/);
    pongs[1]?.answer(() => 'nothing of the kind');
    await untilHealthy('pong', 1);
    assert.deepEqual(await lines(), new Set(['pong-0']));
  });

  it("ask gRPC's health service for the service", async () => {
    covers('services.*.healthCheck.grpc', 'services.*.healthCheck.grpc.service');
    using client = connectHttp2(port);
    assert.equal((await client.call('/grpc/Get')).grpcStatus, 0);
    assert.ok(grpcs[1]?.checked.every(service => service === 'shop.Catalog'));
    grpcs[1]?.serving(service => service !== 'shop.Catalog');
    await untilHealthy('grpc', 1);
    for (let call = 0; call < 6; call++) assert.equal((await client.call('/grpc/Get')).by, 'grpc-0');
  });
});

describe('what unhealthy endpoints get', () => {
  it('is nothing, unless fewer are healthy than the panic threshold', async () => {
    covers('services.*.loadBalancing.panicThreshold');
    for (const [service, backends] of Object.entries(panicking)) {
      await backends[1]?.die();
      await backends[2]?.die();
      await untilHealthy(service, 1);
    }
    for (const service of ['panic-never', 'panic-default']) {
      assertValues(await askMany(30, () => ask(port, `/${service}`)), [`${service}-0`]);
    }
    const counts = await askMany(90, () => ask(port, '/panic-half'));
    assertValues(counts, ['panic-half-0', '503']);
    assertShare(counts, '503', 2 / 3);
  });

  it('is everything by default when none is healthy, and nothing at 0%', async () => {
    // The checks fail, the application still answers: exactly when to ignore health is the lesser evil.
    panicking['panic-never']?.[0]?.behaveOnChecks({ status: 500 });
    panicking['panic-default']?.[0]?.behaveOnChecks({ status: 500 });
    await untilHealthy('panic-never', 0);
    await untilHealthy('panic-default', 0);
    const never = await askMany(30, () => ask(port, '/panic-never'), { key: each => `${each.status} ${each.text}` });
    assertValues(never, ['503 no healthy upstream']);
    const counts = await askMany(90, () => ask(port, '/panic-default'));
    assertShare(counts, 'panic-default-0', 1 / 3);
  });

  it('goes to the next priority, as far as the first is short of healthy endpoints', async () => {
    covers('services.*.endpoints[].priority');
    assertValues(await askMany(30, () => ask(port, '/preferred')), [first.name, second?.name ?? '']);
    await second?.die();
    await untilHealthy('preferred', 2);
    // Half of the first priority, with the 40% more that Envoy lets each endpoint bear.
    const half = await askMany(300, () => ask(port, '/preferred'));
    assertShare(half, first.name, 0.7);
    assertShare(half, standby?.name ?? '', 0.3);
    await first.die();
    await untilHealthy('preferred', 1);
    assertValues(await askMany(30, () => ask(port, '/preferred')), [standby?.name ?? '']);
  });
});
