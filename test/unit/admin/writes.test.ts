import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdminWorld, drain, shift } from './admin-world.ts';

const weights = '/api/v1/routes/shop/rules/everyone/weights';
const endpoint = '/api/v1/services/catalog/endpoints/10.0.0.1%3A8080';
const shifted = { 'catalog@v1': 90, 'catalog@v2': 10 };
const declared = { 'catalog@v1': 95, 'catalog@v2': 5 };
const edge = { kind: 'assigned', key: 'edge' } as const;

describe('weights of a rule', () => {
  it('GET shows the declared and the effective ones', async () => {
    const world = new AdminWorld();
    world.accept();
    assert.deepEqual((await world.call('GET', weights)).json, {
      declared,
      effective: declared,
      override: null,
      sticky: false,
      hashed: false,
    });
    world.accept([shift]);
    const { json } = await world.call('GET', weights);
    assert.deepEqual([json.declared, json.effective, json.override.effect], [declared, shifted, 'active']);
    world.accept([{ ...shift, weights: { 'catalog@v1': 1, 'catalog@v3': 1 } }]);
    const suspended = (await world.call('GET', weights)).json;
    assert.deepEqual([suspended.effective, suspended.override.effect], [declared, 'suspended']);
  });

  it('GET 404 for what has no weights', async () => {
    const world = new AdminWorld();
    assert.equal((await world.call('GET', weights)).status, 404);
    world.accept();
    for (const [route, rule] of [
      ['shop', 'nobody'],
      ['shop', 'old'],
      ['bazaar', 'everyone'],
      ['constructor', 'x'],
    ]) {
      assert.equal((await world.call('GET', `/api/v1/routes/${route}/rules/${rule}/weights`)).status, 404, rule);
    }
  });

  it('PUT shifts, by whom and why', async () => {
    const world = new AdminWorld();
    world.accept();
    world.control.answer = world.done({ override: shift, effect: 'active' });
    const headers = { 'x-switchyard-author': 'ada' };
    const answer = await world.call('PUT', `${weights}?reason=first%20tenth`, { body: shifted, headers });
    assert.equal(answer.status, 200);
    assert.equal(answer.json.changed, true);
    assert.deepEqual(answer.json.fleets, ['edge']);
    assert.equal(answer.json.override.target, 'routes/shop/rules/everyone');
    assert.equal(answer.json.acknowledged, undefined, 'nobody asked to wait');
    assert.deepEqual(world.control.asked, [
      ['shift', { route: 'shop', rule: 'everyone', weights: shifted, by: 'ada', reason: 'first tenth' }, {}],
    ]);
  });

  it('DELETE ends the shift', async () => {
    const world = new AdminWorld();
    world.accept();
    world.control.answer = world.done(undefined, false);
    const answer = await world.call('DELETE', weights);
    assert.deepEqual(answer.json, { changed: false, fleets: ['edge'] });
    const key = { kind: 'shift', route: 'shop', rule: 'everyone' };
    assert.deepEqual(world.control.asked, [['endOverride', key, { by: 'admin API' }, {}]]);
  });
});

