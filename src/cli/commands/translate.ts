import type { Command } from 'commander';
import { type ReadableSnapshot, readableResources } from '../../snapshot/readable.ts';
import { translate } from '../../translate/translate.ts';
import type { CliHost } from '../host.ts';
import { goodFleets } from '../offline.ts';
import { outputOption, withExamples } from '../options.ts';
import { type OutputFormat, render, renderTable } from '../output.ts';

interface TranslateFlags {
  readonly fleet?: string;
  readonly output: OutputFormat;
}

type Shown = Readonly<Record<string, ReadableSnapshot>>;

export function translateCommand(program: Command, host: CliHost): void {
  const command = program
    .command('translate')
    .summary('show the Envoy configuration that a policy makes')
    .description(
      'Shows, without a server, what each fleet would be sent: a list of names, or with -o json and -o yaml all of it in ' +
        "Envoy's own form. Endpoints declared by host name are missing, since names are resolved by the server only.",
    )
    .argument('[path]', 'policy file or folder', './switchyard.yaml')
    .option('--fleet <name>', 'only this fleet')
    .addOption(outputOption())
    .action(async (path: string, flags: TranslateFlags) => {
      const fleets = await goodFleets(host, path, flags.fleet);
      const shown = Object.fromEntries(fleets.map(each => [each.key, readableResources(translate(each))]));
      host.out(
        render(shown, flags.output, { table: () => table(shown), name: () => rows(shown).map(row => row.join('/')) }),
      );
    });
  withExamples(command, ['switchyard translate', 'switchyard translate policy/ --fleet edge -o yaml']);
}

const table = (shown: Shown) => renderTable(['FLEET', 'KIND', 'NAME'], rows(shown));

function rows(shown: Shown): readonly (readonly string[])[] {
  return Object.entries(shown).flatMap(([fleet, groups]) =>
    Object.entries(groups).flatMap(([kind, resources]) => resources.map((each: object) => [fleet, kind, nameOf(each)])),
  );
}

/** Load assignments are named after their cluster. */
function nameOf(message: { readonly name?: string; readonly cluster_name?: string }): string {
  return message.name ?? message.cluster_name ?? '';
}
