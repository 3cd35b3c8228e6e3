import type { Command } from 'commander';
import type { CliHost, ServeFlags } from '../host.ts';

export function serveCommand(program: Command, host: CliHost): void {
  program
    .command('serve')
    .summary('run the control plane')
    .description(
      'Runs the control plane: reads the policy, watches it, serves Envoys over xDS and operators over the admin API.\n' +
        'Every flag may also be given by environment, e.g. --xds as SWITCHYARD_XDS.',
    )
    .option('--policy <path>', 'policy file, or folder of policy files (default ./switchyard.yaml)')
    .option('--data <dir>', 'data directory: store, admin token, bundles (default ./.switchyard)')
    .option('--xds <host:port>', 'address for Envoys (default 127.0.0.1:18000)')
    .option('--admin <host:port>', 'address of the admin API (default 127.0.0.1:18080)')
    .option('--admin-host <name...>', 'further names under which the admin API may be called')
    .option('--insecure-xds', 'allow an --xds address that is not loopback, without TLS')
    .option('--insecure-admin', 'allow an --admin address that is not loopback, without TLS')
    .option('--log-level <level>', 'trace, debug, info, warn, error (default info)')
    .action((flags: ServeFlags) => host.serve(flags));
}
