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

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
