import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loaded, load, openDatabase } from './database.ts';
import { whileAtRest } from './directory-lock.ts';
import { LastGoodCopy } from './last-good.ts';
import { StoreError } from './store.ts';
import { messageOf } from './store-failure.ts';

export type Inspection =
  | { readonly kind: 'none' }
  /** `holder`: the process that runs on it; 0 where it does not say which. */
  | { readonly kind: 'held'; readonly holder: number }
  /** `damage`: one sentence each. `copy`: the copy beside it can take its place. */
  | { readonly kind: 'read'; readonly last: number; readonly damage: readonly string[]; readonly copy: boolean };

/**
 * Looks at the store of a data directory as a start would, and changes nothing: it reads a copy.
 *
 * @throws Error of the file system, or of a database that cannot be looked at.
 */
export function inspectStore(directory: string): Inspection {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-check-'));
  try {
    const file = join(folder, 'switchyard.db');
    const at = whileAtRest(directory, () => {
      const names = ['', '-wal'].filter(end => existsSync(join(directory, `switchyard.db${end}`)));
      for (const end of names) copyFileSync(join(directory, `switchyard.db${end}`), `${file}${end}`);
      const copy = new LastGoodCopy(directory).read();
      return { present: names.includes(''), copy };
    });
    if ('holder' in at) return { kind: 'held', holder: at.holder };
    const { present, copy } = at.done;
    if (!present && copy === undefined) return { kind: 'none' };
    const whole = copy !== undefined && copy !== 'damaged';
    const loaded = present ? read(file) : undefined;
    const damage = [
      ...(present ? (typeof loaded === 'string' ? [loaded] : (loaded?.damage ?? [])) : ['the database is missing']),
      ...(copy === 'damaged' ? ['the copy beside it cannot be read'] : []),
    ];
    const last = typeof loaded === 'object' ? loaded.state.last : 0;
    return { kind: 'read', last, damage, copy: whole };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(file: string): Loaded | string {
  let database: ReturnType<typeof openDatabase> | undefined;
  try {
    database = openDatabase(file);
    return load(database);
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'io') throw error;
    return messageOf(error);
  } finally {
    database?.close();
  }
}
