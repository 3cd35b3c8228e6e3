import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TraceReply } from '../../../src/admin/api.ts';
import { edge } from '../cli/admin-here.ts';
import { AdminWorld, shift } from './admin-world.ts';

describe('POST /api/v1/trace', () => {
  const world = new AdminWorld();
  world.accept([shift]);
  const ask = async (body: unknown) => {
    const { status, json } = await world.call('POST', '/api/v1/trace', { body });
    return { status, json: json as TraceReply & { readonly detail?: string; readonly hint?: string } };
  };

  it('says which rule takes a request, where it stands, and by which weights it goes on', async () => {
    const { status, json } = await ask({ url: 'http://shop.test/old/x' });
    assert.equal(status, 200);
    assert.deepEqual(
      [json.fleet, json.listener, json.virtualHost],
      ['edge', 'gateway/public/8000', { name: 'shop', domain: '*' }],
    );
    assert.deepEqual(
      json.rules.map(({ name, taken, path, line }) => [name, taken, path, line]),
      [['shop/old', true, 'routes.shop.rules[0]', 15]],
    );
    assert.deepEqual(json.outcome, { kind: 'redirect', status: 302, location: 'http://shop.test/' });
    const other = (await ask({ url: '/x', method: 'POST', headers: { 'x-lane': ['a', 'b'] } })).json;
    assert.deepEqual(
      other.rules.map(({ name, taken, why }) => [name, taken, why]),
      [
        ['shop/old', false, ['path is /x, must be /old or below it']],
        ['shop/everyone', true, []],
      ],
    );
    assert.ok(other.outcome.kind === 'forward');
    assert.deepEqual(other.outcome.destinations, [
      { cluster: 'catalog@v1', weight: 90 },
      { cluster: 'catalog@v2', weight: 10 },
    ]);
  });

  it('knows the fleet of a proxy', async () => {
    world.connect(1, 'edge-1', edge);
    assert.equal((await ask({ url: '/', proxy: 'edge-1' })).json.fleet, 'edge');
    const unknown = await ask({ url: '/', proxy: 'edge-2' });
    assert.deepEqual([unknown.status, unknown.json.hint], [404, 'did you mean "edge-1"?']);
  });

  it('says what is wrong with a question', async () => {
    assert.equal((await ask({})).status, 422);
    assert.equal((await ask({ url: 'shop.test' })).status, 422);
    assert.equal((await ask({ url: '/', method: 'get' })).status, 422);
    assert.deepEqual((await ask({ url: '/', fleet: 'egde' })).json.hint, 'fleets: edge');
    const listener = await ask({ url: 'http://shop.test:99/' });
    assert.deepEqual([listener.status, listener.json.hint], [422, 'its listeners: gateway/public/8000 (port 8000)']);
  });

  it('is 404 while nothing is in force', async () => {
    assert.equal((await new AdminWorld().call('POST', '/api/v1/trace', { body: { url: '/' } })).status, 404);
  });
});
