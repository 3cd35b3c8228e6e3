import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { join } from 'node:path';
import type { Variant } from '../../src/xds/events.ts';
import { recordedNode } from './envoy-node.ts';
import { fixtures, prebuilt, type Size, writeFixtures, writePrebuilt } from './fixtures.ts';

/** What is made before anything is measured, into a folder that git ignores. */
export interface Ready {
  readonly folder: string;
  readonly client: string;
  readonly floor: string;
  /** Undefined where go-control-plane cannot be built; `withoutGo` says why. */
  readonly go: string | undefined;
  readonly withoutGo: string | undefined;
  readonly node: string;
  /** Where servers on Node leave profiles of their processor time; undefined: they make none, which costs time. */
  readonly profiles?: string;
}

const here = import.meta.dirname;
const folder = join(here, '../../.tools/bench');

export async function setUp(): Promise<Ready> {
  mkdirSync(folder, { recursive: true });
  const client = build('client', ['client.c', 'ads.c', 'session.c', 'stats.c', 'scan.c', 'h2.c']);
  const floor = build('floor', ['floor.c', 'scan.c', 'h2.c']);
  return { folder, client, floor, ...buildGo(), node: await recordedNode(folder) };
}

function build(name: string, sources: readonly string[]): string {
  const native = join(here, 'native');
  const target = join(folder, name);
  const inputs = [...sources, 'h2.h', 'scan.h', 'client.h'].map(each => join(native, each));
  if (isNewer(target, inputs)) return target;
  const { error, status, stderr } = spawnSync(
    process.env.CC ?? 'gcc',
    ['-O2', '-Wall', '-Wextra', '-o', target, ...sources],
    { cwd: native, encoding: 'utf8' },
  );
  if (error) {
    throw new Error(
      'The load client is a C program, and there is no gcc: install one (Debian: apt install gcc), or set CC.',
    );
  }
  if (status !== 0) throw new Error(`The load client could not be compiled:\n${stderr}`);
  return target;
}

function isNewer(target: string, inputs: readonly string[]): boolean {
  const made = statSync(target, { throwIfNoEntry: false });
  return made !== undefined && inputs.every(each => statSync(each).mtimeMs < made.mtimeMs);
}

function buildGo(): Pick<Ready, 'go' | 'withoutGo'> {
  const target = join(folder, 'go-control-plane');
  const { error, status, stderr } = spawnSync('go', ['build', '-o', target, '.'], {
    cwd: join(here, 'servers/go'),
    encoding: 'utf8',
    // The checkout's version control is of no use to it.
    env: { ...process.env, GOFLAGS: '-buildvcs=false' },
  });
  if (error) return { go: undefined, withoutGo: 'there is no Go toolchain here (https://go.dev/dl)' };
  if (status !== 0) return { go: undefined, withoutGo: `it does not build: ${stderr.trim().split('\n').at(-1)}` };
  return { go: target, withoutGo: undefined };
}

/** The class of this machine, as it stands in the results. */
export function machine(): string {
  const { model = 'unknown processor' } = cpus()[0] ?? {};
  return `${availableParallelism()} cores of ${model.trim()}, Linux ${release().split('-')[0]}`;
}

/** Versions of what is measured, as they stand in the results. */
export function versions(go: string | undefined): Readonly<Record<string, string>> {
  const packages = JSON.parse(readFileSync(join(here, '../../package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const mod = readFileSync(join(here, 'servers/go/go.mod'), 'utf8');
  const module = (name: string) => new RegExp(`${name} (v\\S+)`).exec(mod)?.[1] ?? '?';
  return {
    node: process.version,
    'grpc-js': packages.dependencies['@grpc/grpc-js'] ?? '?',
    ...(go !== undefined && {
      'go-control-plane': module('envoyproxy/go-control-plane'),
      'grpc-go': module('google.golang.org/grpc'),
      go: execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim(),
    }),
  };
}

export interface FixtureFiles {
  readonly fixtures: string;
  messages(variant: Variant): string;
}

const made = new Map<string, FixtureFiles>();

export function fixtureFiles(size: Size): FixtureFiles {
  const key = `${size.clusters}x${size.endpoints}`;
  let files = made.get(key);
  if (!files) {
    const all = fixtures(size);
    const file = join(folder, `fixtures-${key}.bin`);
    writeFixtures(file, all);
    const messages = (variant: Variant) => join(folder, `messages-${key}-${variant}.bin`);
    for (const variant of ['sotw', 'delta'] as const) writePrebuilt(messages(variant), prebuilt(all, variant));
    files = { fixtures: file, messages };
    made.set(key, files);
  }
  return files;
}
