import type { Command } from 'commander';
import { beginFreeze, endFreeze, type FreezeReply, readFreeze } from '../../admin/api.ts';
import { call } from '../call.ts';
import { effectText } from '../effect-text.ts';
import type { CliHost } from '../host.ts';
import { asked, type ClientFlags, type DryFlags, withClientOptions, withDryRun, withExamples } from '../options.ts';
import { ago, CliFailure, count, painter, printable, render, renderTable } from '../output.ts';

type FreezeFlags = DryFlags & { readonly to?: string; readonly list?: boolean; readonly reason?: string };

export function freezeCommand(program: Command, host: CliHost): void {
  const command = withDryRun(withClientOptions(program.command('freeze')))
    .summary('publish nothing but what is asked by name; go back to what was good')
    .description(
      'From now on proxies are sent nothing new: what is accepted waits until "switchyard thaw". With --to, what was in force ' +
        'at a revision is put in force before that. It works while the store cannot be written.',
    )
    .option(
      '--to <revision>',
      'restore what was in force at this revision; --list shows those that are known to be good',
    )
    .option('--list', 'freeze nothing: show whether it is frozen, what waits, and what can be restored')
    .option('--reason <text>', 'why, for those who look later')
    .action((flags: FreezeFlags) => freeze(host, flags));
  withExamples(command, [
    'switchyard freeze --reason "errors in eu"',
    'switchyard freeze --list',
    'switchyard freeze --to 41 --dry-run',
    'switchyard freeze --to 41',
  ]);
}

export function thawCommand(program: Command, host: CliHost): void {
  const command = withDryRun(withClientOptions(program.command('thaw')))
    .summary('end the freeze: publish what was accepted meanwhile')
    .description('Proxies are sent the newest that was accepted.')
    .option('--reason <text>', 'why, for those who look later')
    .action(async (flags: FreezeFlags) => {
      show(host, flags, (await call(host, flags, endFreeze, { query: queryOf(flags) })).body);
    });
  withExamples(command, ['switchyard thaw', 'switchyard thaw --dry-run']);
}

async function freeze(host: CliHost, flags: FreezeFlags): Promise<void> {
  if (flags.list) {
    show(host, flags, (await call(host, flags, readFreeze, {})).body);
    return;
  }
  if (flags.to !== undefined && !/^\d+$/.test(flags.to)) throw new CliFailure('--to takes the number of a revision');
  const body = flags.to === undefined ? {} : { revision: Number(flags.to) };
  show(host, flags, (await call(host, flags, beginFreeze, { body, query: queryOf(flags) })).body);
}

const queryOf = ({ reason, dryRun }: FreezeFlags) => ({
  ...(reason === undefined ? {} : { reason }),
  ...asked('dryRun', dryRun),
});

function show(host: CliHost, flags: ClientFlags, value: FreezeReply): void {
  const name = () => value.good.map(each => String(each.revision));
  const table = () => {
    const { effect, ...status } = printable(value);
    return effect ? effectText(effect, painter(host)) : freezeText(status, host.now());
  };
  host.out(render(value, flags.output, { table, name }));
}

function freezeText({ frozen, waiting, waitingCount, good }: FreezeReply, now: number): string {
  const state = frozen
    ? `frozen at revision ${frozen.revision}, ${ago(frozen.since, now)} by ${frozen.by}${frozen.reason === undefined ? '' : `: ${frozen.reason}`}\n`
    : 'not frozen: what is accepted is published\n';
  const lost = frozen && !frozen.stored ? 'the store cannot be written: a restart would end it\n' : '';
  const rows = waiting.map(each => [String(each.revision), ago(each.at, now), each.author, each.what]);
  const waits =
    waitingCount === 0
      ? ''
      : `\n${count(waitingCount, 'change')} waiting:\n${renderTable(['REVISION', 'WHEN', 'WHO', 'WHAT'], rows)}`;
  const known = good.map(each => [String(each.revision), ago(each.at, now), each.author, each.what]);
  const back =
    good.length === 0 ? '' : `\nknown to be good:\n${renderTable(['REVISION', 'PUBLISHED', 'WHO', 'WHAT'], known)}`;
  return `${state}${lost}${waits}${back}`;
}
