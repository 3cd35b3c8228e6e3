import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startBystanders, Victim } from '../../bench/failover/backends.ts';
import { faults } from '../../bench/failover/faults.ts';
import { Client, type Method } from '../../bench/failover/load.ts';
import { failoverPolicy } from '../../bench/failover/switchyard.ts';
import type { Service } from '../../bench/failover/system.ts';
import { until } from '../support/until.ts';
import { World } from '../support/world.ts';

// One run of each fault of the bench `failover`: what it measures is measured there, what it does is asserted here.

const world = new World();
after(() => world.close());

const port = await world.port();
const services = new Map<string, Service>();
for (const { name } of faults) {
  const id = `s${services.size}`;
  const victim = world.use(new Victim(`${id}-victim`, await world.port()));
  await victim.start();
  services.set(name, { name: id, victim, others: [await world.port(), await world.port()] });
}
const others = [...services.values()].flatMap(each =>
  each.others.map((other, index) => [`${each.name}-other${index}`, other] as const),
);
world.use(await startBystanders(Object.fromEntries(others), () => {}));
const [edge] = await world.start(failoverPolicy([...services.values()], port), [{ id: 'edge-1', cluster: 'edge' }]);

/** Waits until all of some requests, sent beside the load, are answered well, and by servers as told. */
const untilAll = (what: string, client: Client, good: (by: ReadonlySet<string | undefined>) => boolean) =>
  until(
    what,
    async () => {
      const answers = await Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          await pause(index * 10);
          return client.ask('GET');
        }),
      );
      return answers.every(({ kind }) => kind === 'ok') && good(new Set(answers.map(({ by }) => by)));
    },
    40_000,
  );

/** Lets a fault come over one server of three under load, and end. @returns how many requests of a method failed meanwhile. */
async function suffered(
  name: string,
  begin = (victim: Victim) => faults.find(each => each.name === name)?.begin(victim) ?? assert.fail(),
): Promise<(method: Method) => number> {
  const service = services.get(name) ?? assert.fail();
  const { victim } = service;
  const client = new Client(port, `/${service.name}/`);
  const load = client.load(50);
  try {
    await untilAll('all three serve', client, by => by.size === 3);
    const began = await begin(victim);
    await untilAll('its traffic goes to the others', client, by => !by.has(victim.name));
    await victim.mend();
    await untilAll('it serves again', client, by => by.size === 3);
    await load.end();
    const failed = load.outcomes.filter(({ ended, kind }) => ended >= began && kind !== 'ok' && kind !== 'late');
    return method => failed.filter(each => each.method === method).length;
  } finally {
    await load.end();
    client.close();
  }
}

describe('a fault of one server of three, with nothing declared but where to check', () => {
  it('crash: no GET fails, not even those under way; the others take over, and it comes back', async () => {
    const failed = await suffered('crash');
    assert.equal(failed('GET'), 0);
  });

  it('crash: what it had in hand of GETs is answered by the others', async () => {
    // A third of them is tried again at once.
    const inHand = 150;
    const { name, victim } = services.get('crash') ?? assert.fail();
    const count = async (what: string) => (await edge?.stat(`cluster.${name}.${what}`)) ?? 0;
    const retries = await count('upstream_rq_retry');
    const client = new Client(port, `/${name}/?work=1500`);
    const asked = Array.from({ length: inHand }, () => client.ask('GET'));
    await until('all are with the servers', async () => (await count('upstream_rq_active')) === inHand);
    await victim.crash();
    const answers = await Promise.all(asked);
    client.close();
    assert.deepEqual(
      answers.map(({ kind }) => kind).filter(kind => kind !== 'ok' && kind !== 'late'),
      [],
    );
    assert.ok((await count('upstream_rq_retry')) > retries, 'the victim had some of them');
    await victim.mend();
  });

  it('refusal: no GET fails when it ends in order', async () => {
    const failed = await suffered('refusal');
    assert.equal(failed('GET'), 0);
  });

  it('5xx: a server that answers 503 is taken out, and comes back', async () => {
    await suffered('5xx');
  });

  it('hang: a server that takes requests and never answers is taken out, and comes back', async () => {
    await suffered('hang');
  });

  it('blackhole: a server that is silent even to connections is taken out, and comes back', async () => {
    await suffered('blackhole');
  });

  it('slow-start: a server that is back and not ready gets no request until it is', async () => {
    const failed = await suffered('slow-start', async victim => {
      await victim.crash();
      await until('its checks fail', async () =>
        (await edge?.admin('/clusters'))?.includes(`127.0.0.1:${victim.port}::health_flags::/failed_active_hc`),
      );
      return await victim.startSlowly();
    });
    assert.deepEqual([failed('GET'), failed('POST')], [0, 0]);
  });
});
