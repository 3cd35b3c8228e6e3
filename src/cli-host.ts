import { readToken } from './admin/auth.ts';
import type { CliHost } from './cli/host.ts';
import { CliFailure } from './cli/output.ts';
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
    version: '0.1.0',
    out: text => void process.stdout.write(text),
    err: text => void process.stderr.write(text),
    terminal: process.stdout.isTTY && process.stdout.hasColors(),
    signal: ending.signal,
    serve: () => Promise.reject(new CliFailure('not yet')),
    readDocuments: path => readPolicyFiles(path, { signal: ending.signal }),
    adminTarget: flags => {
      const dataFolder = flags.data ?? './.switchyard';
      return {
        url: `http://${flags.admin ?? '127.0.0.1:18080'}`,
        token: flags.token ?? readToken(dataFolder),
        dataFolder,
      };
    },
  };
}
