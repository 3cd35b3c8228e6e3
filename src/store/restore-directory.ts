import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { lastGoodFiles } from './last-good.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite.ts';
import { type Change, nextFiles, type StoreContents, StoreError } from './store.ts';

/**
 * Puts a backup into a data directory that no server runs on, as a revision. Policy files that say otherwise at the next
 * start are without effect until they change. What stands there and cannot be trusted is kept aside.
 *
 * @throws StoreError `locked` when a server runs on it.
 */
export function restoreDirectory(
  options: SqliteStoreOptions,
  contents: StoreContents,
  author: Pick<Change, 'author' | 'reason'>,
): void {
  const store = opened(options);
  try {
    store.restore(contents);
    const latest = store.latestRevision();
    if (!latest) return;
    const about = { at: options.now(), source: 'cli', what: 'a backup was restored', ...author } as const;
    store.acceptRevision({
      ...about,
      documents: latest.documents,
      overrides: contents.overrides,
      heldFiles: nextFiles,
    });
  } finally {
    store.close();
  }
}

function opened(options: SqliteStoreOptions): ReturnType<typeof openSqliteStore> {
  try {
    return openSqliteStore(options);
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== 'damaged') throw error;
    const aside = `.damaged-${options.now()}`;
    for (const name of ['switchyard.db', 'switchyard.db-wal', ...lastGoodFiles]) {
      const file = join(options.directory, name);
      if (existsSync(file)) renameSync(file, `${file}${aside}`);
    }
    options.report(`what stood in ${options.directory} is damaged, and is kept with the ending ${aside}`);
    return openSqliteStore(options);
  }
}
