import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { which } from '../../setup/command.mjs';
import { rememberNetwork, restoreNetwork } from './network-rules.ts';
import { CannotRun, run } from './shell.ts';

/** A Docker daemon to test on. */
export interface Daemon {
  /** Environment in which `docker` and compose talk to it. */
  readonly env: NodeJS.ProcessEnv;
  /** What it is, for the report. */
  readonly about: string;
  /** True when it was started here, and goes with everything in it. */
  readonly own: boolean;
  /** Ends one of our own, and takes away what it left; does nothing to another. */
  stop(): Promise<void>;
}

const neededMegabytes = 6000;

/** Should we be killed, the kernel tells the daemon to end, and it ends its containers. */
const endsWithUs = ['setpriv', '--pdeathsig', 'TERM'] as const;

/**
 * The daemon that `docker` finds, else one of our own in `folder`.
 *
 * @throws CannotRun with the reason, when there is neither.
 */
export async function findDaemon(folder: string, signal: AbortSignal): Promise<Daemon> {
  if (which('docker', process.env.PATH) === undefined) {
    throw new CannotRun('There is no docker command: install Docker (Debian: apt-get install docker.io).');
  }
  const version = await askVersion(process.env, signal);
  if (version !== undefined) {
    return { env: process.env, about: `the running Docker ${version}`, own: false, stop: async () => {} };
  }
  return await startDaemon(folder, signal);
}

async function askVersion(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string | undefined> {
  const { ok, stdout } = await run('docker', ['version', '--format', '{{.Server.Version}}'], {
    env,
    signal,
    timeoutMs: 10_000,
  });
  return ok ? stdout.trim() : undefined;
}

async function startDaemon(folder: string, signal: AbortSignal): Promise<Daemon> {
  const unable = reasonAgainst(folder);
  if (unable !== undefined) throw new CannotRun(unable);
  const data = path.join(folder, 'docker');
  mkdirSync(data, { recursive: true });
  await rememberNetwork(folder);
  const socket = `unix://${path.join(folder, 'docker.sock')}`;
  const own = ['--data-root', data, '--exec-root', path.join(folder, 'exec'), '-p', path.join(folder, 'docker.pid')];
  const [program, ...before] = endsWithUs;
  const child = spawn(program, [...before, 'dockerd', '-H', socket, ...own], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A Ctrl-C in the terminal is ours to handle: the containers go first, then the daemon.
    detached: true,
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-16_384);
    });
  }
  child.on('error', error => {
    log += error.message;
  });
  const stop = async () => {
    await end(child);
    await restoreNetwork(folder);
  };
  const env: NodeJS.ProcessEnv = { ...process.env, DOCKER_HOST: socket };
  // It would win over DOCKER_HOST.
  delete env['DOCKER_CONTEXT'];
  try {
    const version = await answer(env, child, signal);
    if (version === undefined) throw new CannotRun(`Docker does not start on this machine: ${lastWords(log)}`);
    return { env, about: `Docker ${version}, started for the test`, own: true, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function reasonAgainst(folder: string): string | undefined {
  if (process.platform !== 'linux') return 'No Docker daemon answers: start Docker.';
  if (process.getuid?.() !== 0) {
    return 'No Docker daemon answers, and only root can start one for the test: start Docker, or run this as root.';
  }
  for (const program of ['dockerd', 'setpriv', 'iptables']) {
    if (which(program, process.env.PATH) === undefined) {
      return `No Docker daemon answers, and there is no ${program} to start one: install Docker (Debian: apt-get install docker.io).`;
    }
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = Math.floor((bavail * bsize) / 1_000_000);
  return free < neededMegabytes
    ? `The test needs ${neededMegabytes} MB in ${folder}, and ${free} are free.`
    : undefined;
}

/** @returns undefined when the daemon ends, or does not answer within a minute. */
async function answer(env: NodeJS.ProcessEnv, child: ChildProcess, signal: AbortSignal): Promise<string | undefined> {
  const deadline = Date.now() + 60_000;
  while (!hasEnded(child) && Date.now() < deadline) {
    const version = await askVersion(env, signal);
    if (version !== undefined) return version;
    await pause(200, undefined, { signal });
  }
  return undefined;
}

const hasEnded = (child: ChildProcess) =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null;

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await ended;
  clearTimeout(force);
}

/** The daemon's own reason, which it gives at its end. */
function lastWords(log: string): string {
  const lines = log.trim().split('\n');
  return (lines.findLast(line => /failed|error/i.test(line)) ?? lines.at(-1) ?? 'it says nothing').slice(0, 300);
}
