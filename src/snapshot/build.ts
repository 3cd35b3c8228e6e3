import { typeUrl } from '../../proto/codec.ts';
import { compareText } from '../base/compare.ts';
import { type Resource, type ServedType, servedTypes } from '../base/resource.ts';
import { changedSince } from './changed-since.ts';
import { contentHash, encodeResource } from './encode.ts';
import { longestRequest } from './longest-request.ts';
import { ResourcesByName } from './resources-by-name.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from './snapshot.ts';
import { setOf, withReplaced } from './type-set.ts';

/**
 * A fleet's snapshot. Whatever is equal to `previous` in content is its very object, from single resources to the whole
 * snapshot, so that identity tells streams that there is nothing to send (R15). The order of `resources` is irrelevant.
 *
 * Of two resources with one type and name the last wins; `findInconsistencies` reports them.
 */
export function buildSnapshot(key: string, resources: readonly Resource[], previous?: Snapshot): Snapshot {
  const snapshot = (previous?.key === key && replacedIn(previous, resources)) || allTypes(key, resources, previous);
  listOf.set(snapshot, resources);
  return snapshot;
}

/** What each snapshot was last made of, so that the next one costs what changed. */
const listOf = new WeakMap<Snapshot, readonly Resource[]>();

/** The previous snapshot with those resources replaced that are other objects now; undefined when names came, went or moved. */
function replacedIn(previous: Snapshot, resources: readonly Resource[]): Snapshot | undefined {
  const before = listOf.get(previous);
  const held = [...previous.types.values()].reduce((sum, type) => sum + type.resources.size, 0);
  // With a name that stands twice it would count which of the two was replaced.
  const changed = before && held === resources.length ? changedSince(before, resources) : undefined;
  if (!changed) return undefined;
  const replaced = Map.groupBy(changed, ({ type }) => type);
  const types = new Map(previous.types);
  for (const [type, fresh] of replaced) {
    const url = typeUrl(type);
    const known = previous.types.get(url);
    if (known) types.set(url, withReplaced(known, fresh.map(encodeResource)));
  }
  const routes = replaced.has(servedTypes.route);
  return snapshotOf(previous.key, types, previous, () =>
    routes ? longestRequest(resources) : (previous.longestRequest ?? longestRequest(resources)),
  );
}

function allTypes(key: string, resources: readonly Resource[], previous: Snapshot | undefined): Snapshot {
  const byType = new Map<ServedType, Resource[]>(Object.values(servedTypes).map(type => [type, []]));
  for (const resource of resources) byType.get(resource.type)?.push(resource);
  const types = new Map<string, TypeSnapshot>();
  for (const [type, ofType] of byType) {
    const url = typeUrl(type);
    types.set(url, typeSnapshot(url, ofType, previous?.types.get(url)));
  }
  return snapshotOf(key, types, previous, () => longestRequest(resources));
}

function snapshotOf(
  key: string,
  types: ReadonlyMap<string, TypeSnapshot>,
  previous: Snapshot | undefined,
  longest: () => number,
): Snapshot {
  if (previous?.key === key && [...types].every(([url, type]) => previous.types.get(url) === type)) return previous;
  const version = contentHash([...types.values()].map(type => type.version).join('\n'));
  return { key, version, types, longestRequest: longest() };
}

function typeSnapshot(url: string, resources: readonly Resource[], previous: TypeSnapshot | undefined): TypeSnapshot {
  const encoded = allOf(resources, previous);
  if (previous && isSame(previous.resources, encoded)) return previous;
  return setOf(url, encoded);
}

type EncodedResources = ReadonlyMap<string, EncodedResource>;

function allOf(resources: readonly Resource[], previous: TypeSnapshot | undefined): ResourcesByName {
  const encoded = inOrder(resources).map(resource => {
    const fresh = encodeResource(resource);
    const known = previous?.resources.get(fresh.name);
    return known?.version === fresh.version ? known : fresh;
  });
  return ResourcesByName.of(encoded);
}

function isSame(one: EncodedResources, other: EncodedResources): boolean {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  for (const [name, resource] of one) if (other.get(name) !== resource) return false;
  return true;
}

function inOrder(resources: readonly Resource[]): readonly Resource[] {
  const ordered = resources.every((each, index) => {
    const before = resources[index - 1];
    return before === undefined || before.name <= each.name;
  });
  return ordered ? resources : resources.toSorted((a, b) => compareText(a.name, b.name));
}
