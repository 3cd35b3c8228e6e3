import { oneLine } from '../base/one-line.ts';

/** Why a server was not reached, and what to do: in the words of whoever typed the address. */
export function unreached(url: string, error: unknown, patience: number): string {
  const { code = '', message } = innermost(error, patience);
  const remedy = remedies.find(([pattern, scheme]) => pattern.test(`${code} ${message}`) && url.startsWith(scheme));
  const what = `no admin API at ${url} (${message || code})`;
  return `${what}: ${remedy?.[2] ?? 'is "switchyard serve" running? Else say where with --admin HOST:PORT'}`;
}

type Fault = { readonly code?: string; readonly message: string };

/** What went wrong, from the innermost cause: fetch itself only says that it failed. */
function innermost(error: unknown, patience: number): Fault {
  if (!(error instanceof Error)) return { message: String(error) };
  if (error.name === 'TimeoutError') return { message: `no answer in ${patience / 1000} s` };
  if (error.cause !== undefined) return innermost(error.cause, patience);
  const { code } = error as NodeJS.ErrnoException;
  return { message: reasonIn(error.message) || code || error.name, ...(code !== undefined && { code }) };
}

/** What OpenSSL says is a number, `error`, another, where in its sources, the reason and the line, with colons between. */
function reasonIn(message: string): string {
  const [, reason] = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(message) ?? [];
  return oneLine(reason ?? message);
}

/** True where no process listens at all, so that nothing can have been done. */
export function nobodyListens(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' || code === 'ENOENT' || nobodyListens(error.cause);
}

/** By a part of what Node, OpenSSL or the kernel says, and what the address begins with. */
const remedies: readonly (readonly [RegExp, string, string])[] = [
  [
    /UNABLE_TO_|SELF_SIGNED|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|INVALID_CA/,
    'https:',
    'its certificate is of no authority that is known here; name the file of its authority with --ca',
  ],
  [
    /ALTNAME_INVALID/,
    'https:',
    'its certificate is for other names; call it by one of them, and is it the server that is meant?',
  ],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'https:', 'renew its certificate, or look at the clock'],
  [
    /ALERT|CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/i,
    'https:',
    'it does not take the certificate of this caller; name one with --cert and --key',
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH|EPROTO|wrong version number/i,
    'https:',
    'it speaks plain text; call it with http:// and without --ca',
  ],
  [
    /ECONNRESET|EPIPE/,
    'https:',
    'it broke off; if it wants a certificate of its callers, name one with --cert and --key',
  ],
  [/ECONNRESET|UND_ERR_SOCKET|EPIPE/, 'http:', 'it broke off; if it serves TLS, call it with https:// and --ca FILE'],
  [/EACCES/, 'unix:', 'this user may not use the socket; its rights are those of --admin-socket-mode of the server'],
];
