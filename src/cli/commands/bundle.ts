import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { Option } from 'commander';
import { parse } from 'yaml';
import type { Bootstrap } from '../../../proto/gen/envoy.config.bootstrap.v3.ts';
import { formatProblem, hasErrors } from '../../base/problem.ts';
import { bundle } from '../../snapshot/bundle.ts';
import { translate } from '../../translate/translate.ts';
import type { CliHost } from '../host.ts';
import { offlineBuild, pickFleets } from '../offline.ts';
import { CliFailure, render } from '../output.ts';

interface BundleFlags {
  readonly fleet?: string;
  readonly bootstrap: string;
  readonly output: 'json' | 'yaml';
}

export function bundleCommand(program: Command, host: CliHost): void {
  program
    .command('bundle')
    .summary('make a static Envoy configuration of everything a fleet holds')
    .description(
      'Prints one Envoy configuration file that holds all that a fleet would be sent, so that an Envoy can start while the\n' +
        'control plane is down. A running server keeps such files fresh under DATA/bundles. Endpoints declared by host name\n' +
        'are missing here, since names are resolved by the server only: prefer the kept files where there are such.\n\n' +
        'Example: switchyard bundle switchyard.yaml --fleet edge --bootstrap envoy-edge.yaml > edge-static.yaml',
    )
    .argument('[path]', 'policy file or folder', './switchyard.yaml')
    .option('--fleet <name>', 'the fleet; needed when the policy has several')
    .requiredOption('--bootstrap <file>', "the Envoy's bootstrap: node, admin and overload settings are taken from it")
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['json', 'yaml']).default('yaml'))
    .action(async (path: string, flags: BundleFlags) => {
      const { problems, fleets } = await offlineBuild(host, path);
      for (const each of problems) host.err(`${formatProblem(each)}\n`);
      if (hasErrors(problems)) throw new CliFailure('the policy has errors: nothing to bundle');
      const [fleet, ...others] = pickFleets(fleets, flags.fleet);
      if (!fleet || others.length > 0) {
        throw new CliFailure(`name one fleet with --fleet: ${[fleet, ...others].map(each => each?.key).join(', ')}`);
      }
      host.out(render(bundle(translate(fleet), readBootstrap(flags.bootstrap)), flags.output, () => ''));
    });
}

function readBootstrap(file: string): Bootstrap {
  try {
    const value: unknown = parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    throw new CliFailure(`cannot read the bootstrap ${file}: ${(cause as Error).message}`, 1, { cause });
  }
  throw new CliFailure(`${file} is not an Envoy bootstrap`);
}
