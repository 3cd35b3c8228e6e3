import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { runCommand } from '../support/cli.ts';
import { ask, askMany } from '../support/client.ts';
import { dnsServer } from '../support/dns.ts';
import { assertValues } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { edgePolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const port = await world.port();
const records: Record<string, readonly string[]> = {};
const dns = await dnsServer(records, 1);
world.use({ [Symbol.asyncDispose]: async () => void dns.close() });

// Four machines behind a name, on the same port of four addresses of loopback.
const first = await world.backend({ name: '127.0.0.1', on: '127.0.0.1' });
const others = await Promise.all(
  ['127.0.0.2', '127.0.0.3', '127.0.0.4'].map(address =>
    world.backend({ name: address, on: address, port: first.port }),
  ),
);
const all = [first, ...others].map(each => each.name);

const cli = (...args: string[]) =>
  runCommand([...args, '--admin', `127.0.0.1:${world.plane.adminPort}`, '--data', world.dataFolder], {
    cwd: world.folder,
  });
const answering = async (names: readonly string[]) => {
  await until(`${names} answer, and nobody else`, async () => {
    const seen = await askMany(40, () => ask(port, '/'));
    return [...seen.keys()].sort().join() === names.toSorted().join();
  });
};
const held = async () => (await world.plane.policy()).warnings.some(each => each.code === 'service.name_shrunk');

describe('a host name that loses most of its addresses (P14)', () => {
  it('keeps traffic where it went, until somebody says that they have gone', async () => {
    records['app.test A'] = all;
    await world.makePlane(['--name-server', dns.at]);
    world.save(
      edgePolicy(port, {
        services: { app: { endpoints: [{ address: `app.test:${first.port}` }] } },
        rules: [{ to: [{ service: 'app' }] }],
      }),
    );
    await world.plane.start();
    await world.startProxy({ id: 'edge', cluster: 'edge' });
    await world.synced();
    await answering(all);

    records['app.test A'] = ['127.0.0.3'];
    await until('the answer is held', held);
    assertValues(await askMany(80, () => ask(port, '/')), all);
    const status = await cli('status');
    assert.match(status.out, /The name app\.test has 1 of 4 addresses left.*service\.name_shrunk/);
    assert.match(status.out, /"switchyard accept app\.test"/);

    const accepted = await cli('accept', 'app.test');
    assert.deepEqual([accepted.code, accepted.out], [0, 'app.test has no other addresses than it has\n'], accepted.err);
    await answering(['127.0.0.3']);
    assert.equal(await held(), false);
    const again = await cli('accept', 'app.test');
    assert.deepEqual([again.code, /No answer of the name "app.test" is held/.test(again.err)], [1, true], again.err);
  });

  it('takes a few that go at once', async () => {
    records['app.test A'] = all;
    await answering(all);
    records['app.test A'] = all.slice(1);
    await answering(all.slice(1));
    assert.equal(await held(), false);
  });
});
