import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import { type Address, parseAddress } from '../../base/address.ts';
import { bootstrap, bootstrapDefaults } from '../../translate/bootstrap.ts';
import type { BootstrapTls } from '../../translate/bootstrap-tls.ts';
import type { CliHost } from '../host.ts';
import { type InitTlsFlags, initTls } from '../init-tls.ts';
import { withExamples } from '../options.ts';
import { CliFailure } from '../output.ts';
import { starterPolicy } from '../starter-policy.ts';

interface InitFlags extends InitTlsFlags {
  readonly role: 'edge' | 'sidecar';
  readonly variant: 'delta' | 'sotw';
  readonly streams: 'ads' | 'per-type';
  readonly node?: string;
  readonly cluster?: string;
  readonly region?: string;
  readonly zone?: string;
  readonly envoyAdmin: string;
  readonly only?: 'policy' | 'envoy';
  readonly force?: boolean;
}

export function initCommand(program: Command, host: CliHost): void {
  const command = program
    .command('init')
    .summary('write a starter policy and an Envoy bootstrap')
    .description(
      'Writes switchyard.yaml, a commented policy to start from, and envoy-ROLE.yaml, a bootstrap with which an Envoy ' +
        'joins: "envoy -c envoy-edge.yaml". Existing files are left alone unless --force is given.',
    )
    .argument('[dir]', 'folder to write to', '.')
    .addOption(new Option('--role <role>', 'what the Envoy is').choices(['edge', 'sidecar']).default('edge'))
    .addOption(new Option('--variant <variant>', 'how xDS is spoken').choices(['delta', 'sotw']).default('delta'))
    .addOption(
      new Option('--streams <streams>', 'one stream for all types, or one for each')
        .choices(['ads', 'per-type'])
        .default('ads'),
    )
    .option('--node <id>', 'node id, unique among all Envoys (default: ROLE-HOSTNAME)')
    .option('--cluster <name>', 'node cluster, by which fleets match (default: the role)')
    .option('--region <name>', 'region the Envoy stands in')
    .option('--zone <name>', 'zone the Envoy stands in')
    .option('--xds <host:port...>', "the control plane's xDS addresses", ['127.0.0.1:18000'])
    .option('--xds-cert <file>', "the Envoy's certificate for xDS over TLS, and its chain: PEM, on the Envoy's machine")
    .option('--xds-key <file>', 'its private key: PEM')
    .option('--xds-ca <file>', "authority of the control plane's certificate: PEM")
    .option('--xds-server-name <name...>', "names or IPs of the control plane's certificate (default: hosts of --xds)")
    .option('--envoy-admin <address>', "Envoy's own admin address: a loopback IP or unix:/PATH", '127.0.0.1:9901')
    .addOption(new Option('--only <what>', 'write only this').choices(['policy', 'envoy']))
    .option('--force', 'overwrite existing files')
    .action((folder: string, flags: InitFlags) => init(host, folder, flags));
  withExamples(command, [
    'switchyard init',
    'switchyard init --only envoy --xds xds.internal:18000 --xds-cert edge.crt --xds-key edge.key --xds-ca ca.crt',
    'switchyard init --only envoy --role sidecar --cluster checkout --node checkout-1 --xds 10.0.0.5:18000',
  ]);
}

function init(host: CliHost, folder: string, flags: InitFlags): void {
  const files = new Map<string, string>();
  if (flags.only !== 'envoy') files.set('switchyard.yaml', starterPolicy);
  if (flags.only !== 'policy') {
    const secure = initTls(folder, `envoy-${flags.role}`, flags);
    files.set(`envoy-${flags.role}.yaml`, bootstrapText(flags, secure?.tls));
    for (const [name, text] of secure?.files ?? []) files.set(name, text);
  }
  const existing = [...files.keys()].filter(name => existsSync(path.join(folder, name)));
  if (existing.length > 0 && !flags.force) {
    throw new CliFailure(
      `${listed(existing.map(name => path.join(folder, name)))} already: nothing was written; --force overwrites, --only writes one`,
    );
  }
  for (const [name, text] of files) {
    const file = path.join(folder, name);
    write(file, text);
    host.out(`wrote ${file}\n`);
  }
  host.out(nextSteps([...files.keys()].map(name => path.join(folder, name))));
}

const listed = (names: readonly string[]) => `${names.join(' and ')} ${names.length === 1 ? 'exists' : 'exist'}`;

function nextSteps(files: readonly string[]): string {
  const quoted = (file: string) => (/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`);
  const lines = files.map(quoted).flatMap(file => {
    if (/-(?:certificate|authority)\.yaml'?$/.test(file)) return [];
    if (!file.includes('switchyard.yaml')) return [`envoy -c ${file}`];
    return [
      `switchyard validate ${file}      # after you have put in your addresses`,
      `switchyard serve --policy ${file}`,
    ];
  });
  return `next:\n${lines.map(line => `  ${line}\n`).join('')}`;
}

function write(file: string, text: string): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (cause) {
    throw new CliFailure(`cannot write ${file}: ${(cause as Error).message}`, 1, { cause });
  }
}

function bootstrapText(flags: InitFlags, tls: BootstrapTls | undefined): string {
  const { role, variant, streams, region, zone } = flags;
  const id = nodeName('--node', flags.node ?? `${role}-${hostname()}`);
  const cluster = nodeName('--cluster', flags.cluster ?? role);
  for (const each of flags.xds) checkedAddress('--xds', each);
  if (!isLocal(checkedAddress('--envoy-admin', flags.envoyAdmin))) {
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
    `# It joins the fleet whose "match" fits cluster "${cluster}" and id "${id}". Start it with: envoy -c envoy-${role}.yaml\n` +
    `# The id must be unique. All else (listeners, routes, clusters, endpoints) comes from the control plane.\n` +
    stringify(message, { lineWidth: 0 })
  );
}

/** @throws CliFailure for what a control plane would not take as a node's id or cluster, or what fits no line of YAML. */
function nodeName(flag: string, text: string): string {
  if (/^[\x21-\x7e]{1,256}$/.test(text)) return text;
  throw new CliFailure(`${flag} ${JSON.stringify(text)} must be 1 to 256 visible ASCII characters without spaces`);
}

function checkedAddress(flag: string, text: string): Address {
  const parsed = parseAddress(text);
  if (parsed) return parsed;
  throw new CliFailure(`${flag} "${text}" is not an address like HOST:PORT or unix:/PATH`);
}

function isLocal(address: Address): boolean {
  if (address.kind === 'unix') return true;
  return address.kind === 'ip' && (address.ip.startsWith('127.') || address.ip === '::1');
}
