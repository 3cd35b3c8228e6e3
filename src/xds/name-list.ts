import { Interner } from '../base/interner.ts';

/** A list of names as it stands in a request: field 3, entry after entry. Equal bytes are one list in the process. */
export interface NameList {
  readonly bytes: Uint8Array;
  readonly names: readonly string[];
}

const lists = new Interner<NameList>();

/** The one list of these bytes; `names` reads it if it is not known yet. */
export function nameListOf(bytes: Buffer, names: () => readonly string[]): NameList {
  // A copy, since the request's memory is the transport's.
  const made = (): NameList => ({ bytes: Uint8Array.prototype.slice.call(bytes), names: names() });
  return lists.one(bytes.toString('latin1'), made);
}
