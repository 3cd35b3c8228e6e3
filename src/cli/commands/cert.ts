import path from 'node:path';
import type { Command } from 'commander';
import { checkedCommonName, checkedName, clientNames, lifetimeOf, serverNames } from '../cert/names.ts';
import { certFiles } from '../cert/pem-files.ts';
import { reportOf } from '../cert/report.ts';
import { certText } from '../cert/text.ts';
import { type Made, pairFiles, refuseExisting, writePairs } from '../cert/write.ts';
import type { CertificateOrder } from '../certificates.ts';
import type { CliHost } from '../host.ts';
import { outputOption, withExamples } from '../options.ts';
import { CliFailure, type OutputFormat, painter, render } from '../output.ts';

interface ShowFlags {
  readonly expiresWithin?: string;
  readonly output: OutputFormat;
}

interface MakeFlags {
  readonly lifetime?: string;
  readonly force?: boolean;
  readonly output: OutputFormat;
}

interface AuthorityFlags extends MakeFlags {
  readonly name: string;
}

interface IssueFlags extends MakeFlags {
  readonly server?: readonly string[];
  readonly client?: readonly string[];
  readonly ca: string;
  readonly caKey?: string;
  readonly out: string;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const;
/** Milliseconds that clocks of others may be slow. */
const clockSkew = 300_000;
const usual = { authority: '3650d', certificate: '90d' } as const;

export function certCommand(program: Command, host: CliHost): void {
  const cert = program
    .command('cert')
    .summary('certificates for TLS: look at them, and make them')
    .description(
      'Shows what certificates say and when they end, and makes those of xDS, of proxies and of the admin API, with an ' +
        'authority of your own.',
    );
  withExamples(cert, [
    'switchyard cert show /etc/switchyard/tls --expires-within 30d',
    'switchyard cert ca tls',
    'switchyard cert issue xds --server xds.internal 10.0.0.5 --ca tls/ca.crt --out tls',
  ]);
  showCommand(cert, host);
  authorityCommand(cert, host);
  issueCommand(cert, host);
}

function showCommand(cert: Command, host: CliHost): void {
  const command = cert
    .command('show')
    .summary('what certificates say, whether they fit together, and when they end')
    .description(
      'Reads certificates, keys and lists of revoked certificates in PEM: whom they name, who has signed them, what they ' +
        'are good for, when they end, whether each key is that of a certificate, and whether chains are whole. Of a server at ' +
        'HOST:PORT it shows what that proves itself with. Without ' +
        'a file: those that "serve" would take by its environment.\n' +
        'Exit code 0: all are good; 1: one is expired or broken; 2: one is to be renewed.',
    )
    .argument(
      '[file...]',
      'files, folders with .crt, .cer, .pem, .key and .crl files, or HOST:PORT of servers that run',
    )
    .option(
      '--expires-within <duration>',
      'from when one is to be renewed, such as 30d (default: the last fifth of its life, two weeks at most)',
    )
    .addOption(outputOption())
    .action((files: readonly string[], flags: ShowFlags) => show(host, files, flags));
  withExamples(command, [
    'switchyard cert show',
    'switchyard cert show tls.crt tls.key ca.crt',
    'switchyard cert show 10.0.0.5:18000 ca.crt',
    'switchyard cert show /etc/envoy --expires-within 30d -o name',
  ]);
}

async function show(host: CliHost, given: readonly string[], { expiresWithin, output }: ShowFlags): Promise<void> {
  const within = expiresWithin === undefined ? undefined : lifetimeOf('--expires-within', expiresWithin);
  const certificates = await host.certificates();
  const files = given.length > 0 ? certFiles(given) : certificates.ofServer();
  if (files.length === 0)
    throw new CliFailure('"serve" has no certificates by its environment: name files, or a folder');
  const report = reportOf(await certificates.examine(files), host.now(), within);
  host.out(
    render(report, output, {
      table: () => certText(report, painter(host)),
      wide: () => certText(report, painter(host), true),
      name: () => report.files.filter(each => each.state !== 'good').map(each => each.file),
    }),
  );
  if (report.good) return;
  throw new CliFailure('', report.files.every(each => each.state === 'good' || each.state === 'soon') ? 2 : 1);
}

const withMakeOptions = (command: Command, lifetime: string) =>
  command
    .option('--lifetime <duration>', `how long it is good, such as 30d or 12h (default: ${lifetime})`)
    .option('--force', 'overwrite existing files')
    .addOption(outputOption());

function authorityCommand(cert: Command, host: CliHost): void {
  const command = cert
    .command('ca')
    .summary('make an authority that signs your certificates')
    .description(
      'Makes an authority: ca.crt, which everybody may know, and ca.key, with which certificates are signed. Keep the key ' +
        'where nobody else comes: whoever has it can pose as every proxy and every server.',
    )
    .argument('[dir]', 'folder to write to', '.')
    .option('--name <name>', 'what it is called', 'Switchyard');
  withMakeOptions(command, usual.authority).action((folder: string, flags: AuthorityFlags) =>
    makeAuthority(host, folder, flags),
  );
  withExamples(command, ['switchyard cert ca', 'switchyard cert ca /srv/shop-ca --name "shop xDS" --lifetime 1825d']);
}

async function makeAuthority(host: CliHost, folder: string, flags: AuthorityFlags): Promise<void> {
  const name = checkedCommonName(flags.name);
  const now = host.now();
  const to = now + lifetimeOf('--lifetime', flags.lifetime ?? usual.authority);
  const files = pairFiles(folder, 'ca');
  refuseExisting([files], flags.force);
  const pair = await (await host.certificates()).makeAuthority({ name, from: now - clockSkew, to });
  const made = { ...files, pair, names: [], to };
  tell(host, flags, writePairs([made]));
  if (isForPeople(flags)) host.err(`keep ${files.key} where nobody else comes: it makes certificates for everybody\n`);
}

function issueCommand(cert: Command, host: CliHost): void {
  const command = cert
    .command('issue')
    .summary('make certificates for servers and for proxies')
    .description(
      'Makes NAME.crt and NAME.key, signed by an authority such as "cert ca" makes. With --server it proves a server: ' +
        'xDS, the admin API. With --client it says who a proxy is, as "identity" of a fleet wants it. With both it does either.',
    )
    .argument('<name...>', 'what each certificate is called, and its files')
    .option('--server <name...>', 'host names and IP addresses under which the server is called')
    .option('--client <name...>', 'who the client is: URIs or host names; {id} stands for NAME')
    .option('--ca <file>', "the authority's certificate: PEM", 'ca.crt')
    .option('--ca-key <file>', 'its private key: PEM (default: beside it, ca.key for ca.crt)')
    .option('--out <dir>', 'folder to write to', '.');
  withMakeOptions(command, usual.certificate).action((names: readonly string[], flags: IssueFlags) =>
    issue(host, names, flags),
  );
  withExamples(command, [
    'switchyard cert issue xds --server xds.internal 10.0.0.5',
    'switchyard cert issue edge-1 edge-2 --client "spiffe://shop/edge/{id}"',
    'switchyard cert issue admin --server cp.internal --ca /srv/shop-ca/ca.crt --out /etc/switchyard/tls --force',
  ]);
}

async function issue(host: CliHost, names: readonly string[], flags: IssueFlags): Promise<void> {
  const now = host.now();
  const life = lifetimeOf('--lifetime', flags.lifetime ?? usual.certificate);
  const orders = [...new Set(names)].map(name => orderOf(name, flags, now));
  const caKey = flags.caKey ?? flags.ca.replace(/(?:\.[^./]*)?$/, '.key');
  const files = orders.map(({ name }) => pairFiles(flags.out, name));
  refuseExisting(files, flags.force, [flags.ca, caKey]);
  const signer = await (await host.certificates()).signer(flags.ca, caKey, now);
  const to = endOf(host, now, life, signer.until, flags);
  const made: Made[] = [];
  for (const [index, order] of orders.entries()) {
    const where = files[index];
    const alternatives = [...order.hosts, ...order.ips, ...order.uris];
    if (where) made.push({ ...where, pair: await signer.sign({ ...order, to }), names: alternatives, to });
  }
  tell(host, flags, writePairs(made));
}

function orderOf(given: string, { server = [], client = [] }: IssueFlags, now: number): Omit<CertificateOrder, 'to'> {
  const name = checkedName(given);
  if (server.length + client.length === 0) {
    throw new CliFailure('say what it is for: --server NAME… for xDS or the admin API, --client URI for a proxy');
  }
  const [served, who] = [serverNames(server), clientNames(client, name)];
  return {
    name,
    hosts: [...new Set([...served.hosts, ...who.hosts])],
    ips: served.ips,
    uris: who.uris,
    server: server.length > 0,
    client: client.length > 0,
    from: now - clockSkew,
  };
}

/** No certificate outlives its authority: nobody would take it. */
function endOf(host: CliHost, now: number, life: number, until: number, flags: IssueFlags): number {
  if (now + life <= until) return now + life;
  const date = new Date(until).toISOString().slice(0, 10);
  if (flags.lifetime !== undefined) {
    throw new CliFailure(
      `--lifetime ${flags.lifetime} is longer than the authority in ${flags.ca} lasts, until ${date}\n` +
        `hint: ${wholeUnits(until - now, 'ask for ', ', or ')}make a new authority with "switchyard cert ca"`,
    );
  }
  host.err(
    `warning: the authority in ${flags.ca} ends at ${date}, and so does what it signs: make a new one in time\n`,
  );
  return until;
}

/** Most of a time in one unit, between two texts; empty below the shortest time that anything is made for. */
function wholeUnits(time: number, before: string, after: string): string {
  const [unit, length] = units.find(([, each]) => time >= each) ?? [];
  return length === undefined ? '' : `${before}${Math.floor(time / length)}${unit}${after}`;
}

const isForPeople = ({ output }: MakeFlags) => output === 'table' || output === 'wide';

function tell(host: CliHost, flags: MakeFlags, made: readonly Made[]): void {
  const value = made.map(({ certificate, key, names, to }) => ({
    certificate,
    key,
    names,
    to: new Date(to).toISOString(),
  }));
  const line = ({ certificate, key, names, to }: (typeof value)[number]) =>
    `wrote ${certificate} and ${path.basename(key)}${names.length > 0 ? `: ${names.join(', ')}` : ''}, good until ${to.slice(0, 10)}\n`;
  host.out(
    render({ made: value }, flags.output, {
      table: () => value.map(line).join(''),
      name: () => value.map(each => each.certificate),
    }),
  );
}
