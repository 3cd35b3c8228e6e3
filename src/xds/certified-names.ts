import { memo1 } from '../base/memo.ts';
import type { CertifiedNames, NodeIdentity } from '../snapshot/board.ts';

/** What is needed of a verified certificate, as Node tells it. */
export interface PeerNames {
  /** `DNS:edge-1.internal, URI:spiffe://shop/edge/edge-1`; a name with unusual characters is a text of JSON. */
  readonly subjectaltname?: string | undefined;
}

const none: CertifiedNames = { uris: [], hosts: [] };

/** `TYPE:NAME` and what divides it from the one before. */
const entry = /(?:, )?([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)/y;

/**
 * The URIs and host names among the alternative names of a certificate. Names with other than visible ASCII characters
 * are left out; a list that cannot be read has none (P23). The common name does not count.
 */
export const certifiedNames = memo1(({ subjectaltname: text = '' }: PeerNames): CertifiedNames => {
  const uris: string[] = [];
  const hosts: string[] = [];
  for (let at = 0; at < text.length; at = entry.lastIndex) {
    entry.lastIndex = at;
    const [, type, written] = entry.exec(text) ?? [];
    if (type === undefined || written === undefined) return none;
    const name = written.startsWith('"') ? unquoted(written) : written;
    if (name === undefined) return none;
    if (!/^[\x21-\x7e]+$/.test(name)) continue;
    if (type === 'URI') uris.push(name);
    else if (type === 'DNS') hosts.push(name);
  }
  return { uris, hosts };
});

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The node, with whom its certificate names. @param certificate undefined without TLS */
export function withCertificate(node: NodeIdentity, certificate: CertifiedNames | undefined): NodeIdentity {
  return certificate ? { ...node, certificate } : node;
}
