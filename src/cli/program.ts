import { Command, CommanderError } from 'commander';
import { auditCommand } from './commands/audit.ts';
import { backupCommand, restoreCommand } from './commands/backup.ts';
import { bundleCommand } from './commands/bundle.ts';
import { canaryCommand } from './commands/canary.ts';
import { certCommand } from './commands/cert.ts';
import { checkCommand } from './commands/check.ts';
import { completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import { doctorCommand } from './commands/doctor.ts';
import { drainCommand } from './commands/drain.ts';
import { eventsCommand } from './commands/events.ts';
import { explainCommand } from './commands/explain.ts';
import { freezeCommand, thawCommand } from './commands/freeze.ts';
import { healthCommand } from './commands/health.ts';
import { historyCommand } from './commands/history.ts';
import { importCommand } from './commands/import.ts';
import { initCommand } from './commands/init.ts';
import { logLevelCommand } from './commands/log-level.ts';
import { maintenanceCommand } from './commands/maintenance.ts';
import { quarantineCommand } from './commands/quarantine.ts';
import { applyCommand, deleteCommand, diffCommand, getCommand } from './commands/resources.ts';
import { retryCommand } from './commands/retry.ts';
import { acceptCommand, revisionCommand, rollbackCommand } from './commands/revision.ts';
import { serveCommand } from './commands/serve.ts';
import { statusCommand } from './commands/status.ts';
import { tokenCommand } from './commands/token.ts';
import { traceCommand } from './commands/trace.ts';
import { translateCommand } from './commands/translate.ts';
import { validateCommand } from './commands/validate.ts';
import { weightsCommand } from './commands/weights.ts';
import type { CliHost } from './host.ts';
import { withExamples } from './options.ts';
import { CliFailure } from './output.ts';

/** The commands by the heading under which the help lists them. */
const groups = {
  'Policy:': [initCommand, importCommand, validateCommand, explainCommand, translateCommand, bundleCommand],
  'Server:': [serveCommand, backupCommand, restoreCommand, doctorCommand],
  'See:': [
    getCommand,
    diffCommand,
    statusCommand,
    checkCommand,
    configCommand,
    healthCommand,
    weightsCommand,
    traceCommand,
    eventsCommand,
    auditCommand,
    historyCommand,
    revisionCommand,
  ],
  'Change:': [
    applyCommand,
    deleteCommand,
    canaryCommand,
    drainCommand,
    maintenanceCommand,
    retryCommand,
    quarantineCommand,
    rollbackCommand,
    freezeCommand,
    thawCommand,
    acceptCommand,
  ],
  'Access:': [tokenCommand, certCommand, logLevelCommand],
  'Terminal:': [completionCommand],
} satisfies Readonly<Record<string, readonly ((program: Command, host: CliHost) => void)[]>>;

/** The whole command line, as commander knows it. */
export function switchyardProgram(host: CliHost): Command {
  const program = new Command('switchyard')
    .description('The control plane for Envoy on plain machines.')
    .version(host.version)
    .showHelpAfterError('(see --help)')
    .configureOutput({ writeOut: host.out, writeErr: host.err })
    .exitOverride();
  for (const [heading, commands] of Object.entries(groups)) {
    program.commandsGroup(heading);
    for (const command of commands) command(program, host);
  }
  return withExamples(program, [
    'switchyard init                                     # a starter policy and an Envoy bootstrap',
    'switchyard validate                                 # is ./switchyard.yaml good?',
    'switchyard serve                                    # run the control plane with it',
    'switchyard status                                   # which proxy holds what',
    'switchyard canary weights shop/everyone catalog@v1=90 catalog@v2=10 --wait',
  ]).addHelpText('after', '\nExit codes: 0 good, 1 failed, 2 warnings, differences or not (yet) complete.');
}

/** Runs one command line. @returns the exit code: 0 good, 1 failed, 2 warnings, differences or not complete. */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  try {
    await switchyardProgram(host).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    if (!(error instanceof CliFailure)) throw error;
    if (error.message !== '') host.err(`error: ${error.message}\n`);
    return error.exitCode;
  }
}
