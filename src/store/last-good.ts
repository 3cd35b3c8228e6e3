import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { StoredState } from './memory.ts';
import { asFreeze, asOverride, asQuarantine, asRevision, checksum } from './record.ts';
import { replaceFile } from './replace-file.ts';
import { identityOf } from './same-file.ts';
import type { Revision, StoredDocument } from './store.ts';

/**
 * The copy that outlives the database: what is in force, in files beside it, each replaced as a whole.
 * `last-good-policy.json` holds a revision. Where a later one has most of its documents, `last-good-changes.json` holds
 * what that has otherwise, so that a change of a large policy does not write all of it. `last-good.json` holds overrides
 * and resolved names and is written after every write. The first line of each is the checksum of the rest.
 */

export const lastGoodFiles = ['last-good.json', 'last-good-policy.json', 'last-good-changes.json'] as const;

const Policy = z.object({
  format: z.literal(1),
  sequence: z.int().min(0),
  revision: z.unknown().transform(asRevision),
});

/** A later revision, each document of it by its place in the other or, where it is not there, as a whole. */
const Changes = z.object({
  format: z.literal(1),
  sequence: z.int().min(0),
  /** Checksum of the policy file that it builds upon. */
  upon: z.string(),
  revision: z.looseObject({ documents: z.array(z.union([z.int().min(0), z.unknown()])) }),
});

const State = z.object({
  format: z.literal(1),
  sequence: z.int().min(0),
  at: z.number(),
  /** The latest one's number; 0 before the first. */
  revision: z.int().min(0),
  /** That of the newest revision of either kind. */
  last: z.int().min(0).optional(),
  overrides: z.array(z.unknown().transform(asOverride)),
  quarantines: z.array(z.unknown().transform(asQuarantine)).default([]),
  resolvedNames: z.record(z.string(), z.array(z.string()).min(1)),
  freeze: z.unknown().transform(asFreeze).optional(),
});

const noState = { format: 1, sequence: 0, revision: 0, overrides: [], resolvedNames: {} };

/** What is in force, and how many writes of the store have led to it. */
export interface LastGood {
  /** Counts the writes of the store; tells whether the copy is as new as the database. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly state: StoredState;
}

/** So many times smaller than the policy file is that of the changes at most: then all is written anew. */
const smaller = 8;

/** The policy file, as it was written last. */
interface Base {
  readonly checksum: string;
  readonly length: number;
  /** Tells it from any other that is put in its place. */
  readonly file: string | undefined;
  /** Place of each document in it. */
  readonly places: ReadonlyMap<StoredDocument, number>;
}

/** The copy in a data directory. */
export class LastGoodCopy {
  readonly stateFile: string;
  readonly policyFile: string;
  readonly changesFile: string;
  #base: Base | undefined;
  #written: Revision | undefined;

  constructor(directory: string) {
    const [stateFile, policyFile, changesFile] = lastGoodFiles;
    this.stateFile = join(directory, stateFile);
    this.policyFile = join(directory, policyFile);
    this.changesFile = join(directory, changesFile);
  }

  /** Durable, and atomic per file. @throws Error of the file system; the copy of before is then still there. */
  write({ sequence, at, state: { revision, last, overrides, quarantines, resolvedNames, freeze } }: LastGood): void {
    // First, so that the other never names a revision that is not there.
    if (revision && revision !== this.#written) {
      // Whoever is killed before the first state is written leaves one that says nothing, rather than none.
      if (!existsSync(this.stateFile) && !existsSync(this.policyFile)) writeSealed(this.stateFile, { ...noState, at });
      this.#writeRevision(sequence, revision);
    }
    const names = Object.fromEntries(resolvedNames);
    const number = revision?.number ?? 0;
    const state = { last, overrides, quarantines, resolvedNames: names, freeze };
    writeSealed(this.stateFile, { format: 1, sequence, at, revision: number, ...state });
  }

