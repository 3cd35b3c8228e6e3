import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreError } from './store.ts';

/**
 * Remembers which file stands at the path of a database that was just opened.
 *
 * @returns a check that throws StoreError `io` when another file or none stands there now. What is written to a file that
 *   was moved away or deleted would be acknowledged, and lost with the end of the process (P3).
 */
export function sameFile(path: string): () => void {
  const opened = identityOf(path);
  return () => {
    if (identityOf(path) === opened) return;
    const directory = dirname(path);
    throw new StoreError(
      'io',
      `the database in ${directory} was moved away or deleted while it was in use: put the directory back, or restart Switchyard to begin a new one`,
    );
  };
}

/** Which file stands at a path. @returns undefined when there is none. @throws Error of the file system. */
export function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
