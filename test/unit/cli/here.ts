import type { CliHost } from '../../../src/cli/host.ts';
import { runCli } from '../../../src/cli/program.ts';
import type { CliRun } from '../../support/cli.ts';

const nothing = () => Promise.reject(new Error('not in this test'));

/** A host that knows nothing but what is given. */
export function hostOf(given: Partial<CliHost>): CliHost {
  return {
    version: '0.0.0',
    program: ['/usr/local/bin/switchyard'],
    out: () => {},
    err: () => {},
    terminal: false,
    colours: false,
    screen: () => undefined,
    now: () => Date.now(),
    signal: new AbortController().signal,
    serve: nothing,
    readDocuments: nothing,
    preflight: nothing,
    envoyRefusal: nothing,
    restoreStopped: nothing,
    machine: nothing,
    certificates: nothing,
    adminTarget: () => {
      throw new Error('not in this test');
    },
    ...given,
  };
}

/** Runs a command in this process. */
export async function runHere(args: readonly string[], given: Partial<CliHost> = {}): Promise<CliRun> {
  const texts = { out: '', err: '' };
  const out = (text: string) => {
    texts.out += text;
  };
  const err = (text: string) => {
    texts.err += text;
  };
  const code = await runCli(args, hostOf({ out, err, ...given }));
  return { code, ...texts };
}
