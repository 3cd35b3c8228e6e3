import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdminWorld, now } from './admin-world.ts';

const ready = () => {
  const world = new AdminWorld();
  world.accept();
  world.connect(1, 'edge-1', { kind: 'assigned', key: 'edge' });
  return world;
};

describe('revisions by the API', () => {
  it('says what was in force for a proxy at a moment, and who had changed it', async () => {
    const world = ready();
    const at = new Date(now - 30_000).toISOString();
    const { json } = await world.call('GET', `/api/v1/proxies/edge-1/history?at=${at}`);
    assert.deepEqual(
      [json.fleet, json.version, json.author, json.cause, json.now],
      ['edge', 'a', 'bob', 'policy', false],
    );
    assert.deepEqual(
      [json.since, json.until],
      [now - 60_000, now - 1000].map(each => new Date(each).toISOString()),
    );
    assert.equal(json.revision.number, 7);
    const newest = await world.call('GET', '/api/v1/proxies/edge-1/history');
    assert.deepEqual([newest.json.version, newest.json.now, newest.json.revision], ['b', true, null]);
    const early = await world.call('GET', '/api/v1/proxies/edge-1/history?at=2020-01-01T00:00:00Z');
    assert.equal(early.status, 404);
    assert.match(early.json.hint, /known from 2026-03-01T11:59:00/);
    assert.equal((await world.call('GET', '/api/v1/proxies/edge-9/history')).status, 404);
    assert.equal((await world.call('GET', '/api/v1/proxies/edge-1/history?at=noon')).status, 400);
  });

  it('pages', async () => {
    const world = ready();
    const first = await world.call('GET', '/api/v1/history?limit=1');
    assert.deepEqual([first.json.publications.length, first.json.next], [1, '2']);
    const second = await world.call('GET', `/api/v1/history?limit=1&cursor=${first.json.next}`);
    assert.deepEqual([second.json.publications[0].number, second.json.next], [1, undefined]);
  });

  it('rolls back, with author and reason, and passes on what is refused', async () => {
    const world = ready();
    const headers = { 'x-switchyard-author': 'ada' };
    world.changed();
    const done = await world.call('POST', '/api/v1/revisions/7/rollback?reason=slow&allowShrink=true', { headers });
    assert.deepEqual([done.status, done.json.revision, done.json.fleets], [200, 7, ['edge']]);
    const options = { allowShrink: true, duringFreeze: false, overrides: false };
    assert.deepEqual(world.control.asked.at(-1), ['rollback', { to: 7, ...options, by: 'ada', reason: 'slow' }]);
    world.control.changeAnswer = { kind: 'notFound', what: 'There is no revision 9.', hint: 'the newest is 7' };
    assert.equal((await world.call('POST', '/api/v1/revisions/9/rollback')).status, 404);
    world.control.changeAnswer = { kind: 'refused', why: 'It is in force already.' };
    assert.equal((await world.call('POST', '/api/v1/revisions/7/rollback')).status, 409);
    world.control.changeAnswer = {
      kind: 'rejected',
      problems: [{ code: 'policy.shrinks', severity: 'error', message: 'too few', path: ['services'] }],
    };
    const rejected = await world.call('POST', '/api/v1/revisions/7/rollback');
    assert.deepEqual([rejected.status, rejected.json.problems[0].code], [409, 'policy.shrinks']);
    assert.equal((await world.call('POST', '/api/v1/revisions/seven/rollback')).status, 404);
  });

  it('shows and pins those that there are', async () => {
    const world = ready();
    assert.equal((await world.call('PUT', '/api/v1/revisions/7/pin?reason=keep')).status, 200);
    const { json } = await world.call('GET', '/api/v1/revisions/7');
    assert.deepEqual([json.pin.by, json.pin.reason, json.documents.length], ['admin API', 'keep', 1]);
    for (const [method, path] of [
      ['GET', '/api/v1/revisions/8'],
      ['GET', '/api/v1/revisions/7/diff/8'],
      ['PUT', '/api/v1/revisions/8/pin'],
      ['DELETE', '/api/v1/revisions/8/pin'],
    ] as const)
      assert.equal((await world.call(method, path)).status, 404, path);
  });

  it('refuses what is no backup, before anything changes', async () => {
    const world = ready();
    const raw = new Uint8Array(Buffer.from('a letter to the editor'));
    const answer = await world.call('PUT', '/api/v1/backup', { raw });
    assert.equal(answer.status, 422);
    assert.match(answer.json.detail, /no backup of Switchyard/);
    assert.deepEqual(world.control.asked, []);
    assert.equal((await world.call('PUT', '/api/v1/backup', { body: {} })).status, 415);
  });
});
