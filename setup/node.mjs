import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.mjs';
import { composeWay, explain, SetupFailure } from './failure.mjs';
import { satisfies } from './node-version.mjs';
import { npmPack } from './npm.mjs';
import { digestOf, installTool, makeWorkFolder, requireSpace, toolFile, toolIsReady } from './tool-cache.mjs';

/**
 * @typedef {object} NodePin
 * @property {string} version
 * @property {number} megabytes
 * @property {Readonly<Record<string, { readonly package: string, readonly integrity: string }>>} platforms
 */

/** @type {NodePin} */
const pin = JSON.parse(readFileSync(new URL('./node.json', import.meta.url), 'utf8'));

/** The Node that is fetched where the one at hand is too old. */
export const nodeVersion = pin.version;

/**
 * @param {string} root
 * @returns {import('./tool-cache.mjs').Tool}
 */
function nodeTool(root) {
  return { root, name: 'node', version: pin.version, file: 'bin/node' };
}

/**
 * The Node that the project runs under: the one running this if it will do, else the one in `.tools`.
 *
 * @param {string} root
 * @returns {string | undefined} undefined while it has to be fetched
 */
export function findNode(root) {
  if (satisfies(process.version, requiredNode(root))) return process.execPath;
  return toolIsReady(nodeTool(root)) ? toolFile(nodeTool(root)) : undefined;
}

/** @param {string} root */
function requiredNode(root) {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node;
}

/**
 * @param {string} platform such as `linux-x64`
 * @returns {{ readonly package: string, readonly integrity: string }}
 */
export function nodePackageFor(platform) {
  const found = pin.platforms[platform];
  if (found !== undefined) return found;
  throw new SetupFailure(
    `Node ${pin.version} cannot be fetched for ${platform}: install Node 24.11 or newer yourself, or use containers: ${composeWay}`,
  );
}

/** @param {string} root */
export async function installNode(root) {
  const wanted = nodePackageFor(platformName());
  requireSpace(root, pin.megabytes, `Node ${pin.version}`);
  await installTool(nodeTool(root), async folder => {
    const what = `Fetching Node ${pin.version}`;
    const downloads = makeWorkFolder(root, 'node-download');
    const archive = await npmPack(`${wanted.package}@${pin.version}`, downloads, what);
    await unpackVerified(archive, wanted.integrity, downloads);
    mkdirSync(join(folder, 'bin'));
    renameSync(join(downloads, 'package', 'bin', 'node'), join(folder, 'bin', 'node'));
    renameSync(join(downloads, 'package', 'LICENSE'), join(folder, 'LICENSE'));
    rmSync(downloads, { recursive: true, force: true });
    const probe = await run(join(folder, 'bin', 'node'), ['--version']);
    if (probe.stdout.trim() !== `v${pin.version}`) {
      throw new SetupFailure(
        `Node ${pin.version} does not run on this machine (${firstLine(probe.output)}): install Node 24.11 or newer yourself, or use containers: ${composeWay}`,
      );
    }
  });
}

/**
 * @param {string} archive
 * @param {string} integrity as package locks write it
 * @param {string} folder
 */
export async function unpackVerified(archive, integrity, folder) {
  const got = `sha512-${await digestOf(archive, 'sha512', 'base64')}`;
  if (got !== integrity) {
    throw new SetupFailure(
      `What the package registry sent for ${archive.split('/').pop()} is not what this project was made with (${got.slice(0, 19)}…): check the registry mirror in use.`,
    );
  }
  const unpacked = await run('tar', ['-xzf', archive, '-C', folder]);
  if (!unpacked.ok) throw explain('Unpacking Node', unpacked.output);
}

/** The machine as the pins name it; `-musl` where the C library is not glibc, which neither Node nor Envoy here suits. */
export function platformName() {
  const base = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') return base;
  // Else it looks up the names of all interfaces' addresses, which takes long where no name server answers.
  if (process.report !== undefined) Object.assign(process.report, { excludeNetwork: true });
  /** @type {unknown} */
  const report = process.report?.getReport();
  const header = typeof report === 'object' && report !== null && 'header' in report ? report.header : undefined;
  const glibc = typeof header === 'object' && header !== null && 'glibcVersionRuntime' in header;
  return glibc ? base : `${base}-musl`;
}

/** @param {string} text */
function firstLine(text) {
  return text.trim().split('\n')[0] ?? '';
}
