import { Chance } from '../../test/support/chance.ts';
import { ask } from '../../test/support/client.ts';
import { until } from '../../test/support/until.ts';
import type { BalancerName } from './balancers.ts';
import { busiest, hitRate, load, quantile, shareOf, zipf } from './load.ts';
import type { ModelServer, ServerModel } from './servers.ts';

/** What a balancer came to in one round: figures by their column. */
export type Figures = Readonly<Record<string, number>>;

export interface Stage {
  readonly port: number;
  /** Where the balancer at hand spreads over all servers; with `/fewer` behind it, over all but the last. */
  readonly path: string;
  readonly servers: readonly ModelServer[];
  /** Where servers are checked: waits until Envoy finds so many of them healthy. */
  healthy(count: number): Promise<void>;
  readonly seed: number;
  readonly quick: boolean;
}

export interface Scenario {
  readonly about: string;
  /** What is measured, in a sentence or two, for the results. */
  readonly text: string;
  readonly servers: readonly ServerModel[];
  readonly balancers: readonly BalancerName[];
  /** Envoy checks the servers. */
  readonly checked?: boolean;
  /** Titles of the columns, and how a figure is shown. */
  readonly columns: Readonly<Record<string, 'times' | 'percent'>>;
  measure(stage: Stage): Promise<Figures>;
}

const names = ['a', 'b', 'c', 'd'];
const work = 80;
const four = (slots: number): readonly ServerModel[] => names.map(name => ({ name, slots, work }));
const hashes = ['ring-hash', 'ring-hash-bound', 'maglev', 'maglev-bound'] as const;
const spreading = ['random', 'round-robin', 'least-request'] as const;
/** So many that a hash spreads them as evenly as it can. */
const manyCallers = (chance: Chance) => chance.below(10_000);

const latencies = (samples: readonly { readonly ms: number }[]) => ({
  'p50, in times of work':
    quantile(
      samples.map(each => each.ms),
      0.5,
    ) / work,
  'p99, in times of work':
    quantile(
      samples.map(each => each.ms),
      0.99,
    ) / work,
});

const withTail = (samples: readonly { readonly ms: number }[]) => ({
  ...latencies(samples),
  'p90, in times of work':
    quantile(
      samples.map(each => each.ms),
      0.9,
    ) / work,
});

const latencyColumns = { 'p50, in times of work': 'times', 'p99, in times of work': 'times' } as const;

const unequal: Scenario = {
  about: 'one server of four with half the capacity',
  text: 'Three servers work on four requests at a time, the last on two; the calls are 71% of what all can do, by 10,000 callers.',
  servers: names.map(name => ({ name, slots: name === 'd' ? 2 : 4, work })),
  balancers: [...spreading, 'least-request-5', 'round-robin-weights', 'least-request-weights', ...hashes],
  columns: { 'share of the weak server': 'percent', ...latencyColumns },
  measure: async ({ port, path, seed, quick }) => {
    const samples = await load({ port, path, seed, count: quick ? 150 : 450, perSecond: 125, item: manyCallers });
    return { 'share of the weak server': shareOf(samples, 'd'), ...latencies(samples) };
  },
};

const slow: Scenario = {
  about: 'one server of four takes ten times as long for each request',
  text: 'All four have room for every request, but the last needs ten times the work for each; 50 calls a second by 10,000 callers.',
  servers: names.map(name => ({ name, slots: 1000, work: name === 'd' ? 10 * work : work })),
  balancers: [...spreading, 'least-request-5', ...hashes],
  columns: {
    'share of the slow server': 'percent',
    'p50, in times of work': 'times',
    'p90, in times of work': 'times',
    'p99, in times of work': 'times',
  },
  measure: async ({ port, path, seed, quick }) => {
    const samples = await load({ port, path, seed, count: quick ? 100 : 250, perSecond: 50, item: manyCallers });
    return { 'share of the slow server': shareOf(samples, 'd'), ...withTail(samples) };
  },
};

