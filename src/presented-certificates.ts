import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { TlsFault } from './sources/pem.ts';

/** Milliseconds in which a server shows its certificate. */
const patience = 10_000;
/** What a server may show of the way to its authority. */
const longestChain = 10;

/** What a server proves itself with to those who call it, though it be nothing that they should believe; or why it is not known. Never rejects. */
export function presentedBy(host: string, port: number): Promise<readonly X509Certificate[] | TlsFault> {
  const at = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise(settle => {
    const socket = connect({
      host,
      port,
      // Who it is, is what is asked.
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
      ...(isIP(host) === 0 && { servername: host }),
    });
    const end = (found: readonly X509Certificate[] | TlsFault) => {
      socket.destroy();
      settle(found);
    };
    socket.setTimeout(patience, () => {
      end({
        file: at,
        why: `it did not show its certificate within ${patience / 1000}s`,
        remedy: 'does it speak TLS?',
      });
    });
    socket.once('secureConnect', () => end(chainOf(socket.getPeerX509Certificate())));
    socket.on('error', error => end(unreached(at, error)));
  });
}

function chainOf(first: X509Certificate | undefined): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let next = first; next && chain.length < longestChain; next = next.issuerCertificate) {
    if (chain.at(-1)?.fingerprint256 === next.fingerprint256) break;
    chain.push(next);
  }
  return chain;
}

function unreached(file: string, error: NodeJS.ErrnoException): TlsFault {
  const code = error.code ?? '';
  if (/^(?:ERR_SSL|EPROTO)/.test(code))
    return { file, why: 'it does not speak TLS', remedy: 'look at its flags, or at the port' };
  return {
    file,
    why: `it cannot be reached: ${error.message}`,
    remedy: 'is it a file? Then mend its path; else look whether it runs there',
  };
}
