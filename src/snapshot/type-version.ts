import { contentHash } from './encode.ts';
import { ResourcesByName } from './resources-by-name.ts';
import type { EncodedResource } from './snapshot.ts';

/** Resources of which the version is made of one hash; of more, of the hashes of so many each. */
const blockSize = 256;

/** Of so many the text is kept once one of a block has changed, so that the next change does not look at all of the block. */
const pieceSize = 16;

interface Block {
  readonly hash: string;
  /** What is hashed, piece by piece. */
  readonly texts?: readonly string[];
}

const blocksOf = new WeakMap<ResourcesByName, readonly Block[]>();

/**
 * The version of a set of resources, in the order of their names. Names hold no line breaks, so no two sets give one text.
 * Where there are many, that of the next set costs the blocks that have changed.
 */
export function versionOf(url: string, resources: ReadonlyMap<string, EncodedResource>): string {
  if (resources.size <= blockSize) return contentHash(`${url}${textOf(resources.values())}`);
  const hashes = blocksIn(asResources(resources)).map(({ hash }) => hash);
  return contentHash(`${url}\n${resources.size}\n${hashes.join('\n')}`);
}

export function asResources(resources: ReadonlyMap<string, EncodedResource>): ResourcesByName {
  return resources instanceof ResourcesByName ? resources : ResourcesByName.of(resources.values());
}

/** The same with these in place of those by their names. What is known of its version is known of the next one's. */
export function withFresh(known: ResourcesByName, fresh: readonly EncodedResource[]): ResourcesByName {
  const resources = known.with(fresh);
  const before = blocksOf.get(known);
  if (before) blocksOf.set(resources, renewed(before, resources, fresh));
  return resources;
}

function blocksIn(resources: ResourcesByName): readonly Block[] {
  const known = blocksOf.get(resources);
  if (known) return known;
  const count = Math.ceil(resources.size / blockSize);
  const made = Array.from({ length: count }, (_, at) => {
    return { hash: contentHash(textOf(resources.slice(at * blockSize, blockSize))) };
  });
  blocksOf.set(resources, made);
  return made;
}

function renewed(
  before: readonly Block[],
  resources: ResourcesByName,
  fresh: readonly EncodedResource[],
): readonly Block[] {
  const changed = new Set(fresh.map(({ name }) => Math.floor(resources.placeOf(name) / pieceSize)));
  const blocks = before.slice();
  const pieces = blockSize / pieceSize;
  for (const at of new Set([...changed].map(each => Math.floor(each / pieces)))) {
    const texts = Array.from({ length: pieces }, (_, index) => {
      const piece = at * pieces + index;
      const known = changed.has(piece) ? undefined : before[at]?.texts?.[index];
      return known ?? textOf(resources.slice(piece * pieceSize, pieceSize));
    });
    blocks[at] = { hash: contentHash(texts.join('')), texts };
  }
  return blocks;
}

/** Joined at once: added to one another they would be kept as so many texts. */
function textOf(resources: Iterable<EncodedResource>): string {
  const lines = [''];
  for (const { name, version } of resources) lines.push(name, version);
  return lines.join('\n');
}
