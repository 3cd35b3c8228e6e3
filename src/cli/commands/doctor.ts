import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Command } from 'commander';
import { replaceFile } from '../../store/replace-file.ts';
import { type CheckReport, checkText, reportOf } from '../check/check-text.ts';
import { download } from '../client.ts';
import { redacted } from '../doctor/redact.ts';
import { type Entry, tar } from '../doctor/tar.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, withClientOptions, withExamples } from '../options.ts';
import { CliFailure, count, render } from '../output.ts';
import { isFileThere } from '../replaceable.ts';
import { examine } from './check.ts';

type BundleFlags = ClientFlags & {
  readonly policy?: string;
  readonly bootstrap?: readonly string[];
  readonly log?: string;
  readonly force?: boolean;
};

export function doctorCommand(program: Command, host: CliHost): void {
  const doctor = program.command('doctor').summary('gather what a bug report needs');
  const command = withClientOptions(doctor.command('bundle'))
    .summary('write an archive for a bug report, secrets removed')
    .description(
      'Gathers versions, what "check" finds, the state of server and proxies, events, history and metrics, the policy and, ' +
        'where they are named, bootstraps and a log, into an archive that only its owner can read. What looks like a secret ' +
        'is removed; look into it before you hand it on all the same. Without a server it has what there is without one.',
    )
    .argument('[file]', 'archive to write', 'switchyard-doctor.tar.gz')
    .option('--policy <path>', 'policy file or folder (SWITCHYARD_POLICY; default ./switchyard.yaml)')
    .option('--bootstrap <file...>', 'bootstraps of Envoys')
    .option('--log <file>', 'log of the server: its last 512 KiB')
    .option('--force', 'overwrite the file if it exists')
    .action((file: string, flags: BundleFlags) => bundle(host, file, flags));
  withExamples(command, [
    'switchyard doctor bundle',
    'switchyard doctor bundle report.tar.gz --bootstrap envoy-edge.yaml --log /var/log/switchyard.log',
    'switchyard doctor bundle report.tar.gz && tar -tzf report.tar.gz',
  ]);
}

/** Answers of the server that are asked for, by the name of their file. */
const answers = {
  'server/server.json': '/api/v1/server',
  'server/policy.json': '/api/v1/policy',
  'server/proxies.json': '/api/v1/proxies?sort=worst&limit=1000',
  'server/freeze.json': '/api/v1/freeze',
  'server/quarantines.json': '/api/v1/quarantines',
  'server/endpoint-health.json': '/api/v1/endpoint-health',
  'server/events.json': '/api/v1/events?limit=1000',
  'server/revisions.json': '/api/v1/revisions?limit=100',
  'server/history.json': '/api/v1/history?limit=100',
  'server/metrics.txt': '/metrics',
} as const;

