import { lstatSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { replaceFile } from '../store/replace-file.ts';
import { CliFailure } from './output.ts';

/**
 * Whether there is a file of this name, which may be put another in the place of.
 *
 * @throws CliFailure for what is no file, such as `/dev/stdout`: for root, it would be gone for everybody.
 */
export function isFileThere(file: string): boolean {
  const found = lookAt(file);
  if (found && !found.isFile()) throw new CliFailure(`${file} is there, and no file: name one that may be replaced`);
  return found !== undefined;
}

function lookAt(file: string): ReturnType<typeof lstatSync> | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch (cause) {
    // Below a file there is nothing; who writes there is told so.
    if ((cause as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw new CliFailure(`cannot look at ${file}: ${(cause as Error).message}`, 1, { cause });
  }
}

/**
 * Puts a file in its place, and makes its folder; others than its owner may read it, as an Envoy does its bootstrap.
 *
 * @throws CliFailure when it cannot be written.
 */
export function writeForAll(file: string, text: string): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    replaceFile(file, text, { mode: modeForAll(file), keepOwner: true });
  } catch (cause) {
    throw new CliFailure(`cannot write ${file}: ${(cause as Error).message}`, 1, { cause });
  }
}

/** The rights of a file that others than its owner may read: those that it has, else the usual ones. */
export const modeForAll = (file: string): number =>
  (statSync(file, { throwIfNoEntry: false })?.mode ?? 0o666 & ~process.umask()) & 0o777;
