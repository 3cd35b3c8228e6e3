import type { Command } from 'commander';
import { oneLine } from '../../base/one-line.ts';
import { formatPath } from '../../base/problem.ts';
import { envoyProblems } from '../envoy-check.ts';
import type { CliHost } from '../host.ts';
import { type OfflineBuild, offlineBuild } from '../offline.ts';
import { outputOption, type ReadFlags, withExamples, withWatchOption } from '../options.ts';
import { checkFormats, count, painter } from '../output.ts';
import { githubText, sarifText } from '../problem-formats.ts';
import { countProblems, problemText } from '../problem-text.ts';
import { type Reading, read } from '../reading.ts';

type ValidateFlags = ReadFlags & {
  readonly envoy?: string | true;
  readonly allowWarnings?: boolean;
};

export function validateCommand(program: Command, host: CliHost): void {
  const command = withWatchOption(program.command('validate').alias('analyze'))
    .summary('check a policy without a server')
    .description(
      'Checks a policy file or folder and prints every problem with its place and what to do about it.\n' +
        'Exit code 0: good; 1: errors, so that a server would not take it; 2: warnings only.',
    )
    .argument('[path]', 'policy file or folder', './switchyard.yaml')
    .option(
      '--envoy [file]',
      'ask an Envoy binary too whether it takes what each fleet would hold (default: envoy on PATH)',
    )
    .option('--allow-warnings', 'exit code 0 with warnings only')
    .addOption(outputOption(checkFormats))
    .action((path: string, flags: ValidateFlags) => read(host, flags, () => look(host, path, flags)));
  withExamples(command, [
    'switchyard validate',
    'switchyard validate policy/ --watch',
    'switchyard validate policy/ --envoy /usr/local/bin/envoy',
    'switchyard validate policy/ -o github --allow-warnings     # at each line of a pull request',
    'switchyard validate policy/ -o sarif > switchyard.sarif',
  ]);
}

async function look(host: CliHost, path: string, flags: ValidateFlags): Promise<Reading> {
  const build = await askEnvoy(host, withoutNames(await offlineBuild(host, path)), flags.envoy);
  const { good, problems, fleets } = build;
  const substitutions = build.substitutions.map(({ path, source, ...rest }) => ({
    path: formatPath(path),
    ...source,
    ...rest,
  }));
  const keys = fleets.map(each => each.key);
  const warned = problems.length > 0 && !flags.allowWarnings ? 2 : 0;
  return {
    value: { good, fleets: keys, problems, ...(substitutions.length > 0 ? { substitutions } : {}) },
    table: () => report(host, build),
    name: () => keys,
    github: () => githubText(problems),
    sarif: () => sarifText(host.version, problems),
    code: good ? warned : 1,
  };
}

async function askEnvoy(host: CliHost, build: OfflineBuild, envoy: string | true | undefined): Promise<OfflineBuild> {
  if (envoy === undefined || !build.good) return build;
  const refusals = await envoyProblems(host, envoy === true ? 'envoy' : envoy, build);
  if (refusals.length === 0) return build;
  return { ...build, good: false, problems: [...build.problems, ...refusals] };
}

/** Names are resolved by a server alone: that they are not here says nothing about the policy. */
function withoutNames(build: OfflineBuild): OfflineBuild {
  return { ...build, problems: build.problems.filter(each => each.code !== 'service.unresolved_name') };
}

function report(host: CliHost, { good, problems, fleets, substitutions }: OfflineBuild): string {
  const paint = painter(host);
  const put = substitutions.map(({ source: { file, line, column }, written, value }) => {
    const at = paint('dim', `${file}:${line}:${column}:`);
    return `${at} ${oneLine(written)} is ${oneLine(String(value))}\n`;
  });
  const details = problems.map(each => problemText(each, paint)).join('');
  const summary = good
    ? `${paint('green', 'good')}: ${count(fleets.length, 'fleet')}, ${countProblems(problems)}`
    : `${paint('red', 'refused')}: ${countProblems(problems)}`;
  return `${put.join('')}${details}${summary}\n`;
}
