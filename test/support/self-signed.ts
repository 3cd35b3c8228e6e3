import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate that vouches for itself, for `localhost`, of one day. No two are alike. */
export function selfSigned(commonName: string): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const now = Date.now();
  const serial = integer(Buffer.concat([Buffer.from([1]), randomBytes(8)]));
  const localhost = tagged(0x82, Buffer.from('localhost'));
  const alternatives = sequence(identifier(subjectAltName), tagged(0x04, sequence(localhost)));
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    serial,
    ecdsaWithSha256,
    name(commonName),
    sequence(time(now - hour), time(now + 24 * hour)),
    name(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(alternatives)),
  );
  const signature = tagged(0x03, Buffer.from([0]), sign('sha256', body, privateKey));
  return {
    certificate: pem('CERTIFICATE', sequence(body, ecdsaWithSha256, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const hour = 3_600_000;

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

/** Object identifiers as DER has them: 2.5.29.17, 2.5.4.3 and 1.2.840.10045.4.3.2. */
const subjectAltName = '551d11';
const commonNameId = '550403';
const ecdsaWithSha256 = sequence(identifier('2a8648ce3d040302'));

function name(text: string): Buffer {
  return sequence(tagged(0x31, sequence(identifier(commonNameId), tagged(0x0c, Buffer.from(text)))));
}

/** UTCTime: `YYMMDDHHMMSSZ`. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/\D/g, '');
  return tagged(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}

function pem(label: string, bytes: Buffer): string {
  return `-----BEGIN ${label}-----\n${bytes.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`;
}
