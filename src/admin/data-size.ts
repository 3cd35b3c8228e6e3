import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** Parts of a data directory, by their share of the disk. */
export const dataParts = ['store', 'audit', 'bundles', 'other'] as const;
export type DataPart = (typeof dataParts)[number];

/** Bytes of the files of a data directory, by part. What cannot be read counts as nothing. */
export async function dataSizes(folder: string): Promise<Readonly<Record<DataPart, number>>> {
  const sizes = { store: 0, audit: 0, bundles: 0, other: 0 };
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isFile()) sizes[partOf(entry.name)] += await sizeOf(path);
    if (!entry.isDirectory()) continue;
    const part = entry.name === 'audit' || entry.name === 'bundles' ? entry.name : 'other';
    for (const inner of await entriesOf(path)) if (inner.isFile()) sizes[part] += await sizeOf(join(path, inner.name));
  }
  return sizes;
}

/** Bytes that are left on its disk; undefined where that cannot be told. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function partOf(name: string): DataPart {
  return /\.db(-wal|-shm)?$|^last-good/.test(name) ? 'store' : 'other';
}

async function entriesOf(folder: string) {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    found => found.size,
    () => 0,
  );
}
