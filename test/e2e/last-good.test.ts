import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startEnvoy } from '../../envoy/process.ts';
import type { FleetReply, OverrideWriteReply } from '../../src/admin/api.ts';
import type { Backend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { type Load, loadOn } from '../support/load.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, World } from '../support/world.ts';

describe('what was good goes on, on real Envoys', () => {
  const world = new World();
  const ports = { delta: 0, sotw: 0 };
  let one: Backend;
  let two: Backend;
  let other: Backend;

  const policy = ({ weights = [1, 1], header = 'a' } = {}) =>
    pairPolicy(ports, {
      services: {
        shop: {
          endpoints: [
            // A name, so that what was resolved must survive as well.
            { address: `localhost:${one.port}`, labels: { version: 'v1' } },
            { address: two.address, labels: { version: 'v1' } },
            { address: other.address, labels: { version: 'v2' } },
          ],
          versions: { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' } } },
        },
      },
      rules: [
        {
          name: 'everyone',
          to: [
            { service: 'shop', version: 'v1', weight: weights[0] ?? 0 },
            { service: 'shop', version: 'v2', weight: weights[1] ?? 0 },
          ],
          responseHeaders: { set: { 'x-policy': header } },
        },
      ],
    });

  const loads = (): readonly Load[] => [loadOn(ports.delta), loadOn(ports.sotw)];
  const endWithoutFailure = async (running: readonly Load[]) => {
    for (const load of running) {
      await load.more(20);
      await load.end();
      assert.deepEqual(load.failures, []);
    }
  };
  const fleetVersions = async () =>
    (await world.plane.policy()).fleets.map(({ key, version }: FleetReply) => [key, version]);
  /** Answers per backend, of so many requests on each port. */
  const tally = async (requests: number) => {
    const counts: Record<string, number> = { one: 0, two: 0, other: 0 };
    for (const port of [ports.delta, ports.sotw]) {
      for (let n = 0; n < requests; n++) {
        const { by, status } = await ask(port, '/');
        assert.equal(status, 200);
        counts[by] = (counts[by] ?? 0) + 1;
      }
    }
    return counts;
  };

  before(async () => {
    [one, two, other] = await world.backends('one', 'two', 'other');
    Object.assign(ports, { delta: await world.port(), sotw: await world.port() });
    await world.start(policy(), pair);
  });
  after(() => world.close());

  it('sends host names as addresses', async () => {
    covers('services.*.endpoints[].address');
    const { body } = await world.plane.api('GET', '/api/v1/fleets/delta/snapshot');
    assert.match(JSON.stringify(body), new RegExp(`"address":"127.0.0.1","port_value":${one.port}`));
    assert.doesNotMatch(JSON.stringify(body), /"address":"localhost"/);
    // A quarter of two hundred: that so few of them go there by chance is out of the question.
    assert.ok(((await tally(100))['one'] ?? 0) > 5);
  });

  it('takes an edit under load without losing a request', async () => {
    const running = loads();
    await world.saved(policy({ header: 'b' }));
    for (const port of [ports.delta, ports.sotw]) assert.equal((await ask(port, '/')).headers['x-policy'], 'b');
    await endWithoutFailure(running);
  });

  it('keeps serving under load when a save is broken, and shows where', async () => {
    const running = loads();
    const versions = await fleetVersions();
    for (const [broken, code] of [
      ['services:\n  shop:\n    endpoints: [\n', 'syntax.invalid'],
      [JSON.stringify(policy()).replace('"service":"shop"', '"service":"shp"'), 'route.service_not_found'],
      ['', 'file.unreadable'],
    ] as const) {
      world.save(broken);
      const rejected = await until(`${code} is shown`, async () => {
        const reply = await world.plane.policy();
        return reply.rejected?.problems.some(each => each.code === code) && reply.rejected;
      });
      assert.ok(rejected.problems[0]?.file?.endsWith('switchyard.yaml'), JSON.stringify(rejected));
      assert.deepEqual(await fleetVersions(), versions);
    }
    await endWithoutFailure(running);
    world.save(policy({ header: 'b' }));
    await until('the good save is taken', async () => (await world.plane.policy()).rejected === null);
    assert.deepEqual(await fleetVersions(), versions);
  });

  it('is killed and comes back with a broken file, and neither requests nor resources notice', async () => {
    const shifted = await world.plane.api<OverrideWriteReply>(
      'PUT',
      '/api/v1/routes/shop/rules/everyone/weights?wait=acked&timeout=10s',
      { 'shop@v1': 1, 'shop@v2': 0 },
    );
    assert.equal(shifted.status, 200, JSON.stringify(shifted.body));
    const drained = await world.plane.api<OverrideWriteReply>(
      'PATCH',
      `/api/v1/services/shop/endpoints/localhost:${one.port}?wait=acked&timeout=10s`,
      { state: 'draining' },
    );
    assert.equal(drained.status, 200, JSON.stringify(drained.body));
    assert.deepEqual(await tally(20), { one: 0, two: 40, other: 0 });
    const versions = await fleetVersions();
    const delta = world.envoys.find(each => each.id === 'delta')!;
    const updates = () =>
      Promise.all(
        ['cluster_manager.cds', 'listener_manager.lds', 'cluster.shop@v1', 'cluster.shop@v2'].map(each =>
          delta.stat(`${each}.update_success`),
        ),
      );
    const updatesBefore = await updates();

    const running = loads();
    await world.plane.stop('SIGKILL');
    world.save('services: [broken');
    for (const load of running) await load.more(50);
    await world.plane.start();
    await world.synced();
    assert.deepEqual(await fleetVersions(), versions);
    assert.deepEqual(await updates(), updatesBefore, 'over delta nothing is sent again');
    await endWithoutFailure(running);
    assert.deepEqual(await tally(20), { one: 0, two: 40, other: 0 });
    const { overrides, rejected } = await world.plane.policy();
    assert.equal(overrides.length, 2);
    assert.equal(rejected?.problems[0]?.code, 'syntax.invalid');
  });

  it('ends a drain when its time is up', async () => {
    const address = `localhost:${one.port}`;
    const path = `/api/v1/services/shop/endpoints/${address}`;
    assert.equal((await world.plane.api('DELETE', `${path}?wait=acked&timeout=10s`)).status, 200);
    const drained = await world.plane.api('PATCH', `${path}?wait=acked&timeout=10s`, {
      state: 'draining',
      expiresIn: '4s',
    });
    assert.equal(drained.status, 200);
    assert.equal((await tally(20))['one'], 0);
    await until('the drain has ended', async () => (await world.plane.policy()).overrides.length === 1);
    await world.synced();
    assert.ok(((await tally(20))['one'] ?? 0) > 5);
  });

  it('lets an Envoy start from the bundle while it is down (P2)', async () => {
    const delta = world.envoys.find(each => each.id === 'delta')!;
    const expected = await tally(10);
    await world.plane.stop('SIGKILL');
    await delta.stop();
    const bundle = JSON.parse(readFileSync(join(world.dataFolder, 'bundles', 'delta.json'), 'utf8'));
    const admin = { address: { socket_address: { address: '127.0.0.1', port_value: await world.port() } } };
    const begun = performance.now();
    const cold = world.adopt('cold', startEnvoy({ name: 'cold', bootstrap: { ...bundle, admin } }));
    await cold.ready(AbortSignal.timeout(60_000));
    const answer = await until('an answer', () => ask(ports.delta, '/').catch(() => undefined));
    assert.ok(performance.now() - begun < 10_000, 'it waited for nobody');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-policy'], 'b');
    assert.equal((await tally(10))['other'], expected['other'], 'the shift is in the bundle');
  });
});
