import type { Revision, StoredDocument } from '../store/store.ts';
import type { ComputedChange, ComputedOutcome } from './computed.ts';
import type { OverrideOutcome, QuarantineChange, QuarantineOutcome, SubmitOutcome } from './control.ts';
import type { Decision, Situation } from './decide.ts';
import type { Subject } from './effect.ts';
import type { Read } from './pipeline.ts';
import type { Write } from './write-queue.ts';

/** A whole declared policy. */
export interface SubmitWrite extends Write {
  readonly kind: 'submit';
  readonly documents: readonly StoredDocument[];
  readonly about: Pick<Revision, 'author' | 'source' | 'reason'>;
  readonly read: Read;
  readonly done: (outcome: SubmitOutcome) => void;
}

/** A change of operational state. */
export interface OverrideWrite extends Write {
  readonly kind: 'override';
  readonly subject: Subject;
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

export type ControllerWrite = SubmitWrite | OverrideWrite | QuarantineWrite | RefreshWrite | ComputedWrite;
