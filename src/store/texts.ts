import type { DatabaseSync } from 'node:sqlite';
import { memo1 } from '../base/memo.ts';
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
  const { runs, texts, chunks } = documentsApart(revision.documents);
  const overrides = revision.overrides.map(each => JSON.stringify(each));
  const hashes = overrides.map(textHash);
  const all =
    hashes.length === 0
      ? texts
      : new Map([...texts, ...hashes.map((hash, at) => [hash, overrides[at] ?? ''] as const)]);
  return { record: { ...infoOf(revision), chunks: runs, overrides: hashes }, texts: all, chunks };
}

/** Those of documents alone. Revisions of overrides have the documents of the declared one before them. */
export const documentsApart = memo1((documents: readonly StoredDocument[]) => {
  const texts = new Map(documents.map(each => [hashOf(each), each.text]));
  const chunks = new Map<string, readonly string[]>();
  const runs = inRuns(documents).map(run => {
    const text = JSON.stringify(run.map(each => [each.file, each.format, hashOf(each)]));
    const hash = textHash(text);
    texts.set(hash, text);
    chunks.set(hash, run.map(hashOf));
    return hash;
  });
  return { runs, texts, chunks };
});

const hashOf = memo1(({ text }: StoredDocument): string => textHash(text));

/** Cut where the name of the file says so: a document more or less then changes one run, not all that follow. */
function inRuns(documents: readonly StoredDocument[]): readonly (readonly StoredDocument[])[] {
  const runs: StoredDocument[][] = [];
  let open: StoredDocument[] | undefined;
  for (const document of documents) {
    if (open) open.push(document);
    else {
      open = [document];
      runs.push(open);
    }
    if (endsRun(document) || open.length >= longestChunk) open = undefined;
  }
  return runs;
}

const endsRun = memo1(({ file }: StoredDocument): boolean => Number.parseInt(textHash(file).slice(0, 2), 16) < 4);

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

/** Stores what of it is not there yet. Within a transaction of the caller. @param known what is there for certain */
export function insertTexts(
  database: DatabaseSync,
  { record, texts, chunks }: TakenApart,
  known?: ReturnType<typeof documentsApart>,
): void {
  const put = database.prepare('INSERT OR IGNORE INTO texts (hash, text) VALUES (?, ?)');
  const use = database.prepare('INSERT OR IGNORE INTO uses (holder, hash) VALUES (?, ?)');
  for (const [hash, text] of texts) if (!known?.texts.has(hash)) put.run(hash, text);
  for (const [chunk, hashes] of chunks) {
    if (!known?.chunks.has(chunk)) for (const hash of hashes) use.run(chunk, hash);
  }
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
