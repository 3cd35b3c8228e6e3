import { type StoredDocument, sameDocuments } from '../store/store.ts';
import type { Preview, SubmitOptions, SubmitOutcome } from './control.ts';
import { declaredIn, joined } from './declared.ts';
import type { EditAbout, EditOutcome } from './edit.ts';
import { decideEdits, type Edit, editsUpon } from './edits.ts';
import type { Read } from './pipeline.ts';
import type { Reading } from './reading.ts';
import type { Previewed } from './rehearsal.ts';
import type { Submission } from './writes.ts';

export interface EditorOptions {
  readonly reading: Reading;
  /** The declared policy as it was accepted last; empty before the first. */
  readonly documents: () => readonly StoredDocument[];
  readonly submit: (submission: Submission) => Promise<SubmitOutcome>;
  readonly preview: (read: Read, wanted: Previewed) => Preview;
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
    const upon = (others: readonly StoredDocument[]) => joined(others, files);
    return this.#inTurn(() => submit({ documents: upon(documents()), files, about, upon, options }));
  }

  /** A whole policy, in its turn. */
  submitWhole(submission: Submission): Promise<SubmitOutcome> {
    return this.#inTurn(() => this.#options.submit(submission));
  }

  /** What that would come to. */
  previewWhole(wanted: Previewed): Promise<Preview> {
    return this.#inTurn(() => this.#preview(wanted));
  }

  previewFiles(files: readonly StoredDocument[], options: SubmitOptions = {}): Promise<Preview> {
    const upon = (others: readonly StoredDocument[]) => joined(others, files);
    return this.#preview({ documents: upon(this.#options.documents()), upon, options });
  }

  edit(edits: readonly Edit[], { by, reason = '', dryRun = false, ...given }: EditAbout): Promise<EditOutcome> {
    const { takeOver = false, allowShrink = false, duringFreeze = false } = given;
    const options = { allowShrink, duringFreeze };
    const upon = (others: readonly StoredDocument[]) => editsUpon(others, edits);
    return this.#inTurn(async () => {
      const before = this.#options.documents();
      const decision = decideEdits(before, edits, { takeOver });
      if (decision.kind === 'refused') return decision;
      const next = decision.documents;
      const declared = declaredIn(next);
      const changed = !sameDocuments(before, next);
      if (dryRun) {
        const outcome = await this.#preview({ documents: next, upon, options });
        if (outcome.kind === 'rejected') return outcome;
        const { effect, warnings, plan } = outcome;
        return { kind: 'done', changed, declared, revision: undefined, effect, warnings, plan };
      }
      const about = { author: by, source: 'api', reason } as const;
      const outcome = await this.#options.submit({ documents: next, about, upon, options });
      if (outcome.kind === 'rejected') return outcome;
      const { revision, effect, warnings } = outcome;
      return { kind: 'done', changed, declared, revision, effect, warnings };
    });
  }

  #preview(wanted: Previewed): Promise<Preview> {
    return this.#options.reading.read(wanted.documents, read => this.#options.preview(read, wanted));
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const outcome = this.#last.then(act);
    this.#last = outcome.catch(() => {});
    return outcome;
  }
}
