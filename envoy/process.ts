import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { envoyBinary } from './binary.ts';

/** An Envoy that this process started, and ends. */
export interface RunningEnvoy {
  readonly name: string;
  readonly pid: number;
  /** Settles when it has ended, however that came. */
  readonly ended: Promise<void>;
  /** The last lines of its log. */
  log(): string;
  /** Body of an answer of its admin interface, e.g. `/config_dump`. */
  admin(path: string, method?: 'GET' | 'POST'): Promise<string>;
  /** One of its counters or gauges; undefined while it does not exist. */
  stat(name: string): Promise<number | undefined>;
  /** Resolves when its admin interface says LIVE. Rejects when it ends first. */
  ready(signal?: AbortSignal): Promise<void>;
  /** Ends it: politely, then by force. */
  stop(): Promise<void>;
}

export interface EnvoyOptions {
  readonly name: string;
  /** A whole bootstrap, in Envoy's JSON. Its admin address must be an IP and port. */
  readonly bootstrap: object;
  readonly concurrency?: number;
  /** Called with each piece of its log. */
  readonly onLog?: (text: string) => void;
  readonly args?: readonly string[];
  /** Seconds that connections of a changed listener have until they are closed; 1 unless said. */
  readonly drainSeconds?: number;
}

const keptLog = 64 * 1024;

/** Starts an Envoy. It has files of its own in a temporary folder, removed at its end. */
export function startEnvoy(options: EnvoyOptions): RunningEnvoy {
  const folder = mkdtempSync(path.join(tmpdir(), 'switchyard-envoy-'));
  const file = path.join(folder, 'bootstrap.json');
  writeFileSync(file, JSON.stringify(options.bootstrap), { mode: 0o600 });
  const drain = options.drainSeconds ?? 1;
  const child = spawn(
    envoyBinary(),
    [
      ...['--config-path', file, '--concurrency', String(options.concurrency ?? 1), '--log-level', 'warning'],
      // A base id of its own: Envoys on one machine otherwise share a domain socket for hot restarts.
      ...['--base-id', String(randomInt(1, 2 ** 30))],
      ...['--drain-time-s', String(drain), '--parent-shutdown-time-s', String(drain + 1)],
      ...(options.args ?? []),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  const keep = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-keptLog);
    options.onLog?.(chunk.toString());
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<void>(resolve => {
    child.once('error', error => {
      keep(Buffer.from(String(error)));
      resolve();
    });
    child.once('exit', () => resolve());
  }).finally(() => rmSync(folder, { recursive: true, force: true }));
  const admin = (url: string, method: 'GET' | 'POST' = 'GET') => askAdmin(options.bootstrap, url, method);
  return {
    name: options.name,
    pid: child.pid ?? -1,
    ended,
    log: () => log,
    admin,
    stat: async name => {
      const text = await admin(`/stats?filter=^${encodeURIComponent(name.replaceAll('.', '\\.'))}$`);
      const value = /: (\d+)\s*$/m.exec(text)?.[1];
      return value === undefined ? undefined : Number(value);
    },
    ready: signal => untilReady(options.name, child, admin, () => log, signal),
    stop: () => stop(child, ended),
  };
}

async function untilReady(
  name: string,
  child: ChildProcess,
  admin: (path: string) => Promise<string>,
  log: () => string,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      throw new Error(`Envoy ${name} ended before it was ready:\n${log()}`);
    }
    const state = await admin('/ready').catch(() => '');
    if (state.startsWith('LIVE')) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(force);
}

function askAdmin(bootstrap: object, url: string, method: 'GET' | 'POST'): Promise<string> {
  const { admin } = bootstrap as { admin?: { address?: { socket_address?: { address: string; port_value: number } } } };
  const place = admin?.address?.socket_address;
  if (!place) return Promise.reject(new Error('this Envoy has no admin address with a port'));
  return new Promise((resolve, reject) => {
    const call = request(
      { host: place.address, port: place.port_value, path: url, method, timeout: 5000 },
      response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks).toString()));
        response.on('error', reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error('Envoy admin did not answer in 5 s')));
    call.on('error', reject);
    call.end();
  });
}
