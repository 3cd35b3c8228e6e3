import { remember } from './base/remember.ts';

/** A refusal as it is told. */
export interface RefusalLine {
  readonly peer: string;
  readonly why: string;
  /** How many like it there were since it was last told. */
  readonly before?: number;
}

/** Milliseconds between two lines about the same. */
const PAUSE = 60_000;
/** Peers with a reason that are told apart. */
const MAX_KNOWN = 1024;

/** Tells of clients that were not let in: a client that tries again and again is told of once a minute. */
export class RefusalLog {
  readonly #tell: (line: RefusalLine) => void;
  readonly #flags: '--xds' | '--admin';
  readonly #known = new Map<string, { told: number; untold: number }>();
  #total = 0;

  /** @param flags what the flags of the listener begin with */
  constructor(tell: (line: RefusalLine) => void, flags: '--xds' | '--admin' = '--xds') {
    this.#tell = tell;
    this.#flags = flags;
  }

  get total(): number {
    return this.#total;
  }

  /** @param now milliseconds since the epoch */
  add(peer: string, error: Error, now: number): void {
    this.#total += 1;
    const words = wordsOf(error).replace('--xds', this.#flags);
    const why = this.#flags === '--admin' ? words.replace('HTTP/2 (ALPN h2)', 'HTTP/1.1') : words;
    const key = `${peer} ${why}`;
    const known = this.#known.get(key);
    if (known && now - known.told < PAUSE) {
      known.untold += 1;
      return;
    }
    remember(this.#known, key, { told: now, untold: 0 }, MAX_KNOWN);
    this.#tell({ peer, why, ...(known && known.untold > 0 ? { before: known.untold } : {}) });
  }
}

/** By a part of the code that OpenSSL or Node gives an error. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, 'the client has no certificate'],
  [/HTTP_REQUEST|WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/, 'the client speaks plain text, not TLS'],
  [
    /UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|NO_SHARED_CIPHER/,
    'the client offers no version of TLS that is allowed; see --xds-tls-min',
  ],
  [/NO_APPLICATION_PROTOCOL/, 'the client does not speak HTTP/2 (ALPN h2)'],
  [/CERT_HAS_EXPIRED/, 'the certificate of the client has expired'],
  [/CERT_NOT_YET_VALID/, 'the certificate of the client is not valid yet'],
  [/CERT_REVOKED/, 'the certificate of the client is revoked'],
  [/UNABLE_TO_GET_CRL/, 'the authority of the client has no list in --xds-client-crl'],
  [/CRL_HAS_EXPIRED|CRL_NOT_YET_VALID/, 'the list of its authority in --xds-client-crl is out of date'],
  [
    /UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY|SELF_SIGNED|CERT_UNTRUSTED|SIGNATURE_FAILURE|INVALID_CA/,
    'the certificate of the client is of no authority in --xds-client-ca',
  ],
  [
    /CERTIFICATE_UNKNOWN|UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_EXPIRED/,
    "the client does not accept the server's certificate",
  ],
  [/INVALID_PURPOSE/, 'the certificate of the client is not one for clients (extendedKeyUsage clientAuth)'],
  [/HANDSHAKE_TIMEOUT/, 'the client did not finish its handshake'],
  [/ECONNRESET/, 'the client broke off its handshake: does it accept the certificate of the server?'],
];

function wordsOf(error: Error): string {
  const { code = '', reason = '' } = error as { readonly code?: string; readonly reason?: string };
  const text = `${code} ${reason} ${error.message}`.toUpperCase().replaceAll(' ', '_');
  return reasons.find(([pattern]) => pattern.test(text))?.[1] ?? error.message.slice(0, 200);
}
