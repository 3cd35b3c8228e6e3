import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { adminToken, readToken, tokenFile } from '../../../src/admin/auth.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { AdminWorld, token } from './admin-world.ts';

describe('the admin token', () => {
  it('is made once, long and random, in a file that only its owner can read', () => {
    const folder = temporaryDirectory();
    assert.equal(readToken(folder), undefined);
    const made = adminToken(folder);
    assert.match(made, /^[\w-]{43}$/);
    assert.equal(statSync(join(folder, tokenFile)).mode & 0o777, 0o600);
    assert.equal(readFileSync(join(folder, tokenFile), 'utf8'), `${made}\n`);
    assert.equal(readToken(folder), made);
    assert.notEqual(adminToken(temporaryDirectory()), made);
  });

  it('is used again, and shut off from others who could read it', () => {
    const folder = temporaryDirectory();
    const made = adminToken(folder);
    chmodSync(join(folder, tokenFile), 0o644);
    assert.equal(adminToken(folder), made);
    assert.equal(statSync(join(folder, tokenFile)).mode & 0o777, 0o600);
  });

  it('is made anew where the file is cut off, with the old mode gone', () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, tokenFile), 'short', { mode: 0o644 });
    assert.equal(readToken(folder), undefined);
    assert.match(adminToken(folder), /^[\w-]{43}$/);
    assert.equal(statSync(join(folder, tokenFile)).mode & 0o777, 0o600);
  });
});

describe('who may call the admin API', () => {
  const status = async (headers: Record<string, string>, url = '/api/v1/policy') =>
    (await new AdminWorld().call('GET', url, { headers })).status;

  it('wants the token, also on loopback, for everything but health', async () => {
    const world = new AdminWorld();
    for (const url of ['/api/v1/policy', '/api/v1/proxies', '/api/v1/fleets/edge/snapshot', '/metrics', '/nothing']) {
      for (const authorization of [
        '',
        'Bearer',
        'Bearer wrong',
        `Basic ${token}`,
        `Bearer ${token}x`,
        `Bearer  ${token} x`,
      ]) {
        const answer = await world.call('GET', url, { headers: { authorization } });
        assert.equal(answer.status, 401, `${url} with "${authorization}"`);
        assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="switchyard"');
        assert.match(answer.json.hint, /admin-token/);
        assert.doesNotMatch(answer.text, new RegExp(token));
      }
    }
    assert.equal((await world.call('GET', '/healthz', { headers: { authorization: '' } })).status, 200);
    assert.equal((await world.call('GET', '/readyz', { headers: { authorization: '' } })).status, 503);
    assert.equal(await status({}), 200);
    assert.equal(await status({ authorization: `bearer ${token}` }), 200);
  });

  it('says nothing of what exists to those without the token', async () => {
    const world = new AdminWorld();
    const strangers = { headers: { authorization: '' } };
    const there = await world.call('PUT', '/api/v1/routes/shop/rules/everyone/weights', { ...strangers, body: {} });
    const absent = await world.call('PUT', '/api/v1/nothing', { ...strangers, body: {} });
    assert.equal(there.text, absent.text);
    assert.deepEqual(world.control.asked, []);
  });

  it('refuses names that are not its own, as a rebound name would be', async () => {
    for (const host of [
      'evil.example',
      'localhost.evil.example:18080',
      '127.0.0.1.evil.example',
      '',
      'evil.example:80:80',
    ]) {
      assert.equal(await status({ host }), 403, host);
    }
    for (const host of [
      '127.0.0.1',
      '10.1.2.3:18080',
      '[::1]:18080',
      'LOCALHOST:1',
      'localhost',
      'switchyard.internal:9',
    ]) {
      assert.equal(await status({ host }), 200, host);
    }
  });

  it('refuses what a browser sends on behalf of another site', async () => {
    assert.equal(await status({ origin: 'http://evil.example' }), 403);
    assert.equal(await status({ origin: 'null' }), 403);
    assert.equal(await status({ origin: 'https://127.0.0.1:18080' }), 403);
    assert.equal(await status({ 'sec-fetch-site': 'cross-site' }), 403);
    assert.equal(await status({ 'sec-fetch-site': 'same-site' }), 403);
    assert.equal(await status({ origin: 'http://127.0.0.1:18080', 'sec-fetch-site': 'same-origin' }), 200);
    assert.equal(await status({ 'sec-fetch-site': 'none' }), 200);
  });

  it('never allows other origins to read its answers', async () => {
    const world = new AdminWorld();
    const preflight = { origin: 'http://evil.example', 'access-control-request-method': 'PUT' };
    const answer = await world.call('OPTIONS', '/api/v1/policy', { headers: preflight });
    assert.equal(answer.status, 403);
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
    assert.equal((await world.call('GET', '/healthz')).headers.get('access-control-allow-origin'), null);
  });
});
