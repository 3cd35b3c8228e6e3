import type { Command } from 'commander';
import { formatProblem, hasErrors, type Problem } from '../../base/problem.ts';
import type { CliHost } from '../host.ts';
import { offlineBuild } from '../offline.ts';
import { outputOption } from '../options.ts';
import { CliFailure, type OutputFormat, render } from '../output.ts';

export function validateCommand(program: Command, host: CliHost): void {
  program
    .command('validate')
    .summary('check a policy without a server')
    .description(
      'Checks a policy file or folder and prints every problem with its place. Exit code 0: good, 1: errors, 2: warnings only.',
    )
    .argument('[path]', 'policy file or folder', './switchyard.yaml')
    .addOption(outputOption())
    .action(async (path: string, flags: { output: OutputFormat }) => {
      const { problems, fleets } = await offlineBuild(host, path);
      const table = () => `${[...problems.map(formatProblem), summary(problems, fleets.length)].join('\n')}\n`;
      host.out(render({ problems }, flags.output, table));
      if (hasErrors(problems)) throw new CliFailure('');
      if (problems.length > 0) throw new CliFailure('', 2);
    });
}

function summary(problems: readonly Problem[], fleets: number): string {
  const errors = problems.filter(each => each.severity === 'error').length;
  const warnings = problems.length - errors;
  if (errors > 0) return `${errors} error(s), ${warnings} warning(s): the policy would not be taken`;
  return `the policy is good: ${fleets} fleet(s), ${warnings} warning(s)`;
}
