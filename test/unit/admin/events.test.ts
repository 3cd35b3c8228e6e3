import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { queryObjects } from 'node:v8';
import { until } from '../../support/until.ts';
import { AdminWorld, token } from './admin-world.ts';

function happened(): AdminWorld {
  const world = new AdminWorld();
  world.events.add({ type: 'revision', message: 'revision 1', revision: 1 });
  world.events.add({ type: 'ack', message: 'edge-1', fleet: 'edge', proxy: 'edge-1' });
  world.events.add({ type: 'nack', message: 'inner-1', fleet: 'internal', proxy: 'inner-1' });
  return world;
}

const messages = (answer: { readonly json: { readonly events: readonly { readonly message: string }[] } }) =>
  answer.json.events.map(each => each.message);

describe('GET /api/v1/events', () => {
  it('lists what happened, the newest last, page by page', async () => {
    const world = happened();
    const answer = await world.call('GET', '/api/v1/events');
    assert.deepEqual(messages(answer), ['revision 1', 'edge-1', 'inner-1']);
    assert.equal(answer.json.events[0].at, '2026-03-01T12:00:00.000Z');
    const last = await world.call('GET', '/api/v1/events?limit=2');
    assert.deepEqual(messages(last), ['edge-1', 'inner-1']);
    const before = await world.call('GET', `/api/v1/events?limit=2&cursor=${last.json.next}`);
    assert.deepEqual([messages(before), before.json.next], [['revision 1'], undefined]);
  });

  it('filters by type, fleet and proxy', async () => {
    const world = happened();
    assert.deepEqual(messages(await world.call('GET', '/api/v1/events?type=ack,nack')), ['edge-1', 'inner-1']);
    assert.deepEqual(messages(await world.call('GET', '/api/v1/events?fleet=edge')), ['edge-1']);
    assert.deepEqual(messages(await world.call('GET', '/api/v1/events?proxy=inner-1')), ['inner-1']);
    const wrong = await world.call('GET', '/api/v1/events?type=akc');
    assert.equal(wrong.status, 400);
    assert.match(wrong.json.detail, /type="akc" is none, or several with commas, of revision, refused/);
    for (const query of [
      'limit=0',
      'limit=1001',
      'limit=x',
      'cursor=x',
      'follow=true&since=-1',
      'follow=true&since=x',
    ]) {
      assert.equal((await world.call('GET', `/api/v1/events?${query}`)).status, 400, query);
    }
  });

  it('shows a token that is confined to fleets only these, and what is about none', async () => {
    const world = happened();
    const outcome = world.tokens.create({ name: 'mine', role: 'viewer', fleets: ['edge'], createdBy: 'admin' });
    const headers = { authorization: `Bearer ${outcome.kind === 'created' ? outcome.token : ''}` };
    assert.deepEqual(messages(await world.call('GET', '/api/v1/events', { headers })), ['revision 1', 'edge-1']);
  });

  it('follows for who asks for it, and ends with the token', async () => {
    const world = happened();
    const outcome = world.tokens.create({ name: 'watcher', role: 'viewer', createdBy: 'admin' });
    const headers = {
      host: '127.0.0.1',
      authorization: `Bearer ${outcome.kind === 'created' ? outcome.token : ''}`,
      accept: 'text/event-stream',
      'last-event-id': String(world.events.last - 1),
    };
    const response = await world.app.request('http://127.0.0.1/api/v1/events', { headers });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    let heard = '';
    const reading = (async () => {
      for await (const piece of response.body ?? []) heard += new TextDecoder().decode(piece);
    })();
    await until('what it missed', () => heard.includes('inner-1'));
    assert.doesNotMatch(heard, /edge-1|gap/);
    world.events.add({ type: 'override', message: 'news' });
    await until('what happens', () => heard.includes('news'));
    assert.equal(world.options.readers.size, 1);
    world.tokens.revoke('watcher');
    await reading;
    assert.equal(world.options.readers.size, 0);
  });

  it('keeps nothing of readers that have gone, however long their token is good', async () => {
    const world = happened();
    const expiresAt = Date.now() + 20 * 24 * 60 * 60 * 1000;
    const outcome = world.tokens.create({ name: 'watcher', role: 'viewer', createdBy: 'admin', expiresAt });
    const authorization = `Bearer ${outcome.kind === 'created' ? outcome.token : ''}`;
    const headers = { host: '127.0.0.1', authorization, accept: 'text/event-stream' };
    const come = async (): Promise<void> => {
      const gone = new AbortController();
      const response = await world.app.request('http://127.0.0.1/api/v1/events', { headers, signal: gone.signal });
      assert.equal(response.status, 200);
      gone.abort();
      await response.body?.cancel();
    };
    const signals = (): number => queryObjects(AbortSignal, { format: 'count' }) as unknown as number;
    await come();
    await new Promise(resolve => setTimeout(resolve, 10));
    const before = signals();
    for (let count = 0; count < 50; count++) await come();
    await until('they are forgotten', () => signals() < before + 25, 60_000);
  });

  it('makes nobody a reader who asks for the headers alone', async () => {
    const world = happened();
    const headers = { host: '127.0.0.1', authorization: `Bearer ${token}` };
    const response = await world.app.request('http://127.0.0.1/api/v1/events?follow=true', { method: 'HEAD', headers });
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/event-stream']);
    assert.equal(world.options.readers.size, 0);
  });

  it('refuses more readers than it can serve', async () => {
    const world = happened();
    for (let number = 0; number < 200; number++) world.options.readers.add({});
    assert.equal((await world.call('GET', '/api/v1/events?follow=true')).status, 503);
    assert.equal((await world.call('GET', '/api/v1/events')).status, 200);
  });
});
