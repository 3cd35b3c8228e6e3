// Runs alone: it measures shares within a window of seconds.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { assertShare } from '../support/statistics.ts';
import { edgePolicy, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [old, fresh] = await world.backends('old', 'fresh');
const port = await world.port();

const windowMs = 4000;
const balancing: Record<string, ServiceInput['loadBalancing']> = {
  cold: { policy: 'roundRobin' },
  linear: { policy: 'roundRobin', slowStart: `${windowMs}ms` },
  least: { policy: 'leastRequest', slowStart: { window: `${windowMs}ms` } },
  steep: { policy: 'roundRobin', slowStart: { window: `${windowMs}ms`, aggression: 5 } },
  high: { policy: 'roundRobin', slowStart: { window: `${windowMs}ms`, minWeight: '60%' } },
};
const names = Object.keys(balancing);

function policy(addresses: readonly string[]) {
  const services = Object.fromEntries(
    names.map((name): [string, ServiceInput] => [
      name,
      {
        endpoints: addresses.map(address => ({ address })),
        ...(balancing[name] === undefined ? {} : { loadBalancing: balancing[name] }),
      },
    ]),
  );
  return edgePolicy(port, {
    services,
    rules: names.map(name => ({ match: { path: `/${name}` }, to: [{ service: name }] })),
  });
}

await world.start(policy([old.address]), [{ id: 'edge-1', cluster: 'edge' }]);

/** Share of the fresh endpoint among requests sent one after the other. */
const measure = async (name: string, requests: number) => {
  const counts = await askMany(requests, () => ask(port, `/${name}`), { parallel: 1 });
  return (counts.get('fresh') ?? 0) / requests;
};

describe('slow start', () => {
  it('raises the share of an endpoint that just came, over its window', async () => {
    covers(
      'services.*.loadBalancing.slowStart',
      'services.*.loadBalancing.slowStart.window',
      'services.*.loadBalancing.slowStart.aggression',
      'services.*.loadBalancing.slowStart.minWeight',
    );
    // The first endpoint came with the service: its own window must be over.
    await pause(windowMs);
    await world.saved(policy([old.address, fresh.address]));
    const arrived = performance.now();
    const at = () => (performance.now() - arrived) / windowMs;
    const samples: { readonly at: number; readonly shares: Readonly<Record<string, number>> }[] = [];
    while (at() < 0.95) {
      const begun = at();
      const shares: Record<string, number> = {};
      for (const name of names) shares[name] = await measure(name, 40);
      samples.push({ at: (begun + at()) / 2, shares });
      await pause(50);
    }
    const told = samples.map(each => `${each.at.toFixed(2)}: ${JSON.stringify(each.shares)}`).join('\n');
    const mean = (name: string, from: number, to: number) => {
      const within = samples.filter(each => each.at >= from && each.at < to);
      assert.ok(within.length > 0, `there are samples from ${from} to ${to}\n${told}`);
      return within.reduce((sum, each) => sum + (each.shares[name] ?? 0), 0) / within.length;
    };
    const between = (value: number, least: number, most: number, what: string) =>
      assert.ok(value >= least && value <= most, `${what}: ${value.toFixed(3)} is from ${least} to ${most}\n${told}`);
    // Without slow start it takes its half at once. With it, its weight is the elapsed part of the window, at least a
    // tenth: after a fifth of the window 0.2 / 1.2 = 17 % of requests, after four fifths 0.8 / 1.8 = 44 %.
    between(mean('cold', 0, 0.3), 0.45, 0.55, 'cold, early');
    for (const name of ['linear', 'least']) {
      between(mean(name, 0, 0.3), 0.05, 0.25, `${name}, early`);
      between(mean(name, 0.7, 0.95), 0.38, 0.52, `${name}, late`);
    }
    // The fifth root of a fifth is 0.72, which is 42 % of requests.
    between(mean('steep', 0.1, 0.3), 0.35, 0.5, 'steep, early');
    // At least 60 % of its weight, which is 37.5 % of requests.
    between(mean('high', 0, 0.3), 0.32, 0.45, 'high, early');
    await pause(Math.max(0, windowMs - (performance.now() - arrived)));
    for (const name of names) {
      assertShare(await askMany(100, () => ask(port, `/${name}`), { parallel: 1 }), 'fresh', 1 / 2);
    }
  });
});
