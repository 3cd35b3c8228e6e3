import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** The state of a file, behind links, as a text that tells two moments apart. Never rejects. */
export async function stateOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `ino=${ino} size=${size} mtime=${mtimeNs} ctime=${ctimeNs}`;
  } catch (error) {
    return `ino=none ${codeOf(error)}`;
  }
}

/** The text of a file. @returns undefined when it has more bytes than `longest`. Rejects when it cannot be read as UTF-8. */
export async function readText(file: string, longest: number): Promise<string | undefined> {
  // Opened without waiting, so that a pipe in the place of a file cannot hold everything up.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error('it is not a regular file');
    if (found.size > longest) return undefined;
    const buffer = Buffer.allocUnsafe(longest + 1);
    let length = 0;
    while (length <= longest) {
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
