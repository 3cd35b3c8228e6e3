import path from 'node:path';
import { type Command, Option } from 'commander';
import { isLocal } from '../../base/address.ts';
import { testedEnvoy } from '../../base/tested-envoy.ts';
import { namePattern, nameRule } from '../../policy/field.ts';
import { policyJsonSchema } from '../../policy/json-schema.ts';
import type { CliHost } from '../host.ts';
import { type BootstrapFlags, bootstrapFiles, checkedAddress, clusterOf, nodesOf } from '../init/bootstraps.ts';
import { composeText, composeXds } from '../init/compose.ts';
import { policyText, schemaFile } from '../init/policy.ts';
import { addressesMistake, answerTo, anything, confirmed, oneOf, portMistake, words } from '../init/questions.ts';
import { systemdFiles } from '../init/systemd.ts';
import { withExamples } from '../options.ts';
import { CliFailure } from '../output.ts';
import { isFileThere, writeForAll } from '../replaceable.ts';

interface InitFlags extends BootstrapFlags {
  readonly service: string;
  readonly endpoint?: readonly string[];
  readonly port: string;
  readonly run?: 'systemd' | 'compose';
  readonly envoyBin: string;
  readonly only?: 'policy' | 'envoy';
  readonly yes?: boolean;
  readonly force?: boolean;
}

export function initCommand(program: Command, host: CliHost): void {
  const command = program
    .command('init')
    .summary('write a starter policy, Envoy bootstraps, and what runs them')
    .description(
      'Writes switchyard.yaml, a commented policy to start from, and a bootstrap with which each Envoy joins: ' +
        '"envoy -c envoy-edge.yaml"; with --run also units of systemd, or a compose file. On a terminal it asks for what ' +
        'no flag says, shows what it is going to write, and writes nothing before that is confirmed. Existing files are ' +
        'left alone unless --force is given.',
    )
    .argument('[dir]', 'folder to write to', '.')
    .option('--service <name>', 'name of the service in the policy', 'web')
    .option('--endpoint <address...>', 'addresses of its application (default: an example of two versions)')
    .option('--port <port>', 'port that the Envoys listen on', '8000')
    .addOption(new Option('--run <how>', 'write what runs server and Envoys, too').choices(['systemd', 'compose']))
    .option('--envoy-bin <file>', 'the Envoy binary of the units', '/usr/local/bin/envoy')
    .addOption(new Option('--role <role>', 'what the Envoy is').choices(['edge', 'sidecar']).default('edge'))
    .addOption(new Option('--variant <variant>', 'how xDS is spoken').choices(['delta', 'sotw']).default('delta'))
    .addOption(
      new Option('--streams <streams>', 'one stream for all types, or one for each')
        .choices(['ads', 'per-type'])
        .default('ads'),
    )
    .option('--node <id...>', 'node ids, unique among all Envoys: a bootstrap for each (default: ROLE-HOSTNAME)')
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
    .option('--yes', 'ask nothing')
    .option('--force', 'overwrite existing files')
    .action((folder: string, flags: InitFlags) => {
      const given = (name: string) => command.getOptionValueSource(name) === 'cli';
      return init(host, folder, flags, given);
    });
  withExamples(command, [
    'switchyard init',
    'switchyard init shop --service shop --endpoint 10.0.0.11:8080 10.0.0.12:8080 --port 80 --node edge-1 edge-2',
    'sudo switchyard init /etc/switchyard --run systemd --node edge-1',
    'switchyard init shop --run compose --endpoint shop:8080',
    'switchyard init --only envoy --xds xds.internal:18000 --xds-cert edge.crt --xds-key edge.key --xds-ca ca.crt',
    'switchyard init --only envoy --role sidecar --cluster checkout --node checkout-1 --xds 10.0.0.5:18000',
  ]);
}

type Given = (name: string) => boolean;

