import type { Command } from 'commander';
import { changeLogLevel, type LogLevel, readLogLevel } from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, withClientOptions, withExamples } from '../options.ts';
import { render } from '../output.ts';

export function logLevelCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('log-level'))
    .summary('how much the server logs')
    .description('Shows how much a running server logs, or changes it until the server ends.')
    .argument('[level]', 'trace, debug, info, warn, error, fatal or silent')
    .action((level: string | undefined, flags: ClientFlags) => show(host, level, flags));
  withExamples(command, ['switchyard log-level', 'switchyard log-level debug']);
}

async function show(host: CliHost, level: string | undefined, flags: ClientFlags): Promise<void> {
  const { body } = await (level === undefined
    ? call(host, flags, readLogLevel, {})
    : // The server says which there are.
      call(host, flags, changeLogLevel, { body: { level: level as LogLevel } }));
  host.out(render(body, flags.output, { table: () => `${body.level}\n`, name: () => [body.level] }));
}
