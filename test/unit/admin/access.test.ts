import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Hono } from 'hono';
import type { Caller } from '../../../src/access/caller.ts';
import { authenticated, usualRates } from '../../../src/admin/access.ts';
import { errorAnswer, sendError } from '../../../src/admin/problem-json.ts';
import { AdminWorld, token as adminToken, shift } from './admin-world.ts';

const edge = { kind: 'assigned', key: 'edge' } as const;
const weights = '/api/v1/routes/shop/rules/everyone/weights';

/** Headers of a new token. */
function bearing(world: AdminWorld, given: Partial<Caller> = {}, name = 'ci') {
  const outcome = world.tokens.create({ name, role: 'viewer', createdBy: 'admin', ...given });
  assert.equal(outcome.kind, 'created');
  return { authorization: `Bearer ${outcome.kind === 'created' ? outcome.token : ''}` };
}

function worldInForce(): AdminWorld {
  const world = new AdminWorld();
  world.accept();
  world.control.answer = world.done({ override: shift, effect: 'active' });
  return world;
}

describe('the role of a token', () => {
  it('decides what it may do', async () => {
    const world = worldInForce();
    const headers = Object.fromEntries(
      (['viewer', 'operator', 'admin'] as const).map(role => [role, bearing(world, { role }, `an-${role}`)]),
    );
    const status = async (role: string, method: string, url: string, body?: unknown) =>
      (await world.call(method, url, { headers: headers[role] ?? {}, ...(body === undefined ? {} : { body }) })).status;
    for (const role of ['viewer', 'operator', 'admin']) {
      assert.equal(await status(role, 'GET', '/api/v1/policy'), 200);
      assert.equal(await status(role, 'GET', '/metrics'), 200);
      assert.equal(await status(role, 'POST', '/api/v1/trace', {}), 422, 'a question is no write');
    }
    assert.equal(await status('viewer', 'PUT', weights, { 'catalog@v1': 1 }), 403);
    assert.equal(await status('operator', 'PUT', weights, { 'catalog@v1': 1 }), 200);
    assert.equal(await status('viewer', 'GET', '/api/v1/audit'), 403);
    assert.equal(await status('operator', 'GET', '/api/v1/tokens'), 403);
    assert.equal(await status('operator', 'GET', '/api/v1/%74okens'), 403, 'however it is written');
    assert.equal(world.control.asked.length, 1);
  });

  it('decides how much it may send', async () => {
    const world = worldInForce();
    const statusOf = async (role: Caller['role']) => {
      const headers = {
        ...bearing(world, { role }, role + 1),
        'content-type': 'application/gzip',
        'idempotency-key': role,
      };
      return (await world.call('PUT', '/api/v1/backup', { headers, body: 'x'.repeat(1024 * 1024 + 1) })).status;
    };
    assert.deepEqual(await Promise.all([statusOf('viewer'), statusOf('operator'), statusOf('admin')]), [413, 413, 422]);
  });

  it('is said to be too small, with the remedy', async () => {
    const world = worldInForce();
    const answer = await world.call('PUT', weights, { headers: bearing(world), body: {} });
    assert.equal(answer.json.detail, 'This needs the role operator, and the token "ci" is of a viewer.');
    assert.match(answer.json.hint, /token create NAME --role operator/);
    assert.equal(world.refusals.counts.get('role'), 1);
  });
});

describe('the name of a token', () => {
  it('is the author of what it changes, whatever the caller says to be', async () => {
    const world = worldInForce();
    const headers = { ...bearing(world, { role: 'operator' }, 'pipeline'), 'x-switchyard-author': 'root' };
    await world.call('PUT', weights, { headers, body: {} });
    await world.call('PUT', weights, { headers: { 'x-switchyard-author': 'ada (CLI)' }, body: {} });
    const authors = world.control.asked.map(call => (call as [string, { by: string }])[1].by);
    assert.deepEqual(authors, ['pipeline', 'ada (CLI)']);
  });
});

