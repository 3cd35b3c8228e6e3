import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { StoredState } from './memory.ts';
import { asFreeze, asOverride, asQuarantine, asRevision, checksum } from './record.ts';
import { replaceFile } from './replace-file.ts';
import type { Revision } from './store.ts';

/**
 * The copy that outlives the database: what is in force, in two files beside it, each replaced as a whole.
 * `last-good-policy.json` holds the latest revision and is written when there is a new one; `last-good.json` holds
 * overrides and resolved names and is written after every write. The first line of each is the checksum of the rest.
 */

const Policy = z.object({
  format: z.literal(1),
  sequence: z.int().min(0),
  revision: z.unknown().transform(asRevision),
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

/** What is in force, and how many writes of the store have led to it. */
export interface LastGood {
  /** Counts the writes of the store; tells whether the copy is as new as the database. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly state: StoredState;
}

/** The copy in a data directory. */
export class LastGoodCopy {
  readonly stateFile: string;
  readonly policyFile: string;
  #written: Revision | undefined;

  constructor(directory: string) {
    this.stateFile = join(directory, 'last-good.json');
    this.policyFile = join(directory, 'last-good-policy.json');
  }

  /** Durable, and atomic per file. @throws Error of the file system; the copy of before is then still there. */
  write({ sequence, at, state: { revision, last, overrides, quarantines, resolvedNames, freeze } }: LastGood): void {
    if (revision && revision !== this.#written) {
      // First, so that the other never names a revision that is not there.
      writeSealed(this.policyFile, { format: 1, sequence, revision });
      this.#written = revision;
    }
    const names = Object.fromEntries(resolvedNames);
    const number = revision?.number ?? 0;
    const state = { last, overrides, quarantines, resolvedNames: names, freeze };
    writeSealed(this.stateFile, { format: 1, sequence, at, revision: number, ...state });
  }

  /** @returns undefined when there is none; `damaged` when there is one that cannot be trusted. */
  read(): LastGood | 'damaged' | undefined {
    const [policyText, stateText] = [readSealed(this.policyFile), readSealed(this.stateFile)];
    if (policyText === undefined && stateText === undefined) return undefined;
    if (policyText === 'damaged' || stateText === 'damaged' || stateText === undefined) return 'damaged';
    try {
      const state = State.parse(JSON.parse(stateText.text));
      const policy = policyText && Policy.parse(JSON.parse(policyText.text));
      if (state.revision > (policy?.revision.number ?? 0)) return 'damaged';
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

function writeSealed(path: string, value: unknown): void {
  const text = JSON.stringify(value);
  replaceFile(path, `${checksum('last-good', text)}\n${text}\n`);
}

function readSealed(path: string): { readonly text: string } | 'damaged' | undefined {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const end = content.indexOf('\n');
  const text = content.slice(end + 1, -1);
  return content.slice(0, Math.max(end, 0)) === checksum('last-good', text) ? { text } : 'damaged';
}
