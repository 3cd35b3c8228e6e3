import { constants, stat } from 'node:fs';
import { open } from 'node:fs/promises';

/** The state of a file, behind links, as a text that tells two moments apart. Never rejects. */
export async function stateOf(file: string): Promise<string> {
  // Thousands of files are looked at each second, and promises of the file system cost twice as much.
  const { promise, resolve } = Promise.withResolvers<string>();
  stat(file, { bigint: true }, (error, found) =>
    resolve(
      error
        ? `ino=none ${codeOf(error)}`
        : `ino=${found.ino} size=${found.size} mtime=${found.mtimeNs} ctime=${found.ctimeNs}`,
    ),
  );
  return await promise;
}

/** Whether what was read at an instant, in milliseconds, is what stands there for as long as the state stays the same. */
export function tellsApart(state: string, at: number): boolean {
  const changed = Number(/ ctime=(\d+)$/.exec(state)?.[1] ?? Number.NaN) / 1e6;
  return changed + coarsest < at;
}

/** Milliseconds within which two changes of a file may leave the same state: some file systems count seconds. */
const coarsest = 2000;

/** The text of a file. @returns undefined when it has more bytes than `longest`. Rejects when it cannot be read as UTF-8. */
export async function readText(file: string, longest: number): Promise<string | undefined> {
  // Opened without waiting, so that a pipe in the place of a file cannot hold everything up.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error('it is not a regular file');
    if (found.size > longest) return undefined;
    // One more than it has, to see whether that is all; what grows meanwhile is read further.
    let buffer = Buffer.allocUnsafe(found.size + 1);
    let length = 0;
    while (length <= longest) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], longest + 1);
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > longest) return undefined;
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } finally {
    await handle.close();
  }
}

/** `ENOENT` and the like. */
export function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown');
}
