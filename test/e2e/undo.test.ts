// Runs alone: it measures how fast a freeze is.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { ChangeReply, ErrorReply, FreezeReply, HeldReply, WriteReply } from '../../src/admin/api.ts';
import { runCommand } from '../support/cli.ts';
import { ask, askMany } from '../support/client.ts';
import { assertValues } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const [a, b] = await world.backends('a', 'b');
const policy = (service: 'first' | 'second') =>
  pairPolicy(ports, {
    services: { first: { endpoints: [{ address: a.address }] }, second: { endpoints: [{ address: b.address }] } },
    rules: [{ name: 'all', to: [{ service }] }],
  });

await world.start(policy('first'), pair);

const answering = async (name: string) => {
  for (const port of [ports.delta, ports.sotw]) assertValues(await askMany(20, () => ask(port, '/')), [name]);
};
const current = async () => (await world.plane.policy()).revision?.number ?? 0;
const { plane } = world;
/** A command, as an operator gives it. */
const cli = (...args: string[]) =>
  runCommand([...args, '--admin', `127.0.0.1:${plane.adminPort}`, '--data', world.dataFolder], { cwd: world.folder });

describe('going back', () => {
  it('a rollback shifts traffic back, holds against the files, and history tells of it', async () => {
    const good = await current();
    const before = new Date().toISOString();
    await world.saved(policy('second'));
    await answering('b');
    const { status, body } = await plane.api<ChangeReply>('POST', `/api/v1/revisions/${good}/rollback?wait=acked`);
    assert.deepEqual([status, body.acknowledged?.acked], [200, 2], JSON.stringify(body));
    await answering('a');
    assert.ok((await plane.policy()).warnings.some(each => each.code === 'policy.files_held'));
    const held = await plane.api<HeldReply>('GET', `/api/v1/proxies/${pair[0]?.id}/history?at=${before}`);
    assert.deepEqual([held.body.revision?.number, held.body.now], [good, false]);
    const now = await plane.api<HeldReply>('GET', `/api/v1/proxies/${pair[0]?.id}/history`);
    assert.equal(now.body.what, `rolled back to revision ${good}`);
    assert.equal(now.body.version, held.body.version, 'the very same is in force again');
    // Over a restart too, although the file says otherwise.
    await plane.stop();
    await plane.start();
    await world.synced();
    await answering('a');
  });
});

describe('a freeze', () => {
  it('holds traffic while saves are accepted, and a good state is back within five seconds (P18)', async () => {
    await world.saved(policy('first'));
    const good = await current();
    await until('it is known to be good', async () => {
      const { body } = await plane.api<FreezeReply>('GET', '/api/v1/freeze');
      return body.good.some(each => each.revision === good);
    });
    const begun = performance.now();
    const frozen = await plane.api<FreezeReply>('PUT', '/api/v1/freeze?reason=test', {});
    assert.ok(frozen.status === 200 && performance.now() - begun < 5000);
    world.save(policy('second'));
    await until('the save is accepted, and waits', async () => {
      return (await plane.api<FreezeReply>('GET', '/api/v1/freeze')).body.waitingCount === 1;
    });
    await answering('a');
    await plane.api('DELETE', '/api/v1/freeze');
    await world.synced();
    await answering('b');
    const back = performance.now();
    const restored = await plane.api<FreezeReply & ErrorReply>('PUT', '/api/v1/freeze', { revision: good });
    assert.equal(restored.status, 200, JSON.stringify(restored.body));
    await world.synced();
    assert.ok(performance.now() - back < 5000);
    await answering('a');
    await plane.api('DELETE', '/api/v1/freeze');
    await world.synced();
    await answering('b');
  });

  it('lets through what is asked by name, alone, and says of all else that it waits', async () => {
    await world.saved(policy('first'));
    await answering('a');
    await plane.api('PUT', '/api/v1/freeze?reason=test', {});
    world.save(policy('second'));
    await until('the save waits', async () => (await plane.policy()).freeze?.waitingCount === 1);
    const named = {
      changes: [
        { action: 'put', kind: 'services', name: 'named', spec: { endpoints: [{ address: b.address }] } },
        {
          action: 'put',
          kind: 'routes',
          name: 'named',
          spec: {
            gateways: ['delta', 'sotw'],
            hosts: ['named.test'],
            rules: [{ to: [{ service: 'named' }] }],
          },
        },
      ],
    };
    const asking = { headers: { host: 'named.test' } };
    const begun = performance.now();
    const waits = await plane.api<WriteReply>('POST', '/api/v1/transactions?wait=acked&timeout=30s', named);
    assert.deepEqual([waits.status, waits.body.waitsForThaw], [202, true]);
    assert.match(waits.body.acknowledged?.summary ?? '', /switchyard thaw/);
    assert.ok(performance.now() - begun < 15_000, 'it is not waited for');
    for (const port of Object.values(ports)) assertValues(await askMany(10, () => ask(port, '/', asking)), ['a']);
    const passes = await plane.api<WriteReply>('POST', '/api/v1/transactions?duringFreeze=true&wait=acked', named);
    assert.deepEqual([passes.status, passes.body.acknowledged?.acked], [200, 2], JSON.stringify(passes.body));
    for (const port of Object.values(ports)) assertValues(await askMany(10, () => ask(port, '/', asking)), ['b']);
    await answering('a');
    const maintained = await plane.api<WriteReply>(
      'PUT',
      '/api/v1/services/named/maintenance?duringFreeze=true&wait=acked',
      {},
    );
    assert.equal(maintained.status, 200, JSON.stringify(maintained.body));
    for (const port of Object.values(ports)) assert.equal((await ask(port, '/', asking)).status, 503);
    await answering('a');
    const status = await cli('status');
    assert.equal(status.code, 2);
    assert.match(status.out, /\nfrozen at revision \d+, .*: test\n\d changes? waiting; /);
    await plane.stop();
    await plane.start();
    await world.synced();
    await answering('a');
    for (const port of Object.values(ports)) assert.equal((await ask(port, '/', asking)).status, 503);
    await plane.api('DELETE', '/api/v1/freeze');
    await world.synced();
    await answering('b');
  });
});
