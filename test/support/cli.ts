import { spawn } from 'node:child_process';
import path from 'node:path';

const root = path.dirname(path.dirname(import.meta.dirname));

export interface CliRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as a user would, in a process of its own, with no settings but those given. */
export function runCommand(
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, 'src/cli/main.ts'), ...args], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
    const texts = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', text => {
      texts.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', text => {
      texts.err += text;
    });
    child.once('error', reject);
    child.once('close', code => resolve({ code, ...texts }));
  });
}
