import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { readToken, tokenFile } from './admin/auth.ts';
import type { AdminFlags, AdminTarget, CliHost, ServeFlags } from './cli/host.ts';
import { CliFailure } from './cli/output.ts';
import { envoyRefusal } from './envoy-validate.ts';
import { createLog, type LogFormat } from './log.ts';
import type { RunningServer } from './main.ts';
import { reach } from './reach.ts';
import {
  movesCursor,
  policyVariable,
  readClientSettings,
  readSettings,
  type Settings,
  type SettingsOutcome,
} from './settings.ts';
import { readPolicyFiles } from './sources/policy-files.ts';

/** The command line's hold on this process: its streams, its environment, its signals. */
export function cliHost(): CliHost {
  const unheard = new AbortController();
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      // Whoever read us has gone, as in "| head": nothing is left to be said.
      unheard.abort();
    });
  }
  const err = (text: string) => void process.stderr.write(text);
  return {
    version: manifest.version,
    program: [process.execPath, ...process.argv.slice(1, 2)],
    out: text => void process.stdout.write(text),
    err,
    ...person(),
    now: () => Date.now(),
    signal: unheard.signal,
    serve: flags => serve(flags, err),
    readDocuments: path => readPolicyFiles(path, { signal: unheard.signal, variables: policyVariable }),
    // Loaded only here, as the server is: Envoy's field rules take their time.
    preflight: async (policy, fleets) => (await import('./control/preflight.ts')).preflight(policy, fleets),
    envoyRefusal: (binary, config) => envoyRefusal(binary, config, unheard.signal),
    restoreStopped: (...given) => restoreStopped(...given, err),
    // Loaded only here: it knows the store.
    machine: async flags => (await import('./machine.ts')).machine(flags, unheard.signal),
    certificates: async () => (await import('./certificates.ts')).certificates,
    adminTarget,
  };
}

async function restoreStopped(
  directory: string,
  bytes: Uint8Array,
  reason: string,
  err: (text: string) => void,
): Promise<void> {
  const { readBackup } = await import('./store/backup.ts');
  const { restoreDirectory } = await import('./store/restore-directory.ts');
  try {
    const { contents } = await readBackup(bytes);
    const report = (message: string) => err(`${message}\n`);
    const author = { author: `${userInfo().username} (CLI)`, reason };
    restoreDirectory({ directory, now: () => Date.now(), report }, contents, author);
  } catch (cause) {
    throw new CliFailure(`the backup was not restored: ${(cause as Error).message}`, 1, { cause });
  }
}

/** Who looks at the streams, and from where. */
function person(): Pick<CliHost, 'terminal' | 'colours' | 'screen' | 'progress' | 'ask'> {
  const { stdin, stdout, stderr } = process;
  const moves = movesCursor();
  const terminal = stdout.isTTY && moves;
  return {
    terminal,
    colours: stdout.isTTY && stdout.hasColors(),
    screen: () => (terminal ? { rows: stdout.rows, columns: stdout.columns } : undefined),
    ...(stderr.isTTY && moves ? { progress: line => void stderr.write(`\r\u001b[K${line}`) } : {}),
    ...(stdin.isTTY && stderr.isTTY ? { ask } : {}),
  };
}

/** @throws CliFailure when the person ends it, by Ctrl-C or Ctrl-D. */
async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new AbortController();
  lines.once('SIGINT', () => ended.abort());
  lines.once('close', () => ended.abort());
  try {
    return await lines.question(question, { signal: ended.signal });
  } catch (cause) {
    process.stderr.write('\n');
    throw new CliFailure('ended; nothing was done', 1, { cause });
  } finally {
    lines.close();
  }
}

/** Milliseconds in which a signal that comes again is the same one: a terminal and `npm` both pass Ctrl-C on. */
const oneKeystroke = 300;

/** Runs the control plane until SIGINT or SIGTERM; a second one does not wait for the end. */
async function serve(flags: ServeFlags, say: (text: string) => void): Promise<void> {
  const { settings, warnings } = good(readSettings({ ...flags }));
  const log = createLog(settings.logLevel, undefined, logFormat(settings));
  for (const warning of warnings) log.warn(warning);
  const ended = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      const first = performance.now();
      process.on(signal, () => {
        if (performance.now() - first > oneKeystroke) process.exit(1);
      });
      ended.resolve();
    });
  }
  const server = await start(settings, log);
  say(readyLine(settings, server));
  await ended.promise;
  log.info('ending; Envoys keep what they have');
  await server.close();
}

function logFormat({ logFormat: asked }: Settings): LogFormat {
  const { stdout } = process;
  if ((asked ?? (stdout.isTTY ? 'pretty' : 'json')) === 'json') return 'json';
  return stdout.isTTY && stdout.hasColors() ? 'colours' : 'pretty';
}

async function start(settings: Settings, log: ReturnType<typeof createLog>): Promise<RunningServer> {
  // Loaded only here: the other commands need no server, and start faster without.
  const { startServer } = await import('./main.ts');
  try {
    return await startServer(settings, log);
  } catch (cause) {
    log.debug({ err: cause }, 'the server could not start');
    throw new CliFailure(cause instanceof Error ? cause.message : String(cause), 1, { cause });
  }
}

function readyLine({ xds, xdsRest, data }: Settings, { xdsPort, xdsRestPort, adminUrl }: RunningServer): string {
  const shown = (host: string) => (host.includes(':') ? `[${host}]` : host);
  const polls = xdsRest ? `, its REST polls on ${shown(xdsRest.host)}:${xdsRestPort}` : '';
  return `switchyard is ready: xDS on ${shown(xds.host)}:${xdsPort}${polls}, admin API on ${adminUrl} (token in ${join(resolve(data), tokenFile)})\n`;
}

function adminTarget(flags: AdminFlags): AdminTarget {
  const { adminUrl: url, data, token, ...files } = good(readClientSettings({ ...flags })).settings;
  const read = ([name, file]: readonly [string, string]) => [name, readFileSync(file, 'utf8')] as const;
  try {
    const send = reach({ url, ...Object.fromEntries(Object.entries(files).map(read)) });
    return { url, send, token: token ?? readToken(data), dataFolder: data };
  } catch (cause) {
    throw new CliFailure((cause as Error).message, 1, { cause });
  }
}

function good<S>(outcome: SettingsOutcome<S>): Extract<SettingsOutcome<S>, { kind: 'good' }> {
  if (outcome.kind === 'good') return outcome;
  throw new CliFailure(outcome.mistakes.join('\nerror: '));
}
