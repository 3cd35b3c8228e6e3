import type { KeyObject, X509Certificate } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { canonicalIp, parseAddress } from './base/address.ts';
import type {
  CertificateFacts,
  CertificateFault,
  Certificates,
  KeyFacts,
  PemFacts,
  Signer,
} from './cli/certificates.ts';
import { CliFailure } from './cli/output.ts';
import { readSettings } from './settings.ts';
import {
  attempt,
  type Chain,
  certificatesIn,
  chainBreak,
  Faulty,
  isSignedBy,
  keyOf,
  listsIn,
  readPem,
  type TlsFault,
} from './sources/pem.ts';
import { certifiedNames } from './xds/certified-names.ts';

/** What this machine has of certificates. What makes them is loaded only when one is to be made. */
export const certificates: Certificates = {
  examine,
  ofServer,
  makeAuthority: async order => (await import('./certificate-maker.ts')).makeAuthority(order),
  signer,
};

/** What a file holds, before it is compared with the others. */
interface Contents {
  readonly file: string;
  readonly certificates: readonly X509Certificate[];
  readonly keys: readonly KeyObject[];
  readonly lists: PemFacts['lists'];
  readonly faults: readonly CertificateFault[];
}

async function examine(files: readonly string[]): Promise<readonly PemFacts[]> {
  const all: Contents[] = [];
  // One after the other: a folder may have many.
  for (const file of files) all.push(await contentsOf(file));
  return all.map(each => factsOf(each, all));
}

async function contentsOf(file: string): Promise<Contents> {
  const address = existsSync(file) ? undefined : parseAddress(file);
  if (address?.kind === 'ip') return presented(file, address.ip, address.port);
  if (address?.kind === 'host') return presented(file, address.host, address.port);
  const text = await readPem(file);
  const nothing = { file, certificates: [], keys: [], lists: [] };
  if (typeof text !== 'string') return { ...nothing, faults: [text] };
  const has = (label: string) => text.includes(`-----BEGIN ${label}`);
  const certificates = has('CERTIFICATE') ? attempt(() => certificatesIn(text, file)) : [];
  const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) ? attempt(() => keyOf(text, file)) : undefined;
  const lists = has('X509 CRL') ? attempt(() => listsIn(text, file)) : [];
  const faults = [certificates, key, lists].flatMap(each => (each instanceof Faulty ? [each.fault] : []));
  const read = {
    file,
    certificates: certificates instanceof Faulty ? [] : certificates,
    keys: key === undefined || key instanceof Faulty ? [] : [key],
    lists: lists instanceof Faulty ? [] : lists.map(({ from, to = Number.POSITIVE_INFINITY }) => ({ from, to })),
    faults,
  };
  if (read.certificates.length + read.keys.length + read.lists.length + faults.length > 0) return read;
  const remedy = 'PEM begins with -----BEGIN; turn DER into it: openssl x509 -inform der -in OLD -out NEW';
  return { ...nothing, faults: [{ why: 'there is no certificate, key or list of revoked ones in PEM in it', remedy }] };
}

/** What a server at an address shows, and whether it is known by the name that it was called by. */
async function presented(file: string, host: string, port: number): Promise<Contents> {
  const { presentedBy } = await import('./presented-certificates.ts');
  const found = await presentedBy(host, port);
  const nothing = { file, certificates: [], keys: [], lists: [] };
  if ('why' in found) return { ...nothing, faults: [found] };
  const [own] = found;
  const named = own && (isIP(host) === 0 ? own.checkHost(host) : own.checkIP(host)) !== undefined;
  const why = `its certificate does not name ${host}, by which it was called`;
  const remedy = `issue it with --server ${host} as well, or call it by one of its names`;
  return { ...nothing, certificates: found, faults: named ? [] : [{ why, remedy }] };
}

function factsOf({ file, certificates, keys, lists, faults }: Contents, all: readonly Contents[]): PemFacts {
  return {
    file,
    certificates: certificates.map(each => certificateFacts(file, each, all)),
    keys: keys.map(each => keyFacts(file, each, all)),
    lists,
    faults: [...faults.map(({ why, remedy }) => ({ why, remedy })), ...orderFaults(certificates)],
  };
}

/** A file is a chain where its first certificate signs no others; else it is a set of authorities. */
function orderFaults([first, ...others]: readonly X509Certificate[]): readonly CertificateFault[] {
  if (!first) return [];
  if (!first.ca) {
    const broken = chainBreak([first, ...others]);
    if (broken === undefined) return [];
    const why = `its certificate ${broken + 1} is not signed by the one that follows it`;
    return [{ why, remedy: 'write the certificate first, then each that signed the one before' }];
  }
  if (others.every(each => each.ca)) return [];
  const why = 'a certificate of an authority stands before one that is for use';
  return [{ why, remedy: 'write that which is for use first, and those that lead to its authority after it' }];
}

