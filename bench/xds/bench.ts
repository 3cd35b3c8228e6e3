import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, BenchOptions } from '../bench.ts';
import { Context } from './context.ts';
import { judged } from './goals.ts';
import { canPin } from './process.ts';
import { compared, markdown, type Row, type Run } from './results.ts';
import { allClusters, canary, oneEndpoint, ownSubscriptions, perType } from './scenarios/changes.ts';
import { compileAll } from './scenarios/compile.ts';
import { growth, idleMemory } from './scenarios/growth.ts';
import { longAcknowledgements, manyChanges, rejections, slowReaders } from './scenarios/load.ts';
import { storm } from './scenarios/storm.ts';
import { machine, setUp, versions } from './setup.ts';

interface Scenario {
  readonly about: string;
  /** Left out when all of them are to be quick. */
  readonly long?: true;
  run(context: Context): Promise<void>;
}

const scenarios: Readonly<Record<string, Scenario>> = {
  S1: { about: 'one endpoint of one cluster changes', run: oneEndpoint },
  S2: { about: 'every cluster changes', run: allClusters },
  S3: { about: 'all proxies connect at once', run: storm },
  S4: { about: '100,000 endpoints are read and compiled, then one changes', run: compileAll },
  S5: { about: 'the weights of a canary change', run: canary },
  S6: { about: 'memory at rest', long: true, run: idleMemory },
  S7: { about: '100 changes a second', run: manyChanges },
  S8: { about: 'one proxy in a hundred does not read', long: true, run: slowReaders },
  S9: { about: 'every proxy asks for names of its own', run: ownSubscriptions },
  S10: { about: 'a tenth of the proxies rejects a cluster', long: true, run: rejections },
  S11: { about: 'acknowledgements with 1,000 names', run: longAcknowledgements },
  'per-type': { about: 'one endpoint changes, for proxies with a stream for each cluster', long: true, run: perType },
  growth: { about: 'one change with more and more proxies and clusters', long: true, run: growth },
};

const usage = `The xDS server under thousands of proxies, beside other control planes and bare transports of Node.

  npm run bench -- xds [--quick] [--write] [--peers NAMES] [--profile]
  npm run bench -- S1 S5 …

  --quick          a fifth of the size, without what takes long: under three minutes, else about an hour
  --write          into bench/xds/results.json and .md
  --peers NAMES    only these servers, with commas between them: ours, grpc-js, node:http2, floor, G1, G2, G3, …
  --profile        a CPU profile of each server of Node, into .tools/bench/profiles

It needs Linux and gcc (or CC); Go, if it is there, builds go-control-plane.
`;

const here = import.meta.dirname;
const resultsFile = join(here, 'results.json');

/** The newest committed runs. */
type Kept = Readonly<Partial<Record<'full' | 'quick', Run>>>;

async function run(names: readonly string[], { quick, flags }: BenchOptions): Promise<void> {
  const made = await setUp();
  const ready = 'profile' in flags ? { ...made, profiles: join(made.folder, 'profiles') } : made;
  const context = new Context(ready, quick, flags);
  const every = names.length === Object.keys(scenarios).length;
  const missing = [
    ...(ready.withoutGo === undefined ? [] : [`go-control-plane: ${ready.withoutGo}`]),
    ...(canPin ? [] : ['cores of their own for server and client (taskset, and two cores)']),
  ];
  for (const each of missing) console.log(`Without ${each}.`);
  for (const name of names) {
    const scenario = scenarios[name];
    if (!scenario || (quick && every && scenario.long)) continue;
    context.progress(`${name}: ${scenario.about}`);
    await scenario.run(context);
  }
  const result: Run = {
    quick,
    rounds: context.rounds,
    machine: machine(),
    versions: versions(ready.go),
    missing,
    titles: Object.fromEntries(Object.entries(scenarios).map(([name, { about }]) => [name, about])),
    rows: context.rows,
    curves: context.curves,
  };
  console.log(markdown(result));
  if (quick) console.log('Goals beside other control planes are set for the full size, and not judged here.');
  for (const line of judged(result)) console.log(line);
  const kept = committed();
  console.log(`\n${compared(result, quick ? kept.quick : kept.full).join('\n')}`);
  if ('write' in flags) write(kept, result, every);
}

function committed(): Kept {
  return existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Kept) : {};
}

/** Of a run of some scenarios, only these take the place of what there was. */
function write(kept: Kept, made: Run, every: boolean): void {
  const kind = made.quick ? 'quick' : 'full';
  const before = kept[kind];
  const names = new Set(made.rows.map(row => row.scenario));
  const curves = new Set(made.curves.map(curve => curve.name));
  const joined: Run =
    every || !before
      ? made
      : {
          ...made,
          rows: [...before.rows.filter(row => !names.has(row.scenario)), ...made.rows].toSorted(byScenario),
          curves: [...before.curves.filter(curve => !curves.has(curve.name)), ...made.curves],
        };
  const all: Kept = { ...kept, [kind]: joined };
  writeFileSync(resultsFile, `${JSON.stringify(all, undefined, 1)}\n`);
  const sections = [
    ...(all.full ? ['## Full size', '', markdown(all.full), '```', ...judged(all.full), '```', ''] : []),
    ...(all.quick ? ['## Quick', '', markdown(all.quick)] : []),
  ];
  const title = [
    '# Results',
    '',
    'Made by `npm run bench -- xds --write` and `npm run bench -- xds --quick --write`; [how to read them](../README.md).',
    '',
  ];
  writeFileSync(join(here, 'results.md'), [...title, ...sections].join('\n'));
}

function byScenario(a: Row, b: Row): number {
  const order = Object.keys(scenarios);
  return order.indexOf(a.scenario) - order.indexOf(b.scenario);
}

export const bench: Bench = {
  scenarios: Object.fromEntries(Object.entries(scenarios).map(([name, { about }]) => [name, about])),
  usage,
  watched: true,
  run,
};
