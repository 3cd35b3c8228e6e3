import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Example } from '../../support/example.ts';

const example = await Example.start('api-versions');
after(() => example[Symbol.asyncDispose]());

const [old, recent] = ['10.0.0.21', '10.0.0.22'] as const;
const ask = (path: string) => example.ask(path, { host: 'api.example.com' });

describe('API versions', () => {
  for (const [path, server] of [
    ['/api/v3/orders/7', recent],
    ['/api/latest/orders/7', recent],
    ['/api/v2/orders/7', old],
    ['/api/orders/7', old],
  ] as const) {
    it(`${path} goes to ${server === old ? 'the old' : 'the new'} release, which sees no version`, async () => {
      const answer = await ask(path);
      assert.equal(answer.by, server);
      assert.equal(answer.seen().url, '/api/orders/7');
      const { deprecation, sunset } = answer.headers;
      if (server === recent) assert.deepEqual([deprecation, sunset], [undefined, undefined]);
      else assert.deepEqual([deprecation, sunset], ['@1782777600', 'Wed, 30 Jun 2027 23:59:59 GMT']);
    });
  }

  it('a retired one is answered 410, one that does not exist 404 with those that do', async () => {
    const retired = await ask('/api/v1/orders');
    assert.deepEqual([retired.status, retired.by], [410, '-']);
    const unknown = await ask('/api/v9/orders');
    assert.equal(unknown.status, 404);
    assert.match(unknown.text, /v2/);
    assert.match(unknown.text, /v3/);
    assert.doesNotMatch(unknown.text, /v1/);
  });

  it('the next one is a line in the file, and callers of the others do not notice', async () => {
    const { orders } = example.policy.services ?? {};
    const { apiVersioning } = orders ?? {};
    assert.ok(orders && apiVersioning);
    const versions = { ...apiVersioning.versions, v4: {} };
    const rules = example.policy.routes?.['orders']?.rules ?? [];
    const v4 = {
      name: 'v4',
      match: { path: '/api/orders', apiVersion: 'v4' },
      to: [{ service: 'orders', version: 'new' }],
    };
    await example.world.saved({
      ...example.policy,
      services: { orders: { ...orders, apiVersioning: { ...apiVersioning, versions } } },
      routes: { orders: { gateways: ['public'], hosts: ['api.example.com'], rules: [v4, ...rules] } },
    });
    assert.equal((await ask('/api/v4/orders')).by, recent);
    assert.equal((await ask('/api/v2/orders')).by, old);
  });
});
