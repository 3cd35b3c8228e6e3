import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testedEnvoy } from '../../src/base/tested-envoy.ts';
import type { Bench, BenchOptions } from '../bench.ts';
import { markdown, type Row, type Run } from '../xds/results.ts';
import { machine, setUp, versions } from '../xds/setup.ts';
import { coldStart, oneChange, restart, type Size } from './large.ts';
import { shift } from './shift.ts';

/** The whole way, from files and the API to proxies, with the whole server in a process of its own. */

type Measure = (size: Size, progress: (text: string) => void) => Promise<readonly Row[]>;

const full: Size = { policy: { services: 10_000, endpoints: 10 }, starts: 3, changes: 30 };
const small: Size = { policy: { services: 1000, endpoints: 10 }, starts: 1, changes: 10 };

const usage = `The whole server: files, store, API, two real Envoys.

  npm run bench -- whole [--quick] [--write] [--profile]
  npm run bench -- shift cold change restart

  --quick          a tenth of the size, fewer repetitions
  --write          into bench/whole/results.md, if all of it is measured at full size
  --profile        CPU profiles of the servers of large policies, into .tools/bench/profiles
`;

const about: Readonly<Record<string, string>> = {
  shift: 'a rule sends everything to another service, until requests through both Envoys of a fleet come there',
  cold: '10,000 services with 10 endpoints each, from files on the disk to a proxy that has all of it',
  change: 'of these, one endpoint gets another weight: by its file, and by the API over it',
  restart: 'the same server again, with what its store has',
};

async function run(names: readonly string[], { quick, flags }: BenchOptions): Promise<void> {
  const progress = (text: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
  const made = await setUp();
  const ready = 'profile' in flags ? { ...made, profiles: join(made.folder, 'profiles') } : made;
  const size = quick ? small : full;
  const measures: Readonly<Record<string, Measure>> = {
    shift: () => shift(size.changes, progress),
    cold: (...given) => coldStart(ready, ...given),
    change: (...given) => oneChange(ready, ...given),
    restart: (...given) => restart(ready, ...given),
  };
  const rows: Row[] = [];
  for (const name of names) {
    progress(`${name}: ${about[name]}`);
    rows.push(...((await measures[name]?.(size, progress)) ?? []));
  }
  const { node = '', 'grpc-js': grpc = '' } = versions(undefined);
  const result: Run = {
    quick,
    rounds: size.starts,
    machine: machine(),
    versions: { node, 'grpc-js': grpc, Envoy: testedEnvoy },
    missing: [],
    titles: about,
    rows,
    curves: [],
  };
  const text = markdown(result).replace(
    /Medians of .*\n/,
    `Medians of ${size.starts} starts and of ${size.changes} changes, in brackets the least and the most.\n`,
  );
  console.log(text);
  if (quick || !('write' in flags) || names.length < Object.keys(about).length) return;
  const title =
    '# The whole way, measured\n\nMade by `npm run bench -- whole --write`; [how to read it](../README.md).\n\n';
  writeFileSync(join(import.meta.dirname, 'results.md'), title + text);
}

export const bench: Bench = { scenarios: about, usage, run };
