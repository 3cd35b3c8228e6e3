import { knowDifference } from './diff.ts';
import { contentHash } from './encode.ts';
import type { EncodedResource, ResourceError, TypeSnapshot } from './snapshot.ts';
import { asResources, versionOf, withFresh } from './type-version.ts';

/**
 * The set with these in place of those by their names, all of which it has, each once; the very set if nothing is another.
 * It costs a copy of a list and what has changed of the version, and what it differs in is known.
 *
 * @param numbered the version by hand.
 */
export function withReplaced(
  previous: TypeSnapshot,
  fresh: readonly EncodedResource[],
  numbered?: string,
): TypeSnapshot {
  const other = fresh.filter(each => previous.resources.get(each.name)?.version !== each.version);
  if (other.length === 0 && previous.numbered === numbered) return previous;
  const known = asResources(previous.resources);
  const resources = other.length === 0 ? known : withFresh(known, other);
  const set = setOf(previous.typeUrl, resources, previous.errors, numbered);
  const changed = other.toSorted((a, b) => resources.placeOf(a.name) - resources.placeOf(b.name));
  knowDifference(previous, set, { changed, removed: [] });
  return set;
}

/** A set of these. @param numbered the version by hand. */
export function setOf(
  typeUrl: string,
  resources: ReadonlyMap<string, EncodedResource>,
  errors?: ReadonlyMap<string, ResourceError>,
  numbered?: string,
): TypeSnapshot {
  const version = numbered ?? versionWith(errors, versionOf(typeUrl, resources));
  const byHand = numbered !== undefined && { numbered };
  return { typeUrl, version, ...byHand, resources, ...(errors?.size && { errors }) };
}

/** Errors are content too. */
function versionWith(errors: ReadonlyMap<string, ResourceError> | undefined, version: string): string {
  return errors?.size ? contentHash(JSON.stringify([version, ...errors])) : version;
}
