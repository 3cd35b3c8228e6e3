import type { Command } from 'commander';
import type { PolicyReply, ProxiesReply, ProxyReply } from '../../admin/api.ts';
import { callAdmin } from '../client.ts';
import type { AdminFlags, CliHost } from '../host.ts';
import { outputOption, withAdminOptions } from '../options.ts';
import { CliFailure, type OutputFormat, render, renderTable } from '../output.ts';

type StatusFlags = AdminFlags & { readonly output: OutputFormat };

export function statusCommand(program: Command, host: CliHost): void {
  withAdminOptions(program.command('status').alias('ps'))
    .summary('which proxy holds what')
    .description(
      'Shows the revision in force, overrides, refused saves, and where every proxy stands with every resource type.\n' +
        'Exit code 0: all synced; 2: something is not as it should be.',
    )
    .addOption(outputOption())
    .action(async (flags: StatusFlags) => {
      const { body: policy } = await callAdmin<PolicyReply>(host, flags, 'GET', '/api/v1/policy');
      const { body } = await callAdmin<ProxiesReply>(host, flags, 'GET', '/api/v1/proxies');
      const { documents: _, ...rest } = policy;
      host.out(render({ ...rest, proxies: body.proxies }, flags.output, () => statusTable(policy, body.proxies)));
      const attention = policy.rejected !== null || body.proxies.some(each => each.state !== 'synced');
      if (attention) throw new CliFailure('', 2);
    });
}

const typeColumns = ['CDS', 'EDS', 'LDS', 'RDS'] as const;

function statusTable(policy: PolicyReply, proxies: readonly ProxyReply[]): string {
  const { revision } = policy;
  const lines = [
    revision
      ? `revision ${revision.number}, ${revision.at}, by ${revision.author}${revision.reason ? `: ${revision.reason}` : ''}`
      : 'no policy has been accepted yet',
    ...policy.overrides.map(each => {
      const what = each.weights
        ? JSON.stringify(each.weights)
        : [each.state, each.weight && `weight ${each.weight}`].filter(Boolean).join(', ');
      return `override ${each.effect}: ${each.target} ${what} since ${each.since} by ${each.by}${each.why ? ` (${each.why})` : ''}`;
    }),
    ...(policy.rejected
      ? [
          `a save was refused at ${policy.rejected.at}; the revision above goes on:`,
          ...policy.rejected.problems.map(
            each =>
              `  ${each.file ?? ''}:${each.line ?? ''} ${each.code} ${each.path}: ${each.message}${each.hint ? ` (${each.hint})` : ''}`,
          ),
        ]
      : []),
    '',
  ];
  const rows = proxies.map(each => [
    each.id,
    each.fleet ?? '-',
    each.state,
    each.variant,
    ...typeColumns.map(type => each.types[type]?.state ?? '-'),
    each.envoyVersion,
    each.why ?? '',
  ]);
  const table = renderTable(['PROXY', 'FLEET', 'STATE', 'VARIANT', ...typeColumns, 'ENVOY', ''], rows);
  return `${lines.join('\n')}${proxies.length > 0 ? table : 'no proxy is connected\n'}`;
}
