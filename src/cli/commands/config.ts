import { Argument, type Command } from 'commander';
import { type ProxyConfigReply, readProxyConfig } from '../../admin/api.ts';
import { call } from '../call.ts';
import { configText, differenceText, type Section, sections } from '../config-text.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, type ReadFlags, withExamples, withReadOptions } from '../options.ts';
import { painter, printable } from '../output.ts';
import { type Reading, read } from '../reading.ts';

type ConfigFlags = ClientFlags &
  ReadFlags & {
    readonly diff?: boolean;
    readonly acked?: boolean;
  };

export function configCommand(program: Command, host: CliHost): void {
  const command = withReadOptions(program.command('config').alias('pc'))
    .summary('what a proxy is to hold, and what it holds')
    .description(
      "Shows a proxy's effective configuration: why it is of its fleet, every resource with how far the proxy has got with " +
        "it, and what it rejected with the place in the policy. With -o json and -o yaml it prints all of it in Envoy's own " +
        'form. With --diff it tells field by field how what the proxy has acknowledged differs from what it is to hold.\n' +
        'Exit code 0: the proxy holds all that is intended; 2: it does not.',
    )
    .argument('<proxy>', 'node id of the proxy')
    .addArgument(new Argument('[kind]', 'only these resources').choices([...sections]))
    .option('--diff', 'intended versus acknowledged, field by field')
    .option('--acked', 'what the proxy has acknowledged, instead of what is intended')
    .action((proxy: string, kind: Section | undefined, flags: ConfigFlags) =>
      read(host, flags, () => look(host, proxy, kind, flags)),
    );
  withExamples(command, [
    'switchyard config edge-1',
    'switchyard config edge-1 --diff',
    'switchyard config edge-1 listeners -o yaml',
    'switchyard config edge-1 clusters --acked -o json',
  ]);
}

async function look(host: CliHost, proxy: string, kind: Section | undefined, flags: ConfigFlags): Promise<Reading> {
  const query = flags.acked ? { of: 'acked' as const } : {};
  const { body } = await call(host, flags, readProxyConfig, { params: { id: proxy }, query });
  const shown = kind === undefined ? body : only(body, kind);
  const text = flags.diff ? differenceText : configText;
  return {
    value: flags.diff ? shown.differences : kind === undefined ? body.resources : body.resources[kind],
    table: () => text(printable(shown), kind, painter(host)),
    name: () => (kind === undefined ? sections : [kind]).flatMap(each => body.resources[each].map(nameOf)),
    code: body.proxy.state === 'synced' ? 0 : 2,
  };
}

const typesOf = { listeners: 'LDS', routes: 'RDS', clusters: 'CDS', endpoints: 'EDS', secrets: 'SDS' } as const;

/** What is about resources of one kind. */
function only(reply: ProxyConfigReply, kind: Section): ProxyConfigReply {
  const differences = Object.entries(reply.differences).filter(([type]) => type === typesOf[kind]);
  return { ...reply, differences: Object.fromEntries(differences) };
}

/** Load assignments are named after their cluster. */
const nameOf = (message: { readonly [field: string]: unknown }) => String(message['name'] ?? message['cluster_name']);
