import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { requestOf } from '../../admin/api/request.ts';
import { type ChangeReply, readBackup, restoreBackup } from '../../admin/api.ts';
import { isLoopback } from '../../base/address.ts';
import { replaceFile } from '../../store/replace-file.ts';
import { download, NoServer, upload } from '../client.ts';
import { effectText } from '../effect-text.ts';
import type { AdminTarget, CliHost } from '../host.ts';
import { asked, type ClientFlags, type DryFlags, withClientOptions, withDryRun, withExamples } from '../options.ts';
import { CliFailure, painter, printable, render } from '../output.ts';
import { isFileThere } from '../replaceable.ts';

type RestoreFlags = DryFlags & { readonly yes?: boolean; readonly reason?: string };

export function backupCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('backup'))
    .summary('write everything that the server keeps into a file, while it runs')
    .description(
      'Policy with its whole history, overrides, quarantines and addresses of names, as of one moment, with a checksum. ' +
        'Tokens and the audit log are not in it.',
    )
    .argument('<file>', 'is replaced as a whole')
    .action(async (file: string, flags: ClientFlags) => {
      isFileThere(file);
      const bytes = await download(host, flags, readBackup.path);
      attempt(`${file} was not written`, () => replaceFile(file, bytes));
      const value = { file, bytes: bytes.length };
      const table = () => `${file}: ${bytes.length} bytes\n`;
      host.out(render(value, flags.output, { table, name: () => [file] }));
    });
  withExamples(command, ['switchyard backup /var/backups/switchyard.gz']);
}

export function restoreCommand(program: Command, host: CliHost): void {
  const command = withDryRun(withClientOptions(program.command('restore')))
    .summary('put a backup in place of everything')
    .description(
      'All of the backup is checked first. A server that runs puts it in force at once, and policy files that say otherwise ' +
        'are without effect until they change. Where nobody listens at an address of this machine, it goes into the data ' +
        'directory, which must be there, and the same holds at the next start.',
    )
    .argument('<file>', 'what "backup" has written')
    .option('--yes', 'do not ask')
    .option('--reason <text>', 'why, for those who look later')
    .action((file: string, flags: RestoreFlags) => restore(host, file, flags));
  withExamples(command, [
    'switchyard restore /var/backups/switchyard.gz',
    'switchyard restore switchyard.gz --dry-run',
  ]);
}

async function restore(host: CliHost, file: string, flags: RestoreFlags): Promise<void> {
  const body = new Uint8Array(attempt(`${file} cannot be read`, () => readFileSync(file)));
  if (!flags.yes && !flags.dryRun)
    await agreed(host, 'Everything that the server keeps is replaced by the backup. Go on? [y/N] ');
  const done = (value: object, text: string) =>
    host.out(render(value, flags.output, { table: () => text, name: () => [file] }));
  const reason = flags.reason === undefined ? {} : { reason: flags.reason };
  const { path: asking } = requestOf(restoreBackup, { query: { ...reason, ...asked('dryRun', flags.dryRun) } });
  try {
    const sent = { type: 'application/gzip', body };
    const { body: reply } = await upload<ChangeReply>(host, flags, asking, sent);
    const { effect } = printable(reply);
    done(reply, effect ? effectText(effect, painter(host)) : `the backup is in force, as revision ${reply.revision}\n`);
  } catch (error) {
    if (!(error instanceof NoServer) || flags.dryRun) throw error;
    const folder = folderAtRest(error, host.adminTarget(flags));
    if (!flags.yes) await agreed(host, `${error.message}\nPut it into ${folder}, for the next start there? [y/N] `);
    await host.restoreStopped(folder, body, flags.reason ?? '');
    done(
      { restored: folder },
      `no server runs on ${folder}; the backup stands there, for the next start; policy files that say otherwise then are without effect until they change\n`,
    );
  }
}

/** @throws CliFailure unless a person who is there agrees. */
async function agreed(host: CliHost, question: string): Promise<void> {
  if (host.ask && !/^y(es)?$/i.test((await host.ask(question)).trim())) throw new CliFailure('nothing was done');
}

/** @throws CliFailure where a server may run, or another data directory is meant. */
function folderAtRest(error: NoServer, { url, dataFolder }: AdminTarget): string {
  const refused = (hint: string) => new CliFailure(`${error.message}\nhint: ${hint}`, 1, { cause: error });
  if (!error.absent)
    throw refused('nothing is known of that server; look at "switchyard history" before you try again');
  if (!url.startsWith('unix:') && !isLoopback(new URL(url).hostname.replaceAll(/[[\]]/g, '')))
    throw refused("the server is another machine's: restore there, or name one of this machine with --admin");
  const folder = path.resolve(dataFolder);
  if (!existsSync(folder))
    throw refused(`there is no ${folder} either; name the data directory with --data, and make it if it is a new one`);
  return folder;
}

function attempt<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new CliFailure(`${what}: ${(cause as Error).message}`, 1, { cause });
  }
}
