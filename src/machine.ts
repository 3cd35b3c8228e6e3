import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { tokensFile } from './access/tokens.ts';
import { tokenFile } from './admin/auth.ts';
import type {
  BackupFacts,
  CertificateFacts,
  CheckFlags,
  EnvoyFacts,
  Machine,
  PortFacts,
  PortState,
  SettingsFacts,
  StoreFacts,
} from './cli/machine.ts';
import { type ListenAddress, readSettings, type Settings, type TlsSettings, usualPolicyPath } from './settings.ts';
import { portsOf } from './sources/listening.ts';
import { certificatesIn, chainBreak } from './sources/pem.ts';
import { readTlsFiles } from './sources/tls-files.ts';
import { largestBackup, readBackup } from './store/backup.ts';
import { inspectStore } from './store/inspect.ts';
import { lastGoodFiles } from './store/last-good.ts';

/** The machine that this process runs on. Nothing here writes, and ports are listened on for a moment only. */
export function machine({ envoy, backups, admin, ...flags }: CheckFlags, signal: AbortSignal): Machine {
  // A URL says how the server is called, not where it listens.
  const where = admin === undefined || /^https?:/.test(admin) ? {} : { admin };
  const outcome = readSettings({ ...flags, ...where });
  // With mistakes in them, what is usual is looked at.
  const usual = outcome.kind === 'good' ? outcome : readSettings({}, {});
  if (usual.kind === 'bad') throw new Error(usual.mistakes.join('; '));
  const { settings } = usual;
  return {
    settings: (): SettingsFacts => ({
      mistakes: outcome.kind === 'bad' ? outcome.mistakes : [],
      warnings: outcome.kind === 'good' ? outcome.warnings : [],
      policy: settings.policy,
      noPolicy: settings.policy === usualPolicyPath && !existsSync(settings.policy),
      data: settings.data,
    }),
    installation: async () => ({ node: nodeFacts(), envoy: await envoyFacts(envoy, signal) }),
    writable: async files => files.filter(isWritableByOthers),
    store: async () => ({
      ...storeFacts(settings.data),
      ...(backups === undefined ? {} : { backups: await backupFacts(backups) }),
    }),
    certificates: async () => [
      ...(settings.xdsTls ? [await certificateFacts('xDS', settings.xdsTls)] : []),
      ...(settings.adminTls ? [await certificateFacts('the admin API', settings.adminTls)] : []),
    ],
    ports: holder => portFacts(settings, holder),
  };
}

function nodeFacts() {
  const version = process.versions.node;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const good = (major === 24 && minor >= 11) || major >= 26;
  return { version, wanted: manifest.engines.node, good };
}

/** Milliseconds in which a program says its version. */
const patience = 10_000;