describe('the scope of a token', () => {
  it('confines writes to fleets', async () => {
    const world = worldInForce();
    const mine = bearing(world, { role: 'operator', fleets: ['edge'] }, 'mine');
    const others = bearing(world, { role: 'operator', fleets: ['internal'] }, 'others');
    const status = async (headers: Record<string, string>, method: string, url: string, body = {}) =>
      (await world.call(method, url, { headers, body })).status;
    assert.equal(await status(mine, 'PUT', weights), 200);
    assert.equal(await status(others, 'PUT', weights), 403);
    assert.equal(await status(mine, 'PATCH', '/api/v1/services/catalog/endpoints', { state: 'draining' }), 200);
    assert.equal(await status(others, 'PATCH', '/api/v1/services/catalog/endpoints', { state: 'draining' }), 403);
    assert.equal(await status(mine, 'PUT', '/api/v1/routes/unknown/rules/x/weights'), 403, 'not known to be inside');
    world.connect(1, 'edge-1', edge);
    assert.equal(await status(others, 'POST', '/api/v1/proxies/edge-1/retry'), 403);
    assert.equal(await status(mine, 'POST', '/api/v1/proxies/edge-1/retry'), 202);
    assert.equal(await status(others, 'DELETE', '/api/v1/quarantines/edge/CDS/x'), 403);
    assert.equal(await status(mine, 'DELETE', '/api/v1/quarantines/edge/CDS/x'), 404);
  });

  it('confines what is shown of proxies, snapshots and quarantines', async () => {
    const world = worldInForce();
    world.accept([], [world.quarantine('Cluster', 'catalog@v1')]);
    world.connect(1, 'edge-1', edge);
    const mine = { headers: bearing(world, { fleets: ['edge'] }, 'mine') };
    const others = { headers: bearing(world, { fleets: ['internal'] }, 'others') };
    assert.equal((await world.call('GET', '/api/v1/proxies', mine)).json.proxies.length, 1);
    assert.equal((await world.call('GET', '/api/v1/proxies', others)).json.proxies.length, 0);
    assert.equal((await world.call('GET', '/api/v1/proxies/edge-1/config', mine)).status, 200);
    assert.equal((await world.call('GET', '/api/v1/proxies/edge-1/config', others)).status, 404);
    assert.equal((await world.call('GET', '/api/v1/quarantines', mine)).json.quarantines.length, 1);
    assert.equal((await world.call('GET', '/api/v1/quarantines', others)).json.quarantines.length, 0);
    assert.equal((await world.call('GET', '/api/v1/fleets/edge/snapshot', mine)).status, 200);
    for (const url of [
      '/api/v1/fleets/edge/snapshot',
      '/api/v1/fleets/%65dge/snapshot',
      '/api/v1/fleets/edge%2Fa/snapshot',
    ]) {
      assert.equal((await world.call('GET', url, others)).status, 403, url);
    }
  });

  it('confines writes to kinds', async () => {
    const world = worldInForce();
    const headers = bearing(world, { role: 'operator', kinds: ['routes'] });
    assert.equal((await world.call('PUT', weights, { headers, body: {} })).status, 200);
    const other = await world.call('PUT', '/api/v1/services/catalog/maintenance', { headers, body: {} });
    assert.equal(other.status, 403);
    assert.match(other.json.detail, /of the kind services; the token "ci" is not made for it/);
    assert.equal(other.json.hint, 'it is confined to the kinds routes');
    assert.equal((await world.call('PUT', '/api/v1/log-level', { headers, body: {} })).status, 403);
    assert.equal((await world.call('GET', '/api/v1/policy', { headers })).status, 200);
  });
});

describe('tokens that are no more', () => {
  it('are told apart from wrong ones for their bearer only', async () => {
    const world = worldInForce();
    const headers = bearing(world, { expiresAt: world.clock + 1000 });
    assert.equal((await world.call('GET', '/api/v1/policy', { headers })).status, 200);
    world.clock += 1000;
    const expired = await world.call('GET', '/api/v1/policy', { headers });
    assert.deepEqual([expired.status, expired.json.detail], [401, 'The token has expired.']);
    world.tokens.revoke('ci');
    assert.equal((await world.call('GET', '/api/v1/policy', { headers })).json.detail, 'The token is wrong.');
    const { counts } = world.refusals;
    assert.deepEqual([counts.get('expired'), counts.get('wrong_token')], [1, 1]);
  });
});

describe('how often somebody may ask', () => {
  it('slows down who is wrong again and again, and lets good tokens in meanwhile', async () => {
    const world = worldInForce();
    const statuses = new Set<number>();
    let last: Awaited<ReturnType<AdminWorld['call']>> | undefined;
    for (let turn = 0; turn < 120; turn++) {
      last = await world.call('GET', '/api/v1/policy', { headers: { authorization: 'Bearer wrong' } });
      statuses.add(last.status);
    }
    assert.deepEqual([...statuses], [401, 429]);
    assert.ok(Number(last?.headers.get('retry-after')) >= 1);
    assert.equal((await world.call('GET', '/api/v1/policy')).status, 200);
    const entries = await world.audit.read(undefined, { result: 'unauthenticated' }, 1000);
    assert.ok(entries.length < 70, 'those beyond are counted, and push nothing out');
  });

  it('bounds what one token may ask, not what others do', async () => {
    const world = worldInForce();
    const app = new Hono();
    app.onError((error, context) => sendError(context, errorAnswer(error)));
    app.use(authenticated(world.options, { ...usualRates, caller: { burst: 2, perSecond: 0.001 } }));
    app.get('/', context => context.text(context.get('caller').name));
    const ask = async (headers: Record<string, string>) => (await app.request('/', { headers })).status;
    const headers = bearing(world);
    assert.deepEqual([await ask(headers), await ask(headers), await ask(headers)], [200, 200, 429]);
    assert.equal(await ask({ authorization: `Bearer ${adminToken}` }), 200);
    assert.equal(world.refusals.counts.get('too_often'), 1);
  });
});