describe('weight and state of an endpoint', () => {
  it('PATCH sets them, for a time when asked', async () => {
    const world = new AdminWorld();
    world.accept();
    world.control.answer = world.done({ override: drain, effect: 'active' });
    const before = Date.now();
    const answer = await world.call('PATCH', `${endpoint}?force`, { body: { state: 'draining', expiresIn: '10m' } });
    assert.equal(answer.status, 200);
    assert.equal(answer.json.override.target, 'services/catalog/endpoints/10.0.0.1:8080');
    assert.equal(answer.json.override.state, 'draining');
    const [[call, override, options]] = world.control.asked as [[string, Record<string, unknown>, unknown]];
    const { expiresAt, ...rest } = override;
    assert.equal(call, 'overrideEndpoint');
    assert.deepEqual(rest, { service: 'catalog', address: '10.0.0.1:8080', state: 'draining', by: 'admin API' });
    const late = Number(expiresAt) - (before + 600_000);
    assert.ok(late >= 0 && late < 60_000, `expires in ten minutes and ${late} ms`);
    assert.deepEqual(options, { force: true });
  });

  it('PATCH sets the time of the sessions with an endpoint that drains', async () => {
    const world = new AdminWorld();
    world.accept();
    const now = Date.now();
    const override = { ...drain, sessionsUntil: now + 600_000 };
    world.control.answer = world.done({ override, effect: 'active' });
    const { json } = await world.call('PATCH', endpoint, { body: { state: 'draining', sessionsFor: '10m' } });
    assert.equal(json.override.sessionsUntil, new Date(override.sessionsUntil).toISOString());
    const [[, { sessionsUntil }]] = world.control.asked as [[string, Record<string, unknown>]];
    const late = Number(sessionsUntil) - (now + 600_000);
    assert.ok(late >= 0 && late < 60_000, `they end in ten minutes and ${late} ms`);
  });

  it('takes every form of address, percent-encoded', async () => {
    const world = new AdminWorld();
    for (const address of ['[::1]:8080', 'unix:/run/app.sock', 'db.internal:5432']) {
      await world.call('PATCH', `/api/v1/services/catalog/endpoints/${encodeURIComponent(address)}`, {
        body: { weight: 3 },
      });
      assert.deepEqual(world.control.asked.pop(), [
        'overrideEndpoint',
        { service: 'catalog', address, weight: 3, by: 'admin API' },
        { force: false },
      ]);
      await world.call('DELETE', `/api/v1/services/catalog/endpoints/${encodeURIComponent(address)}`);
      const key = { kind: 'endpoint', service: 'catalog', address };
      assert.deepEqual(world.control.asked.pop(), ['endOverride', key, { by: 'admin API' }, {}]);
    }
  });

  it('cuts long authors and reasons', async () => {
    const world = new AdminWorld();
    const headers = { 'x-switchyard-author': 'a'.repeat(5000) };
    await world.call('PATCH', `${endpoint}?reason=${'r'.repeat(5000)}`, { body: { weight: 3 }, headers });
    const [[, override]] = world.control.asked as [[string, { by: string; reason: string }]];
    assert.deepEqual([override.by.length, override.reason.length], [200, 200]);
  });
});

describe('the state of all endpoints of a service', () => {
  const all = '/api/v1/services/catalog/endpoints';

  it('PATCH sets it, for a time when asked, and says for which', async () => {
    const world = new AdminWorld();
    world.accept();
    const second = { ...drain, address: '10.0.0.2:8080' };
    world.control.answer = world.doneOfAll([drain.address, second.address], [drain, second]);
    const before = Date.now();
    const body = { state: 'draining', expiresIn: '10m', sessionsFor: '5m' };
    const { status, json } = await world.call('PATCH', `${all}?force&reason=move`, { body });
    assert.equal(status, 200);
    assert.deepEqual(json.endpoints, ['10.0.0.1:8080', '10.0.0.2:8080']);
    assert.deepEqual(
      json.overrides.map((each: { target: string; state: string }) => [each.target, each.state]),
      json.endpoints.map((address: string) => [`services/catalog/endpoints/${address}`, 'draining']),
    );
    const [[call, override, options]] = world.control.asked as [[string, Record<string, unknown>, unknown]];
    const { expiresAt, sessionsUntil, ...rest } = override;
    assert.equal(call, 'overrideEndpoints');
    assert.deepEqual(rest, { service: 'catalog', state: 'draining', by: 'admin API', reason: 'move' });
    assert.deepEqual(options, { force: true });
    assert.ok(Number(expiresAt) - before >= 600_000 && Number(expiresAt) - Number(sessionsUntil) === 300_000);
  });

  it('PATCH takes no weight, and not nothing', async () => {
    const world = new AdminWorld();
    for (const body of [{}, { weight: 3 }, { state: 'draining', weight: 3 }, { state: 'gone' }]) {
      assert.equal((await world.call('PATCH', all, { body })).status, 422, JSON.stringify(body));
    }
    assert.deepEqual(world.control.asked, []);
  });

  it('PATCH 409 when it is refused', async () => {
    const world = new AdminWorld();
    world.control.answer = { kind: 'refused', why: 'no usable endpoint would be left of service "catalog"' };
    const { status, json } = await world.call('PATCH', all, { body: { state: 'draining' } });
    assert.deepEqual([status, json.hint], [409, 'add ?force=true to do it all the same']);
  });

  it('DELETE ends all that overrides them, and says of which', async () => {
    const world = new AdminWorld();
    world.accept();
    world.control.answer = world.doneOfAll(['10.0.0.1:8080']);
    const { json } = await world.call('DELETE', all);
    assert.deepEqual([json.endpoints, json.overrides], [['10.0.0.1:8080'], []]);
    assert.deepEqual(world.control.asked, [['endEndpointOverrides', 'catalog', { by: 'admin API' }, {}]]);
  });
});

