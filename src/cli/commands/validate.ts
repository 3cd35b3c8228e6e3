import type { Command } from 'commander';
import type { CliHost } from '../host.ts';
import { type OfflineBuild, offlineBuild } from '../offline.ts';
import { outputOption, type ReadFlags, withExamples, withWatchOption } from '../options.ts';
import { count, painter } from '../output.ts';
import { countProblems, problemText } from '../problem-text.ts';
import { type Reading, read } from '../reading.ts';

export function validateCommand(program: Command, host: CliHost): void {
  const command = withWatchOption(program.command('validate').alias('analyze'))
    .summary('check a policy without a server')
    .description(
      'Checks a policy file or folder and prints every problem with its place and what to do about it.\n' +
        'Exit code 0: good; 1: errors, so that a server would not take it; 2: warnings only.',
    )
    .argument('[path]', 'policy file or folder', './switchyard.yaml')
    .addOption(outputOption())
    .action((path: string, flags: ReadFlags) => read(host, flags, () => look(host, path)));
  withExamples(command, [
    'switchyard validate',
    'switchyard validate policy/ --watch',
    'switchyard validate policy/ -o json',
  ]);
}

async function look(host: CliHost, path: string): Promise<Reading> {
  const build = withoutNames(await offlineBuild(host, path));
  const { good, problems, fleets } = build;
  const keys = fleets.map(each => each.key);
  const warned = problems.length > 0 ? 2 : 0;
  return {
    value: { good, fleets: keys, problems },
    table: () => report(host, build),
    name: () => keys,
    code: good ? warned : 1,
  };
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
