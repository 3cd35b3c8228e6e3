// Runs alone: its requests have fractions of a second.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Backend } from '../support/backend.ts';
import { type Answer, ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { show } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { edgePolicy, type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const port = await world.port();
const services: Record<string, ServiceInput> = {};
const rules: RuleInput[] = [];

/** A service with one backend of its own, at `/NAME`. */
async function serve(name: string, more: Partial<ServiceInput> = {}, rule: Partial<RuleInput> = {}) {
  const backend = await world.backend({ name, protocol: more.protocol === 'http2' ? 'http2' : 'http' });
  services[name] = { endpoints: [{ address: backend.address }], outlierDetection: 'off', ...more };
  rules.push({ name, match: { path: `/${name}` }, to: [{ service: name }], ...rule });
  return backend;
}

const oneRetry = { attempts: 1, on: ['gatewayError'], backoff: { base: '500ms', max: '500ms' } } as const;
const retries = { ...oneRetry, on: [...oneRetry.on] };

const slow = await serve('slow', { timeout: '300ms' });
const slower = await serve('slower', { timeout: '300ms' }, { timeout: '700ms' });
const unlimited = await serve('unlimited', { timeout: '100ms' }, { timeout: '0s' });
const silent = await serve('silent', {}, { idleTimeout: '300ms' });
const connections = await serve('connections', { circuitBreakers: { maxConnections: 2, maxPending: 3 } });
const requests = await serve('requests', { protocol: 'http2', circuitBreakers: { maxRequests: 4 } });
const fewRetries = await serve('few-retries', { retries, circuitBreakers: { maxRetries: 2 } });
const smallBudget = await serve('small-budget', { retries, retryBudget: { percent: '0%', minConcurrency: 3 } });
const largeBudget = await serve('large-budget', { retries, retryBudget: { percent: '50%', minConcurrency: 0 } });

const [edge] = await world.start(edgePolicy(port, { services, rules }), [{ id: 'edge-1', cluster: 'edge' }]);

describe('timeouts', () => {
  const timed = async (name: string) => {
    const start = performance.now();
    const { status } = await ask(port, `/${name}`);
    return { status, took: performance.now() - start };
  };

  it('end a request after the time of its service', async () => {
    covers('services.*.timeout');
    slow.behave({ hang: true });
    const { status, took } = await timed('slow');
    assert.equal(status, 504);
    assert.ok(took >= 290 && took < 5000, `${took}`);
  });

  it('end a request after the time of its rule, where the rule has one', async () => {
    covers('routes.*.rules[].timeout');
    slower.behave({ hang: true });
    const { status, took } = await timed('slower');
    assert.equal(status, 504);
    assert.ok(took >= 690 && took < 5000, `${took}`);
    unlimited.behave({ delay: 600 });
    assert.equal((await timed('unlimited')).status, 200);
  });

  it('end a stream that is silent for too long', async () => {
    covers('routes.*.rules[].idleTimeout');
    silent.behave({ hang: true });
    const { status, took } = await timed('silent');
    assert.equal(status, 504);
    assert.ok(took >= 290 && took < 5000, `${took}`);
  });
});

describe('circuit breakers', () => {
  /**
   * Sends requests to a backend that holds them: first so many as it may have at once, then the rest. Gives all answers,
   * and those that came while the others were held.
   */
  async function burst(name: string, backend: Backend, { first, rest, refused: count }: Record<string, number>) {
    const gate = Promise.withResolvers<void>();
    backend.behave({ after: gate.promise });
    const answers: Answer[] = [];
    const send = (requests = 0) =>
      Array.from({ length: requests }, async () => {
        answers.push(await ask(port, `/${name}`));
      });
    const sent = send(first);
    await until(`${first} requests are held`, () => backend.active === first);
    sent.push(...send(rest));
    await until(`${count} requests are refused`, () => answers.length === count);
    const refused = [...answers];
    const active = backend.active;
    gate.resolve();
    await Promise.all(sent);
    return { refused, active, answers };
  }

  function assertOverflow(refused: readonly Answer[]): void {
    for (const { status, text } of refused) assert.match(`${status} ${text}`, /^503 .*overflow$/);
  }

  it('bound connections and what waits for one', async () => {
    covers('services.*.circuitBreakers.maxConnections', 'services.*.circuitBreakers.maxPending');
    const { refused, active, answers } = await burst('connections', connections, { first: 2, rest: 10, refused: 7 });
    assert.equal(connections.connections, 2);
    assert.equal(active, 2);
    assertOverflow(refused);
    assert.equal(answers.filter(each => each.status === 200).length, 5);
    assert.equal(await edge?.stat('cluster.connections.upstream_rq_pending_overflow'), 7);
  });

  it('bound active requests', async () => {
    covers('services.*.circuitBreakers.maxRequests');
    const { refused, active, answers } = await burst('requests', requests, { first: 4, rest: 6, refused: 6 });
    assert.equal(active, 4);
    assertOverflow(refused);
    assert.equal(answers.filter(each => each.status === 200).length, 4);
  });

  /** Requests of which every first attempt fails at the same time. @returns how many came back. */
  async function retried(name: string, backend: Backend, count: number): Promise<number> {
    const gate = Promise.withResolvers<void>();
    backend.behave({ status: 503, after: gate.promise });
    const all = askMany(count, () => ask(port, `/${name}`), { parallel: count, key: each => String(each.status) });
    await until(`${count} requests are held`, () => backend.active === count);
    gate.resolve();
    const counts = await all;
    assert.equal(counts.get('503'), count, show(counts));
    return backend.seen.length - count;
  }

  it('bound retries by a number', async () => {
    covers('services.*.circuitBreakers.maxRetries');
    assert.equal(await retried('few-retries', fewRetries, 12), 2);
    assert.equal(await edge?.stat('cluster.few-retries.upstream_rq_retry_overflow'), 10);
  });

  it('bound retries by a budget', async () => {
    covers('services.*.retryBudget.percent', 'services.*.retryBudget.minConcurrency');
    assert.equal(await retried('small-budget', smallBudget, 12), 3);
    const retriedOfLarge = await retried('large-budget', largeBudget, 12);
    // Half of what is active: the failing requests end one by one, and the retries themselves are active too.
    assert.ok(retriedOfLarge > 3 && retriedOfLarge <= 8, `${retriedOfLarge}`);
  });
});
