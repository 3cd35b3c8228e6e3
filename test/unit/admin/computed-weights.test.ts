import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdminWorld, drain, now } from './admin-world.ts';

const url = '/api/v1/services/catalog/weights';
const [first, second] = ['10.0.0.1:8080', '10.0.0.2:8080'];
const computed = {
  service: 'catalog',
  source: 'latency',
  weights: new Map([
    [first, 30],
    [second, 10],
  ]),
  since: now,
  renewed: now + 1000,
  expiresAt: now + 60_000,
};
const shown = {
  target: 'services/catalog',
  source: 'latency',
  since: '2026-03-01T12:00:00.000Z',
  renewed: '2026-03-01T12:00:01.000Z',
  expiresAt: '2026-03-01T12:01:00.000Z',
};
const body = { source: 'latency', weights: { [first]: 30 }, expiresIn: '1m' };

describe('computed weights', () => {
  it('GET shows what holds for each endpoint, and why', async () => {
    const world = new AdminWorld();
    assert.equal((await world.call('GET', url)).status, 404);
    const { state: _, ...rest } = drain;
    world.accept([{ ...rest, weight: 5 }]);
    world.control.computedWeights.set('catalog', computed);
    const { json } = await world.call('GET', url);
    assert.deepEqual(json, {
      service: 'catalog',
      computed: shown,
      endpoints: [
        { address: first, weight: 5, from: 'override', declared: 1, computed: 30, override: 5 },
        { address: second, weight: 0.5, from: 'computed', declared: 1, computed: 10 },
      ],
    });
    assert.deepEqual((await world.call('GET', '/api/v1/policy')).json.computed, [shown]);
    assert.equal((await world.call('GET', '/api/v1/services/constructor/weights')).status, 404);
  });

  it('PUT gives them to the controller and shows what came of it', async () => {
    const world = new AdminWorld();
    world.accept();
    const effect = { concerned: new Map(), changed: true };
    world.control.computedAnswer = { kind: 'done', current: computed, ignored: ['10.9.9.9:80'], effect };
    const { status, json } = await world.call('PUT', `${url}?force=true`, { body });
    assert.equal(status, 200);
    assert.deepEqual([json.changed, json.computed, json.ignored], [true, shown, ['10.9.9.9:80']]);
    const given = { service: 'catalog', source: 'latency', weights: { [first]: 30 }, ttl: 60_000, force: true };
    assert.deepEqual(world.control.asked, [['give', given]]);
  });

  it('PUT and DELETE say why they were not done', async () => {
    const world = new AdminWorld();
    world.accept();
    for (const [outcome, expected] of [
      [{ kind: 'notFound', what: 'no such service' }, 404],
      [{ kind: 'invalid', problems: ['a', 'b'] }, 422],
      [{ kind: 'refused', why: 'another source' }, 409],
    ] as const) {
      world.control.computedAnswer = outcome;
      assert.equal((await world.call('PUT', url, { body })).status, expected);
      assert.equal((await world.call('DELETE', url)).status, expected);
    }
  });

  it('PUT refuses bodies that cannot be right', async () => {
    const world = new AdminWorld();
    world.accept();
    for (const change of [
      { weights: { [first]: 0 } },
      { weights: { [first]: 1001 } },
      { weights: { [first]: 1.5 } },
      { expiresIn: '999ms' },
      { expiresIn: '25h' },
      { source: '' },
      { more: 1 },
    ]) {
      assert.equal(
        (await world.call('PUT', url, { body: { ...body, ...change } })).status,
        422,
        JSON.stringify(change),
      );
    }
    assert.deepEqual(world.control.asked, []);
  });
});