  #writeRevision(sequence: number, revision: Revision): void {
    // Changes of a file that somebody has taken away would be of no use to anybody.
    const base = this.#base?.file === identityOf(this.policyFile) ? this.#base : undefined;
    const upon = base && changesUpon(base, revision);
    if (upon) writeSealed(this.changesFile, { format: 1, sequence, ...upon });
    else {
      this.#base = undefined;
      const sealed = writeSealed(this.policyFile, { format: 1, sequence, revision });
      rmSync(this.changesFile, { force: true });
      const file = identityOf(this.policyFile);
      this.#base = { ...sealed, file, places: new Map(revision.documents.map((each, at) => [each, at])) };
    }
    this.#written = revision;
  }

  /** @returns undefined when there is none; `damaged` when there is one that cannot be trusted. */
  read(): LastGood | 'damaged' | undefined {
    const [policyText, stateText] = [readSealed(this.policyFile), readSealed(this.stateFile)];
    const changesText = readSealed(this.changesFile);
    if (policyText === undefined && stateText === undefined) return changesText === undefined ? undefined : 'damaged';
    if (policyText === 'damaged' || stateText === 'damaged' || stateText === undefined) return 'damaged';
    try {
      const state = State.parse(JSON.parse(stateText.text));
      // Without changes that the state is of, its revision is not there.
      const policy = policyText && newestOf(policyText, changesText === 'damaged' ? undefined : changesText);
      const number = policy?.revision.number ?? 0;
      // A state names the revision that was there when it was written. After a restored backup that may be a lower one.
      const other = state.sequence >= (policy?.sequence ?? 0) ? state.revision !== number : state.revision > number;
      if (other) return 'damaged';
      return {
        sequence: Math.max(state.sequence, policy?.sequence ?? 0),
        at: state.at,
        state: {
          revision: policy?.revision,
          last: Math.max(state.last ?? 0, policy?.revision.number ?? 0),
          overrides: state.overrides,
          quarantines: state.quarantines,
          resolvedNames: new Map(Object.entries(state.resolvedNames)),
          ...(state.freeze ? { freeze: state.freeze } : {}),
        },
      };
    } catch {
      return 'damaged';
    }
  }
}

/** A revision as changes of another; undefined where they would be long. */
function changesUpon({ checksum: upon, length, places }: Base, { documents, ...about }: Revision) {
  const listed = documents.map(each => places.get(each) ?? each);
  const fresh = listed.reduce<number>((sum, each) => sum + (typeof each === 'number' ? 0 : each.text.length), 0);
  return fresh * smaller > length ? undefined : { upon, revision: { ...about, documents: listed } };
}

/** What the two files come to. Changes of another policy file are of before it was written. @throws Error */
function newestOf(policyText: Sealed, changesText: Sealed | undefined): z.output<typeof Policy> {
  const policy = Policy.parse(JSON.parse(policyText.text));
  const changes = changesText && Changes.parse(JSON.parse(changesText.text));
  if (changes?.upon !== policyText.checksum) return policy;
  const { documents } = policy.revision;
  const listed = changes.revision.documents.map(each => (typeof each === 'number' ? documents[each] : each));
  return { ...policy, sequence: changes.sequence, revision: asRevision({ ...changes.revision, documents: listed }) };
}

interface Sealed {
  readonly text: string;
  readonly checksum: string;
}

function writeSealed(path: string, value: unknown): { readonly checksum: string; readonly length: number } {
  const text = JSON.stringify(value);
  const sum = checksum('last-good', text);
  replaceFile(path, `${sum}\n${text}\n`);
  return { checksum: sum, length: text.length };
}

function readSealed(path: string): Sealed | 'damaged' | undefined {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const end = content.indexOf('\n');
  const text = content.slice(end + 1, -1);
  const sum = checksum('last-good', text);
  return content.slice(0, Math.max(end, 0)) === sum ? { text, checksum: sum } : 'damaged';
}