describe('?wait=acked', () => {
  const acknowledge = { body: shifted };

  function world(): AdminWorld {
    const made = new AdminWorld();
    made.accept();
    made.control.answer = made.done({ override: shift, effect: 'active' });
    return made;
  }

  it('200 when all that are connected hold it', async () => {
    const made = world();
    made.connect(1, 'edge-1', edge);
    made.exchange(1, 'Cluster', 'acked');
    const answer = await made.call('PUT', `${weights}?wait=acked`, acknowledge);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json.acknowledged, {
      complete: true,
      concerned: 1,
      acked: 1,
      missing: [],
      departed: [],
      quarantined: [],
      summary: '1 of 1 connected proxies have acknowledged',
    });
  });

  it('answers only then', async () => {
    const made = world();
    made.connect(1, 'edge-1', edge);
    made.exchange(1, 'Cluster', 'sent');
    let answered = false;
    const answer = made.call('PUT', `${weights}?wait=acked&timeout=60s`, acknowledge).finally(() => {
      answered = true;
    });
    while (made.control.asked.length === 0) await new Promise(setImmediate);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    assert.equal(answered, false);
    made.exchange(1, 'Cluster', 'acked');
    assert.equal((await answer).status, 200);
  });

  it('202 when the time is up, naming who has not', async () => {
    const made = world();
    for (const [stream, then] of [
      [1, 'acked'],
      [2, 'sent'],
    ] as const) {
      made.connect(stream, `edge-${stream}`, edge);
      made.exchange(stream, 'Cluster', then);
    }
    const { status, json } = await made.call('PUT', `${weights}?wait=acked&timeout=20ms`, acknowledge);
    assert.equal(status, 202);
    assert.equal(json.acknowledged.complete, false);
    assert.equal(json.acknowledged.summary, '1 of 2 connected proxies have acknowledged');
    assert.deepEqual(json.acknowledged.missing, [
      { id: 'edge-2', fleet: 'edge', why: 'it has not acknowledged Cluster' },
    ]);
    assert.equal(json.override.effect, 'active', 'the write stands');
  });

  it('202 at once when nobody is connected: 0 of 0 is no success', async () => {
    const { status, json } = await world().call('PUT', `${weights}?wait=acked&timeout=60s`, acknowledge);
    assert.equal(status, 202);
    assert.equal(json.acknowledged.complete, false);
    assert.match(json.acknowledged.summary, /^0 of 0 .*: no proxy of edge is connected$/);
  });

  it('202 at once while all is frozen, and how that ends', async () => {
    const made = world();
    made.connect(1, 'edge-1', edge);
    made.exchange(1, 'Cluster', 'sent');
    made.control.freezing.freeze({ by: 'ada' });
    const outcome = made.done({ override: shift, effect: 'active' });
    assert.ok(outcome.kind === 'done');
    made.control.answer = { ...outcome, effect: { ...outcome.effect, waitsForThaw: true } };
    const unasked = await made.call('PUT', weights, acknowledge);
    assert.deepEqual([unasked.status, unasked.json.waitsForThaw], [200, true]);
    const { status, json } = await made.call('PUT', `${weights}?wait=acked&timeout=60s`, acknowledge);
    assert.deepEqual([status, json.waitsForThaw, json.acknowledged.complete], [202, true, false]);
    assert.match(
      json.acknowledged.summary,
      /^it waits for the end of the freeze, by ada since .*"switchyard thaw".*duringFreeze=true/,
    );
    made.control.asked.length = 0;
    await made.call('PUT', `${weights}?duringFreeze=true`, acknowledge);
    await made.call('DELETE', `${weights}?duringFreeze=true`);
    for (const path of ['services/catalog/endpoints', 'services/catalog/endpoints/10.0.0.1%3A8080']) {
      await made.call('PATCH', `/api/v1/${path}?duringFreeze=true`, { body: { state: 'draining' } });
      await made.call('DELETE', `/api/v1/${path}?duringFreeze=true`);
    }
    for (const path of ['services/catalog', 'routes/shop']) {
      await made.call('PUT', `/api/v1/${path}/maintenance?duringFreeze=true`, { body: {} });
      await made.call('DELETE', `/api/v1/${path}/maintenance?duringFreeze=true`);
    }
    const levers = made.control.asked.map(given => (given as unknown[]).at(-1)) as { duringFreeze?: boolean }[];
    assert.deepEqual(
      levers.map(each => each.duringFreeze),
      Array(10).fill(true),
    );
  });

  it('says so when no fleet holds it', async () => {
    const made = world();
    made.control.answer = { kind: 'done', status: undefined, effect: { concerned: new Map(), changed: false } };
    const { status, json } = await made.call('DELETE', `${weights}?wait=acked`);
    assert.equal(status, 202);
    assert.match(json.acknowledged.summary, /no fleet holds it/);
  });
});
