import type { DatabaseSync } from 'node:sqlite';
import type { Override } from '../policy/operational-state.ts';
import { parseChunk, parseOverride, type RevisionRecord, textHash } from './record.ts';
import { infoOf } from './revision-index.ts';
import type { Revision, StoredDocument } from './store.ts';

/**
 * Texts by their hash, each stored once, and who uses them: a revision uses chunks, lists of its documents, and the
 * texts of its overrides; a chunk uses the texts of its documents. What nobody uses any more is deleted.
 */

/** The texts that a revision is made of, and its record. */
export interface TakenApart {
  readonly record: RevisionRecord;
  /** Hash → text. */
  readonly texts: ReadonlyMap<string, string>;
  /** Hash of a chunk → hashes of the texts in it. */
  readonly chunks: ReadonlyMap<string, readonly string[]>;
}

const longestChunk = 256;

export function takeApart(revision: Revision): TakenApart {
  const texts = new Map<string, string>();
  const chunks = new Map<string, readonly string[]>();
  const put = (text: string): string => {
    const hash = textHash(text);
    texts.set(hash, text);
    return hash;
  };
  const entries = revision.documents.map(({ file, format, text }) => [file, format, put(text)] as const);
  const runs = inRuns(entries).map(run => {
    const hash = put(JSON.stringify(run));
    chunks.set(
      hash,
      run.map(([, , text]) => text),
    );
    return hash;
  });
  const overrides = revision.overrides.map(each => put(JSON.stringify(each)));
  return { record: { ...infoOf(revision), chunks: runs, overrides }, texts, chunks };
}

/** Cut where the name of the file says so: a document more or less then changes one run, not all that follow. */
function inRuns<E extends readonly [string, ...unknown[]]>(entries: readonly E[]): readonly (readonly E[])[] {
  const runs: E[][] = [];
  let open: E[] | undefined;
  for (const entry of entries) {
    if (open) open.push(entry);
    else {
      open = [entry];
      runs.push(open);
    }
    const ends = Number.parseInt(textHash(entry[0]).slice(0, 2), 16) < 4;
    if (ends || open.length >= longestChunk) open = undefined;
  }
  return runs;
}

/** What reading of a text costs is paid once. Throws where a text is missing or is not what was written. */
export class TextReader {
  readonly #read: (hash: string) => string | undefined;
  readonly #sound = new Set<string>();

  constructor(read: (hash: string) => string | undefined) {
    this.#read = read;
  }

  text(hash: string, what: string): string {
    const text = this.#read(hash);
    if (text === undefined) throw new Error(`${what} is missing`);
    if (!this.#sound.has(hash) && textHash(text) !== hash)
      throw new Error(`${what} does not have the text that was written`);
    this.#sound.add(hash);
    return text;
  }

  /** That all is there and sound, without keeping any of it. */
  check(record: RevisionRecord): void {
    for (const chunk of record.chunks) {
      if (this.#sound.has(`chunk ${chunk}`)) continue;
      for (const [file, , hash] of parseChunk(this.text(chunk, listName)))
        if (!this.#sound.has(hash)) this.text(hash, documentName(file));
      this.#sound.add(`chunk ${chunk}`);
    }
    for (const hash of record.overrides) if (!this.#sound.has(hash)) parseOverride(this.text(hash, overrideName));
  }

  putTogether({ chunks, overrides, ...info }: RevisionRecord): Revision {
    const documents: StoredDocument[] = chunks.flatMap(chunk =>
      parseChunk(this.text(chunk, listName)).map(([file, format, hash]) => {
        return { file, format, text: this.text(hash, documentName(file)) };
      }),
    );
    const over: Override[] = overrides.map(hash => parseOverride(this.text(hash, overrideName)));
    return { ...info, documents, overrides: over } as Revision;
  }
}

const listName = 'a list of its documents';
const overrideName = 'an override of it';
const documentName = (file: string): string => `its document ${file}`;

/** A reader of the texts in a database. */
export function textReader(database: DatabaseSync): TextReader {
  const statement = database.prepare('SELECT text FROM texts WHERE hash = ?');
  return new TextReader(hash => {
    const text = statement.get(hash)?.text;
    return typeof text === 'string' ? text : undefined;
  });
}

/** Stores what of it is not there yet. Within a transaction of the caller. */
export function insertTexts(database: DatabaseSync, { record, texts, chunks }: TakenApart): void {
  const put = database.prepare('INSERT OR IGNORE INTO texts (hash, text) VALUES (?, ?)');
  const use = database.prepare('INSERT OR IGNORE INTO uses (holder, hash) VALUES (?, ?)');
  for (const [hash, text] of texts) put.run(hash, text);
  for (const [chunk, hashes] of chunks) for (const hash of hashes) use.run(chunk, hash);
  for (const hash of [...record.chunks, ...record.overrides]) use.run(holderOf(record.number), hash);
}

/** Deletes what only this revision used. Within a transaction of the caller. */
export function releaseTexts(database: DatabaseSync, number: number): void {
  const used = database.prepare('SELECT hash FROM uses WHERE holder = ?');
  const leave = database.prepare('DELETE FROM uses WHERE holder = ?');
  const users = database.prepare('SELECT 1 FROM uses WHERE hash = ? LIMIT 1');
  const remove = database.prepare('DELETE FROM texts WHERE hash = ?');
  const release = (holder: string): void => {
    const hashes = used.all(holder).map(row => String(row.hash));
    leave.run(holder);
    for (const hash of hashes) {
      if (users.get(hash)) continue;
      release(hash);
      remove.run(hash);
    }
  };
  release(holderOf(number));
}

function holderOf(number: number): string {
  return `revision ${number}`;
}
