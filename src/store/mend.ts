import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import {
  changeNames,
  insertRevision,
  type Loaded,
  load,
  type OpenDatabase,
  prepareSchema,
  upsertOverride,
  upsertQuarantine,
} from './database.ts';
import { type LastGood, type LastGoodCopy, syncDirectory } from './last-good.ts';
import type { StoredState } from './memory.ts';
import { StoreError } from './store.ts';
import { kindOf, messageOf } from './store-failure.ts';

export interface StoreFiles {
  readonly database: string;
  readonly copy: LastGoodCopy;
}

export interface MendOptions {
  readonly open: OpenDatabase;
  readonly keepRevisions: number;
  readonly now: () => number;
  readonly report: (message: string) => void;
}

interface Opened {
  readonly database: DatabaseSync;
  readonly loaded: Loaded;
}

/**
 * Opens the database; where it or a part of it is damaged, lost or older than its copy, makes a new one from what can
 * be trusted, keeps the old one aside and reports both (P4).
 *
 * @throws StoreError `damaged` when nothing can be trusted, rather than to start empty.
 */
export function openAndMend(files: StoreFiles, options: MendOptions): Opened {
  const found = files.copy.read();
  if (found === 'damaged') options.report(`the copy ${files.copy.stateFile} is damaged and will be written anew`);
  const copy = found === 'damaged' ? undefined : found;
  const present = existsSync(files.database);
  const opened = present || found === undefined ? tryOpen(options.open, files.database) : undefined;
  const loaded = opened && 'loaded' in opened ? opened.loaded : undefined;
  const damage = [...damageOf(opened)];
  if (loaded && copy && copy.sequence > (loaded.sequence ?? 0)) damage.push('the database is older than its copy');
  if (opened && 'loaded' in opened) {
    if (damage.length === 0) return opened;
    opened.database.close();
  }
  const good = salvage(loaded, copy);
  if (!good) {
    throw new StoreError(
      'damaged',
      `${files.database} is damaged (${damage.join('; ')}) and there is no good copy of it. Put the data directory ` +
        'back from a backup, or, to begin anew from the policy files without overrides and history, move it away',
    );
  }
  const aside = present ? `${files.database}.damaged-${options.now()}` : undefined;
  const database = rebuild(files, good, options, aside);
  const revision = good.state.revision ? `revision ${good.state.revision.number}` : 'no revision';
  const from = good.fromCopy ? `the copy of ${new Date(good.fromCopy.at).toISOString()}` : 'what of it is whole';
  const kept = aside ? `; the damaged database is kept as ${aside}` : '';
  options.report(`the store is damaged: ${damage.join('; ')}. It goes on with ${revision} from ${from}${kept}`);
  return { database, loaded: good };
}

function damageOf(opened: Opened | { readonly error: unknown } | undefined): readonly string[] {
  if (!opened) return ['the database is missing'];
  return 'error' in opened ? [messageOf(opened.error)] : opened.loaded.damage;
}

/** @returns the error when it cannot even be opened. */
function tryOpen(open: OpenDatabase, path: string): Opened | { readonly error: unknown } {
  let database: DatabaseSync | undefined;
  try {
    database = open(path);
    prepareSchema(database);
    return { database, loaded: load(database) };
  } catch (error) {
    database?.close();
    if (error instanceof StoreError || kindOf(error) !== 'damaged') throw error;
    return { error };
  }
}

/** The newest state that can be trusted. @returns undefined when there is none. */
function salvage(
  loaded: Loaded | undefined,
  copy: LastGood | undefined,
): (Loaded & { readonly fromCopy?: LastGood }) | undefined {
  const revisions = loaded?.revisions ?? [];
  if (copy && (loaded?.sequence === undefined || copy.sequence >= loaded.sequence)) {
    return { sequence: copy.sequence, state: copy.state, revisions, damage: [], fromCopy: copy };
  }
  if (!loaded || (loaded.state.revision === undefined && copy?.state.revision === undefined)) return undefined;
  const newest = [loaded.state.revision, copy?.state.revision]
    .filter(each => each !== undefined)
    .reduce((a, b) => (b.number > a.number ? b : a));
  const resolvedNames = new Map([...(copy?.state.resolvedNames ?? []), ...loaded.state.resolvedNames]);
  const { overrides, quarantines } = loaded.state;
  const state: StoredState = { revision: newest, overrides, quarantines, resolvedNames };
  return { sequence: loaded.sequence, state, revisions, damage: [] };
}

/** Writes a new database from what is good and puts it in the place of the old one, which is kept. */
function rebuild(files: StoreFiles, good: Loaded, options: MendOptions, aside: string | undefined): DatabaseSync {
  const next = `${files.database}.new`;
  for (const leftover of [next, `${next}-wal`]) rmSync(leftover, { force: true });
  const database = options.open(next);
  try {
    prepareSchema(database);
    const sequence = good.sequence ?? 0;
    const latest = good.state.revision;
    const history = good.revisions.filter(each => latest && each.number < latest.number);
    for (const revision of latest ? [...history, latest] : [])
      insertRevision(database, revision, options.keepRevisions, sequence);
    for (const override of good.state.overrides) upsertOverride(database, override, sequence);
    for (const quarantine of good.state.quarantines) upsertQuarantine(database, quarantine, sequence);
    changeNames(database, good.state.resolvedNames, sequence);
  } finally {
    database.close();
  }
  for (const suffix of ['-wal', '']) {
    const file = `${files.database}${suffix}`;
    if (aside && existsSync(file)) renameSync(file, `${aside}${suffix}`);
  }
  renameSync(next, files.database);
  syncDirectory(dirname(files.database));
  return options.open(files.database);
}
