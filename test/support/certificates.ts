import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate says. */
export interface Subject {
  /** `localhost`, `127.0.0.1` or `spiffe://shop/edge/edge-1`: host names, IPv4 addresses and URIs. */
  readonly names: readonly string[];
  readonly commonName?: string;
  /** Milliseconds from now; an hour ago to a day from now if left out. */
  readonly from?: number;
  readonly to?: number;
  /** Only for one end of a connection; for both if left out. */
  readonly usage?: 'server' | 'client';
  /** It may vouch for others. */
  readonly authority?: boolean;
}

/** Vouches for others. No two are alike, though their names be equal. */
export class CertificateAuthority {
  readonly certificate: string;
  readonly #issuer: Issuer;

  /** @param issuer who vouches for it; itself if left out */
  constructor(
    commonName = 'test authority',
    { issuer, ...times }: Pick<Subject, 'from' | 'to'> & { readonly issuer?: CertificateAuthority } = {},
  ) {
    const subject = { commonName, names: [], authority: true, ...times };
    const { certificate, privateKey } = make(subject, issuer ? issuer.#issuer : undefined);
    this.certificate = certificate;
    this.#issuer = { name: commonName, key: privateKey };
  }

  /** Its private key, as PEM. */
  get key(): string {
    return pemKey(this.#issuer.key);
  }

  issue(subject: Subject): KeyPair {
    const { certificate, privateKey } = make(subject, this.#issuer);
    return { certificate, key: pemKey(privateKey) };
  }

  /** The list of these of its certificates, as PEM. @param to when the next one is due; milliseconds from now */
  revoke(revoked: readonly KeyPair[], to = 24 * hour): string {
    const now = Date.now();
    const entries = revoked.map(({ certificate }) => {
      const serial = Buffer.from(new X509Certificate(certificate).serialNumber, 'hex');
      return sequence(integer(serial), time(now - hour));
    });
    const body = sequence(
      ecdsaWithSha256,
      name(this.#issuer.name),
      time(now - 2 * hour),
      time(now + to),
      ...(entries.length > 0 ? [sequence(...entries)] : []),
    );
    const signature = tagged(0x03, Buffer.from([0]), sign('sha256', body, this.#issuer.key));
    return pem('X509 CRL', sequence(body, ecdsaWithSha256, signature));
  }
}

/** A certificate that vouches for itself, for `localhost`, of one day. No two are alike. */
export function selfSigned(commonName: string): KeyPair {
  const { certificate, privateKey } = make({ commonName, names: ['localhost'] }, undefined);
  return { certificate, key: pemKey(privateKey) };
}

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
}

const hour = 3_600_000;

function make(subject: Subject, issuer: Issuer | undefined): { certificate: string; privateKey: KeyObject } {
  const { names, commonName = names[0] ?? 'test', from = -hour, to = 24 * hour, authority = false, usage } = subject;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const now = Date.now();
  const alternatives = sequence(identifier(subjectAltName), tagged(0x04, sequence(...names.map(alternative))));
  const constraints = sequence(identifier(basicConstraints), yes, tagged(0x04, sequence(yes)));
  const purpose = usage && sequence(identifier(extendedKeyUsage), tagged(0x04, sequence(identifier(usages[usage]))));
  const extensions = [
    ...(names.length > 0 ? [alternatives] : []),
    ...(authority ? [constraints] : []),
    ...(purpose ? [purpose] : []),
  ];
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    name(issuer?.name ?? commonName),
    sequence(time(now + from), time(now + to)),
    name(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [tagged(0xa3, sequence(...extensions))] : []),
  );
  const signature = tagged(0x03, Buffer.from([0]), sign('sha256', body, issuer?.key ?? privateKey));
  return { certificate: pem('CERTIFICATE', sequence(body, ecdsaWithSha256, signature)), privateKey };
}

function pemKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** DER: a tag, a length and what is in it. */
function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => tagged(0x30, ...parts);
const integer = (bytes: Uint8Array): Buffer => tagged(0x02, bytes);
const identifier = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, 'hex'));
const yes = tagged(0x01, Buffer.from([0xff]));

/** Object identifiers as DER has them: 2.5.29.17, 2.5.29.19, 2.5.29.37, 2.5.4.3 and 1.2.840.10045.4.3.2. */
const subjectAltName = '551d11';
const basicConstraints = '551d13';
const extendedKeyUsage = '551d25';
const commonNameId = '550403';
const ecdsaWithSha256 = sequence(identifier('2a8648ce3d040302'));

/** 1.3.6.1.5.5.7.3.1 and 2. */
const usages = { server: '2b06010505070301', client: '2b06010505070302' } as const;

function alternative(text: string): Buffer {
  if (isIP(text) === 4) return tagged(0x87, Buffer.from(text.split('.').map(Number)));
  return tagged(text.includes(':') ? 0x86 : 0x82, Buffer.from(text, 'latin1'));
}

function name(text: string): Buffer {
  return sequence(tagged(0x31, sequence(identifier(commonNameId), tagged(0x0c, Buffer.from(text)))));
}

/** UTCTime: `YYMMDDHHMMSSZ`. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/\D/g, '');
  return tagged(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
