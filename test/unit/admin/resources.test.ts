import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adminApp } from '../../../src/admin/server.ts';
import { Fleet } from '../../../src/fleet/fleet.ts';
import { type Store, StoreError } from '../../../src/store/store.ts';
import { checkAnswer, operationFor } from '../../support/api-contract.ts';
import { shopPolicy, world } from '../control/controller-world.ts';
import { AdminWorld, token } from './admin-world.ts';

/** The API over a controller as it is, with the policy of a file in force. */
async function apiWorld(before?: Store) {
  const { controller, submit, board, store } = world(before ? { store: before } : {});
  const fleet = new Fleet(() => 0);
  if (before) controller.start();
  else await submit(shopPolicy());
  const app = adminApp({ ...new AdminWorld().options, control: controller, board, fleet, answers: store });
  const call = async (method: string, path: string, body?: unknown, more: Readonly<Record<string, string>> = {}) => {
    const response = await app.request(`http://127.0.0.1${path}`, {
      method,
      headers: {
        host: '127.0.0.1:1',
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...more,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const [text, type] = [await response.text(), response.headers.get('content-type') ?? ''];
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes.
    const json: any = type.includes('json') ? JSON.parse(text) : undefined;
    const operation = operationFor(method, path.replace(/\?.*$/, ''));
    assert.ok(operation, path);
    checkAnswer(operation, { status: response.status, type, json, text });
    return { status: response.status, headers: response.headers, json };
  };
  /** A proxy of the fleet `edge` that is connected. */
  const connect = (clientId: number, id: string) => {
    const node = { id, cluster: 'edge', region: '', zone: '', subZone: '', metadata: {}, version: '1.40.0' };
    fleet.apply({ kind: 'opened', clientId, variant: 'delta', peer: '10.0.0.9:1' });
    fleet.apply({ kind: 'identified', clientId, node });
  };
  return { call, connect, controller, submit, store };
}

const cart = { endpoints: [{ address: '10.0.2.1:80' }] };

describe('resources by API', () => {
  it('are listed by name, in pages, by owner', async () => {
    const { call } = await apiWorld();
    for (const name of ['cart', 'zoo']) await call('PUT', `/api/v1/services/${name}`, cart);
    const names = async (query: string) => {
      const { json } = await call('GET', `/api/v1/services${query}`);
      return [json.resources.map((each: { name: string }) => each.name), json.next] as const;
    };
    assert.deepEqual(await names(''), [['cart', 'catalog', 'other', 'zoo'], undefined]);
    assert.deepEqual(await names('?owner=api'), [['cart', 'zoo'], undefined]);
    assert.deepEqual(await names('?name=cat'), [['catalog'], undefined]);
    const [first, next] = await names('?limit=3');
    assert.deepEqual(first, ['cart', 'catalog', 'other']);
    assert.deepEqual(await names(`?limit=3&cursor=${next}`), [['zoo'], undefined]);
    for (const query of ['?limit=0', '?limit=1001', '?limit=x', '?owner=me', '?cursor=x']) {
      assert.equal((await call('GET', `/api/v1/services${query}`)).status, 400, query);
    }
  });

  it('are read as they were written, with their place and version', async () => {
    const { call } = await apiWorld();
    const { headers, json } = await call('GET', '/api/v1/routes/back');
    assert.deepEqual(
      { ...json, version: '', line: 0 },
      {
        kind: 'routes',
        name: 'back',
        owner: 'files',
        version: '',
        file: 'switchyard.yaml',
        line: 0,
        column: 3,
        spec: { gateways: ['back'], rules: [{ name: 'all', to: [{ service: 'other' }] }] },
      },
    );
    const etag = headers.get('etag') ?? '';
    assert.equal(etag, `"${json.version}"`);
    assert.equal((await call('GET', '/api/v1/routes/back', undefined, { 'if-none-match': etag })).status, 304);
    const missing = await call('GET', '/api/v1/routes/bakc');
    assert.deepEqual([missing.status, missing.json.hint], [404, 'did you mean "back"?']);
    assert.equal((await call('GET', '/api/v1/routes/constructor')).status, 404);
  });

  it('are made, replaced, patched and deleted, each a revision', async () => {
    const { call, controller } = await apiWorld();
    const made = await call('POST', '/api/v1/services?reason=new', { name: 'cart', spec: cart });
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('location'), '/api/v1/services/cart');
    assert.equal(made.json.revision, 2);
    assert.equal(made.json.resource.owner, 'api');
    assert.equal(controller.accepted?.revision.reason, 'new');
    assert.equal((await call('POST', '/api/v1/services', { name: 'cart', spec: cart })).status, 412);
    const same = await call('PUT', '/api/v1/services/cart', cart);
    assert.deepEqual([same.status, same.json.changed, same.json.revision], [200, false, 2]);
    const patched = await call('PATCH', '/api/v1/services/cart', { timeout: '9s' });
    assert.deepEqual(patched.json.resource.spec, { ...cart, timeout: '9s' });
    assert.equal(controller.accepted?.policy.services['cart']?.endpoints.length, 1);
    const deleted = await call('DELETE', '/api/v1/services/cart');
    assert.deepEqual([deleted.status, deleted.json.resource, deleted.json.revision], [200, undefined, 4]);
    assert.equal((await call('DELETE', '/api/v1/services/cart')).status, 404);
    assert.equal((await call('PATCH', '/api/v1/services/cart', {})).status, 404);
  });

  it('are refused where a service that fleets use would lose most of its endpoints, unless that is meant so', async () => {
    const { call } = await apiWorld();
    const many = [1, 2, 3, 4].map(host => ({ address: `10.0.1.${host}:80` }));
    await call('PUT', '/api/v1/services/other?takeOver=true', { endpoints: many });
    const refused = await call('PUT', '/api/v1/services/other', cart);
    assert.deepEqual([refused.status, refused.json.problems[0].code], [422, 'policy.shrinks']);
    assert.equal((await call('GET', '/api/v1/services/other')).json.spec.endpoints.length, 4);
    assert.equal((await call('PUT', '/api/v1/services/other?allowShrink=true', cart)).status, 200);
    assert.equal((await call('GET', '/api/v1/services/other')).json.spec.endpoints.length, 1);
  });

  it('are refused where files declare them, with the way to change them or to take them over', async () => {
    const { call } = await apiWorld();
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const body = method === 'DELETE' ? undefined : cart;
      const { status, json } = await call(method, '/api/v1/services/other', body);
      assert.equal(status, 409, method);
      assert.match(json.detail, /switchyard\.yaml:\d+:3/);
      assert.equal(json.current.owner, 'files');
    }
    const taken = await call('PUT', '/api/v1/services/other?takeOver=true', cart);
    assert.equal(taken.status, 200);
    assert.equal(taken.json.resource.takesOver.file, 'switchyard.yaml');
    assert.deepEqual(
      taken.json.warnings.map((each: { code: string }) => each.code),
      ['policy.taken_over'],
    );
    await call('DELETE', '/api/v1/services/other');
    assert.equal((await call('GET', '/api/v1/services/other')).json.owner, 'files');
  });

  it('say with 412 what others have changed, and what the request would change', async () => {
    const { call } = await apiWorld();
    const made = await call('PUT', '/api/v1/services/cart', cart);
    const etag = made.headers.get('etag') ?? '';
    await call('PATCH', '/api/v1/services/cart', { timeout: '9s' });
    const late = await call('PUT', '/api/v1/services/cart', { ...cart, protocol: 'http2' }, { 'if-match': etag });
    assert.equal(late.status, 412);
    assert.deepEqual(late.json.since, [{ path: 'timeout', after: '9s' }]);
    assert.deepEqual(late.json.difference, [
      { path: 'timeout', before: '9s' },
      { path: 'protocol', after: 'http2' },
    ]);
    assert.equal(late.json.current.spec.timeout, '9s');
    const now = `"${late.json.current.version}"`;
    assert.equal((await call('PUT', '/api/v1/services/cart', cart, { 'if-match': `"x", ${now}` })).status, 200);
    assert.equal((await call('PUT', '/api/v1/services/cart', cart, { 'if-none-match': '*' })).status, 412);
    assert.equal((await call('DELETE', '/api/v1/services/cart', undefined, { 'if-match': '"x"' })).status, 412);
  });

  it('list the problems that a policy would have, and change nothing', async () => {
    const { call, store } = await apiWorld();
    const { status, json } = await call('PUT', '/api/v1/services/cart', { endpoints: [{ address: 'nowhere' }] });
    assert.equal(status, 422);
    assert.deepEqual(
      json.problems.map((each: Record<string, unknown>) => [each['code'], each['path'], each['file']]),
      [['schema.invalid_address', 'services.cart.endpoints[0].address', 'api:services/cart']],
    );
    assert.equal(store.latestRevision()?.number, 1);
    assert.equal((await call('PUT', '/api/v1/services/No_Name', cart)).json.problems[0].code, 'schema.invalid_name');
  });

  it('say what a write would lead to, for fleets and proxies', async () => {
    const { call, connect, store } = await apiWorld();
    connect(1, 'edge-1');
    const spec = { endpoints: [{ address: '10.0.9.9:80' }] };
    const { json } = await call('PUT', '/api/v1/services/other?takeOver&dryRun=true', spec);
    const { effect } = json;
    const fleets = effect.fleets.map((each: Record<string, unknown>) => [
      each['fleet'],
      each['change'],
      each['proxyCount'],
    ]);
    assert.deepEqual(fleets, [
      ['back', 'changed', 0],
      ['edge', 'changed', 1],
    ]);
    const [change] = effect.fleets[1].resources;
    assert.deepEqual([change.type, change.name, change.change], ['EDS', 'other', 'changed']);
    assert.match(change.fields[0].path, /lb_endpoints\[10\.0\.1\.1:80\]/);
    assert.deepEqual([effect.drains, effect.proxyCount, effect.fleets[1].proxies], [false, 1, ['edge-1']]);
    assert.equal(effect.problems[0].code, 'policy.taken_over');
    assert.equal(store.latestRevision()?.number, 1);
    const port = { listeners: [{ port: 10009, protocol: 'http' }] };
    const moved = (await call('PUT', '/api/v1/gateways/public?takeOver&dryRun=true', port)).json.effect;
    assert.equal(moved.drains, true);
    assert.deepEqual(
      moved.fleets.map((each: { fleet: string; drains: boolean }) => [each.fleet, each.drains]),
      [['edge', true]],
    );
  });
});

describe('transactions', () => {
  it('make several changes in one revision, or none', async () => {
    const { call, store, controller } = await apiWorld();
    const route = { gateways: ['back'], hosts: ['cart.test'], rules: [{ to: [{ service: 'cart' }] }] };
    const alone = await call('PUT', '/api/v1/routes/cart', route);
    assert.equal(alone.json.problems[0].code, 'route.service_not_found');
    const changes = [
      { action: 'put', kind: 'routes', name: 'cart', spec: route },
      { action: 'put', kind: 'services', name: 'cart', spec: cart },
    ];
    const { status, json } = await call('POST', '/api/v1/transactions', { changes });
    assert.equal(status, 200);
    assert.deepEqual([json.revision, json.resources.length], [2, 2]);
    const broken = [...changes, { action: 'delete', kind: 'services', name: 'nothing' }];
    assert.equal((await call('POST', '/api/v1/transactions', { changes: broken })).status, 404);
    const half = [{ action: 'delete', kind: 'services', name: 'cart' }];
    assert.equal((await call('POST', '/api/v1/transactions', { changes: half })).status, 422);
    assert.equal(store.latestRevision()?.number, 2);
    assert.ok(controller.accepted?.policy.routes['cart']);
    for (const body of [{ changes: [] }, { changes: [{ action: 'drop', kind: 'services', name: 'a' }] }, {}]) {
      assert.equal((await call('POST', '/api/v1/transactions', body)).status, 422);
    }
  });
});

describe('Idempotency-Key', () => {
  const key = { 'idempotency-key': 'k1' };

  it('lets the same request be carried out once, and answers it the same again', async () => {
    const { call, store } = await apiWorld();
    const body = { name: 'cart', spec: cart };
    const [one, other] = await Promise.all([1, 2].map(() => call('POST', '/api/v1/services', body, key)));
    assert.deepEqual([one?.status, other?.status], [201, 201]);
    assert.deepEqual(one?.json, other?.json);
    assert.equal(other?.headers.get('idempotency-replayed'), 'true');
    assert.equal(other?.headers.get('location'), '/api/v1/services/cart');
    assert.equal(store.latestRevision()?.number, 2);
  });

  it('lets it be carried out once by those that have waited for one which was refused', async () => {
    const { call, store } = await apiWorld();
    const body = { name: 'cart', spec: cart };
    const accept = store.acceptRevision.bind(store);
    let full = true;
    store.acceptRevision = change => {
      if (full) {
        full = false;
        throw new StoreError('full', 'the disk is full');
      }
      return accept(change);
    };
    const answers = await Promise.all([1, 2, 3].map(() => call('POST', '/api/v1/services', body, key)));
    assert.deepEqual(answers.map(each => each.status).sort(), [201, 201, 507]);
    const replayed = answers.filter(each => each.headers.get('idempotency-replayed') === 'true');
    assert.equal(replayed.length, 1);
  });

  it('does so over a restart, too, and answers what cannot be remembered', async () => {
    const { call, store } = await apiWorld();
    const body = { name: 'cart', spec: cart };
    const one = await call('POST', '/api/v1/services', body, key);
    const again = await apiWorld(store);
    const other = await again.call('POST', '/api/v1/services', body, key);
    assert.deepEqual([other.status, other.json], [201, one.json]);
    assert.equal(other.headers.get('idempotency-replayed'), 'true');
    assert.equal((await again.call('POST', '/api/v1/services', { name: 'x', spec: cart }, key)).status, 409);
    store.keepAnswer = () => {
      throw new Error('the disk is full');
    };
    const more = { 'idempotency-key': 'k2' };
    assert.equal((await again.call('PUT', '/api/v1/services/more', cart, more)).status, 201);
    assert.equal((await again.call('PUT', '/api/v1/services/more', cart, more)).status, 201, 'until a restart');
  });

  it('refuses another request with it, and forgets what was refused', async () => {
    const { call } = await apiWorld();
    assert.equal((await call('POST', '/api/v1/services', { name: 'X', spec: {} }, key)).status, 422);
    assert.equal((await call('POST', '/api/v1/services', { name: 'cart', spec: cart }, key)).status, 201);
    const other = await call('POST', '/api/v1/services', { name: 'more', spec: cart }, key);
    assert.deepEqual([other.status, other.json.title], [409, 'Key used before']);
    assert.equal((await call('PUT', '/api/v1/services/more', cart, { 'idempotency-key': '' })).status, 400);
  });
});
