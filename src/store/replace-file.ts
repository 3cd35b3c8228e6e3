import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Puts a content in the place of a file as a whole; durable when the call returns. A kill leaves the old one or the new one.
 * `mode`: its rights; absent: readable for its owner only.
 *
 * @throws Error of the file system; the old one is then still there.
 */
export function replaceFile(path: string, content: string | Uint8Array, mode = 0o600): void {
  const next = `${path}.new`;
  try {
    rmSync(next, { force: true });
    const file = openSync(next, 'wx', 0o600);
    try {
      if (mode !== 0o600) fchmodSync(file, mode);
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (error) {
    try {
      rmSync(next, { force: true });
    } catch {
      // The first failure is the one to tell.
    }
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Makes renames and new files of a directory durable. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
