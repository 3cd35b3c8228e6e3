import { type StoredDocument, sameDocuments } from '../store/store.ts';
import type { Preview, SubmitOutcome } from './control.ts';
import { declaredIn, joined } from './declared.ts';
import type { EditAbout, EditOutcome } from './edit.ts';
import { decideEdits, type Edit } from './edits.ts';
import type { SubmitWrite } from './writes.ts';

export interface EditorOptions {
  /** The declared policy as it was accepted last; empty before the first. */
  readonly documents: () => readonly StoredDocument[];
  /** Does it when all that was asked for before is done. */
  readonly inTurn: <T>(act: () => Promise<T>) => Promise<T>;
  readonly submit: (documents: readonly StoredDocument[], about: SubmitWrite['about']) => Promise<SubmitOutcome>;
  readonly preview: (documents: readonly StoredDocument[]) => Promise<Preview>;
}

/**
 * Changes of parts of the declared policy, by those whom they belong to: each leaves what belongs to others as it is when
 * its turn comes, so that no two lose each other's changes.
 */
export class Editor {
  readonly #options: EditorOptions;

  constructor(options: EditorOptions) {
    this.#options = options;
  }

  /** What the policy files declare now. */
  submitFiles(files: readonly StoredDocument[], about: SubmitWrite['about']): Promise<SubmitOutcome> {
    const { documents, inTurn, submit } = this.#options;
    return inTurn(() => submit(joined(documents(), files), about));
  }

  previewFiles(files: readonly StoredDocument[]): Promise<Preview> {
    const { documents, preview } = this.#options;
    return preview(joined(documents(), files));
  }

  edit(edits: readonly Edit[], { by, reason = '', dryRun = false, ...options }: EditAbout): Promise<EditOutcome> {
    const { documents, inTurn, submit, preview } = this.#options;
    return inTurn(async () => {
      const before = documents();
      const decision = decideEdits(before, edits, options);
      if (decision.kind === 'refused') return decision;
      const next = decision.documents;
      const declared = declaredIn(next);
      const changed = !sameDocuments(before, next);
      if (dryRun) {
        const outcome = await preview(next);
        if (outcome.kind === 'rejected') return outcome;
        const { effect, warnings, plan } = outcome;
        return { kind: 'done', changed, declared, revision: undefined, effect, warnings, plan };
      }
      const outcome = await submit(next, { author: by, source: 'api', reason });
      if (outcome.kind === 'rejected') return outcome;
      const { revision, effect, warnings } = outcome;
      return { kind: 'done', changed, declared, revision, effect, warnings };
    });
  }
}
