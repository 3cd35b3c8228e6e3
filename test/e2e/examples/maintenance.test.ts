import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { runCommand } from '../../support/cli.ts';
import { Example } from '../../support/example.ts';
import { startLoad } from '../../support/load.ts';
import { assertValues } from '../../support/statistics.ts';
import { until } from '../../support/until.ts';

const example = await Example.start('maintenance');
after(() => example[Symbol.asyncDispose]());

const operator = { headers: { 'x-operator': 'a-long-secret' } };
const switchyard = async (...args: readonly string[]) => {
  const { world } = example;
  const where = ['--admin', `127.0.0.1:${world.plane.adminPort}`, '--data', world.dataFolder];
  const run = await runCommand([...args, ...where], { cwd: world.folder });
  assert.equal(run.code, 0, run.out + run.err);
  return run.out;
};

describe('the shop in maintenance', () => {
  it('has a page, through which operators get, and help goes on without a failure', async () => {
    const load = startLoad(() => example.ask('/help'), { perSecond: 50 });
    await load.more(5);
    const out = await switchyard('maintenance', 'shop', '--for', '30m', '--wait', '--reason', 'new schema');
    assert.match(out, /override \(active\) services\/shop: maintenance, until .*new schema/);
    const { status, text, headers } = await example.ask('/');
    assert.deepEqual([status, headers['retry-after']], [503, '1800']);
    assert.match(text, /back in half an hour/);
    assertValues(await example.answers(30, '/', operator), ['10.0.0.11', '10.0.0.12']);
    assert.match(await switchyard('status'), /services\/shop: maintenance/);
    await switchyard('maintenance', 'shop', '--undo', '--wait');
    assertValues(await example.answers(30), ['10.0.0.11', '10.0.0.12']);
    await load.more(5);
    await load.end();
    assert.deepEqual(load.failures, []);
  });

  it('knows at the end who is well', async () => {
    await switchyard('maintenance', '--route', 'shop', '--wait');
    assert.equal((await example.ask('/help')).status, 503);
    await example.backend('10.0.0.11').die();
    await example.healthy('shop', 1);
    await switchyard('maintenance', '--route', 'shop', '--undo', '--wait');
    assertValues(await example.answers(30), ['10.0.0.12']);
    await example.backend('10.0.0.11').revive();
    await until('it is back', async () => (await example.answers(20)).has('10.0.0.11'));
  });

  it('keeps the page while the control plane is down', async () => {
    await switchyard('maintenance', 'shop', '--wait');
    await example.world.plane.stop();
    assert.equal((await example.ask('/')).status, 503);
    await example.world.plane.start();
    await example.world.synced();
    assert.equal((await example.ask('/')).status, 503);
    await switchyard('maintenance', 'shop', '--undo', '--wait');
    assert.equal((await example.ask('/')).status, 200);
  });
});
