import { Command, CommanderError } from 'commander';
import { bundleCommand } from './commands/bundle.ts';
import { canaryCommand } from './commands/canary.ts';
import { drainCommand } from './commands/drain.ts';
import { initCommand } from './commands/init.ts';
import { serveCommand } from './commands/serve.ts';
import { statusCommand } from './commands/status.ts';
import { translateCommand } from './commands/translate.ts';
import { validateCommand } from './commands/validate.ts';
import type { CliHost } from './host.ts';
import { CliFailure } from './output.ts';

const commands = [
  serveCommand,
  initCommand,
  validateCommand,
  translateCommand,
  statusCommand,
  canaryCommand,
  drainCommand,
  bundleCommand,
];

/** Runs one command line. @returns the exit code: 0 ok, 1 failed, 2 differences or warnings. */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  const program = new Command('switchyard')
    .description('The control plane for Envoy on plain machines.')
    .version(host.version)
    .showHelpAfterError('(add --help for what can be said here)')
    .showSuggestionAfterError()
    .configureOutput({ writeOut: host.out, writeErr: host.err })
    .exitOverride();
  for (const command of commands) command(program, host);
  inheritSettings(program);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    if (!(error instanceof CliFailure)) throw error;
    if (error.message !== '') host.err(`${error.message}\n`);
    return error.exitCode;
  }
}

/** Commands take over output and error settings only when they are made by `program.command`; nested ones too. */
function inheritSettings(command: Command): void {
  for (const each of command.commands) {
    each.copyInheritedSettings(command);
    inheritSettings(each);
  }
}
