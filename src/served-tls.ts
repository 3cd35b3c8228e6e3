import type { Logger } from 'pino';
import type { TlsStatus } from './admin/dependencies.ts';
import { type Problem, problem } from './base/problem.ts';
import type { ServerTls, TlsMaterial } from './base/server-tls.ts';
import { endsSoon, type Validity } from './base/validity.ts';
import { RefusalLog } from './refusal-log.ts';
import type { TlsSettings } from './settings.ts';
import type { TlsFault } from './sources/pem.ts';
import type { TlsPaths, TlsReading } from './sources/tls-check.ts';
import { followTlsFiles, readTlsFiles, type TlsTiming } from './sources/tls-files.ts';

type Good = Extract<TlsReading, { readonly kind: 'good' }>;

/** Whose TLS it is, as operators are told. */
export interface TlsSubject {
  readonly name: string;
  /** What its flags begin with. */
  readonly flags: '--xds' | '--admin';
  /** What it means that a file has expired. */
  readonly outage: string;
}

/** TLS of listeners: what the files held when they were last in order. */
export class ServedTls implements ServerTls {
  readonly minVersion: ServerTls['minVersion'];
  readonly paths: TlsPaths;
  readonly #subject: TlsSubject;
  readonly #log: Logger;
  readonly #refusals: RefusalLog;
  readonly #listeners = new Set<() => void>();
  #good: Good;
  #faults: readonly TlsFault[] = [];

  constructor(subject: TlsSubject, settings: TlsSettings, good: Good, log: Logger) {
    this.#subject = subject;
    this.minVersion = settings.minVersion;
    this.paths = settings.paths;
    this.#good = good;
    this.#log = log;
    this.#refusals = new RefusalLog(
      line => log.warn(line, `a client was not let in to ${subject.name}`),
      subject.flags,
    );
  }

  get material(): TlsMaterial {
    return this.#good.material;
  }

  /** Ends of what is in use; milliseconds since the epoch. */
  get expiry(): TlsStatus['expiry'] {
    const { certificate, clientCa, clientCrl } = this.#good;
    return {
      certificate: certificate.to,
      ...(clientCa && { clientCa: clientCa.to }),
      ...(clientCrl && { clientCrl: clientCrl.to }),
    };
  }

  /** Clients that were not let in since the start. */
  get refusals(): number {
    return this.#refusals.total;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  refused(peer: string, error: Error): void {
    this.#refusals.add(peer, error, Date.now());
  }

  /** Follows the files until the signal ends it. */
  async follow(signal: AbortSignal, timing?: Partial<TlsTiming>): Promise<void> {
    const report = (message: string, error: unknown) => this.#log.error({ err: error }, message);
    const sink = {
      take: (good: Good) => this.#take(good),
      refuse: (faults: readonly TlsFault[]) => this.#refuse(faults),
    };
    await followTlsFiles(this.paths, this.material, sink, { signal, report, ...(timing && { timing }) });
  }

  /** What an operator should know of them. */
  problems(now: number): readonly Problem[] {
    const { outage } = this.#subject;
    const ends = (['certificate', 'clientCa', 'clientCrl'] as const).flatMap(name => {
      const [file, validity] = [this.paths[name], this.#good[name]];
      return file !== undefined && validity ? expiryProblem(file, validity, outage, now) : [];
    });
    return [
      ...this.#faults.map(({ file, why, remedy }) =>
        at(
          file,
          problem('tls.files_not_taken', [], `${file} was not taken: ${why}; what it held before goes on`, remedy),
        ),
      ),
      ...ends,
    ];
  }

  #take(good: Good): void {
    const { certificate: file } = this.paths;
    this.#faults = [];
    this.#good = good;
    for (const listener of this.#listeners) listener();
    this.#log.info({ file, expires: new Date(good.certificate.to) }, 'new TLS files are in use for new connections');
  }

  #refuse(faults: readonly TlsFault[]): void {
    this.#faults = faults;
    for (const { file, why, remedy } of faults) {
      this.#log.error({ file, why, remedy }, 'a TLS file was not taken; what was in use goes on');
    }
  }
}

/** @throws Error that names every file that is at fault, and what to do; plain text is never fallen back to. */
export async function openTls(subject: TlsSubject, settings: TlsSettings, log: Logger): Promise<ServedTls> {
  const reading = await readTlsFiles(settings.paths);
  if (reading.kind === 'good') return new ServedTls(subject, settings, reading, log);
  const lines = reading.faults.map(({ file, why, remedy }) => {
    const [name] = Object.entries(settings.paths).find(([, path]) => path === file) ?? [];
    const flag = name === undefined ? '' : `${subject.flags}-${flagNames[name as keyof TlsPaths]}`;
    return `${flag} ${file}: ${why}; ${remedy}`;
  });
  throw new Error(`${subject.name} cannot be served over TLS: ${lines.join('\n')}`);
}

const flagNames = {
  certificate: 'cert',
  key: 'key',
  clientCa: 'client-ca',
  clientCrl: 'client-crl',
} as const satisfies Record<keyof TlsPaths, string>;

function expiryProblem(file: string, validity: Validity, outage: string, now: number): readonly Problem[] {
  const { to } = validity;
  if (!endsSoon(validity, now)) return [];
  const when = new Date(to).toISOString();
  const message = now > to ? `${file} expired at ${when}: ${outage}` : `${file} expires at ${when}`;
  return [at(file, problem('tls.certificate_expires', [], message, 'renew it; the new file is taken by itself'))];
}

function at(file: string, each: Problem): Problem {
  return { ...each, source: { file, line: 1, column: 1 } };
}
