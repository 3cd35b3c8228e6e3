import path from 'node:path';
import { type Command, Option } from 'commander';
import { problemReply } from '../../admin/api.ts';
import { boundProblems } from '../../base/bound-problems.ts';
import { escaped } from '../../base/one-line.ts';
import { hasErrors } from '../../base/problem.ts';
import { importHaproxy } from '../../import/haproxy.ts';
import { importNginx } from '../../import/nginx.ts';
import { asideText, type Imported, importedText } from '../../import/policy-text.ts';
import type { ImportFiles } from '../../import/statement.ts';
import { policyJsonSchema } from '../../policy/json-schema.ts';
import type { CliHost } from '../host.ts';
import { filesHere } from '../import-files.ts';
import { schemaFile } from '../init/policy.ts';
import { buildOf } from '../offline.ts';
import { withExamples } from '../options.ts';
import { CliFailure, count, painter, renderValue } from '../output.ts';
import { countProblems, problemText } from '../problem-text.ts';
import { isFileThere, writeForAll } from '../replaceable.ts';

interface ImportFlags {
  readonly output: 'yaml' | 'json';
  readonly out?: string;
  readonly strict?: boolean;
  readonly force?: boolean;
}

type Import = (files: ImportFiles, names: readonly string[]) => Imported;

export function importCommand(program: Command, host: CliHost): void {
  const group = program
    .command('import')
    .summary('make a policy of the configuration of another proxy')
    .description('Reads what nginx or HAProxy runs by, and writes a policy that does the same.');
  const nginx = one(group, host, 'nginx', 'nginx', importNginx);
  const haproxy = one(group, host, 'haproxy', 'HAProxy', importHaproxy);
  const examples = {
    nginx: [
      'switchyard import nginx /etc/nginx/nginx.conf',
      'switchyard import nginx /etc/nginx/nginx.conf --out switchyard.yaml',
      'switchyard import nginx shop.conf --strict -o json > policy.json',
    ],
    haproxy: [
      'switchyard import haproxy /etc/haproxy/haproxy.cfg --out switchyard.yaml',
      'switchyard import haproxy global.cfg shop.cfg --strict',
    ],
  };
  withExamples(nginx, examples.nginx);
  withExamples(haproxy, examples.haproxy);
  withExamples(group, [...examples.nginx.slice(0, 1), ...examples.haproxy.slice(0, 1)]);
}

function one(group: Command, host: CliHost, name: string, program: string, read: Import): Command {
  return group
    .command(name)
    .summary(`make a policy of the configuration of ${program}`)
    .description(
      `Reads configuration files of ${program} and prints a policy that does the same. Every directive that is left out, or ` +
        'taken in part, is told with its place and stands as a comment in the policy.\n' +
        'Exit code 0: all was taken; 2: something was left out or taken in part; 1: nothing was written.',
    )
    .argument('<file...>', 'configuration files, in this order')
    .addOption(new Option('-o, --output <format>', 'how to write it').choices(['yaml', 'json']).default('yaml'))
    .option('--out <file>', 'write it to this file, and the JSON Schema for editors beside it')
    .option('--strict', 'write nothing where something was left out or taken in part')
    .option('--force', 'overwrite an existing file')
    .action((files: readonly string[], flags: ImportFlags) => run(host, program, read(filesHere, files), flags));
}

async function run(host: CliHost, program: string, imported: Imported, flags: ImportFlags): Promise<void> {
  const paint = painter(host);
  const { problems, policy, aside } = imported;
  for (const each of boundProblems(problems)) host.err(problemText(problemReply(each), paint));
  if (hasErrors(problems)) throw new CliFailure('nothing was imported');
  const said = asideText(program, aside);
  if (said !== undefined) host.err(`${paint('dim', said.slice(2))}\n`);
  if (flags.strict && problems.length > 0)
    throw new CliFailure(`${count(problems.length, 'directive')} not taken as meant: nothing was written`);
  const yaml = escaped(importedText(program, schemaFile, imported));
  const text = flags.output === 'json' ? renderValue(policy, 'json') : yaml;
  const document = { file: flags.out ?? 'policy', format: flags.output, text };
  const build = await buildOf(host, { documents: [document], problems: [] });
  const found = build.problems.filter(each => each.code !== 'service.unresolved_name');
  for (const each of found) host.err(problemText(each, paint));
  if (!build.good)
    throw new CliFailure(`no server would take the policy: ${countProblems(found)}; nothing was written`);
  write(host, text, flags);
  if (problems.length + found.length > 0) throw new CliFailure('', 2);
}

function write(host: CliHost, text: string, { out, force }: ImportFlags): void {
  if (out === undefined) {
    host.out(text);
    return;
  }
  if (isFileThere(out) && !force)
    throw new CliFailure(`${out} is there already: nothing was written; --force overwrites`);
  writeForAll(out, text);
  writeForAll(path.join(path.dirname(out), schemaFile), `${JSON.stringify(policyJsonSchema())}\n`);
  host.out(`wrote ${out}\n`);
}
