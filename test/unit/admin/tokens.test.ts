import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AdminWorld } from './admin-world.ts';

describe('tokens by the API', () => {
  it('are made, used, listed and ended', async () => {
    const world = new AdminWorld();
    const body = { name: 'ci', role: 'viewer', expiresIn: '1h' };
    const made = await world.call('POST', '/api/v1/tokens', { body });
    const { token, ...about } = made.json;
    assert.deepEqual(about, {
      name: 'ci',
      role: 'viewer',
      createdAt: '2026-03-01T12:00:00.000Z',
      createdBy: 'admin',
      expiresAt: '2026-03-01T13:00:00.000Z',
    });
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await world.call('GET', '/api/v1/policy', { headers })).status, 200);
    assert.equal((await world.call('POST', '/api/v1/tokens', { body })).status, 409);
    const listed = await world.call('GET', '/api/v1/tokens');
    assert.deepEqual(listed.json, { tokens: [about] });
    assert.equal((await world.call('DELETE', '/api/v1/tokens/ci')).status, 200);
    assert.equal((await world.call('GET', '/api/v1/policy', { headers })).status, 401);
    assert.equal((await world.call('DELETE', '/api/v1/tokens/ci')).status, 404);
  });

  it('have names and scopes that mean something', async () => {
    const world = new AdminWorld();
    for (const body of [
      { name: '', role: 'viewer' },
      { name: 'a b', role: 'viewer' },
      { name: '../x', role: 'viewer' },
      { name: 'x', role: 'root' },
      { name: 'x', role: 'viewer', kinds: ['secrets'] },
      { name: 'x', role: 'viewer', fleets: [] },
      { name: 'x', role: 'viewer', expiresIn: 'soon' },
      { name: 'x', role: 'viewer', hash: 'x' },
    ]) {
      assert.equal((await world.call('POST', '/api/v1/tokens', { body })).status, 422, JSON.stringify(body));
    }
  });

  it('stand in no answer but the first, in no log and in no file (P29)', async () => {
    const world = new AdminWorld();
    world.accept();
    await world.call('PUT', '/api/v1/log-level', { body: { level: 'trace' } });
    const { token } = (await world.call('POST', '/api/v1/tokens', { body: { name: 'ci', role: 'admin' } })).json;
    const headers = { authorization: `Bearer ${token}` };
    const said: string[] = [];
    for (const url of [
      'policy',
      'proxies',
      'tokens',
      'audit',
      'events',
      'nothing',
      'openapi.json',
      `x?token=${token}`,
    ]) {
      said.push((await world.call('GET', `/api/v1/${url}`, { headers })).text);
    }
    said.push((await world.call('GET', '/metrics', { headers })).text);
    said.push((await world.call('PUT', `/api/v1/log-level?token=${token}`, { headers, body: '{"' })).text);
    said.push((await world.call('DELETE', `/api/v1/tokens/ci?t=${token}`, { headers })).text);
    said.push((await world.call('DELETE', '/api/v1/tokens/ci', { headers })).text, ...world.log);
    const files = readdirSync(world.data, { recursive: true, withFileTypes: true }).filter(each => each.isFile());
    assert.ok(files.length >= 2);
    said.push(...files.map(each => readFileSync(join(each.parentPath, each.name), 'utf8')));
    const secret = String(token).slice(-43);
    for (const text of said) assert.ok(!text.includes(secret), text.slice(0, 300));
    assert.ok(
      world.log.some(line => line.includes('admin request')),
      'the log has something to say',
    );
  });
});
