import { typeUrl } from '../../proto/codec.ts';
import { type Resource, type ServedType, servedTypes } from '../translate/resource.ts';
import { contentHash, encodeResource } from './encode.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from './snapshot.ts';

/**
 * A fleet's snapshot. Whatever is equal to `previous` in content is its very object, from single resources to the whole
 * snapshot, so that identity tells streams that there is nothing to send (R15). The order of `resources` is irrelevant.
 *
 * Of two resources with one type and name the last wins; `findInconsistencies` reports them.
 */
export function buildSnapshot(key: string, resources: readonly Resource[], previous?: Snapshot): Snapshot {
  const byType = new Map<ServedType, Resource[]>(Object.values(servedTypes).map(type => [type, []]));
  for (const resource of resources) byType.get(resource.type)?.push(resource);
  const types = new Map<string, TypeSnapshot>();
  for (const [type, ofType] of byType) {
    const url = typeUrl(type);
    types.set(url, typeSnapshot(url, ofType, previous?.types.get(url)));
  }
  if (previous?.key === key && [...types].every(([url, type]) => previous.types.get(url) === type)) return previous;
  const version = contentHash([...types.values()].map(type => type.version).join('\n'));
  return { key, version, types };
}

function typeSnapshot(url: string, resources: readonly Resource[], previous: TypeSnapshot | undefined): TypeSnapshot {
  const encoded = new Map<string, EncodedResource>();
  let same = previous?.resources.size === resources.length;
  for (const resource of inOrder(resources)) {
    const fresh = encodeResource(resource);
    const known = previous?.resources.get(fresh.name);
    const kept = known?.version === fresh.version ? known : fresh;
    encoded.set(fresh.name, kept);
    same &&= kept === known;
  }
  if (previous && same && encoded.size === resources.length) return previous;
  return { typeUrl: url, version: versionOf(url, encoded), resources: encoded };
}

/** Names hold no line breaks, so that no two sets give one text. */
function versionOf(url: string, resources: ReadonlyMap<string, EncodedResource>): string {
  let text = url;
  for (const { name, version } of resources.values()) text += `\n${name}\n${version}`;
  return contentHash(text);
}

function inOrder(resources: readonly Resource[]): readonly Resource[] {
  const ordered = resources.every((each, index) => {
    const before = resources[index - 1];
    return before === undefined || before.name <= each.name;
  });
  return ordered ? resources : resources.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
