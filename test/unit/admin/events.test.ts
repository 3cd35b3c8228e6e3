import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { queryObjects } from 'node:v8';
import { writeBackup } from '../../../src/store/backup.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
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

const backup = new Uint8Array(await writeBackup(new MemoryStore().contents(), 5));

/** A world in which all that can be done by API succeeds, and what was heard since. */
function doing() {
  const world = new AdminWorld();
  world.accept();
  world.changed();
  const since = world.events.last;
  const heard = () => world.events.after(since, {}, 100).events.map(({ id: _, at: __, ...content }) => content);
  return { world, heard };
}

describe('events of what is done by API', () => {
  it('tell of freeze and thaw, with who and why', async () => {
    const { world, heard } = doing();
    const ada = { 'x-switchyard-author': 'ada' };
    await world.call('PUT', '/api/v1/freeze?reason=bad+night', { body: {}, headers: ada });
    await world.call('PUT', '/api/v1/freeze', { body: { revision: 7 }, headers: ada });
    await world.call('DELETE', '/api/v1/freeze', { headers: ada });
    assert.deepEqual(heard(), [
      { type: 'freeze', message: 'ada freezes everything', author: 'ada', reason: 'bad night', revision: 7 },
      { type: 'freeze', message: 'ada puts revision 7 in force and freezes it', author: 'ada', revision: 7 },
      { type: 'thaw', message: 'ada ends the freeze', author: 'ada' },
    ]);
  });

  it('tell of rollback, backup and what was accepted after all', async () => {
    const { world, heard } = doing();
    await world.call('POST', '/api/v1/revisions/3/rollback?reason=r');
    await world.call('PUT', '/api/v1/backup', { raw: backup });
    await world.call('POST', '/api/v1/policy/accept?digest=abc');
    await world.call('POST', '/api/v1/names/app.internal/accept');
    const by = { author: 'admin API', revision: 7 };
    assert.deepEqual(heard(), [
      { type: 'rollback', message: 'admin API goes back to revision 3', ...by, reason: 'r' },
      { type: 'restore', message: 'admin API puts a backup in place of everything', ...by },
      { type: 'accept', message: 'admin API takes the save abc that was refused', ...by },
      { type: 'accept', message: 'admin API believes that the addresses of app.internal have gone', author: by.author },
    ]);
  });

  it('say nothing of a token but its name and role, and that to admins alone', async () => {
    const { world, heard } = doing();
    const made = await world.call('POST', '/api/v1/tokens', { body: { name: 'ci', role: 'viewer' } });
    await world.call('GET', '/api/v1/tokens');
    const seen = await world.call('GET', '/api/v1/events', {
      headers: { authorization: `Bearer ${made.json.token}` },
    });
    assert.deepEqual(messages(seen), []);
    assert.equal(messages(await world.call('GET', '/api/v1/events?type=token')).length, 1);
    await world.call('DELETE', '/api/v1/tokens/ci');
    assert.deepEqual(heard(), [
      { type: 'token', message: 'admin makes the token ci: viewer', author: 'admin' },
      { type: 'token', message: 'admin ends the token ci', author: 'admin' },
    ]);
  });

  it('are told of nothing that was not done', async () => {
    const { world, heard } = doing();
    await world.call('PUT', '/api/v1/freeze?dryRun=true', { body: {} });
    await world.call('PUT', '/api/v1/freeze', { body: { revision: 99 } });
    world.control.frozen = undefined;
    await world.call('DELETE', '/api/v1/freeze');
    await world.call('DELETE', '/api/v1/tokens/none');
    world.control.changeAnswer = { kind: 'refused', why: 'it is in force already' };
    await world.call('POST', '/api/v1/revisions/3/rollback');
    assert.deepEqual(heard(), []);
  });
});