async function bundle(host: CliHost, file: string, flags: BundleFlags): Promise<void> {
  if (isFileThere(file) && !flags.force) throw new CliFailure(`${file} exists already: --force overwrites it`);
  const missing: string[] = [];
  const attempt = async (name: string, content: () => Promise<string> | string): Promise<readonly Entry[]> => {
    try {
      return [{ name, content: await content() }];
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)}`);
      return [];
    }
  };
  const report = reportOf(await examine(host, flags));
  const parts = [
    ...(await attempt('check.txt', () => checkText(report, (_, text) => text))),
    ...(await serverParts(host, flags, report, attempt, missing)),
    ...(await policyParts(host, flags, attempt, missing)),
    ...(await named('bootstraps', flags.bootstrap ?? [], attempt)),
    ...(flags.log === undefined ? [] : await attempt('log.txt', () => tailOf(flags.log ?? ''))),
  ];
  const known = secretsOf(host, flags);
  const clean = parts.map(({ name, content }) => ({ name, content: redacted(content, known) }));
  const names = ['MANIFEST.txt', 'about.json', ...clean.map(each => each.name)];
  const about = {
    switchyard: host.version,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    at: new Date(host.now()).toISOString(),
  };
  const manifest = `What is in this archive. What looks like a secret is removed.\n\n${names.join('\n')}\n${missing.length > 0 ? `\nWhat could not be had:\n\n${missing.map(each => redacted(each, known)).join('\n')}\n` : ''}`;
  const all: readonly Entry[] = [
    { name: 'MANIFEST.txt', content: manifest },
    { name: 'about.json', content: `${JSON.stringify(about, undefined, 2)}\n` },
    ...clean,
  ];
  write(
    file,
    gzipSync(
      tar(
        all.map(each => ({ ...each, name: `switchyard-doctor/${each.name}` })),
        Math.floor(host.now() / 1000),
      ),
    ),
  );
  const table = () =>
    `wrote ${file}: ${count(names.length, 'file')}, secrets removed; look into it before you hand it on\n${names.map(each => `  ${each}\n`).join('')}${missing.map(each => `  not had: ${redacted(each, known)}\n`).join('')}`;
  host.out(render({ file, files: names, missing }, flags.output, { table, name: () => names }));
}

type Attempt = (name: string, content: () => Promise<string> | string) => Promise<readonly Entry[]>;

/** Nothing is asked of a server that does not answer. */
async function serverParts(
  host: CliHost,
  flags: BundleFlags,
  report: CheckReport,
  attempt: Attempt,
  missing: string[],
): Promise<readonly Entry[]> {
  const server = report.groups.find(each => each.group === 'server')?.checks[0];
  if (server?.state !== 'ok') {
    missing.push(`server: ${server?.message ?? 'not asked'}`);
    return [];
  }
  const parts = [];
  for (const [name, url] of Object.entries(answers)) {
    parts.push(...(await attempt(name, async () => laidOut((await download(host, flags, url)).toString('utf8')))));
  }
  return parts;
}

/** JSON on many lines, for those who read it. */
function laidOut(text: string): string {
  try {
    return `${JSON.stringify(JSON.parse(text), undefined, 2)}\n`;
  } catch {
    return text;
  }
}

async function policyParts(
  host: CliHost,
  flags: BundleFlags,
  attempt: Attempt,
  missing: string[],
): Promise<readonly Entry[]> {
  const machine = await host.machine(flags);
  const { documents, problems } = await host.readDocuments(machine.settings().policy);
  missing.push(...problems.map(({ message, hint }) => `policy: ${message}${hint === undefined ? '' : `; ${hint}`}`));
  const parts = [];
  for (const [index, { file, text }] of documents.entries()) {
    parts.push(...(await attempt(`policy/${nameOf(file, index)}`, () => text)));
  }
  return parts;
}

async function named(folder: string, files: readonly string[], attempt: Attempt): Promise<readonly Entry[]> {
  const parts = [];
  for (const [index, file] of files.entries()) {
    parts.push(...(await attempt(`${folder}/${nameOf(file, index)}`, () => readFileSync(file, 'utf8'))));
  }
  return parts;
}

/** Short, and apart from the others. */
const nameOf = (file: string, index: number): string =>
  `${index + 1}-${path
    .basename(file)
    .replaceAll(/[^\w.-]/g, '_')
    .slice(-60)}`;

const longestLog = 512 * 1024;

function tailOf(file: string): string {
  const bytes = readFileSync(file);
  return bytes.subarray(Math.max(0, bytes.length - longestLog)).toString('utf8');
}

/** What is known to be a secret, wherever it may stand. */
function secretsOf(host: CliHost, flags: BundleFlags): readonly string[] {
  try {
    const { token } = host.adminTarget(flags);
    return token === undefined ? [] : [token];
  } catch {
    return [];
  }
}

function write(file: string, bytes: Buffer): void {
  try {
    replaceFile(file, bytes);
  } catch (cause) {
    throw new CliFailure(`cannot write ${file}: ${(cause as Error).message}`, 1, { cause });
  }
}
