import { type Command, Option } from 'commander';
import { logLevels } from '../../admin/api.ts';
import type { CliHost, ServeFlags } from '../host.ts';
import { withExamples } from '../options.ts';

export function serveCommand(program: Command, host: CliHost): void {
  const command = program
    .command('serve')
    .summary('run the control plane')
    .description(
      'Reads the policy, watches it, and serves Envoys over xDS and operators over the admin API, until Ctrl-C. ' +
        'Every flag may also be given by environment, e.g. --admin-host as SWITCHYARD_ADMIN_HOST; flags win.',
    )
    .option('--policy <path>', 'policy file, or folder of policy files (default ./switchyard.yaml)')
    .option('--data <dir>', 'data directory: store, admin token, bundles (default ./.switchyard)')
    .option('--xds <host:port>', 'address for Envoys (default 127.0.0.1:18000)')
    .option('--xds-rest <host:port>', 'address for Envoys that poll by REST (default: none)')
    .option('--xds-limit <name=number...>', 'other bounds for what xDS clients may ask, such as names=200000')
    .option('--xds-transport <name>', 'what speaks HTTP/2 with Envoys: grpc-js or http2 (default grpc-js)')
    .option('--xds-cert <file>', 'certificate of both, and its chain: PEM; turns TLS on (default: plain text)')
    .option('--xds-key <file>', 'its private key: PEM')
    .option('--xds-client-ca <file>', "authorities of the proxies' certificates, without which nobody is let in: PEM")
    .option('--xds-client-crl <file>', 'lists of the certificates that these have revoked: PEM')
    .option('--xds-tls-min <version>', 'lowest version of TLS: 1.2 or 1.3 (default 1.3)')
    .option('--admin <address>', 'address of the admin API: HOST:PORT or unix:PATH (default 127.0.0.1:18080)')
    .option('--admin-cert <file>', 'its certificate, and its chain: PEM; turns TLS on (default: plain text)')
    .option('--admin-key <file>', 'its private key: PEM')
    .option('--admin-client-ca <file>', "authorities of the callers' certificates, which are then wanted: PEM")
    .option('--admin-tls-min <version>', 'lowest version of TLS: 1.2 or 1.3 (default 1.3)')
    .option('--admin-socket-mode <mode>', 'rights of the socket at unix:PATH (default 600: for this user alone)')
    .option('--admin-host <name...>', 'further names under which the admin API may be called')
    .option('--linger-limit <duration>', 'longest stay of clusters that routes no longer lead to (default 60s)')
    .option('--keep-revisions <number>', 'accepted changes that are kept, pinned ones aside (default 1000)')
    .option('--keep-revisions-for <duration>', 'how long they are kept, but for the newest hundred (default 90d)')
    .option('--keep-publications <number>', 'how many publications are remembered (default 10000)')
    .option(
      '--good-after <duration>',
      'how long proxies hold a state, rejecting nothing, until it is good (default 5s)',
    )
    .option('--name-server <ip:port...>', 'who is asked for host names of the policy (default: as the system says)')
    .option('--insecure-xds', 'allow --xds and --xds-rest addresses that are not loopback, without TLS')
    .option('--insecure-admin', 'allow an --admin address that is not loopback, without TLS')
    .option('--log-level <level>', `${logLevels.join(', ')} (default info)`)
    .option(
      '--otel <url>',
      'send traces to this OpenTelemetry collector (default: OTEL_EXPORTER_OTLP_ENDPOINT, or none)',
    )
    .addOption(
      new Option('--log-format <format>', 'pretty on a terminal, else json, unless said').choices(['pretty', 'json']),
    )
    .action((flags: ServeFlags) => host.serve(flags));
  withExamples(command, [
    'switchyard serve',
    'switchyard serve --policy /etc/switchyard --data /var/lib/switchyard',
    'switchyard serve --xds 0.0.0.0:18000 --xds-cert xds.crt --xds-key xds.key --xds-client-ca ca.crt',
    'switchyard serve --admin 10.0.0.5:18080 --admin-cert admin.crt --admin-key admin.key --admin-host cp.internal',
    'switchyard serve --admin unix:/run/switchyard/admin.sock --admin-socket-mode 660',
    'SWITCHYARD_XDS=10.0.0.5:18000 SWITCHYARD_INSECURE_XDS=true switchyard serve',
  ]);
}
