/** A list of names as it stands in a request: field 3, entry after entry. Equal bytes are one list in the process. */
export interface NameList {
  readonly bytes: Uint8Array;
  readonly names: readonly string[];
}

const interned = new Map<string, WeakRef<NameList>>();
const gone = new FinalizationRegistry<string>(key => {
  if (interned.get(key)?.deref() === undefined) interned.delete(key);
});

/** The one list of these bytes; `names` reads it if it is not known yet. */
export function nameListOf(bytes: Buffer, names: () => readonly string[]): NameList {
  const key = bytes.toString('latin1');
  const found = interned.get(key)?.deref();
  if (found) return found;
  // A copy, since the request's memory is the transport's.
  const made: NameList = { bytes: Uint8Array.prototype.slice.call(bytes), names: names() };
  interned.set(key, new WeakRef(made));
  gone.register(made, key);
  return made;
}
