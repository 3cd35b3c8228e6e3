import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { StoredState } from './memory.ts';
import { asOverride, checksum } from './record.ts';

/**
 * The copy that outlives the database: one JSON file with what is in force (the latest revision, overrides, resolved
 * names), replaced as a whole after every write. Its first line is the checksum of the rest.
 */

const Copy = z.object({
  format: z.literal(1),
  /** Counts the writes of the store; tells whether the copy is as new as the database. */
  sequence: z.int().min(0),
  at: z.number(),
  revision: z
    .object({
      number: z.int().min(1),
      at: z.number(),
      author: z.string(),
      source: z.enum(['file', 'api', 'cli']),
      reason: z.string(),
      documents: z.array(z.object({ file: z.string(), format: z.enum(['yaml', 'json', 'module']), text: z.string() })),
    })
    .nullable(),
  overrides: z.array(z.unknown().transform(asOverride)),
  resolvedNames: z.record(z.string(), z.array(z.string()).min(1)),
});

/** What is in force, and how many writes of the store have led to it. */
export interface LastGood {
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly state: StoredState;
}

/** Durable and atomic: a reader finds the old copy or the new one. @throws Error of the file system. */
export function writeLastGood(path: string, { sequence, at, state }: LastGood): void {
  const { revision, overrides, resolvedNames } = state;
  const text = JSON.stringify({
    format: 1,
    sequence,
    at,
    revision: revision ?? null,
    overrides,
    resolvedNames: Object.fromEntries(resolvedNames),
  });
  const next = `${path}.new`;
  try {
    const file = openSync(next, 'w', 0o600);
    try {
      writeFileSync(file, `${checksum('last-good', text)}\n${text}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** @returns undefined when there is no copy; `damaged` when there is one that cannot be trusted. */
export function readLastGood(path: string): LastGood | 'damaged' | undefined {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const end = content.indexOf('\n');
  const text = content.slice(end + 1, -1);
  if (content.slice(0, Math.max(end, 0)) !== checksum('last-good', text)) return 'damaged';
  try {
    const { sequence, at, revision, overrides, resolvedNames } = Copy.parse(JSON.parse(text));
    const names = new Map(Object.entries(resolvedNames));
    return { sequence, at, state: { revision: revision ?? undefined, overrides, resolvedNames: names } };
  } catch {
    return 'damaged';
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