function envoyFacts(envoy: string | undefined, signal: AbortSignal): Promise<EnvoyFacts> {
  const about = { file: envoy ?? 'envoy', named: envoy !== undefined };
  return new Promise(settle => {
    execFile(about.file, ['--version'], { timeout: patience, signal }, (error, stdout) => {
      const version = /version: [0-9a-f]+\/(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
      if (version !== undefined) settle({ ...about, version });
      else
        settle({
          ...about,
          why: error
            ? error.code === 'ENOENT'
              ? 'there is none'
              : firstLine(error.message)
            : 'it does not say its version',
        });
    });
  });
}

const firstLine = (text: string) => text.split('\n', 1)[0] ?? '';

const others = 0o077;
const othersMayWrite = 0o022;

function modeOf(file: string): number {
  try {
    return statSync(file).mode;
  } catch {
    return 0;
  }
}

/** By anybody at all: files of a group are how teams work. */
const isWritableByOthers = (file: string) => (modeOf(file) & 0o002) !== 0;

function storeFacts(directory: string): StoreFacts {
  const folder = resolve(directory);
  if (!existsSync(folder)) {
    return { folder, exists: false, open: [], database: { kind: 'none' }, ...spaceAt(nearest(folder)) };
  }
  const nothing = { folder, exists: true, open: [], database: { kind: 'unread' } } as const;
  try {
    if (!statSync(folder).isDirectory()) return { ...nothing, unusable: 'it is no folder' };
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const open = (modeOf(folder) & others) === 0 ? [] : openIn(folder);
    return { ...nothing, open, ...databaseOf(inspectStore(folder)), ...spaceAt(folder) };
  } catch (error) {
    return { ...nothing, unusable: error instanceof Error ? error.message : String(error) };
  }
}

/** In a folder that others may enter: itself, where they may write to it, and what of it they may read. */
function openIn(folder: string): readonly string[] {
  const secrets = [tokenFile, tokensFile, 'switchyard.db', ...lastGoodFiles];
  const files = secrets.map(name => join(folder, name)).filter(file => (modeOf(file) & others) !== 0);
  return (modeOf(folder) & othersMayWrite) === 0 ? files : [folder, ...files];
}

function databaseOf(found: ReturnType<typeof inspectStore>): Pick<StoreFacts, 'database' | 'holder'> {
  if (found.kind === 'held') return { holder: found.holder, database: { kind: 'unread' } };
  if (found.kind === 'none') return { database: { kind: 'none' } };
  const { damage, copy, last } = found;
  return { database: damage.length > 0 ? { kind: 'damaged', damage, copy } : { kind: 'whole', revision: last } };
}

/** The folder itself, or the one in which it would be made. */
function nearest(folder: string): string {
  return existsSync(folder) ? folder : nearest(join(folder, '..'));
}

function spaceAt(folder: string): Pick<StoreFacts, 'space'> {
  try {
    const { bavail, blocks, bsize } = statfsSync(folder);
    return { space: { free: bavail * bsize, total: blocks * bsize } };
  } catch {
    return {};
  }
}

async function backupFacts(folder: string): Promise<BackupFacts> {
  const files = readdirIn(folder).map(name => join(folder, name));
  const [newest] = files
    .map(file => ({ file, stat: statSync(file, { throwIfNoEntry: false }) }))
    .filter(({ stat }) => stat?.isFile() === true)
    .sort((a, b) => (b.stat?.mtimeMs ?? 0) - (a.stat?.mtimeMs ?? 0));
  if (!newest) return { folder };
  const { file, stat } = newest;
  try {
    if ((stat?.size ?? 0) > largestBackup) throw new Error('it is too large for a backup');
    return { folder, newest: { file, at: (await readBackup(await readFile(file))).at } };
  } catch (error) {
    return { folder, newest: { file, at: stat?.mtimeMs ?? 0, why: (error as Error).message } };
  }
}

function readdirIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter(name => !name.startsWith('.') && !name.endsWith('.new'));
  } catch {
    return [];
  }
}

async function certificateFacts(of: string, { paths }: TlsSettings): Promise<CertificateFacts> {
  const reading = await readTlsFiles(paths);
  const open = (modeOf(paths.key) & others) === 0 ? [] : [paths.key];
  if (reading.kind === 'bad') return { of, faults: reading.faults, ends: [], open };
  const { certificate, clientCa, clientCrl, material } = reading;
  const end = (file: string, { from, to }: { readonly from: number; readonly to: number }) => ({ file, from, at: to });
  const broken = chainBreak(certificatesIn(material.certificate, paths.certificate));
  return {
    of,
    faults: [],
    ends: [
      end(paths.certificate, certificate),
      ...(clientCa && paths.clientCa ? [end(paths.clientCa, clientCa)] : []),
      ...(clientCrl && paths.clientCrl ? [end(paths.clientCrl, clientCrl)] : []),
    ],
    ...(broken === undefined
      ? {}
      : { chain: `certificate ${broken + 1} in ${paths.certificate} is not signed by the one that follows it` }),
    open,
  };
}

async function portFacts(settings: Settings, holder: number | undefined): Promise<readonly PortFacts[]> {
  const held = holder === undefined || holder === 0 ? undefined : portsOf(holder);
  const wanted = [
    ['--xds', settings.xds],
    ['--xds-rest', settings.xdsRest],
    ['--admin', settings.admin],
  ] as const;
  const all = wanted.flatMap(([flag, address]) =>
    address === undefined || 'path' in address ? [] : [{ flag, ...address }],
  );
  return Promise.all(all.map(async each => ({ ...each, state: await portState(each, holder, held) })));
}

async function portState(
  at: ListenAddress,
  holder: number | undefined,
  held: ReadonlySet<number> | undefined,
): Promise<PortState> {
  const code = await bindError(at);
  if (code === undefined) return 'free';
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'elsewhere';
  if (code === 'EACCES') return 'forbidden';
  // Where that cannot be seen, the server that runs here is believed to be who has them.
  const ours = holder !== undefined && (held?.has(at.port) ?? true);
  return ours ? 'ours' : 'taken';
}

function bindError({ host, port }: ListenAddress): Promise<string | undefined> {
  return new Promise(settle => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? 'unknown'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => settle(undefined)));
  });
}
