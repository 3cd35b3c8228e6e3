import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { restoreNetwork } from './network-rules.ts';
import { run } from './shell.ts';

/** Not in /tmp, which is often memory: images are large. */
const parent = '/var/tmp';
const prefix = 'switchyard-compose-';

/** A folder for everything of this run. What runs that were killed have left is taken away first. */
export async function makeWorkFolder(): Promise<string> {
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || process.getuid?.() !== 0 || existsSync(`/proc/${pid}`)) continue;
    // Its daemon has ended with it.
    await restoreNetwork(path.join(parent, name));
    await removeWorkFolder(path.join(parent, name));
  }
  const folder = mkdtempSync(path.join(parent, `${prefix}${process.pid}-`));
  // Containers run as other users.
  chmodSync(folder, 0o755);
  return folder;
}

/** Removes the folder, and the mounts that a daemon may leave in it. */
export async function removeWorkFolder(folder: string): Promise<void> {
  if (process.platform === 'linux') {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    const inside = mounts.flatMap(line => line.split(' ')[1] ?? []).filter(place => place.startsWith(`${folder}/`));
    for (const place of inside.reverse()) await run('umount', [place]);
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
}
