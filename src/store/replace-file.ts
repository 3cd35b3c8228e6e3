import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export interface Replacement {
  /** Its rights. Absent: readable for its owner only. */
  readonly mode?: number;
  /** It stays that of whoever has the old one, where whoever asks may give it away. */
  readonly keepOwner?: boolean;
}

/** What a content is written to before it is put in its place; a kill leaves one behind. */
const unfinished = /^\.switchyard-[0-9a-f]{16}\.new$/;

/** A content, and the file that it is put in the place of. */
export interface NewContent extends Replacement {
  readonly path: string;
  readonly content: string | Uint8Array;
}

/**
 * Puts a content in the place of a file as a whole; durable when the call returns. A kill leaves the old one or the new one,
 * and beside it, perhaps, a file `.switchyard-….new` that is of no use.
 *
 * @throws Error of the file system; the old one is then still there.
 */
export function replaceFile(path: string, content: string | Uint8Array, replacement: Replacement = {}): void {
  replaceFiles([{ path, content, ...replacement }]);
}

/**
 * The same for files that belong together, of which none is put in its place before all are written.
 *
 * @throws Error of the file system; the old ones are then still there, unless it is a rename that failed after others.
 */
export function replaceFiles(all: readonly NewContent[]): void {
  const written: { readonly next: string; readonly path: string }[] = [];
  try {
    for (const each of all) written.push({ next: writtenBeside(each), path: each.path });
    for (const { next, path } of written) renameSync(next, path);
  } catch (error) {
    for (const { next } of written) discard(next);
    throw error;
  }
  for (const directory of new Set(all.map(each => dirname(each.path)))) syncDirectory(directory);
}

/** @returns the file that the content is in, durably. */
function writtenBeside({ path, content, mode = 0o600, keepOwner = false }: NewContent): string {
  const next = join(dirname(path), `.switchyard-${randomBytes(8).toString('hex')}.new`);
  // Not followed, and made by nobody else.
  const file = openSync(next, 'wx', 0o600);
  try {
    if (keepOwner) takeOwnerOf(path, file);
    if (mode !== 0o600) fchmodSync(file, mode);
    writeFileSync(file, content);
    fsyncSync(file);
  } catch (error) {
    discard(next);
    throw error;
  } finally {
    closeSync(file);
  }
  return next;
}

function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // The first failure is the one to tell.
  }
}

/** What lies where everybody may put something is no word about whom the new content is for. */
function takeOwnerOf(path: string, file: number): void {
  const old = lstatSync(path, { throwIfNoEntry: false });
  if (!old?.isFile() || (statSync(dirname(path)).mode & 0o002) !== 0) return;
  if (!gaveTo(file, old.uid, old.gid)) gaveTo(file, -1, old.gid);
}

/** False where this user may not give it away. -1: the owner stays. */
function gaveTo(file: number, owner: number, group: number): boolean {
  try {
    fchownSync(file, owner, group);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return false;
    throw error;
  }
}

/** Removes what kills have left in a directory that nobody else writes to. Never throws. */
export function removeUnfinished(directory: string): void {
  try {
    for (const name of readdirSync(directory))
      if (unfinished.test(name)) rmSync(join(directory, name), { force: true });
  } catch {
    // It is in nobody's way.
  }
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
