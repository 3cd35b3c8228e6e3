import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type Loaded, load, type OpenDatabase, putAnswers, readRevision, replaceAll } from './database.ts';
import type { LastGood, LastGoodCopy } from './last-good.ts';
import type { StoredState } from './memory.ts';
import { syncDirectory } from './replace-file.ts';
import { infoOf } from './revision-index.ts';
import { prepareSchema } from './schema.ts';
import { type Revision, StoreError } from './store.ts';
import { kindOf, messageOf } from './store-failure.ts';

export interface StoreFiles {
  readonly database: string;
  readonly copy: LastGoodCopy;
}

export interface MendOptions {
  readonly open: OpenDatabase;
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
  const old = opened && 'database' in opened ? opened.database : undefined;
  if (opened && 'loaded' in opened && damage.length === 0) return opened;
  const aside = present ? `${files.database}.damaged-${options.now()}` : undefined;
  let good: Salvaged | undefined;
  try {
    good = salvage(loaded, copy);
    if (!good) {
      throw new StoreError(
        'damaged',
        `${files.database} is damaged (${damage.join('; ')}) and there is no good copy of it. Put the data directory ` +
          'back from a backup, or, to begin anew from the policy files without overrides and history, move it away',
      );
    }
    writeNew(files, good, options, old);
  } finally {
    old?.close();
  }
  const database = putInPlace(files, options, aside);
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
    return { database, loaded: load(database) };
  } catch (error) {
    database?.close();
    if (error instanceof StoreError || kindOf(error) !== 'damaged') throw error;
    return { error };
  }
}

type Salvaged = Loaded & { readonly fromCopy?: LastGood };

/** The newest state that can be trusted. @returns undefined when there is none. */
function salvage(loaded: Loaded | undefined, copy: LastGood | undefined): Salvaged | undefined {
  const { revisions = [], pins = new Map(), publications = [], answers = [] } = loaded ?? {};
  const past = { pins, publications, answers, damage: [] };
  if (copy && (loaded?.sequence === undefined || copy.sequence >= loaded.sequence)) {
    const last = Math.max(copy.state.last, loaded?.state.last ?? 0);
    const all = withLatest(revisions, copy.state.revision);
    return { ...past, sequence: copy.sequence, state: { ...copy.state, last }, revisions: all, fromCopy: copy };
  }
  if (!loaded || (loaded.state.revision === undefined && copy?.state.revision === undefined)) return undefined;
  const newest = [loaded.state.revision, copy?.state.revision]
    .filter(each => each !== undefined)
    .reduce((a, b) => (b.number > a.number ? b : a));
  const resolvedNames = new Map([...(copy?.state.resolvedNames ?? []), ...loaded.state.resolvedNames]);
  const state: StoredState = { ...loaded.state, revision: newest, resolvedNames };
  return { ...past, sequence: loaded.sequence, state, revisions: withLatest(revisions, newest) };
}

/** The history that leads to what is in force: no declared change is newer than that. */
function withLatest(revisions: Loaded['revisions'], latest: Revision | undefined): Loaded['revisions'] {
  if (!latest) return [];
  const others = revisions.filter(
    ({ number, kind }) => number !== latest.number && (kind === 'operational' || number < latest.number),
  );
  return [...others, infoOf(latest)].sort((a, b) => a.number - b.number);
}

/** Writes a new database from what is good, beside the old one. */
function writeNew(files: StoreFiles, good: Loaded, options: MendOptions, old: DatabaseSync | undefined): void {
  const next = `${files.database}.new`;
  for (const leftover of [next, `${next}-wal`]) rmSync(leftover, { force: true });
  const database = options.open(next);
  try {
    prepareSchema(database);
    const { revision: latest, ...state } = good.state;
    const revisions = good.revisions.flatMap(({ number }) => {
      return (number === latest?.number ? latest : old && readRevision(old, number)) ?? [];
    });
    const pins = new Map([...good.pins].filter(([number]) => good.revisions.some(each => each.number === number)));
    const contents = { ...state, revisions, pins, publications: good.publications };
    replaceAll(database, contents, good.sequence ?? 0);
    putAnswers(database, good.answers, []);
  } finally {
    database.close();
  }
}

/** Puts the new database in the place of the old one, which is kept. */
function putInPlace(files: StoreFiles, options: MendOptions, aside: string | undefined): DatabaseSync {
  for (const suffix of ['-wal', '']) {
    const file = `${files.database}${suffix}`;
    if (aside && existsSync(file)) renameSync(file, `${aside}${suffix}`);
  }
  renameSync(`${files.database}.new`, files.database);
  syncDirectory(dirname(files.database));
  return options.open(files.database);
}
