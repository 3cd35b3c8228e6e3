import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Bench, BenchOptions } from '../bench.ts';
import { faults } from './faults.ts';
import { summarise } from './figures.ts';
import { haproxy, haproxyTuned } from './haproxy.ts';
import { type Measured, measure } from './measure.ts';
import { nginx, nginxTuned } from './nginx.ts';
import { publish } from './publish.ts';
import { page, type Results } from './results.ts';
import { switchyard, switchyardTuned } from './switchyard.ts';
import type { System } from './system.ts';
import { machine, versions } from './versions.ts';

const systems: readonly System[] = [switchyard, switchyardTuned, haproxy, haproxyTuned, nginx, nginxTuned];
const loads = ['idle', 'load'] as const;
/** What a run must have at least, of everything, for its results to go into the documentation. */
const enough = 100;

const usage = `What the fault of one server of three costs clients, and how soon a proxy notices it.

  npm run bench -- failover [--quick] [--fault NAMES] [--system NAMES] [--load idle|load]
                            [--repetitions N] [--parallel N] [--starved-above MS]

  --quick              one repetition of everything, to see that it works: about five minutes
  --fault NAMES        only these faults, with commas between them:
                       ${faults.map(({ name }) => name).join(', ')}
  --system NAMES       only these systems, with commas between them:
                       ${systems.map(({ name }) => name).join(', ')}
  --load idle|load     only without requests, or only under load
  --repetitions N      of each fault on each system, idle and under load; ${enough} if left out
  --parallel N         of each of them at a time, each on a service of its own; 2 if left out. More is quicker, and
                       loads the machine more: watch how many are void
  --starved-above MS   a repetition in which the bench itself stood still for longer is void, and is done again;
                       100 if left out

haproxy and nginx come from Debian's packages, fetched with apt-get into .tools/debian; nothing is installed, and root is
not needed. All runs on loopback, and Ctrl-C ends all of it; what was measured until then is kept. A full run (everything,
${enough} repetitions or more) takes about three hours and writes bench/failover/results.json and .md and the
tables of docs/guides/failover.md; any other writes into .data/bench/failover alone.
`;

interface Options {
  readonly systems: readonly System[];
  readonly faults: typeof faults;
  readonly loads: readonly ('idle' | 'load')[];
  readonly repetitions: number;
  readonly parallel: number;
  readonly starvedMs: number;
}

export const bench: Bench = {
  scenarios: { failover: 'what the fault of one server costs, beside haproxy and nginx' },
  usage,
  run: (_, options) => failover(readOptions(options)),
};

async function failover(options: Options): Promise<void> {
  // What was started is ended when this process exits, and not when a signal ends it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
  const folder = path.join(import.meta.dirname, '..', '..', '.data', 'bench', 'failover', stamp());
  mkdirSync(folder, { recursive: true });
  const say = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
  const workers = Math.min(2, availableParallelism());
  const keep = (measured: Measured) => {
    writeFileSync(path.join(folder, 'repetitions.json'), JSON.stringify(measured.repetitions));
    const results = resultsOf(options, measured, workers);
    writeFileSync(path.join(folder, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`);
    writeFileSync(path.join(folder, 'results.md'), page(results));
  };
  say(`results are kept in ${path.relative(process.cwd(), folder)} after every round`);
  const results = resultsOf(options, await measure({ ...options, workers, say, keep }), workers);
  process.stdout.write(page(results));
  if (isFull(options, results)) publish(results);
}

function stamp(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '');
}

function resultsOf(options: Options, { repetitions, versions: of, broken }: Measured, workers: number): Results {
  const kinds = [
    ...options.loads.flatMap(load => options.faults.map(({ name }) => ({ fault: name, load }))),
    { fault: 'none', load: 'load' as const },
  ];
  return {
    date: new Date().toISOString(),
    machine: `${machine()}, Node ${versions.node}`,
    ...{ repetitions: options.repetitions, parallel: options.parallel, starvedMs: options.starvedMs, workers, broken },
    systems: options.systems.map(({ name, about }) => ({ name, version: of[name] ?? '-', about })),
    faults: options.faults.map(({ name, about }) => ({ name, about })),
    summaries: options.systems.flatMap(({ name }) =>
      kinds.map(kind => summarise({ ...kind, system: name }, repetitions, options.starvedMs)),
    ),
  };
}

function isFull(options: Options, { summaries }: Results): boolean {
  const whole =
    options.systems.length === systems.length &&
    options.faults.length === faults.length &&
    options.loads.length === loads.length;
  return whole && summaries.every(({ repetitions }) => repetitions >= enough);
}

const known = ['quick', 'all', 'fault', 'system', 'load', 'repetitions', 'parallel', 'starved-above'];

function readOptions({ quick, flags }: BenchOptions): Options {
  for (const flag of Object.keys(flags)) {
    if (!known.includes(flag)) throw new Error(`failover has no --${flag}\n\n${usage}`);
  }
  const number = (name: string, otherwise: number) => {
    const value = flags[name] ?? String(otherwise);
    if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
    throw new Error(`--${name} takes a whole number from 1 to 99999, not "${value}"`);
  };
  const repetitions = number('repetitions', quick ? 1 : enough);
  const named = loads.map(name => ({ name }));
  return {
    systems: chosen('system', systems, flags['system']),
    faults: chosen('fault', faults, flags['fault']),
    loads: chosen('load', named, flags['load']).map(({ name }) => name),
    repetitions,
    parallel: Math.min(repetitions, number('parallel', 2)),
    starvedMs: number('starved-above', 100),
  };
}

function chosen<T extends { readonly name: string }>(what: string, all: readonly T[], given: string | undefined) {
  if (given === undefined) return all;
  const names = given.split(',');
  for (const name of names) {
    if (all.some(each => each.name === name)) continue;
    throw new Error(`there is no ${what} "${name}": take of ${all.map(each => each.name).join(', ')}`);
  }
  return all.filter(({ name }) => names.includes(name));
}
