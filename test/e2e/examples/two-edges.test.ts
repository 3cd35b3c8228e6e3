import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { ask, askMany } from '../../support/client.ts';
import { Example } from '../../support/example.ts';
import { type FrontTarget, startFront } from '../../support/front.ts';
import { startLoad } from '../../support/load.ts';
import { assertValues } from '../../support/statistics.ts';
import { until } from '../../support/until.ts';
import { User } from '../../support/user.ts';

const example = await Example.start('two-edges');
after(() => example[Symbol.asyncDispose]());

const shop = ['10.0.0.11', '10.0.0.12'];
const edges = ['edge-1', 'edge-2'];
const targets = ['127.0.0.2', '127.0.0.3'].map(host => ({ host, port: example.port(8000) }));
const check = async ({ host, port }: FrontTarget) =>
  (await ask(port, '/alive', { to: host, host: 'edge.internal', patience: 1000, fresh: true })).status === 200;

/** The shared address: with the first that answers, as keepalived has it, or one after the other, as a load balancer. */
const passive = await startFront({ targets, check, choose: alive => alive[0] });
const active = await startFront({ targets, check, choose: (alive, index) => alive[index % alive.length] });
after(() => Promise.all([passive, active].map(each => each[Symbol.asyncDispose]())));

/** Requests that an Envoy has taken in. */
const taken = async (id: string) => {
  const stats = await example.envoy(id).admin('/stats?filter=^http\\..*\\.downstream_rq_2xx$');
  return [...stats.matchAll(/: (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
};
const fresh = (port: number, path = '/') => ask(port, path, { fresh: true, patience: 5000 });

describe('two edges', () => {
  it('are told the same, and both are ready at any time', async () => {
    for (const edge of edges) {
      assertValues(await example.answers(40, '/', { edge }), shop);
      assert.equal((await example.ask('/alive', { edge, host: 'edge.internal' })).text, 'alive');
    }
    // The one that nobody asks has checked the shop as well.
    await example.healthy('shop', 2, 'edge-2');
  });

  it('have a drain as soon as its command is answered, both', async () => {
    const url = `/api/v1/services/shop/endpoints/${example.backend('10.0.0.11').address}?wait=acked`;
    assert.equal((await example.world.plane.api('PATCH', url, { state: 'draining' })).status, 200);
    for (const edge of edges) assertValues(await example.answers(20, '/', { edge }), ['10.0.0.12']);
    assert.equal((await example.world.plane.api('DELETE', url)).status, 200);
    for (const edge of edges) assertValues(await example.answers(40, '/', { edge }), shop);
  });

  it('find a session wherever it began', async () => {
    const user = new User(example.port(8000), undefined, '127.0.0.2');
    const { by } = await user.ask('/');
    const cookie = [...user.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    assertValues(await example.answers(20, '/', { edge: 'edge-2', headers: { cookie } }), [by]);
  });

  it('as an active/passive pair: one takes all; as an active/active pair: both', async () => {
    const before = await Promise.all(edges.map(taken));
    await askMany(20, () => fresh(passive.port));
    const between = await Promise.all(edges.map(taken));
    assert.ok((between[0] ?? 0) >= (before[0] ?? 0) + 20);
    await askMany(20, () => fresh(active.port));
    await until('both have taken some', async () => {
      const now = await Promise.all(edges.map(taken));
      return now.every((each, index) => each >= (between[index] ?? 0) + 10);
    });
  });

  it('answer that they are alive also while the shop is down', async () => {
    for (const ip of shop) await example.backend(ip).die();
    assert.equal((await example.ask()).status, 503);
    for (const target of targets) assert.ok(await check(target));
    for (const ip of shop) await example.backend(ip).revive();
    await until('the shop is back', async () => (await example.answers(20)).size === 2);
  });

  it('when one dies: what went through it breaks, and the other takes what comes next', async () => {
    const load = startLoad(() => fresh(passive.port), { perSecond: 50 });
    await load.more(50);
    for (const ip of shop) example.backend(ip).behave({ delay: 400 });
    const underWay = Array.from({ length: 5 }, () =>
      fresh(passive.port).then(
        each => each.status,
        () => 'broken',
      ),
    );
    await until('they are under way', () => shop.reduce((sum, ip) => sum + example.backend(ip).active, 0) >= 5);
    process.kill(example.envoy('edge-1').pid, 'SIGKILL');
    assert.ok((await Promise.all(underWay)).includes('broken'));
    for (const ip of shop) example.backend(ip).behave({});
    await until('it is found dead', () => passive.alive.length === 1 && active.alive.length === 1);
    await load.end();
    const next = startLoad(() => fresh(passive.port), { perSecond: 50 });
    await next.more(100);
    await next.end();
    assert.deepEqual(next.failures, []);
    assertValues(await askMany(40, () => fresh(active.port)), shop);
  });

  it('need no control plane; one that comes back does, and is told everything then', async () => {
    await example.world.plane.stop('SIGKILL');
    assertValues(await askMany(40, () => fresh(passive.port)), shop);
    await example.world.startProxy({ id: 'edge-1', cluster: 'edge' });
    assert.equal(passive.alive.length, 1);
    await example.world.plane.start();
    await until('the first is back', () => passive.alive.length === 2, 30_000);
    assertValues(await askMany(40, () => fresh(passive.port)), shop);
  });
});
