import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { type EndpointHealthReply, type PolicyReply, type ProxiesReply, proxyStates } from '../../admin/api.ts';
import { callAdmin } from '../client.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, withClientOptions, withExamples } from '../options.ts';
import { CliFailure, painter, printable, render } from '../output.ts';
import { type Status, statusText } from '../status-text.ts';

type StatusFlags = ClientFlags & {
  readonly fleet?: string;
  readonly state?: string;
  readonly watch?: boolean;
};

export function statusCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('status').alias('ps'))
    .summary('which proxy holds what')
    .description(
      'Shows the revision in force, overrides, refused saves, what is in quarantine, and where every proxy stands with ' +
        'every resource type; what a proxy rejected is told in its own words, with the place in the policy.\n' +
        'Exit code 0: all proxies are synced; 2: something is not as it should be, or no proxy is connected.',
    )
    .option('--fleet <key>', 'only the proxies of this fleet')
    .addOption(new Option('--state <state>', 'only the proxies in this state').choices([...proxyStates]))
    .option('-w, --watch', 'show it anew every second until Ctrl-C')
    .action((flags: StatusFlags) => (flags.watch ? watch(host, flags) : once(host, flags)));
  withExamples(command, [
    'switchyard status',
    'switchyard status --watch',
    'switchyard status --state rejected -o json',
    'until switchyard status > /dev/null; do sleep 1; done',
  ]);
}

async function once(host: CliHost, flags: StatusFlags): Promise<void> {
  const status = await fetchStatus(host, flags);
  host.out(show(host, flags, status));
  const { proxies, quarantines, rejected, revision } = status;
  const good = revision !== null && rejected === null && quarantines.length === 0 && proxies.length > 0;
  if (!good || proxies.some(each => each.state !== 'synced')) throw new CliFailure('', 2);
}

/** Where nobody looks, only what has changed is printed again. A server that is away for a while is waited for. */
async function watch(host: CliHost, flags: StatusFlags): Promise<void> {
  let before = '';
  while (!host.signal.aborted) {
    const text = await fetchStatus(host, flags).then(
      status => show(host, flags, status),
      (error: unknown) => {
        if (error instanceof CliFailure) return `error: ${error.message}\n`;
        throw error;
      },
    );
    if (host.signal.aborted) return;
    if (host.terminal) host.out(`\u001b[H\u001b[J${text}`);
    else if (text !== before) host.out(text);
    before = text;
    await pause(1000, undefined, { signal: host.signal }).catch(() => {});
  }
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

function show(host: CliHost, { output }: StatusFlags, status: Status): string {
  return render(status, output, () => statusText(printable(status), painter(host), Date.now()));
}
