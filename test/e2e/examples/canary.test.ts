import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Example } from '../../support/example.ts';
import { startLoad } from '../../support/load.ts';
import { assertShare, assertValues, show } from '../../support/statistics.ts';
import { until } from '../../support/until.ts';
import { User } from '../../support/user.ts';

const example = await Example.start('canary');
after(() => example[Symbol.asyncDispose]());

const host = 'shop.example.com';
const [strong, weak, canary] = ['10.0.0.11', '10.0.0.12', '10.0.0.13'] as const;
const newUser = () => new User(example.port(8000), host, '127.0.0.2');

describe('the canary', () => {
  it('gets one new caller in a hundred; the strong machine three times as many as the weak one', async () => {
    const counts = await example.answers(1000, '/', { host });
    assertShare(counts, canary, 0.01);
    // The least busy of two is not chance alone, so that this share is looked at with a wider bound.
    const share = (counts.get(strong) ?? 0) / 990;
    assert.ok(share > 0.6 && share < 0.85, show(counts));
    assert.ok((counts.get(weak) ?? 0) > 100);
  });

  it('gets beta testers always, by header or cookie, under every name of the shop', async () => {
    for (const headers of [{ 'x-beta': '1' }, { cookie: 'lane=beta' }]) {
      assertValues(await example.answers(20, '/', { host: `www.${host}`, headers }), [canary]);
    }
    assert.equal((await example.ask('/', { host: 'elsewhere.example' })).status, 404);
  });

  it('grows by one command, without a failure, and callers stay with their version', async () => {
    const users = Array.from({ length: 100 }, newUser);
    const versions = () => Promise.all(users.map(async each => (await each.ask('/')).by === canary));
    const before = await versions();
    const load = startLoad(() => example.ask('/', { host }), { perSecond: 50 });
    await load.more(20);
    await example.shift('shop/everyone', { 'catalog@v1': 50, 'catalog@v2': 50 });
    assert.deepEqual(await versions(), before);
    assertShare(await example.answers(300, '/', { host }), canary, 0.5);
    await load.end();
    assert.deepEqual(load.failures, []);
  });

  it('shrinks to nothing by one command, and then nobody is left there but beta testers', async () => {
    const users = Array.from({ length: 20 }, newUser);
    await Promise.all(users.map(each => each.ask('/')));
    await example.shift('shop/everyone', { 'catalog@v1': 100, 'catalog@v2': 0 });
    const now = await Promise.all(users.map(async each => (await each.ask('/')).by));
    assert.ok(!now.includes(canary));
    assert.equal((await example.ask('/', { host, headers: { 'x-beta': '1' } })).by, canary);
    await example.endShift('shop/everyone');
  });

  it('costs nobody a failure when its first machine dies', async () => {
    const load = startLoad(() => example.ask('/', { host, patience: 8000 }), { perSecond: 50 });
    await load.more(20);
    await example.backend(weak).die();
    await example.healthy('catalog@v1', 1);
    await load.more(50);
    await load.end();
    assert.deepEqual(load.failures, []);
    await example.backend(weak).revive();
    await until('it is back', async () => (await example.answers(40, '/', { host })).has(weak));
  });
});
