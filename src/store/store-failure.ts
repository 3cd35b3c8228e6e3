import { StoreError } from './store.ts';

/** A failure of SQLite or of the file system in the words of an operator. `what` begins the sentence. */
export function storeFailure(what: string, cause: unknown): StoreError {
  const kind = kindOf(cause);
  const remedy = cause instanceof StoreError ? undefined : remedies[kind];
  const why = kind === 'full' ? remedies.full : `${messageOf(cause)}${remedy === undefined ? '' : `; ${remedy}`}`;
  return new StoreError(kind, `${what}: ${why}`, { cause });
}

const remedies: Readonly<Partial<Record<StoreError['kind'], string>> & { readonly full: string }> = {
  damaged: 'start the server anew: it makes a new database from what is whole and from the copy beside it',
  full: 'the disk is full; free some space, and it goes on by itself',
  io: 'may this user write there, is the disk read-only, or does it fail?',
};

/** By SQLite's primary result codes and the file system's. */
export function kindOf(error: unknown): StoreError['kind'] {
  if (error instanceof StoreError) return error.kind;
  const { errcode, code } = (error ?? {}) as { readonly errcode?: number; readonly code?: string };
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'full';
  switch (errcode === undefined ? undefined : errcode & 0xff) {
    case 5:
    case 6:
      return 'locked';
    // No such table or column: the statements are always the same, so it is the tables that are not.
    case 1:
    case 11:
    case 26:
      return 'damaged';
    case 13:
      return 'full';
    default:
      return 'io';
  }
}

/** What SQLite says where it could not look: short of memory, of open files, or of a disk that answers. */
const notLooked = new Set([7, 10, 14]);
/** Of the failures to read, those that are of what was read: a file that ends too soon, and file systems that say so. */
const ofContent = new Set([522, 8202, 8458]);

/**
 * A failure that says nothing of what is there: neither that it is sound nor that it is damaged.
 *
 * @returns the error to refuse with; undefined where it is damage, or another failure
 */
export function unreadable(error: unknown): StoreError | undefined {
  if (error instanceof StoreError && error.kind === 'io') return error;
  const { errcode } = (error ?? {}) as { readonly errcode?: number };
  if (errcode === undefined || ofContent.has(errcode) || !notLooked.has(errcode & 0xff)) return undefined;
  return unread(messageOf(error), error);
}

/** The same, of what a check of SQLite says: its rows tell of a failure of the disk as of a damage. */
export function unreadableIn(rows: readonly string[]): StoreError | undefined {
  const found = rows.find(row => unreadable({ errcode: Number(/error code=(\d+)/.exec(row)?.[1] ?? 0) }));
  return found === undefined ? undefined : unread(found);
}

function unread(why: string, cause?: unknown): StoreError {
  const remedy =
    'which is not known to be damage: nothing in the data directory was changed. Look at the disk, at free memory and at the limit of open files, and start again';
  return new StoreError('io', `its database cannot be read (${why}), ${remedy}`, { cause });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
