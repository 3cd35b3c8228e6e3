import { createHash } from 'node:crypto';
import {
  chmodSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SetupFailure } from './failure.mjs';

/**
 * A program that set-up keeps in the ignored folder `.tools/<name>/<version>`.
 *
 * @typedef {object} Tool
 * @property {string} root the checkout
 * @property {string} name
 * @property {string} version
 * @property {string} file the executable's path inside the tool's folder
 */

/**
 * @typedef {object} Seal
 * @property {number} size
 * @property {number} mtimeMs
 * @property {string} sha256
 */

/** @param {Tool} tool */
export function toolFile(tool) {
  return join(toolFolder(tool), tool.file);
}

/** @param {Tool} tool */
function toolFolder(tool) {
  return join(tool.root, '.tools', tool.name, tool.version);
}

/**
 * Whether the tool is there as it was installed; told by size and time of change, so in well under a millisecond.
 *
 * @param {Tool} tool
 */
export function toolIsReady(tool) {
  const seal = readSeal(tool);
  const stat = statSync(toolFile(tool), { throwIfNoEntry: false });
  return seal !== undefined && stat !== undefined && stat.size === seal.size && stat.mtimeMs === seal.mtimeMs;
}

/**
 * Brings the tool into its place, whole or not at all. A copy whose content is as installed is kept (its time of change
 * differs after a copy of the checkout); a damaged one is fetched again.
 *
 * @param {Tool} tool
 * @param {(folder: string) => Promise<void>} fetch fills an empty folder with what the tool's folder is to hold; it
 *   verifies what it fetched
 */
export async function installTool(tool, fetch) {
  const folder = toolFolder(tool);
  const known = readSeal(tool);
  if (known !== undefined && (await sealOf(toolFile(tool)))?.sha256 === known.sha256) {
    await writeSeal(folder, tool.file);
    return;
  }
  const fresh = makeWorkFolder(tool.root, tool.name);
  await fetch(fresh);
  await writeSeal(fresh, tool.file);
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

/**
 * An empty folder on the checkout's own file system, so that a rename out of it is atomic. What a killed set-up left
 * there is removed: the caller holds the lock. What that one had started may still be ending, and write into its own.
 *
 * @param {string} root
 * @param {string} name
 */
export function makeWorkFolder(root, name) {
  const all = join(root, '.tools', 'tmp');
  mkdirSync(all, { recursive: true });
  for (const left of readdirSync(all)) {
    if (left === name || left.startsWith(`${name}.`)) removeIfPossible(join(all, left));
  }
  const folder = mkdtempSync(join(all, `${name}.`));
  // It becomes the tool's folder, which is for everybody on the machine.
  chmodSync(folder, 0o755);
  return folder;
}

/** @param {string} folder */
function removeIfPossible(folder) {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Somebody writes into it. The next set-up removes it.
  }
}

/**
 * @param {string} root
 * @param {number} megabytes
 * @param {string} what
 */
export function requireSpace(root, megabytes, what) {
  const { bavail, bsize } = statfsSync(root);
  const free = Math.floor((bavail * bsize) / 1_000_000);
  if (free < megabytes) {
    throw new SetupFailure(
      `${what} needs ${megabytes} MB of disk in ${root}, but ${free} MB are free: make room, then run the command again.`,
    );
  }
}

/**
 * @param {string} file
 * @param {'sha256' | 'sha512'} algorithm
 * @param {'hex' | 'base64'} encoding
 */
export async function digestOf(file, algorithm, encoding) {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return hash.digest(encoding);
}

/**
 * @param {string} file
 * @returns {Promise<Seal | undefined>}
 */
async function sealOf(file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return undefined;
  return { size: stat.size, mtimeMs: stat.mtimeMs, sha256: await digestOf(file, 'sha256', 'hex') };
}

/**
 * @param {string} folder
 * @param {string} file
 */
async function writeSeal(folder, file) {
  const seal = await sealOf(join(folder, file));
  if (seal === undefined)
    throw new SetupFailure(`What was fetched holds no ${file}: check the registry mirror in use.`);
  writeFileSync(join(folder, 'seal.json'), JSON.stringify(seal));
}

/**
 * @param {Tool} tool
 * @returns {Seal | undefined}
 */
function readSeal(tool) {
  try {
    return JSON.parse(readFileSync(join(toolFolder(tool), 'seal.json'), 'utf8'));
  } catch {
    return undefined;
  }
}