const streams: Scenario = {
  about: 'long-lived streams, and a server that restarts among them',
  text: 'Of 120 streams that stay open, those of the last server end when it restarts, and are opened anew elsewhere; then it is back, and 60 more are opened. An even spread is 25% for each.',
  servers: four(1000),
  checked: true,
  balancers: [...spreading, 'least-request-5', 'ring-hash', 'maglev', 'maglev-bound'],
  columns: { 'share of the restarted server': 'percent', 'share of the busiest': 'percent' },
  measure: async ({ port, path, servers, healthy, seed }) => {
    const chance = new Chance(seed);
    const ended: Promise<unknown>[] = [];
    const total = () => servers.reduce((sum, each) => sum + each.open, 0);
    const open = async (count: number) => {
      for (let opened = 0; opened < count; opened++) {
        const goal = total() + 1;
        const headers = { 'x-item': String(manyCallers(chance)) };
        let failed = true;
        const again = () => {
          failed = true;
        };
        await until('a stream is open', () => {
          if (failed) ended.push(stream(port, `${path}/open`, headers).then(again));
          failed = false;
          return total() >= goal;
        });
      }
    };
    await healthy(4);
    await open(120);
    const last = servers.at(-1);
    const lost = last?.open ?? 0;
    await last?.die();
    await healthy(3);
    await open(lost);
    await last?.listen();
    await healthy(4);
    await open(60);
    const figures = {
      'share of the restarted server': (last?.open ?? 0) / total(),
      'share of the busiest': Math.max(...servers.map(each => each.open)) / total(),
    };
    for (const each of servers) each.release();
    await Promise.all(ended);
    return figures;
  },
};

/** Resolves when it has ended, however that came. */
async function stream(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<void> {
  await ask(port, path, { headers, patience: 600_000, fresh: true }).catch(() => undefined);
}

const items = zipf(800, 0.9);

const caches: Scenario = {
  about: 'servers with caches, one of which goes away',
  text: 'Each of four servers caches 200 of 800 items, of which some are asked for far more often than others; an item that is not cached takes ten times the work. Then the last server goes away.',
  servers: names.map(name => ({ name, slots: 1000, work: work / 8, cache: 200 })),
  balancers: [...spreading, ...hashes],
  columns: {
    'hit rate': 'percent',
    'share of the busiest': 'percent',
    'moved, of items of the others': 'percent',
    'hit rate when one is gone': 'percent',
  },
  measure: async ({ port, path, servers, seed, quick }) => {
    for (const each of servers) each.cool();
    const count = quick ? 400 : 1000;
    const calls = { port, seed, perSecond: 400, item: items };
    await load({ ...calls, path, count });
    const before = await load({ ...calls, path, count, seed: seed + 1 });
    const after = await load({ ...calls, path: `${path}/fewer`, count: count / 2, seed: seed + 2 });
    const homes = new Map(before.map(each => [each.item, each.server]));
    const others = after.filter(each => (homes.get(each.item) ?? 'd') !== 'd');
    const moved = others.filter(each => homes.get(each.item) !== each.server);
    return {
      'hit rate': hitRate(before),
      'share of the busiest': busiest(before),
      'moved, of items of the others': moved.length / others.length,
      'hit rate when one is gone': hitRate(after),
    };
  },
};

const callers: Scenario = {
  about: 'few callers, one of whom makes half of all calls',
  text: 'Twelve callers, the first of whom makes half of the calls; the calls are half of what all servers can do, so that the first alone is as much as one server can do.',
  servers: four(4),
  balancers: [...spreading, ...hashes],
  columns: { 'share of the busiest': 'percent', ...latencyColumns },
  measure: async ({ port, path, seed, quick }) => {
    const item = (chance: Chance) => (chance.happens(0.5) ? 0 : 1 + chance.below(11));
    const samples = await load({ port, path, seed, count: quick ? 150 : 450, perSecond: 100, item });
    return { 'share of the busiest': busiest(samples), ...latencies(samples) };
  },
};

export const scenarios = { unequal, slow, streams, caches, callers } as const satisfies Readonly<
  Record<string, Scenario>
>;
