import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { requestOf } from '../../admin/api/request.ts';
import { type ChangeReply, readBackup, restoreBackup } from '../../admin/api.ts';
import { replaceFile } from '../../store/replace-file.ts';
import { download, NoServer, upload } from '../client.ts';
import { effectText } from '../effect-text.ts';
import type { CliHost } from '../host.ts';
import { asked, type ClientFlags, type DryFlags, withClientOptions, withDryRun, withExamples } from '../options.ts';
import { CliFailure, painter, printable, render } from '../output.ts';

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
        'are without effect until they change. Without a server it goes into the data directory, and the same holds at the next start.',
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
  if (!flags.yes && !flags.dryRun && host.ask) {
    const said = await host.ask('Everything that the server keeps is replaced by the backup. Go on? [y/N] ');
    if (!/^y(es)?$/i.test(said.trim())) throw new CliFailure('nothing was done');
  }
  const { dataFolder } = host.adminTarget(flags);
  const done = (value: object, text: string) =>
    host.out(render(value, flags.output, { table: () => text, name: () => [file] }));
  const reason = flags.reason === undefined ? {} : { reason: flags.reason };
  const { path } = requestOf(restoreBackup, { query: { ...reason, ...asked('dryRun', flags.dryRun) } });
  try {
    const sent = { type: 'application/gzip', body };
    const { body: reply } = await upload<ChangeReply>(host, flags, path, sent);
    const { effect } = printable(reply);
    done(reply, effect ? effectText(effect, painter(host)) : `the backup is in force, as revision ${reply.revision}\n`);
  } catch (error) {
    if (!(error instanceof NoServer) || flags.dryRun) throw error;
    await host.restoreStopped(dataFolder, body, flags.reason ?? '');
    done(
      { restored: dataFolder },
      `no server runs; the backup stands in ${dataFolder}, for the next start; policy files that say otherwise then are without effect until they change\n`,
    );
  }
}

function attempt<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new CliFailure(`${what}: ${(cause as Error).message}`, 1, { cause });
  }
}
