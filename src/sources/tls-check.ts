import { Buffer } from 'node:buffer';
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsMaterial } from '../base/server-tls.ts';
import { type CrlDates, crlDates } from './crl.ts';

/** The files of a server's TLS. */
export type TlsPaths = { readonly [Name in keyof TlsMaterial]: string };

/** What is wrong with one of them, and what to do about it. */
export interface TlsFault {
  readonly file: string;
  readonly why: string;
  readonly remedy: string;
}

/** From when to when something holds; milliseconds since the epoch. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

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

/** A fault that has been found. */
class Faulty extends Error {
  readonly fault: TlsFault;

  constructor(fault: TlsFault) {
    super(fault.why);
    this.fault = fault;
  }
}

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

function attempt<T>(act: () => T): T | Faulty {
  try {
    return act();
  } catch (error) {
    if (error instanceof Faulty) return error;
    throw error;
  }
}

type Chain = readonly [X509Certificate, ...X509Certificate[]];

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

function keyOf(text: string, file: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    if (/^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
      throw faulty(file, 'the key is encrypted', 'write it without passphrase: openssl pkey -in OLD -out NEW');
    }
    const pem = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
    if (pem) throw faulty(file, 'the key is damaged or cut off', 'write the whole file again');
    throw faulty(file, 'there is no private key in PEM in it', 'it begins with -----BEGIN PRIVATE KEY-----');
  }
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
  const begun = text.match(/-----BEGIN X509 CRL-----/g)?.length ?? 0;
  const blocks = [...text.matchAll(/-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g)];
  if (begun === 0) {
    throw faulty(
      file,
      'there is no list of revoked certificates in PEM in it',
      'it begins with -----BEGIN X509 CRL-----',
    );
  }
  if (blocks.length < begun) throw faulty(file, 'a list in it is cut off', 'write the whole file again');
  const lists = blocks.map(([, base64 = '']) => datesOf(base64, file));
  const from = Math.max(...lists.map(each => each.from));
  const to = Math.min(...lists.map(each => each.to ?? Number.POSITIVE_INFINITY));
  if (now < from) throw faulty(file, `a list in it is valid only from ${iso(from)}`, 'look at the clock');
  if (now > to)
    throw faulty(file, `a list in it was to be renewed by ${iso(to)}`, 'have its authority make the next one');
  return { from, to };
}

function datesOf(base64: string, file: string): CrlDates {
  try {
    return crlDates(Buffer.from(base64, 'base64'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw faulty(file, `a list in it is damaged: ${reason}`, 'write the whole file again');
  }
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

function certificatesIn(text: string, file: string): Chain {
  const begun = text.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0;
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (begun === 0) {
    const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
    const remedy = key ? 'it holds a private key: name the other file' : 'it begins with -----BEGIN CERTIFICATE-----';
    throw faulty(file, 'there is no certificate in PEM in it', remedy);
  }
  const [first, ...others] = blocks.map(block => certificateIn(block, file));
  if (!first || blocks.length < begun)
    throw faulty(file, 'a certificate in it is cut off', 'write the whole file again');
  return [first, ...others];
}

function certificateIn(block: string, file: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch {
    throw faulty(file, 'a certificate in it is damaged', 'write the whole file again');
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

function faulty(file: string, why: string, remedy: string): Faulty {
  return new Faulty({ file, why, remedy });
}
