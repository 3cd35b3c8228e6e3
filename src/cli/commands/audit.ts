import type { Command } from 'commander';
import { type AuditReply, listAudit } from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, type ReadFlags, withExamples, withReadOptions } from '../options.ts';
import { printable, renderTable } from '../output.ts';
import { type Reading, read } from '../reading.ts';

type AuditFlags = ClientFlags & ReadFlags & { readonly who?: string; readonly result?: string; readonly limit: string };

export function auditCommand(program: Command, host: CliHost): void {
  const command = withReadOptions(program.command('audit'))
    .summary('who did what, and what became of it')
    .description('Lists writes and refusals, the newest first: who, from where, what, and the result.')
    .option('--who <name>', 'only what was done with the token of this name')
    .option('--result <result>', 'only done, refused, unauthenticated or failed')
    .option('--limit <number>', 'how many at most, up to 1000', '50')
    .action((flags: AuditFlags) => read(host, flags, () => look(host, flags)));
  withExamples(command, [
    'switchyard audit',
    'switchyard audit --result refused -o json',
    'switchyard audit --who pipeline',
  ]);
}

async function look(host: CliHost, flags: AuditFlags): Promise<Reading> {
  const { who, result, limit } = flags;
  // The server says which results there are.
  const query = { limit, ...(who && { who }), ...(result && { result: result as AuditReply['result'] }) };
  const { body } = await call(host, flags, listAudit, { query });
  const row = (each: AuditReply) => [
    each.at,
    each.who === '' ? '-' : each.who,
    each.from,
    `${each.result} ${each.status}`,
    each.what,
    each.reason ?? each.detail ?? '',
  ];
  const table = () => {
    const { entries } = printable(body);
    if (entries.length === 0) return 'nothing was done or refused\n';
    return renderTable(['AT', 'WHO', 'FROM', 'RESULT', 'WHAT', 'WHY'], entries.map(row));
  };
  return { value: body, table, name: () => body.entries.map(each => String(each.id)) };
}
