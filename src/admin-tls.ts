import type { Logger } from 'pino';
import type { SecureListening } from './admin/listen.ts';
import { openTls, type ServedTls } from './served-tls.ts';
import type { TlsSettings } from './settings.ts';
import { followTls, tlsOptions } from './xds/tls.ts';

const subject = { name: 'the admin API', flags: '--admin', outage: 'no operator can connect' } as const;

/** @throws Error as {@link openTls}. */
export function openAdminTls(settings: TlsSettings, log: Logger): Promise<ServedTls> {
  return openTls(subject, settings, log);
}

/** How the admin API listens with it. Certificates of callers are required if there are authorities for them. */
export function secureListening(tls: ServedTls): SecureListening {
  const clients = tls.paths.clientCa === undefined ? 'unasked' : 'required';
  return { options: tlsOptions(tls, 'http/1.1', clients), follow: server => followTls(server, tls) };
}
