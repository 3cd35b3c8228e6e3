import path from 'node:path';
import { stringify } from 'yaml';
import { parseAddress } from '../../base/address.ts';
import { type BootstrapTls, tlsSecretFiles } from '../../translate/bootstrap-tls.ts';
import { CliFailure } from '../output.ts';

export interface InitTlsFlags {
  readonly xds: readonly string[];
  readonly xdsCert?: string;
  readonly xdsKey?: string;
  readonly xdsCa?: string;
  readonly xdsServerName?: readonly string[];
}

/** What a bootstrap needs for TLS, and the files beside it that it refers to, by name. */
export interface InitTls {
  readonly tls: BootstrapTls;
  readonly files: ReadonlyMap<string, string>;
}

/** Undefined where no flag asks for it. @param base name of the bootstrap, without its ending */
export function initTls(folder: string, base: string, flags: InitTlsFlags): InitTls | undefined {
  const { xdsCert: certificate, xdsKey: key, xdsCa: authority } = flags;
  const given = { '--xds-cert': certificate, '--xds-key': key, '--xds-ca': authority };
  const missing = Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [flag] : []));
  if (missing.length === 3 && flags.xdsServerName === undefined) return undefined;
  if (certificate === undefined || key === undefined || authority === undefined) {
    throw new CliFailure(
      `${missing.join(' and ')} must be given too: TLS takes a certificate, its key and an authority`,
    );
  }
  const names = { certificate: `${base}-certificate.yaml`, authority: `${base}-authority.yaml` };
  const at = (file: string) => path.resolve(file);
  const texts = tlsSecretFiles({ certificate: at(certificate), key: at(key), authority: at(authority) });
  return {
    tls: {
      serverNames: flags.xdsServerName ?? namesOf(flags.xds),
      secretFiles: {
        certificate: at(path.join(folder, names.certificate)),
        authority: at(path.join(folder, names.authority)),
      },
    },
    files: new Map([
      [names.certificate, textOf('its certificate', texts.certificate)],
      [names.authority, textOf("the authority of the control plane's certificate", texts.authority)],
    ]),
  };
}

const textOf = (what: string, content: object) =>
  `# Where Envoy finds ${what} for xDS. Renew the PEM files by renaming new ones into their place, as "mv" does.\n` +
  stringify(content, { lineWidth: 0 });

/** The hosts of addresses. */
function namesOf(xds: readonly string[]): readonly string[] {
  const names = xds.map(text => {
    const address = parseAddress(text);
    if (address?.kind === 'ip') return address.ip;
    if (address?.kind === 'host') return address.host;
    throw new CliFailure(`--xds ${text} says no name that the server's certificate could have: give --xds-server-name`);
  });
  return [...new Set(names)];
}
