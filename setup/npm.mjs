import { dirname, join } from 'node:path';
import { run, which } from './command.mjs';
import { explain, SetupFailure } from './failure.mjs';

/**
 * The environment for an npm that works on another folder than the one it may have been started from: what `npm run`
 * tells its scripts about themselves is taken out, the user's own settings stay.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} [node] whose folder comes first on PATH
 * @returns {NodeJS.ProcessEnv}
 */
function npmEnvironment(env, node) {
  /** @type {NodeJS.ProcessEnv} */
  const clean = {};
  for (const [name, value] of Object.entries(env)) {
    if (/^npm_(package_|lifecycle_|command$|config_local_prefix$|config_prefix$|config_global_prefix$)/.test(name))
      continue;
    clean[name] = value;
  }
  if (node !== undefined) clean.PATH = `${dirname(node)}:${env.PATH ?? ''}`;
  return clean;
}

/**
 * Runs npm, by the given Node where that npm can run under it (Debian's own npm cannot run under another Node than
 * Debian's), else as the machine runs it.
 *
 * @param {readonly string[]} args
 * @param {{ readonly cwd: string, readonly node?: string, readonly what: string, readonly env?: NodeJS.ProcessEnv }} options
 *   `what` starts the sentence of a failure
 * @returns {Promise<string>} what it printed on its standard output
 */
export async function npm(args, options) {
  const env = options.env ?? process.env;
  const fromScript = env.npm_execpath;
  const cli = fromScript !== undefined && /npm-cli\.c?js$/.test(fromScript) ? fromScript : undefined;
  const onPath = which('npm', env.PATH);
  /** @type {{ readonly file: string, readonly prefix: readonly string[], readonly env: NodeJS.ProcessEnv }[]} */
  const ways = [];
  const script = cli ?? onPath;
  if (script !== undefined && options.node !== undefined) {
    ways.push({ file: options.node, prefix: [script], env: npmEnvironment(env, options.node) });
  }
  if (cli !== undefined) ways.push({ file: process.execPath, prefix: [cli], env: npmEnvironment(env) });
  if (onPath !== undefined) ways.push({ file: onPath, prefix: [], env: npmEnvironment(env) });
  for (const way of ways) {
    const probe = await run(way.file, [...way.prefix, '--version'], { cwd: options.cwd, env: way.env });
    if (!probe.ok) continue;
    // Three tries within seconds: npm's own pauses let a machine without network wait for more than a minute.
    const retries = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
    const result = await run(way.file, [...way.prefix, ...args, ...retries], { cwd: options.cwd, env: way.env });
    if (!result.ok) throw explain(options.what, result.output);
    return result.stdout;
  }
  throw new SetupFailure(
    `${options.what} needs npm, which was not found: install it (Debian: apt-get install npm), then run the command again.`,
  );
}

/**
 * Downloads one exact package, without running anything of it.
 *
 * @param {string} spec such as `name@1.2.3`
 * @param {string} folder
 * @param {string} what
 * @returns {Promise<string>} the archive's path
 */
export async function npmPack(spec, folder, what) {
  const printed = await npm(['pack', spec, '--ignore-scripts', '--loglevel=error', '--pack-destination', folder], {
    cwd: folder,
    what,
  });
  const name = printed
    .split('\n')
    .map(line => line.trim())
    .filter(line => line.endsWith('.tgz'))
    .pop();
  if (name === undefined) throw explain(what, printed);
  return join(folder, name);
}
