import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerTls } from '../../src/base/server-tls.ts';
import { CertificateAuthority } from '../../test/support/certificates.ts';

/** Certificates of a measured server and of its proxies, all of which have the same: files in a folder. */

const files = ['ca.pem', 'server.pem', 'server-key.pem', 'proxy.pem', 'proxy-key.pem'] as const;

/** @returns the folder that they are made in. */
export function makeCertificates(inside: string): string {
  const folder = join(inside, 'tls');
  mkdirSync(folder, { recursive: true });
  const ca = new CertificateAuthority();
  const server = ca.issue({ names: ['localhost', '127.0.0.1'], usage: 'server' });
  const proxy = ca.issue({ names: ['spiffe://bench/proxy'], usage: 'client' });
  const texts = [ca.certificate, server.certificate, server.key, proxy.certificate, proxy.key];
  for (const [index, file] of files.entries()) writeFileSync(join(folder, file), texts[index] ?? '', { mode: 0o600 });
  return folder;
}

const read = (folder: string, file: (typeof files)[number]): string => readFileSync(join(folder, file), 'utf8');

export function serverTls(folder: string): ServerTls {
  return {
    minVersion: 'TLSv1.3',
    material: {
      certificate: read(folder, 'server.pem'),
      key: read(folder, 'server-key.pem'),
      clientCa: read(folder, 'ca.pem'),
    },
    onChange: () => () => {},
    refused: (peer, error) => console.error(`${peer}: ${error.message}`),
  };
}

/** What a proxy connects with. */
export function proxyTls(folder: string) {
  return {
    ca: read(folder, 'ca.pem'),
    cert: read(folder, 'proxy.pem'),
    key: read(folder, 'proxy-key.pem'),
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.3',
    servername: 'localhost',
  } as const;
}
