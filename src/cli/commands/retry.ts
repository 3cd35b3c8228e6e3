import type { Command } from 'commander';
import type { RetryReply } from '../../admin/api.ts';
import { callAdmin } from '../client.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, withClientOptions, withExamples } from '../options.ts';
import { count, render } from '../output.ts';

export function retryCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('retry'))
    .summary('send a proxy once more what it rejected')
    .description(
      'For causes that lie with the proxy and are gone, such as a port that was taken. It is sent again by itself too, but ' +
        'only after minutes. Whether the proxy takes it now, "switchyard status" tells.',
    )
    .argument('<proxy>', 'node id of the proxy')
    .action((proxy: string, flags: ClientFlags) => retry(host, proxy, flags));
  withExamples(command, ['switchyard retry edge-1', 'switchyard retry edge-1 && switchyard status --watch']);
}

async function retry(host: CliHost, proxy: string, flags: ClientFlags): Promise<void> {
  const { body } = await callAdmin<RetryReply>(
    host,
    flags,
    'POST',
    `/api/v1/proxies/${encodeURIComponent(proxy)}/retry`,
  );
  host.out(render(body, flags.output, { table: () => retryText(proxy, body), name: () => [body.id] }));
}

function retryText(proxy: string, { resources }: RetryReply): string {
  if (resources === 0) return `nothing is withheld from ${proxy}: there is nothing to send once more\n`;
  return `sent to ${proxy} once more: ${count(resources, 'resource')}; "switchyard status" tells whether it takes them\n`;
}
