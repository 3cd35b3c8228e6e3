import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { parse } from 'yaml';
import type { Bootstrap } from '../../../proto/gen/envoy.config.bootstrap.v3.ts';
import { bundle } from '../../snapshot/bundle.ts';
import { translate } from '../../translate/translate.ts';
import type { CliHost } from '../host.ts';
import { goodFleets } from '../offline.ts';
import { withExamples } from '../options.ts';
import { CliFailure, renderValue } from '../output.ts';

interface BundleFlags {
  readonly fleet?: string;
  readonly bootstrap: string;
  readonly output: 'json' | 'yaml';
}

export function bundleCommand(program: Command, host: CliHost): void {
  const command = program
    .command('bundle')
    .summary('make a static Envoy configuration of everything a fleet holds')
    .description(
      'Prints one Envoy configuration file that holds all that a fleet would be sent, so that an Envoy can start while the ' +
        'control plane is down. A running server keeps such files fresh under DATA/bundles. Endpoints declared by host name ' +
        'are missing here, since names are resolved by the server only: prefer the kept files where there are such.',
    )
    .argument('[path]', 'policy file or folder', './switchyard.yaml')
    .option('--fleet <name>', 'the fleet; needed when the policy has several')
    .requiredOption('--bootstrap <file>', "the Envoy's bootstrap: node, admin and overload settings are taken from it")
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['json', 'yaml']).default('yaml'))
    .action(async (path: string, flags: BundleFlags) => {
      const [fleet, ...others] = await goodFleets(host, path, flags.fleet);
      if (!fleet || others.length > 0) {
        const keys = [fleet, ...others].map(each => each?.key).join(', ');
        throw new CliFailure(`name one fleet with --fleet: ${keys}`);
      }
      host.out(renderValue(bundle(translate(fleet), readBootstrap(flags.bootstrap)), flags.output));
    });
  withExamples(command, [
    'switchyard bundle --bootstrap envoy-edge.yaml > edge-static.yaml',
    'switchyard bundle policy/ --fleet edge --bootstrap envoy-edge.yaml -o json',
  ]);
}

function readBootstrap(file: string): Bootstrap {
  let value: unknown;
  try {
    value = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new CliFailure(`cannot read the bootstrap ${file}: ${(cause as Error).message}`, 1, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new CliFailure(`${file} is not an Envoy bootstrap: it holds no mapping`);
}
