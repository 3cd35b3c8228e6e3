import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.mjs';
import { explain } from './failure.mjs';

const script = 'proto/build.ts';

/** @param {string} root */
function stampFile(root) {
  return join(root, '.tools', 'protos.stamp');
}

/** @param {string} root */
export function protosAreReady(root) {
  if (!existsSync(join(root, script))) return true;
  try {
    return readFileSync(stampFile(root), 'utf8') === fingerprint(root);
  } catch {
    return false;
  }
}

/**
 * @param {string} root
 * @param {string} node
 */
export async function buildProtos(root, node) {
  const built = await run(node, [script], { cwd: root });
  if (!built.ok) throw explain('Building the protocol definitions', built.output);
  mkdirSync(join(root, '.tools'), { recursive: true });
  writeFileSync(stampFile(root), fingerprint(root));
}

/**
 * Inputs by content (all in `proto/` but what is generated, and the lock file, which says which Envoy API is taken),
 * outputs by name and size.
 *
 * @param {string} root
 */
function fingerprint(root) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  for (const file of filesUnder(join(root, 'proto'))) {
    const generated = file.startsWith(join(root, 'proto', 'gen'));
    hash.update(`\0${file.slice(root.length)}\0`);
    hash.update(generated ? String(statSync(file).size) : readFileSync(file));
  }
  return hash.digest('hex');
}

/**
 * @param {string} folder
 * @returns {string[]} sorted
 */
function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap(entry => (entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}
