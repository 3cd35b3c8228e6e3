import { Buffer } from 'node:buffer';
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type CrlDates, crlDates } from './crl.ts';
import { codeOf, readText } from './read-text.ts';

/** What is wrong with a file of certificates or keys, and what to do about it. */
export interface TlsFault {
  readonly file: string;
  readonly why: string;
  readonly remedy: string;
}

/** A fault that has been found. */
export class Faulty extends Error {
  readonly fault: TlsFault;

  constructor(fault: TlsFault) {
    super(fault.why);
    this.fault = fault;
  }
}

export function attempt<T>(act: () => T): T | Faulty {
  try {
    return act();
  } catch (error) {
    if (error instanceof Faulty) return error;
    throw error;
  }
}

export function faulty(file: string, why: string, remedy: string): Faulty {
  return new Faulty({ file, why, remedy });
}

/** Bytes of one file. */
const longestFile = 1024 * 1024;

/** The text of a file, or why it cannot be read. Never rejects. */
export async function readPem(file: string): Promise<string | TlsFault> {
  try {
    const text = await readText(file, longestFile);
    return text ?? { file, why: `it has more than ${longestFile} bytes`, remedy: 'is it PEM?' };
  } catch (error) {
    return unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): TlsFault {
  const code = codeOf(error);
  if (code === 'ENOENT') return { file, why: 'it does not exist', remedy: 'create it, or mend the path' };
  if (code === 'EACCES') {
    return { file, why: 'this user may not read it', remedy: 'give the user that Switchyard runs as leave to read it' };
  }
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return { file, why: 'it is not text', remedy: 'turn DER into PEM: openssl x509 -inform der -in OLD -out NEW' };
  }
  const why = error instanceof Error ? error.message : code;
  return { file, why: `it cannot be read: ${why}`, remedy: 'name a regular file' };
}

export type Chain = readonly [X509Certificate, ...X509Certificate[]];

/** @throws Faulty */
export function certificatesIn(text: string, file: string): Chain {
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

/** @throws Faulty */
export function keyOf(text: string, file: string): KeyObject {
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

/** The dates of the lists of revoked certificates. @throws Faulty */
export function listsIn(text: string, file: string): readonly CrlDates[] {
  const begun = text.match(/-----BEGIN X509 CRL-----/g)?.length ?? 0;
  const blocks = [...text.matchAll(/-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g)];
  if (begun === 0) {
    const remedy = 'it begins with -----BEGIN X509 CRL-----';
    throw faulty(file, 'there is no list of revoked certificates in PEM in it', remedy);
  }
  if (blocks.length < begun) throw faulty(file, 'a list in it is cut off', 'write the whole file again');
  return blocks.map(([, base64 = '']) => datesOf(base64, file));
}

function datesOf(base64: string, file: string): CrlDates {
  try {
    return crlDates(Buffer.from(base64, 'base64'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw faulty(file, `a list in it is damaged: ${reason}`, 'write the whole file again');
  }
}

/** The place of the first certificate of a chain that is not signed by the one that follows it, if there is one. */
export function chainBreak(chain: readonly X509Certificate[]): number | undefined {
  const at = chain.findIndex((each, index) => {
    const next = chain[index + 1];
    return next !== undefined && !isSignedBy(each, next);
  });
  return at < 0 ? undefined : at;
}

/** Whether an authority has signed a certificate: by its name, its rights and its key. */
export const isSignedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
