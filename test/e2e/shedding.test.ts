// Runs alone: it measures what an application is too slow for.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Backend } from '../support/backend.ts';
import { type Answer, ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { until } from '../support/until.ts';
import { type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const port = await world.port();
const services: Record<string, ServiceInput> = {};
const rules: RuleInput[] = [];

/** A service with one backend of its own at `/NAME`, and its rule of high priority at `/NAME-high`. */
async function serve(name: string, more: Partial<ServiceInput> = {}, rule: Partial<RuleInput> = {}): Promise<Backend> {
  const backend = await world.backend({ name, protocol: more.protocol === 'http2' ? 'http2' : 'http' });
  services[name] = { endpoints: [{ address: backend.address }], outlierDetection: 'off', ...more };
  rules.push({ name, match: { path: `/${name}` }, to: [{ service: name }], ...rule });
  rules.push({ name: `${name}-high`, match: { path: `/${name}-high` }, to: [{ service: name }], priority: 'high' });
  return backend;
}

/** One with a sidecar, on an address of its own, that turns away what is too much. */
async function behindSidecar(
  name: string,
  address: string,
  adaptiveConcurrency?: ServiceInput['adaptiveConcurrency'],
  more: Partial<ServiceInput> = {},
) {
  const own = await world.port();
  const backend = await world.backend(name);
  const endpoint = { address: `${address}:${own}`, inbound: { application: backend.address } };
  services[name] = { endpoints: [endpoint], ...(adaptiveConcurrency ? { adaptiveConcurrency } : {}), ...more };
  return { backend, name, call: () => ask(own, '/', { to: address }) };
}

const admitting = { window: '2s', minimumRate: 1 };
const unguarded = await serve('unguarded');
const guarded = await serve('guarded', { admissionControl: admitting });
const tolerant = await serve('tolerant', { admissionControl: { ...admitting, successRate: '10%' } });
const patient = await serve('patient', { admissionControl: { ...admitting, minimumRate: 100_000 } });
const never = await serve('never', { admissionControl: { ...admitting, maxRejected: '0%' } });
const lasting = await serve('lasting', {}, { maxStreamDuration: '300ms' });
const streams = await serve('streams', {
  protocol: 'http2',
  circuitBreakers: { maxRequests: 2, high: { maxRequests: 1 } },
});
const few = await serve('few', { circuitBreakers: { maxConnections: 1, high: { maxConnections: 2, maxPending: 1 } } });
const oneRetry = { on: ['gatewayError' as const], backoff: { base: '300ms', max: '300ms' } };
const retried = await serve('retried', { retries: oneRetry, circuitBreakers: { high: { maxRetries: 1 } } });
const perEndpoint = await serve('per-endpoint', { circuitBreakers: { maxConnectionsPerEndpoint: 2 } });
const usual = await serve('usual');
const idle = await serve('idle', { connections: { idleTimeout: '200ms' } });
const aged = await serve('aged', { connections: { maxDuration: '200ms' } });
const counted = await serve('counted', { connections: { maxRequests: 1 } });
const narrow = await behindSidecar('narrow', '127.0.0.2', { minConcurrency: 2 });
const bounded = await behindSidecar('bounded', '127.0.0.3', { minConcurrency: 3, maxConcurrency: 4 });
const adapting = await behindSidecar('adapting', '127.0.0.4', {});
const open = await behindSidecar('open', '127.0.0.5');
const checked = await behindSidecar(
  'checked',
  '127.0.0.6',
  { minConcurrency: 2 },
  { outlierDetection: 'off', healthCheck: { http: { path: '/health' }, interval: '100ms' } },
);
const unavailable = await behindSidecar('unavailable', '127.0.0.7', { minConcurrency: 2 });
const busy = await behindSidecar('busy', '127.0.0.8', { minConcurrency: 2, status: 429 });
for (const service of ['checked', 'unavailable', 'busy'])
  rules.push({ match: { path: `/${service}` }, to: [{ service }] });
const sidecars = [narrow, bounded, adapting, open, checked, unavailable, busy].map(({ name }) => name);

const [edge] = await world.start(
  {
    services,
    gateways: { public: { listeners: [{ port, address: '127.0.0.1', protocol: 'http' }] } },
    routes: { shop: { gateways: ['public'], rules } },
    fleets: {
      edge: { match: { cluster: 'edge' }, gateways: ['public'] },
      ...Object.fromEntries(sidecars.map(name => [name, { match: { cluster: name }, sidecar: { service: name } }])),
    },
  },
  [{ id: 'edge-1', cluster: 'edge' }, ...sidecars.map(name => ({ id: `${name}-1`, cluster: name }))],
);

/** Requests that are held by the backend, and those that are answered meanwhile; all answers in the end. */
async function held(backend: Backend, call: (index: number) => Promise<Answer>, count: number, active: number) {
  const gate = Promise.withResolvers<void>();
  backend.behave({ after: gate.promise });
  const early: Answer[] = [];
  const all = Array.from({ length: count }, async (_, index) => {
    const answer = await call(index);
    early.push(answer);
    return answer;
  });
  await until('all are held or answered', () => backend.active === active && early.length >= count - active);
  const refused = [...early];
  gate.resolve();
  return { refused, all: await Promise.all(all) };
}

describe('admission control', () => {
  /** Requests while the service fails. @returns how many Envoy answered itself */
  async function turnedAway(backend: Backend): Promise<number> {
    backend.behave({ status: 503 });
    const counts = await askMany(150, () => ask(port, `/${backend.name}`), { parallel: 4 });
    return counts.get('503') ?? 0;
  }

  it('turns requests away while too many fail, and lets them in when they succeed again', async () => {
    covers('services.*.admissionControl', 'services.*.admissionControl.window');
    assert.equal(await turnedAway(unguarded), 0);
    assert.ok((await turnedAway(guarded)) > 20);
    assert.ok(((await edge?.stat('cluster.guarded.admission_control.rq_rejected')) ?? 0) > 20);
    guarded.behave({});
    const good = async () => (await askMany(20, () => ask(port, '/guarded'))).get('guarded') === 20;
    await until('failures of more than two seconds ago are forgotten', good);
  });

  it('begins where the policy says', async () => {
    covers('services.*.admissionControl.successRate');
    let turn = 0;
    const half = () => {
      turn += 1;
      return { status: turn % 2 === 0 ? 503 : 200 };
    };
    for (const backend of [tolerant, guarded]) backend.behave(half);
    const refusals = async (name: string) =>
      (await askMany(150, () => ask(port, `/${name}`), { parallel: 4 })).get('503') ?? 0;
    assert.equal(await refusals('tolerant'), 0);
    assert.ok((await refusals('guarded')) > 5);
  });

  it('leaves few requests alone, and always lets some in', async () => {
    covers('services.*.admissionControl.minimumRate', 'services.*.admissionControl.maxRejected');
    assert.equal(await turnedAway(patient), 0);
    assert.equal(await turnedAway(never), 0);
  });
});

describe('adaptive concurrency of a sidecar', () => {
  const isRefusal = ({ status, text }: Answer) => status === 503 && text === 'reached concurrency limit';

  it('lets in a few requests while it measures', async () => {
    covers('services.*.adaptiveConcurrency.minConcurrency');
    const { refused } = await held(narrow.backend, narrow.call, 8, 2);
    assert.equal(refused.filter(isRefusal).length, 6);
    assert.equal((await held(open.backend, open.call, 8, 8)).refused.length, 0);
  });

  it('turns no health check away', async () => {
    const checks = async (what: string) => (await edge?.stat(`cluster.checked.health_check.${what}`)) ?? 0;
    await until('its endpoint is known to be healthy', async () => (await checks('success')) > 1);
    const failed = await checks('failure');
    const gate = Promise.withResolvers<void>();
    checked.backend.behave({ after: gate.promise });
    const all = Array.from({ length: 2 }, () => ask(port, '/checked'));
    await until('it has all that it may have', () => checked.backend.active === 2);
    assert.ok(isRefusal(await checked.call()));
    const before = await checks('attempt');
    await until('it was checked meanwhile', async () => (await checks('attempt')) > before + 3);
    gate.resolve();
    assert.equal(await checks('failure'), failed);
    await Promise.all(all);
  });

  it('is taken for a failure by callers, or not', async () => {
    covers('services.*.adaptiveConcurrency.status');
    const ejections = (name: string) => edge?.stat(`cluster.${name}.outlier_detection.ejections_enforced_total`);
    for (const { backend, name } of [busy, unavailable]) {
      const gate = Promise.withResolvers<void>();
      backend.behave({ after: gate.promise });
      const all = Array.from({ length: 2 }, () => ask(port, `/${name}`));
      await until('it has all that it may have', () => backend.active === 2);
      const refused = await askMany(10, () => ask(port, `/${name}`));
      assert.deepEqual([...refused.keys()], [name === 'busy' ? '429' : '503']);
      gate.resolve();
      await Promise.all(all);
    }
    await until('one is ejected', async () => (await ejections('unavailable')) === 1);
    assert.equal(await ejections('busy'), 0);
  });

  it('never lets in more than the policy says', async () => {
    covers('services.*.adaptiveConcurrency.maxConcurrency');
    await askMany(120, bounded.call, { parallel: 2 });
    const gate = Promise.withResolvers<void>();
    bounded.backend.behave({ after: gate.promise });
    const answers: Answer[] = [];
    const all = Array.from({ length: 12 }, async () => answers.push(await bounded.call()));
    await until('all are held or answered', () => bounded.backend.active + answers.length === 12);
    assert.ok(bounded.backend.active <= 4);
    assert.ok(answers.length >= 8 && answers.every(isRefusal));
    gate.resolve();
    await Promise.all(all);
  });

  it('turns away what an application is too slow for', async () => {
    covers('services.*.adaptiveConcurrency');
    /** Forty callers of an application that takes the longer the more it has to do. */
    const flood = async ({ backend, call }: typeof open) => {
      let most = 0;
      backend.behave(() => {
        most = Math.max(most, backend.active);
        return { delay: 5 * (backend.active + 1) };
      });
      let refusals = 0;
      await askMany(
        600,
        async () => {
          const answer = await call();
          if (isRefusal(answer)) refusals += 1;
          return answer;
        },
        { parallel: 40 },
      );
      return { most, refusals };
    };
    const without = await flood(open);
    assert.equal(without.refusals, 0);
    const adapted = await flood(adapting);
    assert.ok(adapted.refusals > 0);
    assert.ok(adapted.most < without.most, `${adapted.most} of ${without.most} at once`);
  });
});

describe('a stream', () => {
  it('ends when it has lasted as long as its rule allows', async () => {
    covers('routes.*.rules[].maxStreamDuration');
    lasting.behave({ hang: true });
    assert.equal((await ask(port, '/lasting')).status, 504);
    await assert.rejects(ask(port, '/lasting-high', { patience: 900 }), /no answer/);
  });
});

describe('circuit breakers', () => {
  it('count requests of high priority apart', async () => {
    covers(
      'routes.*.rules[].priority',
      'services.*.circuitBreakers.high',
      'services.*.circuitBreakers.high.maxRequests',
    );
    // Two by two: with both priorities exhausted, three are held and three are refused.
    const { refused } = await held(streams, index => ask(port, index % 2 === 0 ? '/streams' : '/streams-high'), 6, 3);
    assert.deepEqual(
      refused.map(({ status }) => status),
      [503, 503, 503],
    );
  });

  it('bound connections, and what waits for one, by priority', async () => {
    covers('services.*.circuitBreakers.high.maxConnections', 'services.*.circuitBreakers.high.maxPending');
    const gate = Promise.withResolvers<void>();
    few.behave({ after: gate.promise });
    const answers: Answer[] = [];
    const send = (count: number) =>
      Array.from({ length: count }, async () => answers.push(await ask(port, '/few-high')));
    // One after the other: a request waits until its connection is open.
    const all = send(1);
    await until('one has a connection', () => few.active === 1);
    all.push(...send(1));
    await until('two have', () => few.active === 2);
    all.push(...send(4));
    await until('one waits, and three are refused', () => answers.length === 3);
    assert.equal(few.active, 2);
    assert.ok(answers.every(({ status }) => status === 503));
    gate.resolve();
    await Promise.all(all);
  });

  it('bound retries by priority', async () => {
    covers('services.*.circuitBreakers.high.maxRetries');
    for (const [name, again] of [
      ['retried-high', 1],
      ['retried', 8],
    ] as const) {
      const gate = Promise.withResolvers<void>();
      retried.forget();
      retried.behave({ status: 503, after: gate.promise });
      const all = Array.from({ length: 8 }, () => ask(port, `/${name}`));
      await until('all have come', () => retried.active === 8);
      gate.resolve();
      await Promise.all(all);
      assert.equal(retried.seen.length - 8, again, name);
    }
  });

  it('bound connections to each endpoint', async () => {
    covers('services.*.circuitBreakers.maxConnectionsPerEndpoint');
    const gate = Promise.withResolvers<void>();
    for (const backend of [perEndpoint, usual]) backend.behave({ after: gate.promise });
    const all = ['per-endpoint', 'usual'].map(name => Array.from({ length: 5 }, () => ask(port, `/${name}`)));
    await until('all have come that may', () => perEndpoint.active === 2 && usual.active === 5);
    assert.equal(perEndpoint.connections, 2);
    gate.resolve();
    await Promise.all(all.flat());
    usual.behave({});
  });
});

describe('a connection to an endpoint', () => {
  it('ends when it was idle, when it is old, and after enough requests', async () => {
    covers(
      'services.*.connections',
      'services.*.connections.idleTimeout',
      'services.*.connections.maxDuration',
      'services.*.connections.maxRequests',
    );
    for (const backend of [idle, aged, counted]) {
      await Promise.all([ask(port, '/usual'), ask(port, `/${backend.name}`)]);
      await until(`no connection to ${backend.name} is left`, () => backend.connections === 0);
      assert.ok(usual.connections > 0, backend.name);
    }
  });
});
