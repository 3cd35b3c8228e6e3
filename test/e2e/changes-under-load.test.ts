import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunningEnvoy } from '../../envoy/process.ts';
import type { Behaviour, Seen } from '../support/backend.ts';
import { startBackend } from '../support/backend.ts';
import { Chance } from '../support/chance.ts';
import { ask } from '../support/client.ts';
import { type Load, startLoad } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { type FleetCast, paths, RandomPolicy } from '../support/random-policy.ts';
import { ServedPolicy } from '../support/served-policy.ts';
import { until } from '../support/until.ts';
import { inUse } from '../support/world.ts';

/**
 * Make before break (R37, R41): policies change by chance, faster than proxies acknowledge them, while all of them serve
 * requests, slow ones and such that are tried again among them. Not one may fail.
 *
 * `CHANGES=1000 SEED=7 npm test -- test/e2e/changes-under-load.test.ts` for more of them, or the same once more.
 */
const changes = Number(process.env['CHANGES'] ?? 120);
const seed = Number(process.env['SEED'] ?? randomInt(1_000_000));

/** Two proxies of each: a fleet for each, as each has ports of its own. */
const kinds = (['ads', 'perType'] as const).flatMap(streams =>
  (['delta', 'sotw'] as const).flatMap(variant => [1, 2].map(number => ({ streams, variant, number }))),
);

interface Cast extends FleetCast {
  readonly streams: 'ads' | 'perType';
  readonly variant: 'delta' | 'sotw';
  readonly envoy: RunningEnvoy;
}

/** A request that failed, and what had happened until then. */
interface Fault {
  readonly at: number;
  readonly cast: string;
  readonly request: string;
  readonly what: string;
  readonly changes: readonly string[];
}

