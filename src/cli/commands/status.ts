import { type Command, Option } from 'commander';
import { type EndpointHealthReply, type PolicyReply, type ProxiesReply, proxyStates } from '../../admin/api.ts';
import { callAdmin } from '../client.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, type ReadFlags, withExamples, withReadOptions } from '../options.ts';
import { painter, printable } from '../output.ts';
import { type Reading, read } from '../reading.ts';
import { type Status, statusText } from '../status-text.ts';

type StatusFlags = ClientFlags &
  ReadFlags & {
    readonly fleet?: string;
    readonly state?: string;
  };

export function statusCommand(program: Command, host: CliHost): void {
  const command = withReadOptions(program.command('status').alias('ps'))
    .summary('which proxy holds what')
    .description(
      'Shows the revision in force, overrides, refused saves, what is in quarantine, and where every proxy stands with ' +
        'every resource type; what a proxy rejected is told in its own words, with the place in the policy.\n' +
        'Exit code 0: all proxies are synced; 2: something is not as it should be, or no proxy is connected.',
    )
    .option('--fleet <key>', 'only the proxies of this fleet')
    .addOption(new Option('--state <state>', 'only the proxies in this state').choices([...proxyStates]))
    .action((flags: StatusFlags) => read(host, flags, () => look(host, flags)));
  withExamples(command, [
    'switchyard status',
    'switchyard status --watch',
    'switchyard status --state rejected -o json',
    'until switchyard status > /dev/null; do sleep 1; done',
  ]);
}

async function look(host: CliHost, flags: StatusFlags): Promise<Reading> {
  const status = await fetchStatus(host, flags);
  const { proxies, quarantines, rejected, revision } = status;
  const good = revision !== null && rejected === null && quarantines.length === 0 && proxies.length > 0;
  return {
    value: status,
    table: () => statusText(printable(status), painter(host), host.now()),
    name: () => proxies.map(each => each.id),
    code: good && proxies.every(each => each.state === 'synced') ? 0 : 2,
  };
}

async function fetchStatus(host: CliHost, flags: StatusFlags): Promise<Status> {
  const query = new URLSearchParams();
  if (flags.fleet !== undefined) query.set('fleet', flags.fleet);
  if (flags.state !== undefined) query.set('state', flags.state);
  const { body: policy } = await callAdmin<PolicyReply>(host, flags, 'GET', '/api/v1/policy');
  const { body: table } = await callAdmin<ProxiesReply>(host, flags, 'GET', `/api/v1/proxies?${query}`);
  const { body: endpointHealth } = await callAdmin<EndpointHealthReply>(host, flags, 'GET', '/api/v1/endpoint-health');
  const { documents: _, ...rest } = policy;
  return { ...rest, proxies: table.proxies, endpointHealth };
}
