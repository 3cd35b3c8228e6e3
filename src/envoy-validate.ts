import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliFailure } from './cli/output.ts';

/** Milliseconds in which an Envoy reads the largest configuration. */
const patience = 120_000;

/**
 * What an Envoy binary says of a configuration; undefined when it takes it.
 *
 * @throws CliFailure when it cannot be run, or does not end in time.
 */
export async function envoyRefusal(binary: string, config: object, signal: AbortSignal): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-validate-'));
  try {
    const file = join(folder, 'envoy.json');
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    const args = ['--mode', 'validate', '--config-path', file, '--log-level', 'warning', '--log-format', '%v'];
    const { failure, log } = await run(binary, args, signal);
    return failure && (wordsOf(log, file) || failure);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Its own words, without the file that only we know; the reason stands last. */
function wordsOf(log: string, file: string): string {
  return (log.trimEnd().split('\n').at(-1) ?? '')
    .replace(`error initializing configuration '${file}': `, '')
    .replaceAll(file, 'it');
}

function run(binary: string, args: readonly string[], signal: AbortSignal) {
  return new Promise<{ readonly failure?: string; readonly log: string }>((resolve, reject) => {
    execFile(binary, args, { timeout: patience, signal, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const log = `${stdout}${stderr}`;
      if (!error) return resolve({ log });
      if (error.code === 'ENOENT' || error.code === 'EACCES') {
        const message = `cannot run ${binary} (${error.code}): name an Envoy binary with --envoy FILE`;
        return reject(new CliFailure(message, 1, { cause: error }));
      }
      if (error.killed)
        return reject(new CliFailure(`${binary} gave no answer in ${patience / 1000} s`, 1, { cause: error }));
      return resolve({ failure: `it ended with ${error.code ?? error.signal}`, log });
    });
  });
}
