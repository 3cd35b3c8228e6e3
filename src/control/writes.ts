import type { Override } from '../policy/operational-state.ts';
import type { Revision, StoredDocument } from '../store/store.ts';
import type { ComputedChange, ComputedOutcome } from './computed.ts';
import type { OverrideOutcome, QuarantineChange, QuarantineOutcome, SubmitOptions, SubmitOutcome } from './control.ts';
import type { Decision, Situation } from './decide.ts';
import type { Subject } from './effect.ts';
import type { Read } from './pipeline.ts';
import type { Author } from './what.ts';
import type { Write } from './write-queue.ts';

/** A whole declared policy. */
export interface SubmitWrite extends Write {
  readonly kind: 'submit';
  readonly documents: readonly StoredDocument[];
  readonly about: Pick<Revision, 'author' | 'source' | 'reason'>;
  readonly read: Read;
  /** Of a save: what the policy files declare. */
  readonly files?: readonly StoredDocument[];
  /** In place of all overrides; absent: they stay. */
  readonly overrides?: readonly Override[];
  /** In one line; absent: what is other than before. */
  readonly what?: string;
  /** Digest of policy files that this is to be proof against. */
  readonly heldFiles?: string;
  /** The same change upon other documents, or why it cannot be made there. Absent: it is about the whole policy. */
  readonly upon?: (documents: readonly StoredDocument[]) => readonly StoredDocument[] | string;
  readonly options: SubmitOptions;
  readonly done: (outcome: SubmitOutcome) => void;
}

/** A whole policy for the single writer. */
export type Submission = Pick<
  SubmitWrite,
  'documents' | 'about' | 'files' | 'overrides' | 'what' | 'heldFiles' | 'upon' | 'options'
>;

/** A change of operational state. */
export interface OverrideWrite extends Write {
  readonly kind: 'override';
  readonly subject: Subject;
  /** Of an end; what is put says itself who did it. */
  readonly author: Author;
  readonly duringFreeze: boolean;
  readonly decide: (situation: Situation) => Decision;
  readonly done: (outcome: OverrideOutcome) => void;
}

/** A quarantine begins, or is ended by hand. */
export interface QuarantineWrite extends Write {
  readonly kind: 'quarantine';
  readonly change: QuarantineChange;
  readonly done: (outcome: QuarantineOutcome) => void;
}

/** The addresses of a name have changed. */
export interface RefreshWrite extends Write {
  readonly kind: 'refresh';
}

/** Computed weights come or go. */
export interface ComputedWrite extends Write {
  readonly kind: 'computed';
  readonly change: ComputedChange;
  readonly done: (outcome: ComputedOutcome) => void;
}

/** Something that nothing else may happen beside. What it throws is passed to `drop`. */
export interface TaskWrite extends Write {
  readonly kind: 'task';
  readonly run: () => void;
}

export type ControllerWrite = TaskWrite | SubmitWrite | OverrideWrite | QuarantineWrite | RefreshWrite | ComputedWrite;
