// Runs alone: it measures ejections that last fractions of a second.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Backend } from '../support/backend.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { until } from '../support/until.ts';
import { edgePolicy, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

type OutlierInput = Exclude<ServiceInput['outlierDetection'], string | undefined>;

const port = await world.port();
const services: Record<string, ServiceInput> = {};

/** Long ejections without chance, swept often: what is out stays out while the test looks. */
const steady: OutlierInput = { interval: '200ms', baseEjection: '60s', ejectionJitter: '0s', maxEjected: '50%' };
/** Ejections by runs of failures are off: only the statistics decide. */
const statisticsOnly: OutlierInput = {
  ...steady,
  interval: '500ms',
  enforceConsecutiveGatewayErrors: '0%',
  enforceConsecutiveLocalErrors: '0%',
};

/** A service with its own endpoints: the first is `bad`, the others are good. */
async function service(name: string, detection: ServiceInput['outlierDetection'], good = 1, more = {}) {
  const names = ['bad', ...Array.from({ length: good }, (_, index) => `good-${index}`)];
  const backends = await Promise.all(names.map(each => world.backend(`${name}-${each}`)));
  services[name] = {
    endpoints: backends.map(({ address }) => ({ address })),
    loadBalancing: { policy: 'roundRobin' },
    retries: { attempts: 0 },
    ...(detection === undefined ? {} : { outlierDetection: detection }),
    ...more,
  };
  return backends as [Backend, ...Backend[]];
}

const [gateway] = await service('gateway', { ...steady, consecutiveGatewayErrors: 4 });
const [gatewayDefault] = await service('gateway-default', undefined);
const [gatewayOff] = await service('gateway-off', { ...steady, enforceConsecutiveGatewayErrors: '0%' });
const [off] = await service('off', 'off');
const [server] = await service('server', {
  ...steady,
  consecutiveServerErrors: 6,
  enforceConsecutiveServerErrors: '100%',
});
const [serverDefault] = await service('server-default', steady);
const apart: OutlierInput = { ...steady, splitLocalErrors: true };
const [local] = await service('local', { ...apart, consecutiveLocalErrors: 4 });
const [localOff] = await service('local-off', { ...apart, enforceConsecutiveLocalErrors: '0%' });
const [hung] = await service('hung', undefined);
const [hungApart] = await service('hung-apart', apart);
const [unsplit] = await service('unsplit', {
  ...steady,
  consecutiveGatewayErrors: 5,
  consecutiveLocalErrors: 1,
});
const [quickBack] = await service('quick-back', { ...steady, baseEjection: '600ms' });
const [swept] = await service('swept', { ...steady, interval: '1500ms', baseEjection: '50ms' });
const halfBad = await service('half', { ...steady, maxEjected: '50%' }, 3);
const [alwaysOne] = await service('always-one', { ...steady, maxEjected: '10%' });
const [neverOne] = await service('never-one', { ...steady, maxEjected: '10%', alwaysEjectOne: false });
const check = {
  healthCheck: {
    http: { path: '/health' },
    ...{ interval: '100ms', idleInterval: '100ms', edgeInterval: '50ms', unhealthyInterval: '100ms' },
  },
};
const [restored] = await service('restored', { ...steady, activeCheckRestores: true }, 1, check);
const [unrestored] = await service('unrestored', steady, 1, check);

const [degraded] = await service('degraded', { ...steady, detectDegraded: true }, 3);
const [alike] = await service('alike', steady, 3);
const [shortly] = await service('shortly', { ...steady, detectDegraded: true, baseEjection: '2s' }, 3);

// So few requests come to each between two sweeps also on a machine that has little time for them.
const rate = { enforce: '100%', minimumEndpoints: 3, requestVolume: 6, deviationFactor: 1 };
const share = { enforce: '100%', threshold: '40%', minimumEndpoints: 3, requestVolume: 6 };
/** Services with one endpoint of three that fails every other request, and whether statistics take it out. */
const statistical: Record<string, { readonly out: boolean; readonly detection: OutlierInput }> = {
  rate: { out: true, detection: { successRate: rate } },
  'rate-not-enforced': { out: false, detection: { successRate: { ...rate, enforce: '0%' } } },
  'rate-few-endpoints': { out: false, detection: { successRate: { ...rate, minimumEndpoints: 4 } } },
  'rate-few-requests': { out: false, detection: { successRate: { ...rate, requestVolume: 100_000 } } },
  // One of three that differs lies 1.41 standard deviations below the mean, whatever the difference.
  'rate-not-so-far': { out: false, detection: { successRate: { ...rate, deviationFactor: 1.6 } } },
  share: { out: true, detection: { failurePercentage: share } },
  'share-not-enforced': { out: false, detection: { failurePercentage: { ...share, enforce: '0%' } } },
  'share-few-endpoints': { out: false, detection: { failurePercentage: { ...share, minimumEndpoints: 4 } } },
  'share-few-requests': { out: false, detection: { failurePercentage: { ...share, requestVolume: 100_000 } } },
  'share-below': { out: false, detection: { failurePercentage: { ...share, threshold: '75%' } } },
};
/** The same with one endpoint that refuses connections. */
const statisticalLocal: typeof statistical = {
  'local-rate': { out: true, detection: { successRate: { ...rate, enforce: '0%', enforceLocal: '100%' } } },
  'local-share': { out: true, detection: { failurePercentage: { ...share, enforce: '0%', enforceLocal: '100%' } } },
  'local-neither': { out: false, detection: { successRate: rate, failurePercentage: share } },
};
for (const [name, { detection }] of Object.entries(statistical)) {
  const [bad] = await service(name, { ...statisticsOnly, ...detection }, 2);
  bad.behave(() => (bad.seen.length % 2 === 0 ? { status: 503 } : {}));
}
for (const [name, { detection }] of Object.entries(statisticalLocal)) {
  const [bad] = await service(name, { ...statisticsOnly, splitLocalErrors: true, ...detection }, 2);
  await bad.die();
}

const [edge] = await world.start(
  edgePolicy(port, {
    services,
    rules: Object.keys(services).map(each => ({
      match: { path: `/${each}` },
      to: [{ service: each }],
      ...(each.startsWith('hung') ? { timeout: '150ms' } : {}),
    })),
  }),
  [{ id: 'edge-1', cluster: 'edge' }],
);

const ejected = async (name: string) => (await edge?.stat(`cluster.${name}.outlier_detection.ejections_active`)) ?? 0;
/** Requests one after the other; how many failed. */
const failuresOf = async (name: string, requests = 40) => {
  await settled();
  const counts = await askMany(requests, () => ask(port, `/${name}`), {
    parallel: 1,
    key: each => (each.status === 200 ? 'good' : 'bad'),
  });
  return counts.get('bad') ?? 0;
};
/** An ejection is decided on one thread and felt on another, so that a few requests may still slip through. */
const assertOutAfter = (failures: number, expected: number) =>
  assert.ok(failures >= expected && failures <= expected + 5, `out after ${failures} failures, expected ${expected}`);
/** Envoy takes changes of health within a tenth of a second together: after one, the next is felt only then. */
const settled = () => pause(150);
/**
 * Sends requests until the endpoint gets one again. @returns milliseconds of {@link performance.now}: when it was out still,
 * and when it was back.
 */
const untilBack = async (name: string, backend: Backend) => {
  backend.behave({});
  backend.forget();
  let out = performance.now();
  const back = await until(`${name} has its endpoint back`, async () => {
    const asked = performance.now();
    // All endpoints have had their turn, and none of the turns was its own.
    for (let turn = 0; turn < 2; turn++) await ask(port, `/${name}`);
    if (backend.seen.length > 0) return performance.now();
    out = asked;
    return undefined;
  });
  await settled();
  return { out, back };
};

describe('ejection after failures in a row', () => {
  it('takes an endpoint out after so many gateway errors, and no earlier', async () => {
    covers('services.*.outlierDetection', 'services.*.outlierDetection.consecutiveGatewayErrors');
    gateway.behave({ status: 502 });
    assertOutAfter(await failuresOf('gateway'), 4);
    gatewayDefault.behave({ status: 504 });
    assertOutAfter(await failuresOf('gateway-default'), 3);
  });

  it('takes none out when it is not enforced, or off', async () => {
    covers('services.*.outlierDetection.enforceConsecutiveGatewayErrors');
    for (const backend of [gatewayOff, off]) backend.behave({ status: 503 });
    assert.equal(await failuresOf('gateway-off'), 20);
    assert.equal(await failuresOf('off'), 20);
  });

  it('lets server errors pass by default, and counts them when enforced', async () => {
    covers(
      'services.*.outlierDetection.consecutiveServerErrors',
      'services.*.outlierDetection.enforceConsecutiveServerErrors',
    );
    for (const backend of [server, serverDefault]) backend.behave({ status: 500 });
    assertOutAfter(await failuresOf('server'), 6);
    assert.equal(await failuresOf('server-default'), 20);
  });

  it('counts refused connections apart', async () => {
    covers(
      'services.*.outlierDetection.consecutiveLocalErrors',
      'services.*.outlierDetection.enforceConsecutiveLocalErrors',
      'services.*.outlierDetection.splitLocalErrors',
    );
    for (const backend of [local, localOff, unsplit]) await backend.die();
    assertOutAfter(await failuresOf('local'), 4);
    assert.equal(await failuresOf('local-off'), 20);
    // Not apart, they are gateway errors, and the limit of their own means nothing.
    assertOutAfter(await failuresOf('unsplit'), 5);
  });

  it('takes out an endpoint that accepts and never answers, unless local errors are counted apart', async () => {
    covers('services.*.outlierDetection.splitLocalErrors');
    for (const backend of [hung, hungApart]) backend.behave({ hang: true });
    assertOutAfter(await failuresOf('hung', 16), 3);
    assert.equal(await failuresOf('hung-apart', 16), 8);
  });
});

describe('the end of ejections', () => {
  it('comes after its time', async () => {
    covers('services.*.outlierDetection.baseEjection');
    quickBack.behave({ status: 503 });
    const since = performance.now();
    assertOutAfter(await failuresOf('quick-back', 12), 3);
    const took = (await untilBack('quick-back', quickBack)).back - since;
    // Sweeps every 200 ms end it; by default it would take half a minute.
    assert.ok(took >= 590 && took < 15_000, `back after ${took.toFixed(0)} ms`);
  });

  it('comes with a sweep', async () => {
    covers('services.*.outlierDetection.interval');
    swept.behave({ status: 503 });
    await failuresOf('swept', 12);
    const { out } = await untilBack('swept', swept);
    // It came back with a sweep, so the next one is a whole interval away.
    swept.behave({ status: 503 });
    assertOutAfter(await failuresOf('swept', 12), 3);
    const took = (await untilBack('swept', swept)).back - out;
    assert.ok(took > 1300 && took < 15_000, `back after ${took.toFixed(0)} ms`);
  });

  it('comes with a passing active check only when told so', async () => {
    covers('services.*.outlierDetection.activeCheckRestores');
    for (const [name, backend] of [['restored', restored] as const, ['unrestored', unrestored] as const]) {
      backend.behave({ status: 503 });
      await failuresOf(name, 12);
      backend.behave({});
      backend.forget();
    }
    await until('the endpoint is back', async () => {
      await ask(port, '/restored');
      return restored.seen.length > 0;
    });
    await until('the other one has been checked as often', () => unrestored.checks.length >= 5);
    assert.equal(await failuresOf('unrestored', 10), 0);
    assert.equal(unrestored.seen.length, 0);
    assert.equal(await ejected('unrestored'), 1);
  });
});

describe('an endpoint that says it is degraded', () => {
  const sayDegraded = { headers: { 'x-envoy-degraded': 'true' } };

  it('gets nothing while the others suffice, when told so', async () => {
    covers('services.*.outlierDetection.detectDegraded');
    for (const backend of [degraded, alike]) backend.behave(sayDegraded);
    for (const name of ['degraded', 'alike']) await failuresOf(name, 8);
    await settled();
    for (const backend of [degraded, alike]) backend.forget();
    for (const name of ['degraded', 'alike']) assert.equal(await failuresOf(name, 20), 0);
    assert.equal(degraded.seen.length, 0);
    assert.equal(alike.seen.length, 5);
    assert.equal(await ejected('degraded'), 0);
  });

  it('is as good as the others when its time is over', async () => {
    shortly.behave(sayDegraded);
    const since = performance.now();
    await failuresOf('shortly', 8);
    await settled();
    shortly.forget();
    await failuresOf('shortly', 8);
    assert.equal(shortly.seen.length, 0);
    const took = (await untilBack('shortly', shortly)).back - since;
    assert.ok(took >= 1990, `back after ${took.toFixed(0)} ms`);
  });
});

describe('how many may be out at once', () => {
  it('is a share of the endpoints', async () => {
    covers('services.*.outlierDetection.maxEjected');
    for (const backend of halfBad.slice(0, 3)) backend.behave({ status: 503 });
    await failuresOf('half', 60);
    assert.equal(await ejected('half'), 2);
    await settled();
    // Two are left, a bad one and the good one.
    assert.equal(await failuresOf('half', 20), 10);
  });

  it('is at least one, unless told otherwise', async () => {
    covers('services.*.outlierDetection.alwaysEjectOne');
    for (const backend of [alwaysOne, neverOne]) backend.behave({ status: 503 });
    assertOutAfter(await failuresOf('always-one'), 3);
    assert.equal(await failuresOf('never-one'), 20);
  });
});

describe('ejection by statistics', () => {
  it('compares success rates and failure percentages, by all their settings', async () => {
    covers(
      'services.*.outlierDetection.successRate',
      'services.*.outlierDetection.successRate.enforce',
      'services.*.outlierDetection.successRate.minimumEndpoints',
      'services.*.outlierDetection.successRate.requestVolume',
      'services.*.outlierDetection.successRate.deviationFactor',
      'services.*.outlierDetection.failurePercentage',
      'services.*.outlierDetection.failurePercentage.enforce',
      'services.*.outlierDetection.failurePercentage.threshold',
      'services.*.outlierDetection.failurePercentage.minimumEndpoints',
      'services.*.outlierDetection.failurePercentage.requestVolume',
    );
    await assertStatistics(statistical);
  });

  it('does so apart for connections that fail', async () => {
    covers(
      'services.*.outlierDetection.successRate.enforceLocal',
      'services.*.outlierDetection.failurePercentage.enforceLocal',
    );
    await assertStatistics(statisticalLocal);
  });
});

/** Sends steady traffic to all of the services until those that should have taken an endpoint out have, and then more. */
async function assertStatistics(cases: typeof statistical): Promise<void> {
  const names = Object.keys(cases);
  const round = () => askMany(names.length * 30, index => ask(port, `/${names[index % names.length]}`));
  const expected = names.filter(name => cases[name]?.out);
  await until(`endpoints of ${expected.join(', ')} are out`, async () => {
    await round();
    const counts = await Promise.all(expected.map(ejected));
    return counts.every(count => count === 1);
  });
  // Two sweeps more, with traffic, for those that should not.
  const end = performance.now() + 1100;
  while (performance.now() < end) await round();
  for (const name of names) assert.equal(await ejected(name), cases[name]?.out ? 1 : 0, name);
  for (const name of expected) assert.equal(await failuresOf(name, 12), 0, name);
}
