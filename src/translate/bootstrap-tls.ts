import { isIP } from 'node:net';
import path from 'node:path';
import type { TransportSocket } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Secret, SubjectAltNameMatcher } from '../../proto/gen/envoy.extensions.transport_sockets.tls.v3.ts';
import { canonicalIp } from '../base/address.ts';

/** How a proxy proves itself to the control plane, and knows it. Paths are those on the proxy's machine, absolute. */
export interface BootstrapTls {
  /** Names and IP addresses, one of which the server's certificate must have. */
  readonly serverNames: readonly string[];
  /** Files that hold what {@link tlsSecretFiles} makes. The proxy follows them, and what they name. */
  readonly secretFiles: { readonly certificate: string; readonly authority: string };
}

/** Files of PEM. */
export interface TlsFilePaths {
  readonly certificate: string;
  readonly key: string;
  /** Of the authority that vouches for the server. */
  readonly authority: string;
}

const secretType = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
const names = { certificate: 'switchyard/xds-certificate', authority: 'switchyard/xds-authority' } as const;

/** Turns a cluster's connections into mutual TLS. Envoy itself would stop at TLS 1.2 as a client. */
export function controlPlaneSocket({ serverNames, secretFiles }: BootstrapTls): TransportSocket {
  const secret = (name: string, file: string) => ({
    name,
    sds_config: { path_config_source: { path: file }, resource_api_version: 'V3' as const },
  });
  const known = serverNames.map(spelled);
  const sni = known.find(each => isIP(each) === 0);
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      ...(sni === undefined ? {} : { sni }),
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
        alpn_protocols: ['h2'],
        tls_certificate_sds_secret_configs: [secret(names.certificate, secretFiles.certificate)],
        combined_validation_context: {
          default_validation_context: { match_typed_subject_alt_names: known.map(matcher) },
          validation_context_sds_secret_config: secret(names.authority, secretFiles.authority),
        },
      },
    },
  };
}

/** As certificates and SNI have it: Envoy compares the text of IP addresses, and a DNS name has no dot at its end. */
function spelled(name: string): string {
  return isIP(name) === 0 ? name.replace(/\.$/, '') : canonicalIp(name);
}

function matcher(name: string): SubjectAltNameMatcher {
  return { san_type: isIP(name) === 0 ? 'DNS' : 'IP_ADDRESS', matcher: { exact: name } };
}

/** What the files of secrets hold: each one resource, in which the PEM files are named, so that these can be renewed. */
export function tlsSecretFiles({
  certificate,
  key,
  authority,
}: TlsFilePaths): Readonly<Record<keyof BootstrapTls['secretFiles'], object>> {
  const alike = path.posix.dirname(certificate) === path.posix.dirname(key);
  const certificates: Secret = {
    name: names.certificate,
    tls_certificate: {
      certificate_chain: { filename: certificate },
      private_key: { filename: key },
      ...(alike ? watched(certificate) : {}),
    },
  };
  const authorities: Secret = {
    name: names.authority,
    validation_context: { trusted_ca: { filename: authority }, ...watched(authority) },
  };
  return { certificate: fileOf(certificates), authority: fileOf(authorities) };
}

/** Without it, a link that is turned in the folder would go unnoticed. */
const watched = (file: string) => ({ watched_directory: { path: path.posix.dirname(file) } });

const fileOf = (secret: Secret) => ({ resources: [{ '@type': secretType, ...secret }] });
