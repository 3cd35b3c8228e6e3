import { type Command, Option } from 'commander';
import { type PolicyReply, readFreeze, readPolicy, readServer } from '../../admin/api.ts';
import { allProxies } from '../all-proxies.ts';
import { call } from '../call.ts';
import { certificateFindings } from '../check/certificates.ts';
import { type CheckReport, checkText, reportOf } from '../check/check-text.ts';
import { envoyFindings } from '../check/envoys.ts';
import { filesFindings, policyElsewhere } from '../check/files.ts';
import { type Finding, type Group, groups } from '../check/finding.ts';
import { installationFindings } from '../check/installation.ts';
import { type DeclaredPort, listenerFindings } from '../check/listeners.ts';
import { serverFindings, unreachable } from '../check/server.ts';
import { storeFindings } from '../check/store.ts';
import { NoServer } from '../client.ts';
import type { AdminFlags, CliHost } from '../host.ts';
import type { CheckFlags, Machine, StoreFacts } from '../machine.ts';
import { type OfflineBuild, offlineBuild } from '../offline.ts';
import { type ReadFlags, withExamples, withReadOptions } from '../options.ts';
import { painter } from '../output.ts';
import { type Reading, read } from '../reading.ts';

export type ExamineFlags = CheckFlags &
  AdminFlags & {
    readonly only?: readonly Group[];
    readonly offline?: boolean;
  };
type Flags = ReadFlags & ExamineFlags;

/** Groups that need a server. */
const online: ReadonlySet<Group> = new Set(['server', 'envoys']);

export function checkCommand(program: Command, host: CliHost): void {
  const command = withReadOptions(program.command('check'))
    .summary('look for what is wrong, from the installation to each Envoy')
    .description(
      'Looks at the installation, the policy files, the store, the certificates of xDS, the ports, the server that runs here and ' +
        'each Envoy, and says what is wrong and what to do about it. It takes the flags and the environment of "serve", to ' +
        'look at what the server has. Nothing is changed.\n' +
        'Exit code 0: nothing is wrong; 1: errors; 2: warnings only.',
    )
    .option('--policy <path>', 'policy file or folder (SWITCHYARD_POLICY; default ./switchyard.yaml)')
    .option('--xds <host:port>', 'address for Envoys (SWITCHYARD_XDS; default 127.0.0.1:18000)')
    .option('--xds-rest <host:port>', 'address for Envoys that poll by REST (SWITCHYARD_XDS_REST)')
    .option('--xds-cert <file>', 'certificate of xDS (SWITCHYARD_XDS_CERT)')
    .option('--xds-key <file>', 'its private key (SWITCHYARD_XDS_KEY)')
    .option('--xds-client-ca <file>', "authorities of the proxies' certificates (SWITCHYARD_XDS_CLIENT_CA)")
    .option('--xds-client-crl <file>', 'lists of the certificates that these have revoked (SWITCHYARD_XDS_CLIENT_CRL)')
    .option('--admin-cert <file>', 'certificate of the admin API (SWITCHYARD_ADMIN_CERT)')
    .option('--admin-key <file>', 'its private key (SWITCHYARD_ADMIN_KEY)')
    .option('--admin-client-ca <file>', "authorities of its callers' certificates (SWITCHYARD_ADMIN_CLIENT_CA)")
    .option('--insecure-xds', 'xDS may be reached from other machines without TLS (SWITCHYARD_INSECURE_XDS)')
    .option('--insecure-admin', 'so may the admin API (SWITCHYARD_INSECURE_ADMIN)')
    .option('--envoy <file>', 'the Envoy binary of this machine (default: envoy on PATH, if there is one)')
    .option('--backups <dir>', 'folder that backups are put into: the newest must be young, and whole')
    .addOption(new Option('--only <group...>', 'look at nothing else').choices([...groups]))
    .option('--offline', 'do not ask the server')
    .action((flags: Flags) => read(host, flags, () => look(host, flags)));
  withExamples(command, [
    'switchyard check',
    'switchyard check --offline --policy policy/',
    'switchyard check --only server envoys --admin 10.0.0.5:18080',
    'switchyard check --backups /var/backups/switchyard -o json',
  ]);
}

