import { type StoredDocument, sameDocuments } from '../store/store.ts';
import type { Accepted, Preview, SubmitOptions, SubmitOutcome } from './control.ts';
import { declaredIn, joined } from './declared.ts';
import type { EditAbout, EditOutcome } from './edit.ts';
import { decideEdits, type Edit } from './edits.ts';
import { effectOf } from './effect.ts';
import type { Build, BuildOutcome, Read } from './pipeline.ts';
import type { Reading } from './reading.ts';
import type { Submission } from './writes.ts';

export interface EditorOptions {
  readonly reading: Reading;
  /** The declared policy as it was accepted last; empty before the first. */
  readonly documents: () => readonly StoredDocument[];
  readonly submit: (submission: Submission) => Promise<SubmitOutcome>;
  readonly preview: (read: Read) => Preview;
}

/** What a policy that was read and built would come to. */
export function previewOf(
  read: Read,
  outcome: BuildOutcome,
  before: Build | undefined,
  accepted: Accepted | undefined,
): Preview {
  if (outcome.kind === 'failed') return { kind: 'rejected', problems: outcome.problems };
  const { build } = outcome;
  const warnings = [...read.problems, ...build.problems];
  const { fleets, snapshots } = build;
  const plan = { before, after: build, warnings: { before: accepted?.warnings ?? [], after: warnings } };
  return { kind: 'acceptable', fleets, snapshots, effect: effectOf(before, build, () => true), warnings, plan };
}

/**
 * Changes of parts of the declared policy, by those whom they belong to: each leaves what belongs to others as it is when
 * its turn comes, so that no two lose each other's changes.
 */
export class Editor {
  readonly #options: EditorOptions;
  /** Policies are read and looked up one after the other, so that a slow one is not overtaken and then wins (P16). */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: EditorOptions) {
    this.#options = options;
  }

  /** What the policy files declare now. */
  submitFiles(
    files: readonly StoredDocument[],
    about: Submission['about'],
    options: SubmitOptions = {},
  ): Promise<SubmitOutcome> {
    const { documents, submit } = this.#options;
    return this.#inTurn(() => submit({ documents: joined(documents(), files), files, about, options }));
  }

  /** A whole policy, in its turn. */
  submitWhole(submission: Submission): Promise<SubmitOutcome> {
    return this.#inTurn(() => this.#options.submit(submission));
  }

  previewFiles(files: readonly StoredDocument[]): Promise<Preview> {
    return this.#preview(joined(this.#options.documents(), files));
  }

  edit(edits: readonly Edit[], { by, reason = '', dryRun = false, ...options }: EditAbout): Promise<EditOutcome> {
    return this.#inTurn(async () => {
      const before = this.#options.documents();
      const decision = decideEdits(before, edits, options);
      if (decision.kind === 'refused') return decision;
      const next = decision.documents;
      const declared = declaredIn(next);
      const changed = !sameDocuments(before, next);
      if (dryRun) {
        const outcome = await this.#preview(next);
        if (outcome.kind === 'rejected') return outcome;
        const { effect, warnings, plan } = outcome;
        return { kind: 'done', changed, declared, revision: undefined, effect, warnings, plan };
      }
      const { allowShrink = false, duringFreeze = false } = options;
      const about = { author: by, source: 'api', reason } as const;
      const outcome = await this.#options.submit({ documents: next, about, options: { allowShrink, duringFreeze } });
      if (outcome.kind === 'rejected') return outcome;
      const { revision, effect, warnings } = outcome;
      return { kind: 'done', changed, declared, revision, effect, warnings };
    });
  }

  #preview(documents: readonly StoredDocument[]): Promise<Preview> {
    return this.#options.reading.read(documents, this.#options.preview);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const outcome = this.#last.then(act);
    this.#last = outcome.catch(() => {});
    return outcome;
  }
}
