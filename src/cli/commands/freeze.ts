import type { Command } from 'commander';
import type { FreezeReply } from '../../admin/api.ts';
import { callAdmin } from '../client.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, withClientOptions, withExamples } from '../options.ts';
import { ago, CliFailure, count, printable, render, renderTable } from '../output.ts';

type FreezeFlags = ClientFlags & { readonly to?: string; readonly list?: boolean; readonly reason?: string };

export function freezeCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('freeze'))
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
    'switchyard freeze --to 41',
  ]);
}

export function thawCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('thaw'))
    .summary('end the freeze: publish what was accepted meanwhile')
    .description('Proxies are sent the newest that was accepted.')
    .action(async (flags: FreezeFlags) => {
      show(host, flags, (await callAdmin<FreezeReply>(host, flags, 'DELETE', '/api/v1/freeze')).body);
    });
  withExamples(command, ['switchyard thaw']);
}

async function freeze(host: CliHost, flags: FreezeFlags): Promise<void> {
  if (flags.list) {
    show(host, flags, (await callAdmin<FreezeReply>(host, flags, 'GET', '/api/v1/freeze')).body);
    return;
  }
  if (flags.to !== undefined && !/^\d+$/.test(flags.to)) throw new CliFailure('--to takes the number of a revision');
  const reason = flags.reason === undefined ? '' : `?reason=${encodeURIComponent(flags.reason)}`;
  const body = flags.to === undefined ? {} : { revision: Number(flags.to) };
  show(host, flags, (await callAdmin<FreezeReply>(host, flags, 'PUT', `/api/v1/freeze${reason}`, body)).body);
}

function show(host: CliHost, flags: ClientFlags, value: FreezeReply): void {
  const name = () => value.good.map(each => String(each.revision));
  host.out(render(value, flags.output, { table: () => freezeText(printable(value), host.now()), name }));
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
