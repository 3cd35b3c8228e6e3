import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

// What was started ends with us, also when only we are told to stop.
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/**
 * Runs a command without input and gathers what it prints.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ readonly cwd?: string, readonly env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ readonly ok: boolean, readonly output: string, readonly stdout: string }>} never rejects: a
 *   command that cannot be started is not `ok`, and `output` says why
 */
export function run(file, args, options) {
  return new Promise(resolve => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let stdout = '';
    running.add(child);
    child.stdout.on('data', chunk => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.on('data', chunk => {
      output += chunk;
    });
    child.on('error', error => {
      running.delete(child);
      resolve({ ok: false, output: `${output}${error.message}`, stdout });
    });
    child.on('close', code => {
      running.delete(child);
      resolve({ ok: code === 0, output, stdout });
    });
  });
}

/**
 * The executable file of that name on PATH.
 *
 * @param {string} name
 * @param {string | undefined} path
 * @returns {string | undefined}
 */
export function which(name, path) {
  for (const folder of (path ?? '').split(delimiter)) {
    if (folder === '') continue;
    const file = join(folder, name);
    if (isExecutable(file)) return file;
  }
  return undefined;
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