function certificateFacts(own: string, certificate: X509Certificate, all: readonly Contents[]): CertificateFacts {
  const { subjectAltName: subjectaltname, subject, issuer, serialNumber, fingerprint256 } = certificate;
  const authorities = all.flatMap(({ file, certificates }) =>
    certificates.filter(each => each.ca && each.subject === issuer).map(authority => ({ file, authority })),
  );
  const signers = authorities.filter(({ authority }) => isSignedBy(certificate, authority));
  // Those that come along with it say nothing of whether it is trusted elsewhere.
  const signer = signers.find(({ file }) => file !== own) ?? signers[0];
  const [namesake] = authorities;
  return {
    subject: inLine(subject),
    issuer: inLine(issuer),
    ...certifiedNames({ subjectaltname }),
    ips: ipsOf(subjectaltname),
    authority: certificate.ca,
    // Node's types have no undefined here, and its answers do.
    usages: (certificate.keyUsage as readonly string[] | undefined) ?? [],
    key: kindOf(certificate.publicKey),
    from: Date.parse(certificate.validFrom),
    to: Date.parse(certificate.validTo),
    serial: serialNumber,
    fingerprint: fingerprint256,
    ...(signer ? { signedBy: signer.file } : namesake ? { disowned: namesake.file } : {}),
  };
}

const inLine = (name: string | undefined) => (name ?? '').replaceAll('\n', ', ');

/** Of the text that Node makes of alternative names; what is in quotes is of another kind. */
function ipsOf(names: string | undefined): readonly string[] {
  const unquoted = (names ?? '').replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
  return [...unquoted.matchAll(/(?<=^|, )IP Address:([\dA-Fa-f:.]+)/g)].map(([, ip = '']) => canonicalIp(ip));
}

function keyFacts(file: string, key: KeyObject, all: readonly Contents[]): KeyFacts {
  const of = all.filter(({ certificates }) => certificates.some(each => each.checkPrivateKey(key)));
  return { kind: kindOf(key), of: of.map(each => each.file), open: isOpen(file) };
}

function isOpen(file: string): boolean {
  return ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0;
}

const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

function kindOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const { namedCurve, modulusLength } = asymmetricKeyDetails ?? {};
  const size = namedCurve === undefined ? modulusLength : (curves[namedCurve] ?? namedCurve);
  return `${(asymmetricKeyType ?? 'unknown').toUpperCase()}${size === undefined ? '' : ` ${size}`}`;
}

function ofServer(): readonly string[] {
  const outcome = readSettings({});
  if (outcome.kind === 'bad') throw new CliFailure(outcome.mistakes.join('\nerror: '));
  const { xdsTls, adminTls } = outcome.settings;
  return [...new Set([...Object.values(xdsTls?.paths ?? {}), ...Object.values(adminTls?.paths ?? {})])];
}

async function signer(certificateFile: string, keyFile: string, now: number): Promise<Signer> {
  const chain = await taken(certificateFile, certificatesIn);
  const key = await taken(keyFile, keyOf);
  const fault = authorityFault(chain, certificateFile, now);
  if (fault) throw refusal(fault);
  if (!chain[0].checkPrivateKey(key)) {
    const why = `the key is not that of the authority in ${certificateFile}`;
    throw refusal({ file: keyFile, why, remedy: 'name the key that was made with it, by --ca-key' });
  }
  const { signWith } = await import('./certificate-maker.ts');
  return {
    until: Math.min(...chain.map(each => Date.parse(each.validTo))),
    sign: order => signWith({ chain, key, file: certificateFile }, order),
  };
}

async function taken<T>(file: string, parse: (text: string, file: string) => T): Promise<T> {
  const text = await readPem(file);
  if (typeof text !== 'string') {
    const absent = text.why === 'it does not exist' && {
      remedy: 'make an authority with "switchyard cert ca", or mend the path',
    };
    throw refusal({ ...text, ...absent });
  }
  const read = attempt(() => parse(text, file));
  if (read instanceof Faulty) throw refusal(read.fault);
  return read;
}

function authorityFault([own, ...others]: Chain, file: string, now: number): TlsFault | undefined {
  if (!own.ca) {
    const remedy = 'name that of an authority, as "switchyard cert ca" makes it, with --ca';
    return { file, why: 'its first certificate is not one of an authority (CA:TRUE)', remedy };
  }
  for (const each of [own, ...others]) {
    const remedy = 'make a new authority, and have it beside this one wherever this one is known';
    if (now > Date.parse(each.validTo)) return { file, why: `the authority expired at ${each.validTo}`, remedy };
    if (now < Date.parse(each.validFrom)) {
      return { file, why: `the authority is valid only from ${each.validFrom}`, remedy: 'look at the clock' };
    }
  }
  return undefined;
}

const refusal = ({ file, why, remedy }: TlsFault) => new CliFailure(`${file}: ${why}\nhint: ${remedy}`);
