import { messagesOf } from '../base/problem.ts';
import {
  type ListedRevision,
  type PublicationRecord,
  type Revision,
  type RevisionQuery,
  type Store,
  type StoreContents,
  type StoredDocument,
  sameDocuments,
} from '../store/store.ts';
import type { Builder, Line } from './builder.ts';
import type { Clock } from './clock.ts';
import type { DryRun, Preview, SubmitOptions, SubmitOutcome } from './control.ts';
import { filesOf } from './declared.ts';
import type { Editor } from './editor.ts';
import { isOver } from './expiries.ts';
import type { Pipeline, Read } from './pipeline.ts';
import type { PublicationLog } from './publication-log.ts';
import type { Previewed } from './rehearsal.ts';
import { digestOf, type Rebuilt, type RevisionControl, type Rollback, type RollbackOutcome } from './revisions.ts';
import type { Author } from './what.ts';
import type { Submission } from './writes.ts';

export interface RevisionKeeperOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  readonly builder: Builder;
  readonly log: PublicationLog;
  readonly inForce: () => Line | undefined;
  readonly frozen: () => boolean;
  /** Digest of the policy files as they were handed on last. */
  readonly files: () => string | undefined;
  readonly editor: Editor;
  /** What a whole policy would come to. */
  readonly rehearse: (read: Read, wanted: Previewed) => Preview;
  /** Lets the single writer do it. */
  readonly alone: <T>(act: () => T) => Promise<T>;
  /** Puts in force what the store has. */
  readonly reload: (author: Author, what: string) => SubmitOutcome;
}

/** The past, and the way back to it. */
export class RevisionKeeper implements RevisionControl {
  readonly #options: RevisionKeeperOptions;
  #refused:
    | { readonly digest: string; readonly files: readonly StoredDocument[]; readonly about: Submission['about'] }
    | undefined;

  constructor(options: RevisionKeeperOptions) {
    this.#options = options;
  }

  list(query: RevisionQuery): readonly ListedRevision[] {
    return this.#options.store.revisions(query);
  }

  get(number: number): Revision | undefined {
    return this.#options.store.revision(number);
  }

  get publications(): readonly PublicationRecord[] {
    return this.#options.log.records;
  }

  rebuilt({ documents, overrides }: Revision): Rebuilt {
    const { pipeline, builder, inForce } = this.#options;
    const made = builder.make(pipeline.read(documents), overrides, inForce()?.build);
    if (made.kind === 'built') return { snapshots: made.build.snapshots };
    return { why: messagesOf(made.problems) };
  }

  async rollback({
    to,
    overrides: both,
    by,
    reason = '',
    dryRun = false,
    ...options
  }: Rollback): Promise<RollbackOutcome> {
    const { store, clock, files, editor } = this.#options;
    const target = store.revision(to);
    if (!target) return this.#noRevision(to);
    const latest = store.latestRevision();
    const same = latest !== undefined && sameDocuments(latest.documents, target.documents);
    const waits = this.#options.frozen();
    if (same && !both && waits && !options.duringFreeze) {
      const why = `The policy of revision ${to} is accepted already, and waits for the end of the freeze.`;
      return { kind: 'refused', why, hint: '?duringFreeze=true (--during-freeze) publishes it, "switchyard thaw" all' };
    }
    if (same && !both && !waits) {
      const why = `The policy of revision ${to} is in force already.`;
      const others = JSON.stringify(target.overrides) !== JSON.stringify(store.overrides());
      const hint = 'its overrides are others: ?overrides=true goes back to these as well';
      return others ? { kind: 'refused', why, hint } : { kind: 'refused', why };
    }
    const held = files();
    const submission: Submission = {
      documents: target.documents,
      about: { author: by, source: 'api', reason },
      what: `rolled back to revision ${to}${both ? ', with its overrides' : ''}`,
      ...(both ? { overrides: target.overrides.filter(each => !isOver(each, clock.now())) } : {}),
      ...(held === undefined || held === digestOf(filesOf(target.documents)) ? {} : { heldFiles: held }),
      options,
    };
    return dryRun ? this.#rehearsed(await editor.previewWhole(submission), target) : editor.submitWhole(submission);
  }

  /** Remembers a save that may be taken all the same. @returns how it is named; undefined: it is no save. */
  refused({ files, about }: Submission): string | undefined {
    if (!files) return undefined;
    const digest = digestOf(files);
    this.#refused = { digest, files, about };
    return digest;
  }

  async accept(
    digest: string,
    { by, reason = '' }: Author,
    { dryRun = false, ...options }: SubmitOptions & DryRun,
  ): Promise<RollbackOutcome> {
    const { editor, store } = this.#options;
    const refused = this.#refused;
    if (refused?.digest !== digest) {
      return { kind: 'notFound', what: `No save with the digest "${digest}" waits to be accepted.` };
    }
    const latest = store.latestRevision();
    if (dryRun) {
      if (!latest) return { kind: 'rejected', problems: [] };
      return this.#rehearsed(await editor.previewFiles(refused.files, options), latest);
    }
    const about = { ...refused.about, author: by, reason };
    return editor.submitFiles(refused.files, about, { ...options, allowShrink: true });
  }

  pin(number: number, pin: Author | undefined): boolean {
    const { store, clock } = this.#options;
    return store.pin(number, pin && { ...pin, at: clock.now() });
  }

  contents(): StoreContents {
    this.#options.log.flush();
    return this.#options.store.contents();
  }

  restore(contents: StoreContents, author: Author, { dryRun = false }: DryRun = {}): Promise<SubmitOutcome> {
    const { store, clock, files, pipeline, rehearse, reload, alone } = this.#options;
    return alone(() => {
      const revisions = [...contents.revisions];
      const newest = revisions.findLast(each => each.kind === 'declared');
      const preview = newest && rehearse(pipeline.read(newest.documents), restored(newest, contents));
      if (preview?.kind === 'rejected') return preview;
      if (dryRun) return preview ? this.#rehearsed(preview, newest) : { kind: 'rejected', problems: [] };
      store.restore({ ...contents, revisions });
      const what = 'a backup was restored';
      const documents = store.latestRevision()?.documents ?? [];
      const held = files();
      store.acceptRevision({
        at: clock.now(),
        author: author.by,
        source: 'api',
        reason: author.reason ?? '',
        what,
        documents,
        overrides: contents.overrides,
        ...(held === undefined || held === digestOf(filesOf(documents)) ? {} : { heldFiles: held }),
      });
      return reload(author, what);
    });
  }

  /** The outcome of a dry run, with the revision in force. */
  #rehearsed(preview: Preview, otherwise: Revision): SubmitOutcome {
    if (preview.kind === 'rejected') return preview;
    const { effect, warnings, plan } = preview;
    const revision = this.#options.store.latestRevision() ?? otherwise;
    return { kind: 'accepted', revision, effect, warnings, plan };
  }

  #noRevision(number: number): RollbackOutcome {
    const { store } = this.#options;
    const last = store.lastNumber();
    const hint = number > last ? `the newest is ${last}` : '"switchyard history" lists those that are kept';
    return { kind: 'notFound', what: `There is no revision ${number}.`, hint };
  }
}

const restored = ({ documents }: Revision, { overrides, quarantines }: StoreContents): Previewed => {
  return { documents, overrides, quarantines, options: {} };
};