async function init(host: CliHost, folder: string, asGiven: InitFlags, given: Given): Promise<void> {
  const ask = asGiven.yes ? undefined : host.ask;
  const flags = ask ? await asked(host, ask, asGiven, given) : asGiven;
  const files = filesOf(host, folder, flags, given);
  const existing = [...files.keys()].filter(name => isFileThere(path.join(folder, name)));
  if (existing.length > 0 && !flags.force) {
    throw new CliFailure(
      `${listed(existing.map(name => path.join(folder, name)))} already: nothing was written; --force overwrites, --only writes one`,
    );
  }
  if (ask) {
    const lines = [...files.keys()].map(
      name => `  ${path.join(folder, name)}${existing.includes(name) ? ' (overwritten)' : ''}\n`,
    );
    host.err(`\nThese files are written:\n${lines.join('')}`);
    if (!(await confirmed(ask, 'Write them?'))) throw new CliFailure('nothing was written');
  }
  for (const [name, text] of files) {
    const file = path.join(folder, name);
    writeForAll(file, text);
    host.out(`wrote ${file}\n`);
  }
  host.out(nextSteps(folder, [...files.keys()], flags));
}

/** What no flag says. */
async function asked(
  host: CliHost,
  ask: NonNullable<CliHost['ask']>,
  flags: InitFlags,
  given: Given,
): Promise<InitFlags> {
  const to = async (
    name: keyof InitFlags,
    text: string,
    usual: string,
    mistake: (answer: string) => string | undefined,
  ) => (given(name) ? undefined : answerTo(ask, host.err, { text, usual, mistake }));
  const run = await to('run', 'Run them by systemd, compose, or by hand', 'hand', oneOf('systemd', 'compose', 'hand'));
  const after: Partial<InitFlags> = run === undefined || run === 'hand' ? {} : { run: run as 'systemd' };
  const known = { ...flags, ...after };
  const policy = known.only !== 'envoy';
  const service = policy
    ? await to('service', 'Name of your service', flags.service, name =>
        namePattern.test(name) ? undefined : nameRule,
      )
    : undefined;
  const endpoint = policy
    ? await to('endpoint', 'Addresses of your application, HOST:PORT', 'an example', answer =>
        answer === 'an example' ? undefined : addressesMistake(answer),
      )
    : undefined;
  const port = policy ? await to('port', 'Port for your callers', flags.port, portMistake) : undefined;
  const envoys = known.only !== 'policy';
  const node = envoys ? await to('node', 'Node ids of the Envoys', nodesOf(flags).join(', '), anything) : undefined;
  const xds =
    envoys && known.run !== 'compose'
      ? await to('xds', 'Where the Envoys find the control plane', flags.xds.join(', '), addressesMistake)
      : undefined;
  return {
    ...known,
    ...(service === undefined ? {} : { service }),
    ...(endpoint === undefined || endpoint === 'an example' ? {} : { endpoint: words(endpoint) }),
    ...(port === undefined ? {} : { port }),
    ...(node === undefined || node === nodesOf(flags).join(', ') ? {} : { node: words(node) }),
    ...(xds === undefined ? {} : { xds: words(xds) }),
  };
}

/** All that is to be written, by name. @throws CliFailure for what could not work. */
function filesOf(host: CliHost, folder: string, flags: InitFlags, given: Given): ReadonlyMap<string, string> {
  const { only, run } = flags;
  const files = new Map<string, string>();
  const inCompose = run === 'compose' && !given('xds');
  const known = inCompose ? { ...flags, xds: [composeXds] } : flags;
  if (only !== 'envoy') {
    files.set('switchyard.yaml', policyOf(flags));
    files.set(schemaFile, `${JSON.stringify(policyJsonSchema())}\n`);
  }
  // Units and containers find each by its node id.
  const byNode = run !== undefined || nodesOf(flags).length > 1;
  if (only !== 'policy') for (const [name, text] of bootstrapFiles(folder, known, byNode)) files.set(name, text);
  if (only !== undefined) return files;
  const nodes = nodesOf(flags);
  if (run === 'compose')
    files.set('compose.yaml', composeText({ nodes, ports: [Number(flags.port)], envoyVersion: `${testedEnvoy}.0` }));
  if (run === 'systemd') for (const [name, text] of unitFiles(host, folder, flags)) files.set(name, text);
  return files;
}

