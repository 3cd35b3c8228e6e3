import { setTimeout as sleep } from 'node:timers/promises';
import { watch } from 'chokidar';
import type { TlsMaterial } from '../base/server-tls.ts';
import { Alarm } from './alarm.ts';
import { readPem, type TlsFault } from './pem.ts';
import { stateOf } from './read-text.ts';
import { checkTls, type TlsPaths, type TlsReading } from './tls-check.ts';

/** Reads the files of a server's TLS and checks them. Never rejects. */
export async function readTlsFiles(paths: TlsPaths): Promise<TlsReading> {
  const read: { -readonly [Name in keyof TlsMaterial]: string } = { certificate: '', key: '' };
  const faults: TlsFault[] = [];
  for (const name of ['certificate', 'key', 'clientCa', 'clientCrl'] as const) {
    const file = paths[name];
    if (file === undefined) continue;
    const text = await readPem(file);
    if (typeof text === 'string') read[name] = text;
    else faults.push(text);
  }
  return faults.length > 0 ? { kind: 'bad', faults } : checkTls(read, paths, Date.now());
}

/** What has become of a change of the files. Same readings are told once. */
export interface TlsSink {
  /** New connections are to have it. */
  take(reading: Extract<TlsReading, { readonly kind: 'good' }>): void;
  /** What was taken last goes on. */
  refuse(faults: readonly TlsFault[]): void;
}

export interface TlsTiming {
  /** Milliseconds that files must stay as they are before they are read. */
  readonly settle: number;
  /** … before they are said to be bad: one file of a pair is written after the other. */
  readonly settleBad: number;
  /** Files are looked at this often although nothing was noticed, links and what they lead to among them. */
  readonly poll: number;
  /** Bad ones are checked this often although they have not changed: a certificate becomes valid with time. */
  readonly recheck: number;
}

const usual: TlsTiming = { settle: 100, settleBad: 2_000, poll: 1_000, recheck: 30_000 };

/**
 * Follows the files of a server's TLS. Rotations by rename, by writing in place and by turning a link are noticed. Settles
 * when the signal ends it.
 *
 * @param taken what was read of them before
 */
export async function followTlsFiles(
  paths: TlsPaths,
  taken: TlsMaterial,
  sink: TlsSink,
  {
    signal,
    timing,
    report,
  }: {
    readonly signal: AbortSignal;
    readonly timing?: Partial<TlsTiming>;
    readonly report: (message: string, error: unknown) => void;
  },
): Promise<void> {
  const files = Object.values(paths);
  const follower = new Follower(paths, taken, sink, { ...usual, ...timing }, signal);
  const watcher = watch(files, { ignoreInitial: true, atomic: false });
  watcher.on('all', () => follower.wake());
  watcher.on('error', error => report('watching the TLS files failed; they are looked at every second instead', error));
  signal.addEventListener('abort', () => follower.wake(), { once: true });
  try {
    await follower.run();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await watcher.close();
  }
}

class Follower {
  readonly #paths: TlsPaths;
  readonly #sink: TlsSink;
  readonly #timing: TlsTiming;
  readonly #signal: AbortSignal;
  #taken: TlsMaterial;
  #told = '';
  readonly #alarm = new Alarm();

  constructor(paths: TlsPaths, taken: TlsMaterial, sink: TlsSink, timing: TlsTiming, signal: AbortSignal) {
    this.#paths = paths;
    this.#taken = taken;
    this.#sink = sink;
    this.#timing = timing;
    this.#signal = signal;
  }

  wake(): void {
    this.#alarm.wake();
  }

  async run(): Promise<void> {
    // What changed between the first reading and now is read now.
    for (let handled = ''; !this.#signal.aborted; ) {
      const stamp = await this.#stamp();
      if (stamp !== handled) {
        handled = await this.#readSettled(stamp);
        continue;
      }
      const quiet = this.#told === '' ? Number.POSITIVE_INFINITY : this.#timing.recheck;
      if (await this.#sleptFor(quiet, stamp)) handled = '';
    }
  }

  /** Until the files change, for `limit` at most. @returns whether they did not. */
  async #sleptFor(limit: number, stamp: string): Promise<boolean> {
    for (let slept = 0; slept < limit && !this.#signal.aborted; slept += this.#timing.poll) {
      await this.#alarm.pause(this.#timing.poll, this.#signal);
      if ((await this.#stamp()) !== stamp) return false;
    }
    return true;
  }

  /** Reads once the files stay as they are. @returns the state that was read. */
  async #readSettled(first: string): Promise<string> {
    let stamp = first;
    for (let settle = this.#timing.settle; ; ) {
      await sleep(settle, undefined, { signal: this.#signal });
      const reading = await readTlsFiles(this.#paths);
      const now = await this.#stamp();
      const settled = now === stamp;
      stamp = now;
      if (!settled) settle = this.#timing.settle;
      else if (reading.kind === 'good' || settle === this.#timing.settleBad) {
        this.#tell(reading);
        return now;
      } else settle = this.#timing.settleBad;
    }
  }

  #tell(reading: TlsReading): void {
    if (reading.kind === 'bad') {
      const told = JSON.stringify(reading.faults);
      if (told !== this.#told) this.#sink.refuse(reading.faults);
      this.#told = told;
      return;
    }
    const { material } = reading;
    const names = ['certificate', 'key', 'clientCa', 'clientCrl'] as const;
    const same = names.every(name => material[name] === this.#taken[name]);
    if (!same || this.#told !== '') this.#sink.take(reading);
    this.#taken = material;
    this.#told = '';
  }

  async #stamp(): Promise<string> {
    return (await Promise.all(Object.values(this.#paths).map(stateOf))).join('\n');
  }
}
