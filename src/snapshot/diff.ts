import { memo1, memo2Told } from '../base/memo.ts';
import type { EncodedResource, TypeSnapshot } from './snapshot.ts';

/** What turns one set of resources into another. */
export interface TypeDiff {
  /** New or of another version, in the order of the names. */
  readonly changed: readonly EncodedResource[];
  /** Names that are gone, in their order. */
  readonly removed: readonly string[];
}

/** The difference between two moments of a type; from undefined: everything. Computed once per pair, for all streams. */
export function diffTypes(from: TypeSnapshot | undefined, to: TypeSnapshot): TypeDiff {
  return from ? differences.of(from, to) : everything(to);
}

const none: readonly string[] = [];
const nothing: TypeDiff = { changed: [], removed: none };

const everything = memo1((to: TypeSnapshot): TypeDiff => ({ changed: [...to.resources.values()], removed: [] }));

const differences = memo2Told(compared);

/** For who has made the second of the first: what {@link diffTypes} would find. */
export const knowDifference = differences.know;

function compared(from: TypeSnapshot, to: TypeSnapshot): TypeDiff {
  // Versions given by hand may have been given before, to another content.
  if (from === to) return nothing;
  if (from.version === to.version && from.numbered === undefined && to.numbered === undefined) return nothing;
  const changed: EncodedResource[] = [];
  // Mostly nothing comes or goes: then the two go side by side.
  const beside = from.resources.values();
  let known = 0;
  for (const resource of to.resources.values()) {
    const next = beside.next().value;
    const before = next?.name === resource.name ? next : from.resources.get(resource.name);
    if (before) known++;
    if (before !== resource && before?.version !== resource.version) changed.push(resource);
  }
  if (known === from.resources.size) return { changed, removed: none };
  const removed: string[] = [];
  for (const name of from.resources.keys()) if (!to.resources.has(name)) removed.push(name);
  return { changed, removed };
}
