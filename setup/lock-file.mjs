// Makes package-lock.json anew, complete for every platform: where a registry mirror lacks packages for other machines,
// npm leaves them out of the lock, and `npm ci` then refuses that lock everywhere.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm } from './npm.mjs';
import { makeWorkFolder } from './tool-cache.mjs';

/**
 * @typedef {object} LockEntry
 * @property {string} [version]
 * @property {Record<string, string>} [optionalDependencies]
 */

/**
 * Adds an entry for each optional platform package that is missing. Without an integrity, since its content was not
 * seen; its version is exact.
 *
 * @param {{ packages: Record<string, LockEntry> }} lock changed in place
 * @returns {string[]} what was added
 */
export function completeLock(lock) {
  const added = [];
  for (const entry of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      if (lock.packages[key] !== undefined || !/^\d+\.\d+\.\d+$/.test(version)) continue;
      const platform = platformOf(name);
      if (platform === undefined) continue;
      lock.packages[key] = { version, ...platform };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return added;
}

/**
 * The machine that a package is for, by its name's end, such as `-linux-arm64-musl`.
 *
 * @param {string} name
 */
function platformOf(name) {
  const match =
    /[-/](android|aix|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|wasm32|win32)-(\w+)(?:-(\w+))?$/.exec(name);
  if (match === null) return undefined;
  const [, os = '', cpu = '', abi] = match;
  const machine = os === 'wasm32' ? { cpu: ['wasm32'] } : { cpu: [cpu], os: [os] };
  const libc = abi === 'musl' || abi === 'musleabihf' ? ['musl'] : ['glibc'];
  return { ...machine, ...(os === 'linux' && abi !== undefined ? { libc } : {}), dev: true, optional: true };
}

async function main() {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const folder = makeWorkFolder(root, 'lock-file');
  for (const name of ['package.json', '.npmrc', 'package-lock.json'])
    copyFileSync(join(root, name), join(folder, name));
  await npm(['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    node: process.execPath,
    what: 'Making package-lock.json',
  });
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const added = completeLock(lock);
  writeFileSync(join(root, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`package-lock.json is made; ${added.length} packages for other platforms were added by name alone`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
