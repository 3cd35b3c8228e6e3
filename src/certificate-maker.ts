import 'reflect-metadata';
import { KeyObject, randomBytes, webcrypto, type X509Certificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  X509Certificate as Issuer,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { CertificateOrder, CertificatePair, Certificates } from './cli/certificates.ts';
import { CliFailure } from './cli/output.ts';
import { isSignedBy } from './sources/pem.ts';

const { subtle } = webcrypto;
const newKey = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** Who signs: its certificate, those that lead to its authority, and its key. */
interface SigningAuthority {
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
  readonly key: KeyObject;
  readonly file: string;
}

/** An authority that signs no other authorities. */
export const makeAuthority: Certificates['makeAuthority'] = async ({ name, from, to }) => {
  const keys = await subtle.generateKey(newKey, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [name] }],
    notBefore: new Date(from),
    notAfter: new Date(to),
    signingAlgorithm: signing,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: pemOf(keys.privateKey) };
};

/** @throws CliFailure where the authority may sign none, or its key is of a kind that is not known here. */
export async function signWith(authority: SigningAuthority, order: CertificateOrder): Promise<CertificatePair> {
  const [own] = authority.chain;
  const issuer = new Issuer(own.raw);
  const rights = issuer.getExtension(KeyUsagesExtension);
  if (rights && (rights.usages & KeyUsageFlags.keyCertSign) === 0) {
    throw new CliFailure(
      `${authority.file}: the authority may not sign certificates (keyCertSign)\nhint: name another with --ca`,
    );
  }
  const { algorithm, key } = signingKey(authority);
  const keys = await subtle.generateKey(newKey, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [order.name] }],
    issuer: issuer.subjectName,
    notBefore: new Date(order.from),
    notAfter: new Date(order.to),
    signingAlgorithm: algorithm,
    signingKey: key,
    publicKey: keys.publicKey,
    extensions: await extensionsOf(order, issuer, keys.publicKey),
  });
  const between = authority.chain.filter(each => !isSignedBy(each, each)).map(each => each.toString());
  return { certificate: [`${certificate.toString('pem')}\n`, ...between].join(''), key: pemOf(keys.privateKey) };
}

async function extensionsOf(order: CertificateOrder, issuer: Issuer, key: webcrypto.CryptoKey) {
  const names: readonly JsonGeneralName[] = [
    ...order.hosts.map(value => ({ type: 'dns', value }) as const),
    ...order.ips.map(value => ({ type: 'ip', value }) as const),
    ...order.uris.map(value => ({ type: 'url', value }) as const),
  ];
  const uses = [
    ...(order.server ? [ExtendedKeyUsage.serverAuth] : []),
    ...(order.client ? [ExtendedKeyUsage.clientAuth] : []),
  ];
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(uses),
    new SubjectAlternativeNameExtension([...names]),
    await SubjectKeyIdentifierExtension.create(key),
    await AuthorityKeyIdentifierExtension.create(issuer),
  ];
}

function signingKey({ key, file }: SigningAuthority) {
  const curve = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[
    String(key.asymmetricKeyDetails?.namedCurve)
  ];
  const algorithm =
    key.asymmetricKeyType === 'rsa'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : curve !== undefined
        ? { ...signing, namedCurve: curve }
        : undefined;
  if (!algorithm) {
    const hint = 'Envoy knows RSA and the curves P-256, P-384 and P-521: make an authority with "switchyard cert ca"';
    throw new CliFailure(
      `${file}: certificates cannot be signed with a key of its kind, ${key.asymmetricKeyType}\nhint: ${hint}`,
    );
  }
  return { algorithm, key: key.toCryptoKey(algorithm, false, ['sign']) };
}

/** Positive, and of a length that all take (RFC 5280, 4.1.2.2). */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

const pemOf = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
