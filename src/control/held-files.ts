import { nextFiles, type Store, type StoredDocument } from '../store/store.ts';
import type { Line } from './builder.ts';
import type { Clock } from './clock.ts';
import { filesOf } from './declared.ts';
import { digestOf } from './revisions.ts';
import { byItself } from './what.ts';

/**
 * Whether policy files have no effect, since a rollback or a backup has put others in force and they have not changed.
 *
 * @returns what is in force then; undefined: they count.
 * @throws StoreError where it has to be written down which files these are, and cannot be.
 */
export function holdBack(
  line: Line | undefined,
  files: readonly StoredDocument[] | undefined,
  { store, clock }: { readonly store: Store; readonly clock: Clock },
): Line | undefined {
  const held = line?.revision.heldFiles;
  if (!line || !files || held === undefined) return undefined;
  const digest = digestOf(files);
  if (held === digest) return line;
  const { documents } = line.revision;
  if (held !== nextFiles || digest === digestOf(filesOf(documents))) return undefined;
  const what = 'policy files that say otherwise than the backup are held back';
  const revision = store.acceptRevision({ ...byItself(clock.now(), what), documents, heldFiles: digest });
  return { ...line, revision, number: store.lastNumber() };
}
