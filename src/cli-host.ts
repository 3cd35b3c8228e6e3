import packageJson from '../package.json' with { type: 'json' };
import { readToken } from './admin/auth.ts';
import type { CliHost, ServeFlags } from './cli/host.ts';
import { CliFailure } from './cli/output.ts';
import { createLog } from './log.ts';
import { readClientSettings, readSettings, type SettingsOutcome } from './settings.ts';
import { readPolicyFiles } from './sources/policy-files.ts';

/** The command line's hold on this process: its streams, its signals, its environment. */
export function cliHost(): CliHost {
  const ending = new AbortController();
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Whoever read us has gone, as in "| head": nothing is left to be said.
      if (error.code !== 'EPIPE') throw error;
      ending.abort();
    });
  }
  return {
    version: packageJson.version,
    out: text => void process.stdout.write(text),
    err: text => void process.stderr.write(text),
    terminal: process.stdout.isTTY && process.stdout.hasColors(),
    signal: ending.signal,
    serve,
    readDocuments: path => readPolicyFiles(path, { signal: ending.signal }),
    adminTarget: flags => {
      const { adminUrl, data, token } = good(readClientSettings({ ...flags })).settings;
      return { url: adminUrl, token: token ?? readToken(data), dataFolder: data };
    },
  };
}

/** Serves until SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
async function serve(flags: ServeFlags): Promise<void> {
  const { settings, warnings } = good(readSettings({ ...flags }));
  const log = createLog(settings.logLevel);
  for (const warning of warnings) log.warn(warning);
  process.on('unhandledRejection', error => {
    // A bug. The state that was in force is in the store; a fresh process is safer than one that goes on half.
    log.fatal({ err: error }, 'a promise was rejected that nobody waited for');
    process.exit(1);
  });
  const ended = endSignal();
  // Loaded here, so that commands that do not serve start without the server's packages.
  const { startServer } = await import('./main.ts');
  const server = await startServer(settings, log).catch((cause: unknown) => {
    throw new CliFailure(cause instanceof Error ? cause.message : String(cause), 1, { cause });
  });
  const signal = await ended;
  log.info({ signal }, 'ending');
  await server.close();
  log.info('ended');
}

function endSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let asked = false;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (asked) process.exit(1);
      asked = true;
      resolve(name);
    });
  }
  return promise;
}

function good<S>(outcome: SettingsOutcome<S>): Extract<SettingsOutcome<S>, { readonly kind: 'good' }> {
  if (outcome.kind === 'good') return outcome;
  throw new CliFailure(outcome.mistakes.join('\n'));
}
