import { readFileSync } from 'node:fs';

/** Beside this file in the repository, two folders up from the compiled file in the published package. */
const FOLDERS = ['./gen/', '../../proto/gen/'];

/**
 * Reads one of the generated JSON tables. The caller names the type; the build that wrote the table vouches for it.
 * Throws with the remedy when the build has not run.
 */
export function readTable<T>(name: string): T {
  let failure: unknown;
  for (const folder of FOLDERS) {
    try {
      return JSON.parse(readFileSync(new URL(folder + name, import.meta.url), 'utf8'));
    } catch (cause) {
      if (!isMissing(cause))
        throw new Error(`proto/gen/${name} is damaged. Run "node proto/build.ts --force".`, { cause });
      failure = cause;
    }
  }
  throw new Error(`proto/gen/${name} is missing. Run "node proto/build.ts".`, { cause: failure });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
