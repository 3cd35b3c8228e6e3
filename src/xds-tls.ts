import type { Logger } from 'pino';
import { type Problem, problem } from './base/problem.ts';
import type { ServerTls, TlsMaterial } from './base/server-tls.ts';
import type { Control } from './control/control.ts';
import { RefusalLog } from './refusal-log.ts';
import type { XdsTlsSettings } from './settings.ts';
import type { TlsFault, TlsPaths, TlsReading, Validity } from './sources/tls-check.ts';
import { followTlsFiles, readTlsFiles, type TlsTiming } from './sources/tls-files.ts';

type Good = Extract<TlsReading, { readonly kind: 'good' }>;

/** TLS of the xDS listeners: what the files held when they were last in order. */
export class XdsTls implements ServerTls {
  readonly minVersion: ServerTls['minVersion'];
  readonly paths: TlsPaths;
  readonly #log: Logger;
  readonly #refusals: RefusalLog;
  readonly #listeners = new Set<() => void>();
  #good: Good;
  #faults: readonly TlsFault[] = [];

  constructor(settings: XdsTlsSettings, good: Good, log: Logger) {
    this.minVersion = settings.minVersion;
    this.paths = settings.paths;
    this.#good = good;
    this.#log = log;
    this.#refusals = new RefusalLog(line => log.warn(line, 'a client was not let in to xDS'));
  }

  get material(): TlsMaterial {
    return this.#good.material;
  }

  /** Ends of what is in use; milliseconds since the epoch. */
  get expiry(): { readonly certificate: number; readonly clientCa: number } {
    return { certificate: this.#good.certificate.to, clientCa: this.#good.clientCa.to };
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
    const { certificate, clientCa } = this.#good;
    return [
      ...this.#faults.map(({ file, why, remedy }) =>
        at(
          file,
          problem('tls.files_not_taken', [], `${file} was not taken: ${why}; what it held before goes on`, remedy),
        ),
      ),
      ...expiryProblem(this.paths.certificate, certificate, now),
      ...expiryProblem(this.paths.clientCa, clientCa, now),
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
export async function openXdsTls(settings: XdsTlsSettings, log: Logger): Promise<XdsTls> {
  const reading = await readTlsFiles(settings.paths);
  if (reading.kind === 'good') return new XdsTls(settings, reading, log);
  const flags = { certificate: '--xds-cert', key: '--xds-key', clientCa: '--xds-client-ca' } as const;
  const flagOf = (file: string) =>
    Object.entries(flags).find(([name]) => settings.paths[name as keyof TlsPaths] === file);
  const lines = reading.faults.map(({ file, why, remedy }) => `${flagOf(file)?.[1] ?? ''} ${file}: ${why}; ${remedy}`);
  throw new Error(`xDS cannot be served over TLS: ${lines.join('\n')}`);
}

/** Fleets that nobody is served of, as long as xDS is in plain text. */
export function identityProblems({ accepted }: Pick<Control, 'accepted'>): readonly Problem[] {
  const fleets = Object.entries(accepted?.policy.fleets ?? {}).filter(([, { identity }]) => identity !== undefined);
  return fleets.map(([name]) =>
    problem(
      'tls.needed_for_identity',
      ['fleets', name, 'identity'],
      `no proxy of fleet "${name}" is served, since xDS is in plain text and there are no certificates.`,
      'start serve with --xds-cert, --xds-key and --xds-client-ca, or remove it',
    ),
  );
}

const DAY = 24 * 60 * 60 * 1000;

/** From a fifth of its life before the end, but no longer than two weeks. */
function expiryProblem(file: string, { from, to }: Validity, now: number): readonly Problem[] {
  if (to - now > Math.min((to - from) / 5, 14 * DAY)) return [];
  const when = new Date(to).toISOString();
  const message = now > to ? `${file} expired at ${when}: no proxy can connect` : `${file} expires at ${when}`;
  return [at(file, problem('tls.certificate_expires', [], message, 'renew it; the new file is taken by itself'))];
}

function at(file: string, each: Problem): Problem {
  return { ...each, source: { file, line: 1, column: 1 } };
}
