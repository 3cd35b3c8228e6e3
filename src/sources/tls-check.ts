import type { KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsMaterial } from '../base/server-tls.ts';
import type { Validity } from '../base/validity.ts';
import { attempt, type Chain, certificatesIn, Faulty, faulty, keyOf, listsIn, type TlsFault } from './pem.ts';

/** The files of a server's TLS. */
export type TlsPaths = { readonly [Name in keyof TlsMaterial]: string };

export type TlsReading =
  | {
      readonly kind: 'good';
      readonly material: TlsMaterial;
      /** Of the certificate and its chain. */
      readonly certificate: Validity;
      /** Of the authority of clients that holds longest. */
      readonly clientCa?: Validity;
      /** Of the list of revoked certificates that is the first to be out of date. */
      readonly clientCrl?: Validity;
    }
  | { readonly kind: 'bad'; readonly faults: readonly TlsFault[] };

/** Whether texts of PEM will do for a server at the time `now`, in milliseconds since the epoch. Never throws. */
export function checkTls(material: TlsMaterial, paths: TlsPaths, now: number): TlsReading {
  const chain = attempt(() => chainOf(material.certificate, paths.certificate, now));
  const key = attempt(() => keyOf(material.key, paths.key));
  const clientCa = attempt(() => authoritiesOf(material.clientCa, paths.clientCa, now));
  const pair = attempt(() => checkPair(chain, key, paths));
  const clientCrl = attempt(() => revokedIn(material.clientCrl, paths.clientCrl, now));
  const faults = [chain, key, clientCa, clientCrl, pair].flatMap(each => (each instanceof Faulty ? [each.fault] : []));
  if (chain instanceof Faulty || clientCa instanceof Faulty || clientCrl instanceof Faulty || faults.length > 0) {
    return { kind: 'bad', faults };
  }
  const whole = attempt(() => checkWhole(material, paths));
  if (whole instanceof Faulty) return { kind: 'bad', faults: [whole.fault] };
  return {
    kind: 'good',
    material,
    certificate: validityOf(chain),
    ...(clientCa && { clientCa }),
    ...(clientCrl && { clientCrl }),
  };
}

function chainOf(text: string, file: string, now: number): Chain {
  const chain = certificatesIn(text, file);
  for (const each of chain) {
    if (now < Date.parse(each.validFrom)) {
      throw faulty(file, `the certificate ${nameOf(each)} is valid only from ${each.validFrom}`, 'look at the clock');
    }
    if (now > Date.parse(each.validTo)) {
      throw faulty(file, `the certificate ${nameOf(each)} expired at ${each.validTo}`, 'renew it');
    }
  }
  return chain;
}

function authoritiesOf(text: string | undefined, file: string | undefined, now: number): Validity | undefined {
  if (text === undefined || file === undefined) return undefined;
  const authorities = certificatesIn(text, file).filter(each => each.ca);
  if (authorities.length === 0) {
    throw faulty(
      file,
      'no certificate in it is one of an authority (CA:TRUE)',
      'give that which signs the certificates',
    );
  }
  const valid = authorities.filter(each => now >= Date.parse(each.validFrom) && now <= Date.parse(each.validTo));
  const [first] = valid.sort((a, b) => Date.parse(b.validTo) - Date.parse(a.validTo));
  if (!first) throw faulty(file, 'none of its authorities is valid now', 'renew them, or look at the clock');
  return validityOf([first]);
}

/** OpenSSL lets nobody in of whose authority there is no list, or only one that is out of date. */
function revokedIn(text: string | undefined, file: string | undefined, now: number): Validity | undefined {
  if (text === undefined || file === undefined) return undefined;
  const lists = listsIn(text, file);
  const from = Math.max(...lists.map(each => each.from));
  const to = Math.min(...lists.map(each => each.to ?? Number.POSITIVE_INFINITY));
  if (now < from) throw faulty(file, `a list in it is valid only from ${iso(from)}`, 'look at the clock');
  if (now > to)
    throw faulty(file, `a list in it was to be renewed by ${iso(to)}`, 'have its authority make the next one');
  return { from, to };
}

const iso = (at: number): string => new Date(at).toISOString();

function checkPair(chain: Chain | Faulty, key: KeyObject | Faulty, paths: TlsPaths): void {
  if (chain instanceof Faulty || key instanceof Faulty) return;
  const [own, ...others] = chain;
  if (own.checkPrivateKey(key)) return;
  if (others.some(each => each.checkPrivateKey(key))) {
    const remedy = 'put it first, and those that lead to its authority after it';
    throw faulty(paths.certificate, "the server's own certificate is not the first one", remedy);
  }
  throw faulty(paths.key, `the key is not that of the certificate in ${paths.certificate}`, 'replace both together');
}

/** What only OpenSSL finds, such as a key that is too short. */
function checkWhole(material: TlsMaterial, paths: TlsPaths): void {
  try {
    const { certificate: cert, key, clientCa: ca, clientCrl: crl } = material;
    createSecureContext({ cert, key, ...(ca !== undefined && { ca }), ...(crl !== undefined && { crl }) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw faulty(paths.certificate, `TLS cannot be served with it: ${reason}`, 'make a new certificate and key');
  }
}

/** When all of them are valid. */
function validityOf(chain: Chain): Validity {
  return {
    from: Math.max(...chain.map(each => Date.parse(each.validFrom))),
    to: Math.min(...chain.map(each => Date.parse(each.validTo))),
  };
}

const nameOf = ({ subject }: X509Certificate) => `"${(subject ?? '').replaceAll('\n', ', ')}"`;
