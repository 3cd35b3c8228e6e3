import { typeUrl } from '../../proto/codec.ts';
import { compareText } from '../base/compare.ts';
import { type Resource, type ServedType, servedTypes } from '../base/resource.ts';
import { contentHash, encodeResource } from './encode.ts';
import { longestRequest } from './longest-request.ts';
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
  return { key, version, types, longestRequest: longestRequest(resources) };
}

function typeSnapshot(url: string, resources: readonly Resource[], previous: TypeSnapshot | undefined): TypeSnapshot {
  const encoded = (previous && withReplacements(previous, resources)) ?? allOf(resources, previous);
  if (previous && isSame(previous.resources, encoded)) {
    madeOf.set(previous, resources);
    return previous;
  }
  const made = { typeUrl: url, version: versionOf(url, encoded), resources: encoded };
  madeOf.set(made, resources);
  return made;
}

type EncodedResources = ReadonlyMap<string, EncodedResource>;

/** What each type snapshot was last made of, so that the next one costs what changed. */
const madeOf = new WeakMap<TypeSnapshot, readonly Resource[]>();

/** The previous resources with those replaced that are other objects now; undefined when names came or went. */
function withReplacements(previous: TypeSnapshot, resources: readonly Resource[]): EncodedResources | undefined {
  const before = madeOf.get(previous);
  if (before?.length !== resources.length || previous.resources.size !== resources.length) return undefined;
  let encoded: Map<string, EncodedResource> | undefined;
  for (let at = 0; at < resources.length; at++) {
    const [old, resource] = [before[at], resources[at]];
    if (old === resource || !resource) continue;
    if (old?.name !== resource.name) return undefined;
    const fresh = encodeResource(resource);
    if (previous.resources.get(fresh.name)?.version === fresh.version) continue;
    encoded ??= new Map(previous.resources);
    encoded.set(fresh.name, fresh);
  }
  return encoded ?? previous.resources;
}

function allOf(resources: readonly Resource[], previous: TypeSnapshot | undefined): EncodedResources {
  const encoded = new Map<string, EncodedResource>();
  for (const resource of inOrder(resources)) {
    const fresh = encodeResource(resource);
    const known = previous?.resources.get(fresh.name);
    encoded.set(fresh.name, known?.version === fresh.version ? known : fresh);
  }
  return encoded;
}

function isSame(one: EncodedResources, other: EncodedResources): boolean {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  for (const [name, resource] of one) if (other.get(name) !== resource) return false;
  return true;
}

/** The version of a set of resources, in the order of their names. Names hold no line breaks, so no two sets give one text. */
export function versionOf(url: string, resources: ReadonlyMap<string, EncodedResource>): string {
  let text = url;
  for (const { name, version } of resources.values()) text += `\n${name}\n${version}`;
  return contentHash(text);
}

function inOrder(resources: readonly Resource[]): readonly Resource[] {
  const ordered = resources.every((each, index) => {
    const before = resources[index - 1];
    return before === undefined || before.name <= each.name;
  });
  return ordered ? resources : resources.toSorted((a, b) => compareText(a.name, b.name));
}
