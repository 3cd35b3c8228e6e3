import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';

/** Thrown when this machine cannot run the test at all, which is neither a pass nor a failure. One sentence. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
}

export interface RunOptions {
  /** Its abort ends the command. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; 60 s unless said. */
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** File that becomes its standard input. */
  readonly input?: string;
}

export interface Ran {
  readonly ok: boolean;
  readonly stdout: string;
  /** Both streams, the last 64 KiB. */
  readonly output: string;
}

/** Runs a command to its end. Never rejects: what cannot be started, is aborted or takes too long is not `ok`. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { signal, timeoutMs = 60_000, env, cwd, input } = options;
  const late = AbortSignal.timeout(timeoutMs);
  return new Promise(resolve => {
    const child = spawn(file, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      signal: signal ? AbortSignal.any([signal, late]) : late,
      ...(env === undefined ? {} : { env }),
      ...(cwd === undefined ? {} : { cwd }),
    });
    let stdout = '';
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      output = (output + chunk.toString()).slice(-65_536);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-65_536);
    });
    child.on('error', error => {
      output += `\n${late.aborted ? `${file} ${args[0] ?? ''} took longer than ${timeoutMs} ms` : error.message}`;
      // One that could not be started never closes.
      if (child.pid === undefined) resolve({ ok: false, stdout, output });
    });
    child.on('close', code => resolve({ ok: code === 0, stdout, output }));
    if (input !== undefined && child.stdin) {
      // A command that does not read to the end has its own reason, and says it.
      child.stdin.on('error', () => {});
      createReadStream(input).pipe(child.stdin);
    }
  });
}

/** Like {@link run}. @returns what it printed on its standard output. @throws Error with its last lines unless it is ok. */
export async function must(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { ok, stdout, output } = await run(file, args, options);
  if (ok) return stdout;
  const last = output.trim().split('\n').slice(-25).join('\n');
  throw new Error(`${file} ${args.join(' ').slice(0, 200)} failed:\n${last}`);
}
