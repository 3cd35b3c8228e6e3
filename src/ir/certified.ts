import { type FleetIdentity, idPlaceholder } from '../policy/fleet-identity.ts';
import { fitsGlob } from './glob.ts';

/** Whom a certificate names. */
export interface CertificateFacts {
  readonly uris: readonly string[];
  readonly hosts: readonly string[];
}

interface Claim {
  readonly id: string;
  readonly certificate?: CertificateFacts;
}

/** Why a connection may not speak for the node, and what to do about it; undefined if it may (P23). */
export function identityFault(fleet: string, { san }: FleetIdentity, { id, certificate }: Claim): string | undefined {
  const wanted = `fleet "${fleet}" wants one that is named ${san.map(each => `"${each}"`).join(' or ')}`;
  if (!certificate) {
    return (
      `node "${id}" has no certificate, since its connection is in plain text, and ${wanted}: start the control plane ` +
      `with --xds-cert, --xds-key and --xds-client-ca, or remove fleets.${fleet}.identity`
    );
  }
  if (san.some(pattern => fits(pattern, id, certificate))) return undefined;
  return (
    `the certificate of node "${id}" is named ${named(certificate)}, and ${wanted}: give the proxy a certificate with ` +
    `such a name, mend its node id, or change fleets.${fleet}.identity`
  );
}

function fits(pattern: string, id: string, { uris, hosts }: CertificateFacts): boolean {
  const names = pattern.includes(':') ? uris : hosts;
  // Never made a glob of: what a client says of itself is compared as it is.
  if (pattern.includes(idPlaceholder)) return names.includes(pattern.split(idPlaceholder).join(id));
  return names.some(name => fitsGlob(pattern, name));
}

const MAX_SHOWN = 8;

function named({ uris, hosts }: CertificateFacts): string {
  const names = [...uris, ...hosts];
  if (names.length === 0) return 'neither by a URI nor by a host name';
  const shown = names.slice(0, MAX_SHOWN).map(each => JSON.stringify(each.slice(0, 256)));
  return `${shown.join(', ')}${names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : ''}`;
}
