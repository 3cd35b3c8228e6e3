import type { Logger } from 'pino';
import { type Problem, problem } from './base/problem.ts';
import type { Control } from './control/control.ts';
import { openTls, type ServedTls } from './served-tls.ts';
import type { TlsSettings } from './settings.ts';

const subject = { name: 'xDS', flags: '--xds', outage: 'no proxy can connect' } as const;

/** @throws Error as {@link openTls}. */
export function openXdsTls(settings: TlsSettings, log: Logger): Promise<ServedTls> {
  return openTls(subject, settings, log);
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
