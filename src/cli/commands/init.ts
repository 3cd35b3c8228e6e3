import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import { parseAddress } from '../../base/address.ts';
import { bootstrap, bootstrapDefaults } from '../../translate/bootstrap.ts';
import type { CliHost } from '../host.ts';
import { CliFailure } from '../output.ts';
import { starterPolicy } from '../starter-policy.ts';

interface InitFlags {
  readonly role: 'edge' | 'sidecar';
  readonly variant: 'delta' | 'sotw';
  readonly node?: string;
  readonly cluster?: string;
  readonly region?: string;
  readonly zone?: string;
  readonly xds: readonly string[];
  readonly envoyAdmin: string;
  readonly only?: 'policy' | 'envoy';
  readonly force?: boolean;
}

export function initCommand(program: Command, host: CliHost): void {
  program
    .command('init')
    .summary('write a starter policy and an Envoy bootstrap')
    .description(
      'Writes switchyard.yaml, a commented policy to start from, and envoy-ROLE.yaml, a bootstrap with which an Envoy\n' +
        'joins: "envoy -c envoy-edge.yaml". Existing files are left alone unless --force is given.\n\n' +
        'Examples: switchyard init\n' +
        '          switchyard init --only envoy --role sidecar --cluster checkout --node checkout-1',
    )
    .argument('[dir]', 'folder to write to', '.')
    .addOption(new Option('--role <role>', 'what the Envoy is').choices(['edge', 'sidecar']).default('edge'))
    .addOption(new Option('--variant <variant>', 'how xDS is spoken').choices(['delta', 'sotw']).default('delta'))
    .option('--node <id>', 'node id, unique in the fleet (default: ROLE-HOSTNAME)')
    .option('--cluster <name>', 'node cluster, by which fleets match (default: the role)')
    .option('--region <name>', 'region the Envoy stands in')
    .option('--zone <name>', 'zone the Envoy stands in')
    .option('--xds <host:port...>', "the control plane's xDS addresses", ['127.0.0.1:18000'])
    .option('--envoy-admin <address>', "Envoy's own admin address: loopback or unix:/PATH", '127.0.0.1:9901')
    .addOption(new Option('--only <what>', 'write only this').choices(['policy', 'envoy']))
    .option('--force', 'overwrite existing files')
    .action((folder: string, flags: InitFlags) => init(host, folder, flags));
}

function init(host: CliHost, folder: string, flags: InitFlags): void {
  const files = new Map<string, string>();
  if (flags.only !== 'envoy') files.set('switchyard.yaml', starterPolicy);
  if (flags.only !== 'policy') files.set(`envoy-${flags.role}.yaml`, bootstrapText(flags));
  const existing = [...files.keys()].filter(name => existsSync(path.join(folder, name)));
  if (existing.length > 0 && !flags.force) {
    throw new CliFailure(
      `${existing.join(', ')} exists already: nothing was written; --force overwrites, --only writes one`,
    );
  }
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) {
    writeFileSync(path.join(folder, name), text);
    host.out(`wrote ${path.join(folder, name)}\n`);
  }
  host.out(
    'next: edit the policy, then "switchyard validate", "switchyard serve", and "envoy -c" with the bootstrap\n',
  );
}

function bootstrapText(flags: InitFlags): string {
  for (const each of [...flags.xds, flags.envoyAdmin]) {
    if (!parseAddress(each)) throw new CliFailure(`"${each}" is not an address like HOST:PORT or unix:/PATH`);
  }
  const id = flags.node ?? `${flags.role}-${hostname()}`;
  const cluster = flags.cluster ?? flags.role;
  const message = bootstrap({
    node: {
      id,
      cluster,
      ...(flags.region === undefined ? {} : { region: flags.region }),
      ...(flags.zone === undefined ? {} : { zone: flags.zone }),
    },
    xds: flags.xds,
    variant: flags.variant,
    admin: flags.envoyAdmin,
    ...bootstrapDefaults,
  });
  return (
    `# Envoy bootstrap: ${flags.role}, ${flags.variant === 'delta' ? 'incremental (delta)' : 'state-of-the-world'} xDS over one ADS stream.\n` +
    `# It joins the fleet whose "match" fits cluster "${cluster}" and id "${id}". Start it with: envoy -c envoy-${flags.role}.yaml\n` +
    `# The id must be unique. All else (listeners, routes, clusters, endpoints) comes from the control plane.\n` +
    stringify(message, { lineWidth: 0 })
  );
}