function policyOf(flags: InitFlags): string {
  const { service, endpoint = [], port } = flags;
  if (!namePattern.test(service)) throw new CliFailure(`--service ${JSON.stringify(service)} ${nameRule}`);
  for (const each of endpoint) checkedAddress('--endpoint', each);
  const wrong = portMistake(port);
  if (wrong !== undefined) throw new CliFailure(`--port ${port}: ${wrong}`);
  const cluster = flags.role === 'edge' ? clusterOf(flags) : 'edge';
  return policyText({ service, endpoints: endpoint, port: Number(port), cluster });
}

function unitFiles(host: CliHost, folder: string, flags: InitFlags): ReadonlyMap<string, string> {
  const at = path.resolve(folder);
  if (/[\s%"'\\$]/.test(at))
    throw new CliFailure(`units cannot name the folder ${at}: choose one without blanks and quotes`);
  const envoy = path.resolve(flags.envoyBin);
  const warn = (what: string) => host.err(`warning: units see no home folders and no temporary ones: ${what}\n`);
  if (isUnseen(at)) warn(`move ${at} to /etc/switchyard, or write it there`);
  for (const each of [...host.program, envoy].filter(isUnseen)) {
    warn(`put what runs elsewhere, such as into /opt, and name it in the unit in place of ${each}`);
  }
  const [xds = ''] = flags.xds;
  const listens = isLocal(xds) ? xds : `0.0.0.0:${xds.slice(xds.lastIndexOf(':') + 1)}`;
  return systemdFiles({
    folder: at,
    program: host.program,
    envoy,
    xds: listens,
    nodes: nodesOf(flags),
  });
}

/** By services with `ProtectHome` and `PrivateTmp`. */
const isUnseen = (file: string) => /^\/(?:home|root|tmp|var\/tmp)(?:\/|$)/.test(file);

const listed = (names: readonly string[]) => `${names.join(' and ')} ${names.length === 1 ? 'exists' : 'exist'}`;

const quoted = (file: string) => (/^[\w./@-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`);

function nextSteps(folder: string, names: readonly string[], flags: InitFlags): string {
  const at = (name: string) => quoted(path.join(folder, name));
  const policy = names.includes('switchyard.yaml') ? at('switchyard.yaml') : undefined;
  const bootstraps = names.filter(name => /^envoy-.*(?<!-certificate|-authority)\.yaml$/.test(name));
  const lines = [
    ...(policy === undefined ? [] : [`switchyard validate ${policy}      # after you have put in your addresses`]),
    ...runSteps(at, policy, bootstraps, flags),
  ];
  return `next:\n${lines.map(line => `  ${line}\n`).join('')}`;
}

function runSteps(
  at: (name: string) => string,
  policy: string | undefined,
  bootstraps: readonly string[],
  { only, run, ...flags }: InitFlags,
): readonly string[] {
  if (only === undefined && run === 'compose') {
    return [
      "docker build -f compose/Dockerfile -t switchyard .      # in Switchyard's repository",
      `docker compose -f ${at('compose.yaml')} up -d`,
    ];
  }
  if (only === undefined && run === 'systemd') {
    const units = nodesOf(flags).map(node => quoted(`switchyard-envoy@${node}`));
    return [
      `sudo install -m 0644 ${at('systemd/switchyard.service')} ${at('systemd/switchyard-envoy@.service')} /etc/systemd/system`,
      `sudo install -D -m 0644 ${at('systemd/switchyard.sysusers.conf')} /etc/sysusers.d/switchyard.conf`,
      'sudo systemd-sysusers',
      'sudo systemctl daemon-reload',
      `sudo systemctl enable --now switchyard ${units.join(' ')}`,
    ];
  }
  return [
    ...(policy === undefined ? [] : [`switchyard serve --policy ${policy}`]),
    ...bootstraps.map(name => `envoy -c ${at(name)}`),
  ];
}