describe(`${changes} changes by chance under load, seed ${seed}`, { timeout: 120_000 + changes * 1000 }, () => {
  const ending: AsyncDisposable[] = [];
  const casts: Cast[] = [];
  const loads: Load[] = [];
  const faults: Fault[] = [];
  const made: { readonly at: number; readonly what: string }[] = [];
  const chance = new Chance(seed);
  let served: ServedPolicy;
  let policy: RandomPolicy;

  before(async () => {
    served = await ServedPolicy.start();
    const backends = await Promise.all(['one', 'two', 'three', 'four', 'moody'].map(name => startBackend({ name })));
    ending.push(served, ...backends);
    for (const backend of backends) backend.behave(backend.name === 'moody' ? moods() : slowAtTimes);
    const fleets = await Promise.all(
      kinds.map(async ({ streams, variant, number }) => ({
        name: `${streams === 'ads' ? 'ads' : 'per-type'}-${variant}-${number}`,
        streams,
        variant,
        xds: streams === 'ads' ? { streams } : { streams, variant },
        port: await freePort(),
        side: await freePort(),
        moving: [await freePort(), await freePort()] as const,
      })),
    );
    const addresses = backends.map(each => each.address);
    policy = new RandomPolicy({
      chance,
      steady: addresses.slice(0, 4),
      moody: addresses[4] ?? '',
      timeout: 8000,
      casts: fleets,
    });
    await served.publish(policy.policy);
    for (const each of fleets)
      casts.push({ ...each, envoy: await served.envoy(each.name, each.streams, each.variant) });
    await Promise.all(casts.map(({ envoy }) => inUse(envoy)));
    await until('all serve', async () => {
      const answers = await Promise.all(casts.flatMap(({ port, side }) => [ask(port, '/a'), ask(side, '/a')]));
      return answers.every(each => each.status === 200);
    });
  });

  after(async () => {
    await Promise.all(loads.map(load => load.end()));
    for (const each of ending) await each[Symbol.asyncDispose]();
  });

  it('R37, R41: no request fails', async () => {
    for (const cast of casts) loads.push(...loadsOn(cast));
    await Promise.all(loads.map(load => load.more(10)));
    for (let count = 0; count < changes && faults.length === 0; count++) {
      made.push({ at: performance.now(), what: `${count + 1}: ${policy.change()}` });
      await served.publish(policy.policy);
      await distance();
      // What a machine without time for it is slow to answer says nothing of the changes.
      await until('requests are answered', () => loads.every(each => each.open < 3), 60_000);
    }
    await served.acked(30_000);
    // Until the last of what was retired has gone, and a while beyond.
    await until('nothing is left of what was', gone, 90_000);
    await Promise.all(loads.map(load => load.more(10)));
    await Promise.all(loads.map(load => load.end()));
    await explain();
    const answers = loads.reduce((sum, load) => sum + load.answers.length, 0);
    assert.ok(answers > casts.length * changes, `${answers} requests were answered`);
  });

  it('R37, R41: nothing was rejected, and nothing is warming', async () => {
    for (const { envoy, name } of casts) {
      await inUse(envoy);
      const rejected = (await envoy.admin('/stats?filter=update_rejected')).split('\n').filter(Boolean);
      assert.ok(rejected.length > 1, name);
      assert.deepEqual(
        rejected.filter(line => !line.endsWith(': 0')),
        [],
        name,
      );
    }
    assert.deepEqual(
      served.events.filter(event => event.kind === 'nacked' || event.kind === 'withheld'),
      [],
    );
  });

  it('R41: each proxy has the streams that it needs, on one connection', async () => {
    for (const { envoy, name, streams } of casts) {
      const count = (what: string) => envoy.stat(`cluster.switchyard/xds.${what}`);
      // ADS and load reports; clusters, listeners, runtime, its own fleet; a cluster's endpoints and a listener's routes.
      const served = wanted(name).filter(each => !each.includes('+'));
      const expected = streams === 'ads' ? 2 : 6 + served.length + 1;
      await until(`${name} has ${expected} streams`, async () => {
        const found = await count('upstream_rq_active');
        if (found !== expected) throw new Error(`${found}`);
        return true;
      });
      assert.equal(await count('upstream_cx_total'), 1, name);
    }
  });

  it('the listener that was moved is where it was moved to', async () => {
    for (const cast of casts) {
      assert.equal((await ask(policy.movedTo(cast), '/a', { fresh: true })).status, 200, cast.name);
    }
  });

  /** Requests to a listener that never changes, on kept connections, and to one that does, each on its own. */
  function loadsOn(cast: Cast): readonly Load[] {
    return [
      startLoad(() => observed(cast, cast.port, false), { perSecond: 20, atMost: 8 }),
      startLoad(() => observed(cast, cast.side, true), { perSecond: 5, atMost: 2 }),
    ];
  }

  async function observed(cast: Cast, port: number, fresh: boolean): ReturnType<typeof ask> {
    const path = paths[randomInt(paths.length)] ?? '/a';
    const told = (what: string) => {
      const newest = made.slice(-3).map(each => `${Math.round(performance.now() - each.at)} ms after ${each.what}`);
      const request = `${fresh ? 'side ' : ''}${path}`;
      faults.push({ at: performance.now(), cast: cast.name, request, what, changes: newest });
    };
    try {
      const headers = { 'x-number': String(randomInt(2 ** 40)) };
      const answer = await ask(port, path, { fresh, headers, patience: 15_000 });
      if (answer.status !== 200) told(`${answer.status} by ${answer.by}: ${answer.text.slice(0, 200)}`);
      return answer;
    } catch (error) {
      told((error as Error).message);
      throw error;
    }
  }

  /** Some changes come at once, some soon, some late, and some when everybody has acknowledged what came before. */
  async function distance(): Promise<void> {
    const kind = chance.next();
    if (kind < 0.35) return;
    if (kind < 0.65) await pause(chance.below(100));
    else if (kind < 0.95) await pause(chance.below(500));
    else await served.acked(30_000);
  }

  function wanted(fleet: string): readonly string[] {
    const types = served.snapshots.get(fleet)?.types;
    return [...(types?.get('type.googleapis.com/envoy.config.cluster.v3.Cluster')?.resources.keys() ?? [])].sort();
  }

  async function gone(): Promise<boolean> {
    for (const { envoy, name } of casts) {
      const clusters = (await envoy.admin('/clusters')).matchAll(/^(\S+?)::observability_name/gm);
      const found = [...new Set([...clusters].map(([, each]) => each ?? ''))]
        .filter(each => !each.includes('/'))
        .sort();
      assert.deepEqual(found, wanted(name), name);
    }
    return true;
  }

  /** @throws AssertionError that says what is known of the first failures. */
  async function explain(): Promise<void> {
    const [first] = faults;
    if (!first) return;
    const { envoy } = casts.find(each => each.name === first.cast) ?? {};
    const stats =
      (await envoy?.admin('/stats?filter=(no_cluster|no_route|none_healthy|connect_fail|rq_timeout)$')) ?? '';
    const counted = stats.split('\n').filter(line => line !== '' && !line.endsWith(': 0'));
    const proxy = served.fleet.proxies().find(each => each.node.id === first.cast);
    const told = served.events
      .filter(each => each.clientId === proxy?.clientId && Math.abs(each.at - first.at) < 1500)
      .map(({ at, clientId: _, ...event }) => `${Math.round(at - first.at)} ms ${JSON.stringify(event)}`);
    const published = made
      .filter(each => Math.abs(each.at - first.at) < 1500)
      .map(each => `${Math.round(each.at - first.at)} ms ${each.what}`);
    const parts = [faults.slice(0, 20), counted, published, told].map(each => JSON.stringify(each, undefined, 1));
    assert.fail(`seed ${seed}, ${faults.length} requests failed:\n${parts.join('\n')}\n${envoy?.log().slice(-2000)}`);
  }
});

/** Some requests take a while. */
function slowAtTimes({ headers }: Seen): Behaviour {
  const number = Number(headers['x-number']);
  return number % 3 === 0 ? { delay: number % 300 } : {};
}

/** Of every two requests one fails, in one of two ways, when it is first tried. */
function moods(): (seen: Seen) => Behaviour {
  const tried = new Set<string>();
  return seen => {
    const number = String(seen.headers['x-number']);
    const again = tried.has(number);
    tried.add(number);
    if (again || Number(number) % 2 === 0) return slowAtTimes(seen);
    return Number(number) % 4 === 1 ? { reset: true } : { status: 503 };
  };
}
