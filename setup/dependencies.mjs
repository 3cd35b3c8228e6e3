import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from './npm.mjs';
import { makeWorkFolder, requireSpace } from './tool-cache.mjs';

const stampName = '.installed-from';

/**
 * What node_modules depends on: the lock file and the machine, whose binaries some packages bring.
 *
 * @param {string} root
 */
function wanted(root) {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return `${hash} ${process.platform}-${process.arch}`;
}

/** @param {string} root */
export function dependenciesAreReady(root) {
  try {
    return readFileSync(join(root, 'node_modules', stampName), 'utf8') === wanted(root);
  } catch {
    return false;
  }
}

/**
 * Installs the locked packages with their scripts off. They are put together beside the old ones and take their place
 * at the end: an install that is killed or fails changes nothing.
 *
 * @param {string} root
 * @param {string} node
 */
export async function installDependencies(root, node) {
  requireSpace(root, 400, 'Installing dependencies');
  const stamp = wanted(root);
  const folder = makeWorkFolder(root, 'dependencies');
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
    if (existsSync(join(root, name))) copyFileSync(join(root, name), join(folder, name));
  }
  await npm(
    ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: folder,
      node,
      what: 'Installing dependencies',
    },
  );
  writeFileSync(join(folder, 'node_modules', stampName), stamp);
  const current = join(root, 'node_modules');
  const before = makeWorkFolder(root, 'dependencies-before');
  if (existsSync(current)) renameSync(current, join(before, 'node_modules'));
  renameSync(join(folder, 'node_modules'), current);
  rmSync(folder, { recursive: true, force: true });
  rmSync(before, { recursive: true, force: true });
}
