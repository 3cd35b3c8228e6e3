import { createHash } from 'node:crypto';
import { memo1 } from '../base/memo.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type {
  ListedRevision,
  PublicationRecord,
  Revision,
  RevisionQuery,
  StoreContents,
  StoredDocument,
} from '../store/store.ts';
import type { DryRun, SubmitOptions, SubmitOutcome } from './control.ts';
import type { Author } from './what.ts';

/** Back to the declared policy of a revision. */
export interface Rollback extends Author, SubmitOptions, DryRun {
  readonly to: number;
  /** To its overrides as well; those whose time is up since then aside. */
  readonly overrides: boolean;
}

export type RollbackOutcome =
  | Exclude<SubmitOutcome, { readonly kind: 'rejected' }>
  | { readonly kind: 'rejected'; readonly problems: Extract<SubmitOutcome, { kind: 'rejected' }>['problems'] }
  | { readonly kind: 'notFound'; readonly what: string; readonly hint?: string }
  /** It would change nothing. */
  | { readonly kind: 'refused'; readonly why: string; readonly hint?: string };

/** What the documents and overrides of a revision come to, with the names and quarantines of now. */
export type Rebuilt = { readonly snapshots: ReadonlyMap<string, Snapshot> } | { readonly why: string };

/** The past: what was accepted and what was sent when, and the way back. */
export interface RevisionControl {
  list(query: RevisionQuery): readonly ListedRevision[];
  get(number: number): Revision | undefined;
  /** What fleets were sent when; oldest first. */
  readonly publications: readonly PublicationRecord[];
  rebuilt(revision: Revision): Rebuilt;
  /** Itself a revision. Policy files that say otherwise have no effect until they change. */
  rollback(wanted: Rollback): Promise<RollbackOutcome>;
  /** Takes the save that was refused for what services would lose. @param digest of its documents. */
  accept(digest: string, author: Author, options: SubmitOptions & DryRun): Promise<RollbackOutcome>;
  /** @returns whether there is such a revision. @throws StoreError */
  pin(number: number, pin: Author | undefined): boolean;
  contents(): StoreContents;
  /** Puts a backup in place of everything, and in force. */
  restore(contents: StoreContents, author: Author, options?: DryRun): Promise<SubmitOutcome>;
}

/** Names a set of documents by its content. */
export const digestOf = memo1((documents: readonly StoredDocument[]): string => {
  const hash = createHash('sha256');
  for (const { file, format, text } of documents) hash.update(JSON.stringify([file, format, text]));
  return hash.digest('hex').slice(0, 16);
});

/** The newest publication of a fleet that was not after an instant, and what it held since. Undefined: nothing is known. */
export function publicationAt(
  records: readonly PublicationRecord[],
  fleet: string,
  at: number,
): PublicationRecord | undefined {
  return records.findLast(each => each.at <= at && Object.hasOwn(each.fleets, fleet));
}
