import type { Command } from 'commander';
import { type RetryReply, retryProxy } from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { asked, type DryFlags, withClientOptions, withExamples } from '../options.ts';
import { count, render } from '../output.ts';

export function retryCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('retry'))
    .summary('send a proxy once more what it rejected')
    .description(
      'For causes that lie with the proxy and are gone, such as a port that was taken. It is sent again by itself too, but ' +
        'only after minutes. Whether the proxy takes it now, "switchyard status" tells.',
    )
    .argument('<proxy>', 'node id of the proxy')
    .option('--dry-run', 'send nothing: show how much it would be')
    .action((proxy: string, flags: DryFlags) => retry(host, proxy, flags));
  withExamples(command, ['switchyard retry edge-1', 'switchyard retry edge-1 && switchyard status --watch']);
}

async function retry(host: CliHost, proxy: string, flags: DryFlags): Promise<void> {
  const query = asked('dryRun', flags.dryRun);
  const { status, body } = await call(host, flags, retryProxy, { params: { id: proxy }, query });
  host.out(render(body, flags.output, { table: () => retryText(proxy, body, status), name: () => [body.id] }));
}

function retryText(proxy: string, { resources }: RetryReply, status: 200 | 202): string {
  if (resources === 0) return `nothing is withheld from ${proxy}: there is nothing to send once more\n`;
  if (status === 200) return `${count(resources, 'resource')} would be sent to ${proxy} once more\n`;
  return `sent to ${proxy} once more: ${count(resources, 'resource')}; "switchyard status" tells whether it takes them\n`;
}