async function look(host: CliHost, flags: Flags): Promise<Reading> {
  const report = reportOf(await examine(host, flags));
  return {
    value: report,
    table: () => checkText(report, painter(host)),
    name: () => report.groups.flatMap(each => each.checks).flatMap(({ id, state }) => (bad(state) ? [id] : [])),
    code: codeOf(report),
  };
}

const bad = (state: Finding['state']) => state === 'error' || state === 'warning';
const codeOf = ({ errors, warnings }: CheckReport) => (errors > 0 ? 1 : warnings > 0 ? 2 : 0);

/** What each group found, in their order; what others tell of is looked at even where it is not shown. */
export async function examine(host: CliHost, flags: ExamineFlags): Promise<ReadonlyMap<Group, readonly Finding[]>> {
  const wanted = new Set(
    groups.filter(each => !(flags.offline && online.has(each)) && (flags.only?.includes(each) ?? true)),
  );
  const machine = await host.machine(flags);
  const settings = machine.settings();
  const found = new Map<Group, readonly Finding[]>();
  const look = async (group: Group, findings: () => Promise<readonly Finding[]>) => {
    if (wanted.has(group)) found.set(group, await findings());
  };
  await look('installation', async () => installationFindings(await machine.installation(), settings));
  const store = await machine.store();
  // The server that runs here was started with another one then, and tells itself how that is.
  const elsewhere = settings.noPolicy && store.holder !== undefined;
  const readable = !elsewhere && (wanted.has('files') || wanted.has('listeners'));
  const build = readable ? await offlineBuild(host, settings.policy) : undefined;
  await look('files', async () =>
    elsewhere ? [policyElsewhere(settings.policy)] : fileGroup(host, build, settings.policy, machine.writable),
  );
  await look('store', async () => storeFindings(store, host.now()));
  await look('certificates', async () => certificateFindings(await machine.certificates(), host.now()));
  await look('listeners', async () => listenerFindings(await machine.ports(store.holder), declaredPorts(build)));
  if (!wanted.has('server') && !wanted.has('envoys')) return found;
  const { server, envoys } = await serverGroups(host, flags, store);
  await look('server', async () => server);
  if (envoys) await look('envoys', async () => envoys);
  return found;
}

async function fileGroup(
  host: CliHost,
  build: OfflineBuild | undefined,
  path: string,
  writable: Machine['writable'],
): Promise<readonly Finding[]> {
  if (!build) return [];
  const { documents } = await host.readDocuments(path);
  // Names are resolved by a server alone.
  const problems = build.problems.filter(each => each.code !== 'service.unresolved_name');
  const open = await writable([path, ...documents.map(each => each.file)]);
  return filesFindings({ path, good: build.good, fleets: build.fleets.length, problems, writable: [...new Set(open)] });
}

function declaredPorts(build: OfflineBuild | undefined): readonly DeclaredPort[] {
  const all = (build?.fleets ?? []).flatMap(({ key, listeners }) =>
    listeners
      .filter(each => each.kind !== 'udp')
      .map(({ name, address, port }) => ({ what: `listener ${name} of fleet ${key}`, address, port })),
  );
  return [...Map.groupBy(all, each => `${each.address} ${each.port}`).values()].flatMap(([first]) => first ?? []);
}

/** A server that should be there and is not, is a fault; that none runs yet is none. */
async function serverGroups(host: CliHost, flags: ExamineFlags, { holder }: StoreFacts) {
  try {
    const { url } = host.adminTarget(flags);
    const { body: server } = await call(host, flags, readServer, {});
    const { body: policy } = await call(host, flags, readPolicy, {});
    const { body: freeze } = await call(host, flags, readFreeze, {});
    const { proxies } = await allProxies(host, flags, {}, 'worst');
    const facts = { url, server, policy: policy satisfies PolicyReply, freeze };
    return { server: serverFindings(facts, host.version, host.now()), envoys: envoyFindings(proxies) };
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
    const expected = holder !== undefined || flags.admin !== undefined || flags.token !== undefined;
    return { server: [unreachable(error.message, expected)] };
  }
}
