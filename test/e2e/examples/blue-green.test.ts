import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Example } from '../../support/example.ts';
import { startLoad } from '../../support/load.ts';
import { assertValues } from '../../support/statistics.ts';
import { until } from '../../support/until.ts';

const example = await Example.start('blue-green');
after(() => example[Symbol.asyncDispose]());

const blue = ['10.0.0.11', '10.0.0.12'];
const green = ['10.0.0.21', '10.0.0.22'];
const host = 'shop.example.com';
const everyone = (count = 60) => example.answers(count, '/', { host });
const only = (color: string) => example.answers(60, '/', { host: `${color}.${host}` });

describe('blue and green', () => {
  it('everybody gets blue; green is checked, and asked by its own host alone', async () => {
    assertValues(await everyone(), blue);
    for (const ip of green) {
      assert.deepEqual(example.backend(ip).seen, []);
      await until(`${ip} is checked`, () => example.backend(ip).checks.length > 0);
    }
    assertValues(await only('green'), green);
    assertValues(await only('blue'), blue);
  });

  it('one command changes all, and no request fails; those under way are finished', async () => {
    for (const each of example.backends.values()) each.behave({ delay: 100 });
    const load = startLoad(() => example.ask('/', { host }), { perSecond: 100 });
    await load.more(50);
    await example.shift('shop/everyone', { 'shop@blue': 0, 'shop@green': 100 });
    assertValues(await everyone(), green);
    await load.more(50);
    await load.end();
    assert.deepEqual(load.failures, []);
    assert.deepEqual(new Set(load.answers), new Set([...blue, ...green]));
    assertValues(await only('blue'), blue);
  });

  it('the change outlives the control plane', async () => {
    await example.world.plane.stop('SIGKILL');
    assertValues(await everyone(), green);
    await example.world.plane.start();
    await example.world.synced();
    assertValues(await everyone(), green);
  });

  it('answers 503, not blue, when all of green is down', async () => {
    for (const ip of green) await example.backend(ip).die();
    assertValues(await everyone(20), ['503']);
    for (const ip of green) await example.backend(ip).revive();
    await until('green is back', async () => (await everyone(20)).size === 2);
  });

  it('and one command goes back, without a failure', async () => {
    const load = startLoad(() => example.ask('/', { host }), { perSecond: 100 });
    await load.more(50);
    await example.endShift('shop/everyone');
    assertValues(await everyone(), blue);
    await load.end();
    assert.deepEqual(load.failures, []);
  });
});
