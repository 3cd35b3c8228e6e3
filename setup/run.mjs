// Entry of every npm script: does what set-up is missing, then runs the task under the right Node. Plain JavaScript
// without dependencies, since the Node that starts it may be older than the one the project needs.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explain, SetupFailure } from './failure.mjs';
import { prepare } from './prepare.mjs';
import { createProgress } from './progress.mjs';
import { needsOf, tasks } from './tasks.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const endSignals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** @param {readonly string[]} argv */
async function main(argv) {
  const [name = '', ...args] = argv;
  const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
  if (task === undefined) {
    const lines = Object.entries(tasks).map(([each, { about }]) => `  ${each.padEnd(8)} ${about}`);
    throw new SetupFailure(`usage: node setup/run.mjs TASK [ARGUMENT…], where TASK is one of\n${lines.join('\n')}`);
  }
  const { script } = task;
  if (script !== undefined && !existsSync(join(root, script))) {
    throw new SetupFailure(`This checkout has no ${script}, which "${name}" runs: is it complete?`);
  }
  const ready = await prepare(root, needsOf(name, args), createProgress(process.stderr));
  if (name === 'setup') return 0;
  const cwd = task.forUser ? userFolder() : root;
  if (name === 'envoy') return await runTask(ready.envoy ?? 'envoy', args, ready, cwd);
  const command = script === undefined ? args : [join(root, script), ...args];
  return await runTask(ready.node, command, ready, cwd);
}

/** Where the user stood when typing the command: npm has changed to the checkout since. */
function userFolder() {
  const before = process.env.INIT_CWD;
  const byNpm = process.env.npm_lifecycle_event !== undefined && process.cwd() === root;
  return byNpm && before !== undefined ? before : process.cwd();
}

/**
 * Runs the task and takes over its exit code.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {import('./prepare.mjs').Prepared} ready
 * @param {string} cwd
 * @returns {Promise<number>}
 */
function runTask(file, args, ready, cwd) {
  /** @type {NodeJS.ProcessEnv} */
  const env = { NODE_COMPILE_CACHE: join(root, '.tools', 'compile-cache'), ...process.env };
  env.PATH = `${dirname(ready.node)}:${process.env.PATH ?? ''}`;
  if (ready.envoy !== undefined) env.ENVOY_BIN = ready.envoy;
  const child = spawn(file, args, { stdio: 'inherit', env, cwd });
  for (const signal of endSignals) process.removeListener(signal, stopDuringSetup);
  // A terminal sends Ctrl-C to the child as well: it decides when to end, and we end with it.
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
  });
}

function stopDuringSetup() {
  process.exit(130);
}

for (const signal of endSignals) process.on(signal, stopDuringSetup);
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const failure =
    error instanceof SetupFailure ? error : explain('Set-up', error instanceof Error ? error.message : String(error));
  process.stderr.write(`${failure.message}\n`);
  if (process.env.DEBUG_SETUP !== undefined) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
