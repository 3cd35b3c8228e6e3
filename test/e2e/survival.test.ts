import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { RunningEnvoy } from '../../envoy/process.ts';
import type { OverrideWriteReply } from '../../src/admin/api.ts';
import { ask, askMany } from '../support/client.ts';
import { type Load, loadOn } from '../support/load.ts';
import { assertValues } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const [a, b] = await world.backends('a', 'b');
// Long enough that a kill always finds requests under way.
for (const backend of [a, b]) backend.behave(({ url }) => (url === '/slow' ? { delay: 100 } : {}));

const policy = (weight: number) =>
  pairPolicy(ports, {
    services: {
      one: { endpoints: [{ address: a.address }, { address: b.address, weight }] },
      two: { endpoints: [{ address: `localhost:${b.port}` }] },
      unused: { endpoints: [{ address: b.address }] },
    },
    rules: [
      { name: 'slow', match: { path: '/slow' }, to: [{ service: 'one' }] },
      {
        name: 'split',
        match: { path: '/split' },
        to: [
          { service: 'one', weight: 1 },
          { service: 'two', weight: 0 },
        ],
      },
    ],
  });

await world.start(policy(1), pair);
const [delta, sotw] = [named('delta'), named('sotw')];

/** Runs with steady requests to both proxies, and asserts that none of them failed. */
async function underLoad(work: (load: Load) => Promise<void>): Promise<void> {
  const loads = [loadOn(ports.delta, '/slow'), loadOn(ports.sotw, '/slow')] as const;
  try {
    await loads[0].more(20);
    await work(loads[0]);
    await loads[0].more(20);
  } finally {
    await Promise.all(loads.map(load => load.end()));
  }
  assert.deepEqual(
    loads.map(load => load.failures),
    [[], []],
  );
}

const killAndStart = async () => {
  await world.plane.stop('SIGKILL');
  await world.plane.start();
};

/** What an Envoy has taken from us so far: every update of every type, and what it changed. */
async function updates(envoy: RunningEnvoy): Promise<Readonly<Record<string, number>>> {
  const text = await envoy.admin(
    '/stats?filter=(update_success|update_rejected|update_empty|_added|_modified|_removed|config_reload)$',
  );
  const lines = text.matchAll(/^(.*): (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value]) => [name, Number(value)]));
}

/** Answers that the control plane has sent since its start, by type. */
async function sent(): Promise<Readonly<Record<string, number>>> {
  const { body } = await world.plane.api<string>('GET', '/metrics');
  const lines = body.matchAll(/^switchyard_xds_responses_total\{type="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, type = '', value]) => [type, Number(value)]));
}

const versions = async () => (await world.plane.policy()).fleets.map(each => [each.key, each.version] as const);

describe('the death of the control plane', () => {
  it('costs no request, nor does its return; over delta nothing is sent again', async () => {
    const before = await versions();
    const known = { delta: await updates(delta), sotw: await updates(sotw) };
    assert.ok(Object.keys(known.delta).length > 10);
    await underLoad(async load => {
      await world.plane.stop('SIGKILL');
      await load.more(30);
      await world.plane.start();
      await world.synced();
    });
    assert.deepEqual(await versions(), before);
    assert.deepEqual(await updates(delta), known.delta);
    // A client of the other variant says only what it wants, not what it has: it is answered, and changes nothing.
    const { answered, changed } = compare(known.sotw, await updates(sotw));
    assert.deepEqual(changed, []);
    assert.deepEqual(
      answered.filter(name => /cds|lds/.test(name)),
      [],
    );
  });

  it('sends a delta client nothing at all when nothing has changed', async () => {
    await sotw.stop();
    await killAndStart();
    await world.synced();
    assert.deepEqual(await sent(), {});
    await world.startProxy({ id: 'sotw', cluster: 'sotw', variant: 'sotw' });
    await world.synced();
  });

  it('loses no write that it has answered', async () => {
    const url = '/api/v1/routes/shop/rules/split/weights';
    for (const [weights, backends] of [
      [{ one: 0, two: 1 }, ['b']],
      [{ one: 1, two: 0 }, ['a', 'b']],
    ] as const) {
      const { status } = await world.plane.api('PUT', url, weights);
      assert.equal(status, 200);
      await killAndStart();
      await world.synced();
      for (const port of [ports.delta, ports.sotw]) {
        assertValues(await askMany(50, () => ask(port, '/split')), backends);
      }
    }
    assert.equal((await world.plane.api<OverrideWriteReply>('DELETE', `${url}?wait=acked`)).status, 200);
  });

  it('in the middle of saves leaves one of them whole', async () => {
    await underLoad(async load => {
      for (const weight of [2, 3, 4, 5]) {
        world.save(policy(weight));
        await load.more(weight);
        await killAndStart();
      }
    });
    await until('the last save is in force', async () => {
      const { documents, rejected } = await world.plane.policy();
      return rejected === null && documents.some(each => each.text.includes('"weight": 5'));
    });
    await world.synced();
  });
});

/** Counters that grew: answers that came, and things that they changed. */
function compare(before: Readonly<Record<string, number>>, now: Readonly<Record<string, number>>) {
  const grown = Object.keys(now).filter(name => now[name] !== before[name]);
  const answered = grown.filter(name => name.endsWith('update_success'));
  return { answered, changed: grown.filter(name => !answered.includes(name)) };
}

function named(id: string): RunningEnvoy {
  const found = world.envoys.find(each => each.id === id);
  assert.ok(found);
  return found;
}
