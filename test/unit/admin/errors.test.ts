import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreError } from '../../../src/store/store.ts';
import { AdminWorld, shift } from './admin-world.ts';

const weights = '/api/v1/routes/shop/rules/everyone/weights';
const endpoint = '/api/v1/services/catalog/endpoints/10.0.0.1%3A8080';
const good = { 'catalog@v1': 90, 'catalog@v2': 10 };

/** What every error looks like. */
function assertProblem(answer: Awaited<ReturnType<AdminWorld['call']>>, status: number, detail: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.type, 'application/problem+json');
  assert.equal(answer.json.status, status);
  assert.match(answer.json.type, /^urn:switchyard:error:[a-z-]+$/);
  assert.ok(answer.json.title.length > 0);
  assert.match(answer.json.detail, detail);
}

describe('errors of the admin API', () => {
  it('404: nothing there, whatever the tricks', async () => {
    const world = new AdminWorld();
    for (const url of ['/', '/api', '/api/v1', '/api/v1/', '/api/v1/Policy', '/api/v1/policy/', '/api/v2/policy']) {
      assertProblem(await world.call('GET', url), 404, /There is nothing at GET/);
    }
    for (const url of ['/%2e%2e/%2e%2e/etc/passwd', '/..%2F..%2Fetc%2Fpasswd', '/api/v1/fleets/..%2f..%2f/snapshot']) {
      assert.equal((await world.call('GET', url)).status, 404, url);
    }
    assertProblem(await world.call('POST', '/api/v1/policy', { body: {} }), 404, /POST \/api\/v1\/policy/);
  });

  it('400: text that is not JSON', async () => {
    assertProblem(await new AdminWorld().call('PUT', weights, { body: '{"catalog@v1": 9' }), 400, /not JSON/);
    assertProblem(await new AdminWorld().call('PUT', weights, { body: '' }), 400, /not JSON/);
  });

  it('400: queries that mean nothing', async () => {
    const world = new AdminWorld();
    for (const query of [
      'wait=forever',
      'wait=',
      'wait=acked&timeout=soon',
      'wait=acked&timeout=61s',
      'wait=acked&timeout=-1s',
    ]) {
      assertProblem(await world.call('PUT', `${weights}?${query}`, { body: good }), 400, /wait=|timeout=/);
    }
    assertProblem(await world.call('PATCH', `${endpoint}?force=maybe`, { body: { weight: 2 } }), 400, /force="maybe"/);
    assert.deepEqual(world.control.asked, [], 'nothing is written before the whole request is understood');
  });

  it('415: bodies that are not said to be JSON, as a form of a web page would send them', async () => {
    const world = new AdminWorld();
    for (const type of [
      '',
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json-patch+json',
      'application/jsonx',
    ]) {
      const answer = await world.call('PUT', weights, { body: good, headers: { 'content-type': type } });
      assertProblem(answer, 415, /application\/json/);
    }
    world.accept();
    world.control.answer = world.done(undefined);
    for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/merge-patch+json']) {
      const answer = await world.call('PUT', weights, { body: good, headers: { 'content-type': type } });
      assert.equal(answer.status, 200, type);
    }
  });

  it('413: bodies beyond 1 MiB, declared or not', async () => {
    const world = new AdminWorld();
    const large = `{"catalog@v1": ${' '.repeat(1024 * 1024)} 1}`;
    assertProblem(await world.call('PUT', weights, { body: large }), 413, /1 MiB/);
    const declared = { 'content-length': String(10 ** 9) };
    assertProblem(await world.call('PUT', weights, { body: good, headers: declared }), 413, /1 MiB/);
    assert.deepEqual(world.control.asked, []);
  });

  it('422: bodies of the wrong shape, with the place', async () => {
    const world = new AdminWorld();
    for (const body of [
      [],
      7,
      null,
      '"x"',
      { 'catalog@v1': '90' },
      { 'catalog@v1': -1 },
      { 'catalog@v1': 1.5 },
      { a: 1e7 },
    ]) {
      assertProblem(await world.call('PUT', weights, { body: body ?? 'null' }), 422, /body|catalog@v1|a:/);
    }
    for (const [body, detail] of [
      [{}, /needs weight or state/],
      [{ weight: 0 }, /weight:/],
      [{ weight: 1001 }, /weight:/],
      [{ state: 'gone' }, /state:/],
      [{ state: 'draining', expiresIn: 'soon' }, /expiresIn: .*soon/],
      [{ state: 'draining', expiresIn: '1ms' }, /expiresIn:/],
      [{ state: 'draining', sessionsFor: '1ms' }, /sessionsFor:/],
      [{ weight: 1, other: 2 }, /other/],
    ] as const) {
      assertProblem(await world.call('PATCH', endpoint, { body }), 422, detail);
    }
    assert.deepEqual(world.control.asked, []);
  });

  it('404, 409 and 422: what the controller says', async () => {
    const world = new AdminWorld();
    world.control.answer = { kind: 'notFound', what: 'There is no rule "everyon".', hint: 'did you mean "everyone"?' };
    const unknown = await world.call('PUT', weights, { body: good });
    assertProblem(unknown, 404, /everyon/);
    assert.equal(unknown.json.hint, 'did you mean "everyone"?');
    world.control.answer = { kind: 'invalid', problems: ['weights sum to 0', 'catalog@v9 is no destination'] };
    assertProblem(await world.call('PUT', weights, { body: good }), 422, /weights sum to 0; catalog@v9/);
    world.control.answer = { kind: 'refused', why: 'It is the last usable endpoint of catalog.' };
    const refused = await world.call('PATCH', endpoint, { body: { state: 'draining' } });
    assertProblem(refused, 409, /last usable/);
    assert.match(refused.json.hint, /\?force=true/);
  });

  it('507 and 503: the store could not write', async () => {
    for (const [kind, status, hint] of [
      ['full', 507, /[Ff]ree space/],
      ['locked', 503, /Another process/],
      ['damaged', 503, /log/],
      ['io', 503, /log/],
    ] as const) {
      const world = new AdminWorld();
      world.control.answer = new StoreError(kind, `store says ${kind}`);
      const answer = await world.call('PUT', weights, { body: good });
      assertProblem(answer, status, new RegExp(`store says ${kind}`));
      assert.match(answer.json.hint, hint);
      assert.match(answer.json.hint, /nothing was changed/);
    }
  });

  it('500: bugs say nothing of their inside, but the log does', async () => {
    const world = new AdminWorld();
    world.control.answer = new Error('secret path /home/ada');
    const answer = await world.call('DELETE', weights);
    assertProblem(answer, 500, /fault of the server/);
    assert.doesNotMatch(answer.text, /secret/);
    assert.match(world.log.join(''), /secret path/);
    world.control.answer = { kind: 'notFound', what: shift.by };
    await world.call('DELETE', weights);
    assert.equal(world.log.length, 1, "refusals are the caller's business, not the log's");
  });
});
