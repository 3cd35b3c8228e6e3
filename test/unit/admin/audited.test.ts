import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdminWorld, shift, token } from './admin-world.ts';

const weights = '/api/v1/routes/shop/rules/everyone/weights';

describe('what is written down of requests', () => {
  it('is who did what, from where, why, and what became of it', async () => {
    const world = new AdminWorld();
    world.accept();
    world.control.answer = world.done({ override: shift, effect: 'active' });
    const headers = { 'x-switchyard-author': 'ada (CLI)', 'x-request-id': 'abc-1' };
    const answer = await world.call('PUT', `${weights}?reason=first%20tenth&timeout=5s`, { headers, body: {} });
    assert.equal(answer.headers.get('x-request-id'), 'abc-1');
    const [entry] = await world.audit.read(undefined, {}, 10);
    const { id, ...said } = entry ?? { id: 0 };
    assert.ok(id > 0);
    assert.deepEqual(said, {
      at: '2026-03-01T12:00:00.000Z',
      who: 'admin',
      role: 'admin',
      claims: 'ada (CLI)',
      from: 'nowhere',
      what: `PUT ${weights}?timeout=5s`,
      result: 'done',
      status: 200,
      reason: 'first tenth',
      revision: 7,
      request: 'abc-1',
    });
  });

  it('is every write and every refusal, and no reading', async () => {
    const world = new AdminWorld();
    world.accept();
    const outcome = world.tokens.create({ name: 'viewer', role: 'viewer', createdBy: 'admin' });
    const viewer = { authorization: `Bearer ${outcome.kind === 'created' ? outcome.token : ''}` };
    await world.call('GET', '/api/v1/policy');
    await world.call('GET', '/api/v1/nothing');
    await world.call('PUT', weights, { body: {} });
    await world.call('PUT', weights, { body: 'no JSON' });
    await world.call('PUT', weights, { headers: viewer, body: {} });
    await world.call('GET', '/api/v1/policy', { headers: { authorization: 'Bearer wrong' } });
    await world.call('GET', '/api/v1/policy', { headers: { host: 'evil.example' } });
    world.control.answer = new Error('a fault');
    await world.call('PUT', weights, { body: {} });
    const entries = await world.audit.read(undefined, {}, 100);
    assert.deepEqual(
      entries.toReversed().map(({ result, status, who }) => [result, status, who]),
      [
        ['refused', 404, 'admin'],
        ['refused', 400, 'admin'],
        ['refused', 403, 'viewer'],
        ['unauthenticated', 401, ''],
        ['unauthenticated', 403, ''],
        ['failed', 500, 'admin'],
      ],
    );
  });

  it('holds neither tokens nor what a query may hide', async () => {
    const world = new AdminWorld();
    await world.call('DELETE', `/api/v1/nothing?access_token=${token}&force=true`, {
      headers: { authorization: 'Bearer wrong' },
    });
    await world.call('DELETE', `/api/v1/nothing?access_token=${token}&force=true`);
    const entries = await world.audit.read(undefined, {}, 10);
    assert.equal(entries.length, 2);
    assert.equal(entries[0]?.what, 'DELETE /api/v1/nothing?access_token&force=true');
    assert.ok(!JSON.stringify(entries).includes(token));
  });

  it('keeps entries of others when somebody is refused without end', async () => {
    const world = new AdminWorld();
    world.accept();
    for (let turn = 0; turn < 500; turn++) await world.call('PUT', weights, { body: {} });
    world.control.answer = world.done({ override: shift, effect: 'active' });
    await world.call('PUT', weights, { body: {} });
    const entries = await world.audit.read(undefined, {}, 1000);
    assert.ok(entries.length < 100, `${entries.length}`);
    assert.equal(entries[0]?.result, 'done');
    const untold = entries.reduce((sum, each) => sum + (each.untold ?? 0), 0);
    assert.equal(untold + entries.length, 501, 'the others are counted');
  });
});
