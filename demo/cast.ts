import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type RunningEnvoy, startEnvoy } from '../envoy/process.ts';
import { bootstrap, bootstrapDefaults } from '../src/translate/bootstrap.ts';
import { movePorts, type Ports } from './ports.ts';

/** A process of the demonstration. */
export interface Actor {
  readonly name: string;
  readonly pid: number;
  /** What it has printed, newest last. */
  output(): string;
  ended(): boolean;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const root = path.dirname(import.meta.dirname);

/** Starts a program of ours. Resolves when `ready` appears in what it prints; rejects when it ends first. */
export async function startActor(name: string, args: readonly string[], ready: RegExp): Promise<Actor> {
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], cwd: root });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-16_384);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (!ready.test(output)) return;
      child.stdout?.off('data', look);
      child.stderr?.off('data', look);
      resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', () => reject(new Error(`${name} ended before it was ready:\n${output}`)));
    child.once('error', reject);
  });
  return {
    name,
    pid: child.pid ?? -1,
    output: () => output,
    ended: () => hasEnded(child),
    stop: signal => end(child, signal),
  };
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise(resolve => child.once('exit', resolve));
  child.kill(signal);
  const force = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(force);
}

export type BackendName = 'catalog-1' | 'catalog-2' | 'catalog-3' | 'checkout-1';

/** Starts one application instance. */
export function startBackend(name: BackendName, ports: Ports): Promise<Actor> {
  const casting: Record<BackendName, readonly string[]> = {
    'catalog-1': ['--service=catalog', '--version=v1', `--port=${ports.catalogOne}`],
    'catalog-2': ['--service=catalog', '--version=v1', `--port=${ports.catalogTwo}`],
    'catalog-3': [
      ...['--service=catalog', '--version=v2', `--port=${ports.catalogThree}`],
      `--outbound=127.0.0.1:${ports.catalogOutbound}`,
    ],
    'checkout-1': [
      ...['--service=checkout', '--version=v1', `--port=${ports.checkout}`],
      `--outbound=127.0.0.1:${ports.checkoutOutbound}`,
    ],
  };
  return startActor(name, ['demo/backend.ts', `--name=${name}`, ...casting[name]], /listening/);
}

/** Ends the program that loads it when the demonstration is gone without a word, so that its ports are free again. */
export const leash = new URL('leash.ts', import.meta.url).href;

/** The control plane, started as a user would, with a copy of the policy to edit. */
export async function startControlPlane(folder: string, ports: Ports): Promise<Actor> {
  return startActor(
    'switchyard',
    [
      ...[
        '--import',
        leash,
        'src/cli/main.ts',
        'serve',
        '--policy',
        policyFile(folder),
        '--data',
        path.join(folder, 'data'),
      ],
      ...['--xds', `127.0.0.1:${ports.xds}`, '--admin', `127.0.0.1:${ports.admin}`],
    ],
    /ready/,
  );
}

export const policyFile = (folder: string): string => path.join(folder, 'switchyard.yaml');

/** Empties the folder and writes the policy, its ports moved by `offset`, where the control plane reads it. */
export function writePolicy(folder: string, offset: number): void {
  // Shifts of an earlier performance would otherwise lie over this one's policy.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const text = readFileSync(path.join(import.meta.dirname, 'switchyard.yaml'), 'utf8');
  writeFileSync(policyFile(folder), movePorts(text, offset));
}

/** The four Envoys: an edge on each protocol variant, and two sidecars. */
export function startEnvoys(ports: Ports): readonly RunningEnvoy[] {
  const proxies = [
    { id: 'edge-delta-1', cluster: 'edge-delta', variant: 'delta', admin: ports.edgeDeltaAdmin },
    { id: 'edge-sotw-1', cluster: 'edge-sotw', variant: 'sotw', admin: ports.edgeSotwAdmin },
    { id: 'catalog-3', cluster: 'catalog', variant: 'delta', admin: ports.catalogSidecarAdmin },
    { id: 'checkout-1', cluster: 'checkout', variant: 'sotw', admin: ports.checkoutSidecarAdmin },
  ] as const;
  return proxies.map(({ id, cluster, variant, admin }) =>
    startEnvoy({
      name: id,
      bootstrap: bootstrap({
        node: { id, cluster, zone: 'demo' },
        xds: [`127.0.0.1:${ports.xds}`],
        variant,
        admin: `127.0.0.1:${admin}`,
        ...bootstrapDefaults,
      }),
    }),
  );
}
