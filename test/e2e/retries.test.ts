// Runs alone: it measures the pauses between attempts.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Behaviour, Seen } from '../support/backend.ts';
import { startBlackHole } from '../support/black-hole.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { connectHttp2, grpcStatus, startGrpcBackend } from '../support/grpc.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { edgePolicy, type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

type RetriesInput = NonNullable<ServiceInput['retries']>;

const port = await world.port();
const bare = { outlierDetection: 'off', loadBalancing: { policy: 'roundRobin' } } as const;
const services: Record<string, ServiceInput> = {};
const rules: RuleInput[] = [];

/** A service at `/NAME`, and the rule that sends there. */
function serve(name: string, endpoints: readonly { readonly address: string }[], more: Partial<ServiceInput> = {}) {
  services[name] = { ...bare, endpoints: endpoints.map(({ address }) => ({ address })), ...more };
  rules.push({ match: { path: { prefix: `/${name}` } }, to: [{ service: name }] });
}

const [good, dead, moody] = await world.backends('good', 'dead', 'moody');
await dead.die();

/** Fails the first attempts of each request as its headers say: `x-fail` (a status or `reset`) and `x-times`. */
function failFirst({ headers }: Seen): Behaviour {
  const id = String(headers['x-id']);
  const times = (attempts.get(id) ?? 0) + 1;
  attempts.set(id, times);
  if (times > Number(headers['x-times'] ?? 1)) return {};
  const fail = String(headers['x-fail'] ?? 'none');
  if (fail === 'reset') return { reset: true };
  if (fail === 'hang') return { hang: true };
  return fail === 'none' ? {} : { status: Number(fail) };
}
const attempts = new Map<string, number>();
let lastId = 0;
moody.behave(failFirst);

/** A request whose first attempts fail. */
async function failing(name: string, fail: string, times = 1) {
  lastId += 1;
  const id = String(lastId);
  const start = performance.now();
  const answer = await ask(port, `/${name}`, { headers: { 'x-id': id, 'x-fail': fail, 'x-times': String(times) } });
  return { status: answer.status, attempts: attempts.get(id) ?? 0, took: performance.now() - start };
}

const moodyService = (name: string, retries: RetriesInput, more: Partial<ServiceInput> = {}) =>
  serve(name, [moody], { retries: { backoff: { base: '5ms', max: '5ms' }, ...retries }, ...more });

const slow = await world.backend({ name: 'slow' });
slow.behave({ delay: 300 });
serve('busy', [slow, dead], { loadBalancing: { policy: 'leastRequest' } });

const h2 = await world.backend({ name: 'h2', protocol: 'http2' });
h2.behave(failFirst);
const grpc = world.use(await startGrpcBackend('grpc'));
const hole = world.use(await startBlackHole());

serve('plain', [good, dead]);
serve('none', [good, dead], { retries: { attempts: 0 } });
moodyService('thrice', { attempts: 3, on: ['gatewayError'] });
moodyService('thrice-more', { attempts: 4, on: ['gatewayError'] });
moodyService('gateway', { on: ['gatewayError'] });
moodyService('server', { on: ['serverError'] });
moodyService('reset', { on: ['reset'] });
moodyService('conflict', { on: ['retriable4xx'] });
moodyService('teapot', { on: ['connectFailure'], statuses: [418] });
serve('by-connect', [good, dead], { retries: { on: ['connectFailure'] } });
serve('before-request', [good, dead], { retries: { on: ['resetBeforeRequest'] } });
serve('by-status-only', [good, dead], { retries: { on: ['retriable4xx'] } });
serve('refused', [h2], { protocol: 'http2', retries: { on: ['refusedStream'] } });
serve('unrefused', [h2], { protocol: 'http2', retries: { on: ['connectFailure'] } });

const random = { loadBalancing: { policy: 'random' } } as const;
serve('other-host', [good, moody], { ...random, retries: { on: ['gatewayError'] } });
serve('any-host', [good, moody], { ...random, retries: { on: ['gatewayError'], otherHost: false } });
moodyService('per-try', { on: ['gatewayError'], perTryTimeout: '150ms' });
moodyService('whole', { on: ['gatewayError'], attempts: 5, perTryTimeout: '150ms' }, { timeout: '400ms' });
moodyService('slow-retries', { attempts: 4, on: ['gatewayError'], backoff: { base: '200ms', max: '200ms' } });
moodyService('growing-retries', { attempts: 4, on: ['gatewayError'], backoff: { base: '60ms', max: '5s' } });
moodyService('ruled', { attempts: 0 });
const ruled = rules.pop();
if (ruled) rules.push({ ...ruled, retries: { attempts: 2, on: ['gatewayError'] } });
serve('far', [{ address: hole.address }, good], { connectTimeout: '100ms' });
serve('farther', [{ address: hole.address }, good], { connectTimeout: '1s' });

const grpcCodes = {
  grpcUnavailable: grpcStatus.unavailable,
  grpcCancelled: grpcStatus.cancelled,
  grpcDeadlineExceeded: grpcStatus.deadlineExceeded,
  grpcResourceExhausted: grpcStatus.resourceExhausted,
  grpcInternal: grpcStatus.internal,
} as const;
for (const on of Object.keys(grpcCodes) as (keyof typeof grpcCodes)[]) {
  serve(on.toLowerCase(), [grpc], {
    protocol: 'grpc',
    retries: { attempts: 2, on: [on], backoff: { base: '5ms', max: '5ms' } },
  });
}

const [edge] = await world.start(edgePolicy(port, { services, rules }), [{ id: 'edge-1', cluster: 'edge' }]);

const pick = ({ status, attempts: count }: { readonly status: number; readonly attempts: number }) => ({
  status,
  attempts: count,
});

describe('what is tried again', () => {
  it('is, by default, once, only what surely had no effect', async () => {
    covers('services.*.retries');
    assertValues(await askMany(40, () => ask(port, '/plain')), ['good']);
    // Without retries, every other request meets the dead endpoint.
    assertValues(await askMany(40, () => ask(port, '/none')), ['good', '503']);
  });

  it('is tried as often as allowed', async () => {
    covers('services.*.retries.attempts');
    assert.deepEqual(pick(await failing('thrice', '503', 3)), { status: 200, attempts: 4 });
    assert.deepEqual(pick(await failing('thrice', '503', 9)), { status: 503, attempts: 4 });
  });

  it('is what the rule says, where it says something', async () => {
    covers('routes.*.rules[].retries', 'routes.*.rules[].retries.attempts', 'routes.*.rules[].retries.on');
    assert.deepEqual(pick(await failing('ruled', '503', 2)), { status: 200, attempts: 3 });
  });

  it('is a connection that fails, or a stream that is refused', async () => {
    covers('services.*.retries.on');
    assertValues(await askMany(40, () => ask(port, '/by-connect')), ['good']);
    assertValues(await askMany(40, () => ask(port, '/before-request')), ['good']);
    assertValues(await askMany(40, () => ask(port, '/by-status-only')), ['good', '503']);
    h2.behave(seen => (failFirst(seen).reset ? { refuse: true } : {}));
    assert.deepEqual(pick(await failing('refused', 'reset')), { status: 200, attempts: 2 });
    assert.deepEqual(pick(await failing('unrefused', 'reset')), { status: 503, attempts: 1 });
  });

  it('is a connection that breaks during the request', async () => {
    assert.deepEqual(pick(await failing('reset', 'reset')), { status: 200, attempts: 2 });
    assert.deepEqual(pick(await failing('gateway', 'reset')), { status: 200, attempts: 2 });
    assert.deepEqual(pick(await failing('teapot', 'reset')), { status: 503, attempts: 1 });
  });

  it('is an answer by its status', async () => {
    covers('services.*.retries.statuses');
    const cases = [
      ['gateway', '502', true],
      ['gateway', '503', true],
      ['gateway', '504', true],
      ['gateway', '500', false],
      ['server', '500', true],
      ['server', '409', false],
      ['conflict', '409', true],
      ['conflict', '404', false],
      ['teapot', '418', true],
      ['teapot', '503', false],
    ] as const;
    for (const [name, status, again] of cases) {
      const expected = again ? { status: 200, attempts: 2 } : { status: Number(status), attempts: 1 };
      assert.deepEqual(pick(await failing(name, status)), expected, `${name} ${status}`);
    }
  });

  it('is a gRPC call by its status', async () => {
    using client = connectHttp2(port);
    for (const [on, code] of Object.entries(grpcCodes)) {
      for (const [other, status] of Object.entries(grpcCodes)) {
        grpc.fail(status);
        const before = grpc.calls;
        const answer = await client.call(`/${on.toLowerCase()}/Get`);
        assert.equal(answer.grpcStatus, status);
        assert.equal(grpc.calls - before, status === code ? 3 : 1, `${on} after ${other}`);
      }
    }
    grpc.fail(grpcStatus.ok);
  });
});

describe('where and when it is tried again', () => {
  it('is at an endpoint that was not tried, unless told otherwise', async () => {
    covers('services.*.retries.otherHost');
    moody.behave({ status: 503 });
    const counts = (name: string) => askMany(400, () => ask(port, `/${name}`), { key: each => String(each.status) });
    assertValues(await counts('other-host'), ['200']);
    assertShare(await counts('any-host'), '503', 1 / 4);
    moody.behave(failFirst);
  });

  it('is at another endpoint also where balancing prefers the dead one, since it has nothing to do', async () => {
    const answers = Array.from({ length: 60 }, async () => (await ask(port, '/busy')).status);
    assert.deepEqual([...new Set(await Promise.all(answers))], [200]);
  });

  it('is after a pause that grows no longer than allowed', async () => {
    covers('services.*.retries.backoff', 'services.*.retries.backoff.base', 'services.*.retries.backoff.max');
    const pauses = async (name: string) => {
      const all = Array.from({ length: 12 }, async () => {
        const { took, ...rest } = await failing(name, '503', 9);
        assert.deepEqual(rest, { status: 503, attempts: 5 });
        return took;
      });
      return (await Promise.all(all)).sort((x, y) => x - y);
    };
    /** What a busy machine adds to the pauses, it does not add to all of five times. */
    const within = async (name: string, least: number, most: number) => {
      const seen: string[] = [];
      for (let time = 0; time < 5; time++) {
        const longest = (await pauses(name)).at(-1) ?? 0;
        seen.push(longest.toFixed(0));
        assert.ok(longest > least, `${name}: ${seen}`);
        if (longest < most) return;
      }
      assert.fail(`${name}: ${seen} ms, not below ${most}`);
    };
    await within('thrice-more', 0, 300);
    // Four pauses of 0 to 200 ms: all twelve requests below 250 ms would be a chance of 10^-9. Growing, they would be
    // up to 200, 400, 800 and 1600 ms, and all below a second a chance of 10^-8.
    await within('slow-retries', 250, 1000);
    // Up to 60, 120, 240 and 480 ms. Not growing, four of them are at most 240 ms.
    await within('growing-retries', 340, Number.POSITIVE_INFINITY);
  });

  it('is after the time for one attempt, within the time for all', async () => {
    covers('services.*.retries.perTryTimeout', 'services.*.timeout');
    const one = await failing('per-try', 'hang');
    assert.deepEqual(pick(one), { status: 200, attempts: 2 });
    assert.ok(one.took >= 140, `${one.took}`);
    const all = await failing('whole', 'hang', 9);
    assert.equal(all.status, 504);
    assert.ok(all.attempts >= 2 && all.attempts <= 3, `${all.attempts} attempts`);
    assert.ok(all.took >= 390 && all.took < 5000, `${all.took}`);
  });

  it('is after the time that a connection may take to open', async () => {
    covers('services.*.connectTimeout');
    for (const [name, least] of [
      ['far', 100],
      ['farther', 1000],
    ] as const) {
      const longest = await Promise.all(
        [1, 2].map(async () => {
          const start = performance.now();
          assert.equal((await ask(port, `/${name}`)).by, 'good');
          return performance.now() - start;
        }),
      );
      const took = Math.max(...longest);
      assert.ok(took >= least - 10 && took < least + 2000, `${name}: ${took}`);
    }
    assert.ok(((await edge?.stat('cluster.far.upstream_cx_connect_timeout')) ?? 0) >= 1);
  });
});
