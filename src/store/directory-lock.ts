import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { removeUnfinished } from './replace-file.ts';
import { StoreError } from './store.ts';
import { kindOf, storeFailure } from './store-failure.ts';

/**
 * Takes a data directory for this process alone. The lock is the operating system's, on the file `lock`, so it ends
 * with the process however that ends; the file `pid` only says who holds it.
 *
 * @returns how to give it back.
 * @throws StoreError `locked`, naming the process that has it.
 */
export function lockDirectory(directory: string, options: { readonly patienceMs?: number } = {}): () => void {
  const pidFile = join(directory, 'pid');
  const lock = new DatabaseSync(join(directory, 'lock'), { timeout: options.patienceMs ?? 1000 });
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    const kind = kindOf(cause);
    if (kind === 'damaged') {
      const remedy = 'if no other Switchyard runs on it, remove that file, which holds nothing';
      throw new StoreError(kind, `${join(directory, 'lock')} is damaged: ${remedy}`, { cause });
    }
    if (kind !== 'locked') throw storeFailure(`the data directory ${directory} cannot be locked`, cause);
    throw new StoreError(
      'locked',
      `the data directory ${directory} is in use by ${holder(pidFile)}: end it, or choose another with --data`,
      { cause },
    );
  }
  removeUnfinished(directory);
  try {
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch {
    // It is a courtesy to whoever meets the lock; a full disk must not keep the last good state from being served.
  }
  return () => lock.close();
}

/**
 * Does something to a data directory while no server can start on it; makes nothing that is not there.
 *
 * @returns the process that runs on it instead, 0 where it does not say which.
 * @throws what `act` throws, and SQLite's own error for a lock that is damaged.
 */
export function whileAtRest<T>(directory: string, act: () => T): { readonly done: T } | { readonly holder: number } {
  const file = join(directory, 'lock');
  if (!existsSync(file)) return { done: act() };
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (kindOf(cause) === 'locked') return { holder: holderOf(join(directory, 'pid')) ?? 0 };
    throw cause;
  }
  try {
    return { done: act() };
  } finally {
    lock.close();
  }
}

function holder(pidFile: string): string {
  const pid = holderOf(pidFile);
  return pid === undefined ? 'another process' : `process ${pid}`;
}

function holderOf(pidFile: string): number | undefined {
  try {
    const pid = readFileSync(pidFile, 'utf8').trim();
    return /^\d+$/.test(pid) ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}
