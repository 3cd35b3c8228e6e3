// Runs alone: its attempts have fractions of a second.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Backend, Behaviour, Seen } from '../support/backend.ts';
import { type Ask, ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { until } from '../support/until.ts';
import { edgePolicy, type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

type RetriesInput = NonNullable<ServiceInput['retries']>;

const port = await world.port();
const services: Record<string, ServiceInput> = {};
const rules: RuleInput[] = [];

function serve(name: string, backends: readonly Backend[], more: Partial<ServiceInput> = {}): void {
  services[name] = { outlierDetection: 'off', endpoints: backends.map(({ address }) => ({ address })), ...more };
  rules.push({ name, match: { path: { prefix: `/${name}` } }, to: [{ service: name }] });
}

const [moody, one, two] = await world.backends('moody', 'one', 'two');

/** Fails the first attempt of each request as `x-fail` says; `x-times`: more than the first. */
function failFirst({ headers }: Seen): Behaviour {
  const id = String(headers['x-id']);
  const times = (attempts.get(id) ?? 0) + 1;
  attempts.set(id, times);
  const fail = String(headers['x-fail'] ?? '');
  const after = headers['retry-with'];
  const asked = { ...(typeof after === 'string' ? { 'retry-after': after } : {}), ...again(headers['x-again']) };
  if (fail === '' || times > Number(headers['x-times'] ?? 1)) return {};
  if (fail === 'reset') return { reset: true };
  if (fail === 'slow') return times === 1 ? { delay: 600, body: 'slow' } : { hang: true };
  return { status: Number(fail), headers: asked };
}
const again = (value: unknown) => (typeof value === 'string' ? { 'x-try-again': value } : {});
const attempts = new Map<string, number>();
let lastId = 0;
moody.behave(failFirst);

/** A request whose first attempt fails. @returns status and attempts, as text, and the milliseconds it took */
async function failing(name: string, method: string, headers: NonNullable<Ask['headers']>) {
  lastId += 1;
  const id = String(lastId);
  const start = performance.now();
  const answer = await ask(port, `/${name}`, { method, headers: { 'x-id': id, ...headers } });
  const tries = attempts.get(id) ?? 0;
  return { text: `${answer.status} ${tries}`, body: answer.text, took: performance.now() - start };
}

const quick = { backoff: { base: '5ms', max: '5ms' } };
const moodily = (name: string, retries: RetriesInput) => serve(name, [moody], { retries: { ...quick, ...retries } });

serve('usual', [moody]);
serve('never', [moody], { retries: { attempts: 0 } });
moodily('refusals', { on: ['connectFailure'] });
moodily('gateway', { on: ['connectFailure', 'gatewayError'], statuses: [418] });
moodily('twice', { on: ['gatewayError'], statuses: [418], methods: 'all' });
moodily('resets', { on: ['reset'], methods: 'all' });
moodily('asked', { on: ['connectFailure'], headers: { 'x-try-again': { exact: 'yes' } } });
moodily('obedient', { on: ['gatewayError'], backoff: { base: '5ms', max: '5ms', retryAfter: '5s' } });
moodily('deaf', { on: ['gatewayError'] });
moodily('timed', { perTryTimeout: '150ms' });
moodily('hedged', { perTryTimeout: '150ms', hedge: true });
moodily('flowing', { perTryIdleTimeout: '150ms' });
serve('crashing', [one, two], { loadBalancing: { policy: 'roundRobin' } });

await world.start(edgePolicy(port, { services, rules }), [{ id: 'edge-1', cluster: 'edge' }]);

const once = { 'x-fail': 'reset' };

describe('a request whose connection breaks', () => {
  it('is tried again if it may be done twice', async () => {
    covers('services.*.retries.methods');
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
      assert.equal((await failing('usual', method, once)).text, '200 2', method);
    }
    for (const method of ['POST', 'PATCH']) assert.equal((await failing('usual', method, once)).text, '503 1', method);
    assert.equal((await failing('resets', 'POST', once)).text, '200 2');
  });

  it('is not tried again where the policy does not say so, though others of the host are', async () => {
    assert.equal((await failing('never', 'GET', once)).text, '503 1');
    assert.equal((await failing('refusals', 'GET', once)).text, '503 1');
  });

  it('is not tried again because a caller asks for it', async () => {
    const orders = { 'x-envoy-retry-on': 'reset,5xx', 'x-envoy-max-retries': '5' };
    assert.equal((await failing('usual', 'POST', { ...once, ...orders })).text, '503 1');
    assert.equal((await failing('usual', 'GET', { 'x-fail': '503', ...orders })).text, '503 1');
    moody.forget();
    await ask(port, '/usual');
    assert.equal(moody.seen[0]?.headers['x-envoy-retry-on'], undefined);
  });

  it('costs no caller anything when its process dies, unless it is a POST', async () => {
    covers('services.*.retries.on');
    const gate = Promise.withResolvers<void>();
    for (const backend of [one, two]) backend.behave({ after: gate.promise });
    const ask20 = (method: string) => Array.from({ length: 20 }, () => ask(port, '/crashing', { method }));
    const gets = ask20('GET');
    const posts = ask20('POST');
    await until('they have all of them', () => one.active + two.active === 40);
    await one.die();
    gate.resolve();
    const statuses = async (all: readonly Promise<{ status: number }>[]) =>
      (await Promise.all(all)).filter(({ status }) => status !== 200).length;
    assert.equal(await statuses(gets), 0);
    assert.ok((await statuses(posts)) > 0);
    assert.equal(await statuses(ask20('POST')), 0, 'a refused connection had no effect');
    await one.revive();
  });
});

describe('an answer that says that it failed', () => {
  it('is tried again if the request may be done twice', async () => {
    covers('services.*.retries.statuses');
    for (const status of ['503', '418']) {
      const fail = { 'x-fail': status };
      assert.equal((await failing('gateway', 'GET', fail)).text, '200 2');
      assert.equal((await failing('gateway', 'POST', fail)).text, `${status} 1`);
      assert.equal((await failing('twice', 'POST', fail)).text, '200 2');
    }
  });

  it('is tried again where the application asks for it, whatever the method', async () => {
    covers('services.*.retries.headers');
    const fail = { 'x-fail': '500' };
    assert.equal((await failing('asked', 'POST', { ...fail, 'x-again': 'yes' })).text, '200 2');
    assert.equal((await failing('asked', 'POST', { ...fail, 'x-again': 'no' })).text, '500 1');
    assert.equal((await failing('usual', 'POST', { ...fail, 'x-again': 'yes' })).text, '500 1');
  });

  it('is tried again when the application says, if that is soon', async () => {
    covers('services.*.retries.backoff.retryAfter');
    const fail = { 'x-fail': '503', 'retry-with': '2' };
    const obedient = await failing('obedient', 'GET', fail);
    assert.equal(obedient.text, '200 2');
    assert.ok(obedient.took >= 1990, `${obedient.took}`);
    const late = await failing('obedient', 'GET', { ...fail, 'retry-with': '60' });
    assert.equal(late.text, '200 2');
    const deaf = await failing('deaf', 'GET', fail);
    assert.equal(deaf.text, '200 2');
    for (const { took } of [late, deaf]) assert.ok(took < 1900, `${took}`);
  });
});

describe('an attempt that takes long', () => {
  const slow = { 'x-fail': 'slow' };

  it('is ended for another one, if the request may be done twice', async () => {
    covers('services.*.retries.perTryTimeout');
    const get = await failing('timed', 'GET', slow);
    assert.deepEqual([get.text, get.body === 'slow'], ['200 2', false]);
    // With only one attempt, it has the time of the whole.
    const post = await failing('timed', 'POST', slow);
    assert.deepEqual([post.text, post.body], ['200 1', 'slow']);
    assert.equal((await failing('timed', 'GET', { ...slow, 'x-times': '2' })).text, '504 2');
  });

  it('goes on beside another one where it is hedged', async () => {
    covers('services.*.retries.hedge');
    assert.equal((await failing('hedged', 'GET', slow)).text, '200 2');
    // The second one hangs, and the first was not ended for it.
    const both = await failing('hedged', 'GET', { ...slow, 'x-times': '2' });
    assert.deepEqual([both.text, both.body], ['200 2', 'slow']);
    assert.equal((await failing('hedged', 'POST', slow)).text, '200 1');
  });

  it('is ended when it is silent', async () => {
    covers('services.*.retries.perTryIdleTimeout');
    assert.equal((await failing('flowing', 'GET', slow)).text, '200 2');
    assert.equal((await failing('flowing', 'POST', slow)).text, '200 1');
    assert.equal((await failing('usual', 'GET', slow)).text, '200 1');
  });
});
