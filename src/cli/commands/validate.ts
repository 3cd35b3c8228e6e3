import type { Command } from 'commander';
import type { CliHost } from '../host.ts';
import { type OfflineBuild, offlineBuild } from '../offline.ts';
import { outputOption, withExamples } from '../options.ts';
import { CliFailure, count, type OutputFormat, painter, render } from '../output.ts';
import { countProblems, problemText } from '../problem-text.ts';

export function validateCommand(program: Command, host: CliHost): void {
  const command = program
    .command('validate')
    .summary('check a policy without a server')
    .description(
      'Checks a policy file or folder and prints every problem with its place and what to do about it.\n' +
        'Exit code 0: good; 1: errors, so that a server would not take it; 2: warnings only.',
    )
    .argument('[path]', 'policy file or folder', './switchyard.yaml')
    .addOption(outputOption())
    .action(async (path: string, flags: { readonly output: OutputFormat }) => {
      const build = withoutNames(await offlineBuild(host, path));
      const { good, problems, fleets } = build;
      const value = { good, fleets: fleets.map(each => each.key), problems };
      host.out(render(value, flags.output, () => report(host, build)));
      if (!good) throw new CliFailure('');
      if (problems.length > 0) throw new CliFailure('', 2);
    });
  withExamples(command, ['switchyard validate', 'switchyard validate policy/ -o json']);
}

/** Names are resolved by a server alone: that they are not here says nothing about the policy. */
function withoutNames(build: OfflineBuild): OfflineBuild {
  return { ...build, problems: build.problems.filter(each => each.code !== 'service.unresolved_name') };
}

function report(host: CliHost, { good, problems, fleets }: OfflineBuild): string {
  const paint = painter(host);
  const details = problems.map(each => problemText(each, paint)).join('');
  const summary = good
    ? `${paint('green', 'good')}: ${count(fleets.length, 'fleet')}, ${countProblems(problems)}`
    : `${paint('red', 'refused')}: ${countProblems(problems)}`;
  return `${details}${summary}\n`;
}
