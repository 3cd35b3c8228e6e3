import type { Command } from 'commander';
import { formatProblem, hasErrors } from '../../base/problem.ts';
import { type ReadableSnapshot, readableResources } from '../../snapshot/readable.ts';
import { translate } from '../../translate/translate.ts';
import type { CliHost } from '../host.ts';
import { offlineBuild, pickFleets } from '../offline.ts';
import { outputOption } from '../options.ts';
import { CliFailure, type OutputFormat, render, renderTable } from '../output.ts';

export function translateCommand(program: Command, host: CliHost): void {
  program
    .command('translate')
    .summary('show the Envoy configuration that a policy makes')
    .description(
      "Shows, without a server, what each fleet would be sent, in Envoy's own form (-o json, -o yaml) or as a list of\n" +
        'names (the default). Host names of endpoints are not resolved here.',
    )
    .argument('[path]', 'policy file or folder', './switchyard.yaml')
    .option('--fleet <name>', 'only this fleet')
    .addOption(outputOption())
    .action(async (path: string, flags: { fleet?: string; output: OutputFormat }) => {
      const { problems, fleets } = await offlineBuild(host, path);
      for (const each of problems) host.err(`${formatProblem(each)}\n`);
      if (hasErrors(problems)) throw new CliFailure('the policy has errors: nothing to translate');
      const shown = Object.fromEntries(
        pickFleets(fleets, flags.fleet).map(each => [each.key, readableResources(translate(each))]),
      );
      host.out(render(shown, flags.output, () => names(shown)));
    });
}

function names(shown: Readonly<Record<string, ReadableSnapshot>>): string {
  const rows = Object.entries(shown).flatMap(([fleet, groups]) =>
    Object.entries(groups).flatMap(([kind, resources]) => resources.map((each: object) => [fleet, kind, nameOf(each)])),
  );
  return renderTable(['FLEET', 'KIND', 'NAME'], rows);
}

function nameOf(message: object): string {
  const { name, cluster_name } = message as { name?: string; cluster_name?: string };
  return name ?? cluster_name ?? '';
}
