import type { CliHost } from '../../../src/cli/host.ts';
import { runCli } from '../../../src/cli/program.ts';
import type { CliRun } from '../../support/cli.ts';

/** Runs a command in this process, over a host that knows a server at most. */
export async function runHere(args: readonly string[], host: Partial<CliHost> = {}): Promise<CliRun> {
  const texts = { out: '', err: '' };
  const nothing = () => Promise.reject(new Error('not in this test'));
  const code = await runCli(args, {
    version: '0.0.0',
    out: text => {
      texts.out += text;
    },
    err: text => {
      texts.err += text;
    },
    terminal: false,
    signal: new AbortController().signal,
    serve: nothing,
    readDocuments: nothing,
    adminTarget: () => {
      throw new Error('not in this test');
    },
    ...host,
  });
  return { code, ...texts };
}
