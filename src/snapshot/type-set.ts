import { knowDifference } from './diff.ts';
import { contentHash } from './encode.ts';
import { ResourcesByName } from './resources-by-name.ts';
import type { EncodedResource, ResourceError, TypeSnapshot } from './snapshot.ts';

/**
 * The set with these in place of those by their names, all of which it has, each once; the very set if nothing is another.
 * It costs a copy of a list and the blocks of the version that have changed, and what it differs in is known.
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
  const resources = renewed(asResources(previous.resources), other);
  const set = setOf(previous.typeUrl, resources, previous.errors, numbered);
  const changed = other.toSorted((a, b) => resources.placeOf(a.name) - resources.placeOf(b.name));
  knowDifference(previous, set, { changed, removed: [] });
  return set;
}

/** A set of these. @param numbered the version by hand. */
export function setOf(
  typeUrl: string,
  resources: ReadonlyMap<string, EncodedResource>,
  errors: ReadonlyMap<string, ResourceError> | undefined,
  numbered: string | undefined,
): TypeSnapshot {
  const version = numbered ?? versionWith(errors, versionOf(typeUrl, resources));
  const named = numbered !== undefined && { numbered };
  return { typeUrl, version, ...named, resources, ...(errors?.size && { errors }) };
}

/** Resources of which the version is made of one hash; of more, of the hashes of so many each. */
const block = 256;

const blocksOf = new WeakMap<ResourcesByName, readonly string[]>();

/**
 * The version of a set of resources, in the order of their names. Names hold no line breaks, so no two sets give one text.
 * Where there are many, that of the next set costs the blocks that have changed.
 */
export function versionOf(url: string, resources: ReadonlyMap<string, EncodedResource>): string {
  if (resources.size <= block) return contentHash(`${url}${textOf(resources.values())}`);
  return contentHash(`${url}\n${resources.size}\n${blocksIn(asResources(resources)).join('\n')}`);
}

/** Errors are content too. */
function versionWith(errors: ReadonlyMap<string, ResourceError> | undefined, version: string): string {
  return errors?.size ? contentHash(JSON.stringify([version, ...errors])) : version;
}

function asResources(resources: ReadonlyMap<string, EncodedResource>): ResourcesByName {
  return resources instanceof ResourcesByName ? resources : ResourcesByName.of(resources.values());
}

function blocksIn(resources: ResourcesByName): readonly string[] {
  const known = blocksOf.get(resources);
  if (known) return known;
  const count = Math.ceil(resources.size / block);
  const made = Array.from({ length: count }, (_, at) => blockOf(resources, at));
  blocksOf.set(resources, made);
  return made;
}

function blockOf(resources: ResourcesByName, at: number): string {
  return contentHash(textOf(resources.slice(at * block, block)));
}

/** With these in place of those by their names, and with the blocks of its version where those of before are known. */
function renewed(known: ResourcesByName, fresh: readonly EncodedResource[]): ResourcesByName {
  if (fresh.length === 0) return known;
  const resources = known.with(fresh);
  const before = blocksOf.get(known);
  if (!before) return resources;
  const blocks = before.slice();
  const changed = new Set(fresh.map(({ name }) => Math.floor(resources.placeOf(name) / block)));
  for (const at of changed) blocks[at] = blockOf(resources, at);
  blocksOf.set(resources, blocks);
  return resources;
}

function textOf(resources: Iterable<EncodedResource>): string {
  let text = '';
  for (const { name, version } of resources) text += `\n${name}\n${version}`;
  return text;
}
