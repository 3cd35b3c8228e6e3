import { hostname } from 'node:os';
import { stringify } from 'yaml';
import { type Address, isLocal, parseAddress } from '../../base/address.ts';
import { bootstrap, bootstrapDefaults } from '../../translate/bootstrap.ts';
import type { BootstrapTls } from '../../translate/bootstrap-tls.ts';
import { CliFailure } from '../output.ts';
import { type InitTlsFlags, initTls } from './tls.ts';

export interface BootstrapFlags extends InitTlsFlags {
  readonly role: 'edge' | 'sidecar';
  readonly variant: 'delta' | 'sotw';
  readonly streams: 'ads' | 'per-type';
  /** One or several; none: one that is named after the role and the host. */
  readonly node?: readonly string[];
  readonly cluster?: string;
  readonly region?: string;
  readonly zone?: string;
  readonly envoyAdmin: string;
}

/** The node ids of the bootstraps. */
export const nodesOf = ({ node, role }: BootstrapFlags): readonly string[] => node ?? [`${role}-${hostname()}`];

export const clusterOf = ({ cluster, role }: BootstrapFlags): string => cluster ?? role;

/**
 * A bootstrap for each node and what belongs to it, by name of the file; `envoy-ROLE.yaml` where there is one alone.
 * @throws CliFailure for what could not work.
 */
export function bootstrapFiles(folder: string, flags: BootstrapFlags, byNode: boolean): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const id of nodesOf(flags)) {
    nodeName('--node', id);
    if (byNode && !/^[\w.-]+$/.test(id)) throw new CliFailure(`--node ${id} cannot be the name of a file`);
    const base = byNode ? `envoy-${id}` : `envoy-${flags.role}`;
    const secure = initTls(folder, base, flags);
    files.set(`${base}.yaml`, bootstrapText(id, `${base}.yaml`, flags, secure?.tls));
    for (const [name, text] of secure?.files ?? []) files.set(name, text);
  }
  return files;
}

function bootstrapText(id: string, file: string, flags: BootstrapFlags, tls: BootstrapTls | undefined): string {
  const { role, variant, streams, region, zone } = flags;
  const cluster = nodeName('--cluster', clusterOf(flags));
  for (const each of flags.xds) checkedAddress('--xds', each);
  // Envoy looks up no names here.
  const named = checkedAddress('--envoy-admin', flags.envoyAdmin).kind === 'host';
  if (named || !isLocal(flags.envoyAdmin)) {
    throw new CliFailure(
      `--envoy-admin ${flags.envoyAdmin} is neither a loopback IP nor unix:/PATH: whoever reaches that address can end the Envoy`,
    );
  }
  const message = bootstrap({
    node: { id, cluster, ...(region === undefined ? {} : { region }), ...(zone === undefined ? {} : { zone }) },
    xds: flags.xds,
    ...(tls && { tls }),
    variant,
    admin: flags.envoyAdmin,
    ...bootstrapDefaults,
    streams: streams === 'ads' ? 'ads' : 'perType',
  });
  return (
    `# Envoy bootstrap: ${role}, ${variant === 'delta' ? 'incremental (delta)' : 'state-of-the-world'} xDS over ${streams === 'ads' ? 'one ADS stream' : 'a stream for each type'}.\n` +
    `# It joins the fleet whose "match" fits cluster "${cluster}" and id "${id}". Start it with: envoy -c ${file}\n` +
    `# The id must be unique. All else (listeners, routes, clusters, endpoints) comes from the control plane.\n` +
    stringify(message, { lineWidth: 0 })
  );
}

/** @throws CliFailure for what a control plane would not take as a node's id or cluster, or what fits no line of YAML. */
function nodeName(flag: string, text: string): string {
  if (/^[\x21-\x7e]{1,256}$/.test(text)) return text;
  throw new CliFailure(`${flag} ${JSON.stringify(text)} must be 1 to 256 visible ASCII characters without spaces`);
}

export function checkedAddress(flag: string, text: string): Address {
  const parsed = parseAddress(text);
  if (parsed) return parsed;
  throw new CliFailure(`${flag} "${text}" is not an address like HOST:PORT or unix:/PATH`);
}
