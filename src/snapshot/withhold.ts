import { decode, type MessageName, typeUrl } from '../../proto/codec.ts';
import { memo1 } from '../base/memo.ts';
import { type Resource, servedTypes } from '../base/resource.ts';
import { versionOf } from './build.ts';
import { contentHash } from './encode.ts';
import { type Reference, referencesOf } from './references.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from './snapshot.ts';

/** A resource at a content that is not to be sent, and what stands in its place; undefined: nothing. */
export interface Withheld {
  readonly typeUrl: string;
  readonly name: string;
  /** Of the content that is not to be sent. */
  readonly version: string;
  readonly instead: EncodedResource | undefined;
}

/** The content of a resource that was good before; undefined if there was none. */
export type LastGood = (typeUrl: string, name: string) => EncodedResource | undefined;

/**
 * A snapshot without the contents that are withheld, and still consistent (R40):
 *
 * - what stands in their place brings along what it refers to, at its last good content;
 * - what refers to a resource that is left out goes back to its last good content as well, or is left out too. A route
 *   configuration without a last good content stays: only requests for the one cluster are answered 503.
 *
 * Contents that the snapshot does not have are passed over. The snapshot itself if nothing is left to withhold.
 * `quietly`: clients are not to be told of the names, since they hold what stands in their place.
 */
export function withhold(
  snapshot: Snapshot,
  withheld: readonly Withheld[],
  lastGood: LastGood,
  { quietly }: { readonly quietly: boolean },
): Snapshot {
  const present = withheld.filter(each => versionIn(snapshot, each) === each.version);
  if (present.length === 0) return snapshot;
  const made = new Substitution(snapshot, lastGood);
  for (const each of present) made.withhold(each);
  return made.end(quietly);
}

function versionIn({ types }: Snapshot, { typeUrl: url, name }: Withheld): string | undefined {
  return types.get(url)?.resources.get(name)?.version;
}

/** A snapshot in which resources are replaced by others. Lives no longer than the call of `withhold`. */
class Substitution {
  readonly #snapshot: Snapshot;
  readonly #lastGood: LastGood;
  readonly #changed = new Map<string, Map<string, EncodedResource>>();
  readonly #withheld = new Map<string, Set<string>>();

  constructor(snapshot: Snapshot, lastGood: LastGood) {
    this.#snapshot = snapshot;
    this.#lastGood = lastGood;
  }

  withhold({ typeUrl: url, name, instead }: Withheld): void {
    const names = this.#withheld.get(url) ?? new Set();
    const aliases = this.#resources(url).get(name)?.aliases ?? [];
    for (const each of [name, ...aliases]) names.add(each);
    this.#withheld.set(url, names);
    this.#put(url, name, instead);
  }

  #put(url: string, name: string, resource: EncodedResource | undefined): void {
    const resources = this.#changing(url);
    if (resource) {
      resources.set(name, resource);
      for (const reference of referencesIn(url, resource)) this.#bring(reference);
    } else if (resources.delete(name)) this.#sendBack(url, name);
  }

  end(quietly: boolean): Snapshot {
    const types = new Map([...this.#snapshot.types].map(([url, type]) => [url, this.#typeOf(url, type, quietly)]));
    const version = contentHash([...types.values()].map(type => type.version).join('\n'));
    return { ...this.#snapshot, version, types };
  }

  #typeOf(url: string, type: TypeSnapshot, quietly: boolean): TypeSnapshot {
    const changed = this.#changed.get(url);
    if (!changed) return type;
    const resources = new Map([...changed].sort(([a], [b]) => (a < b ? -1 : 1)));
    const withheld = quietly ? this.#withheld.get(url) : undefined;
    return { ...type, version: versionOf(url, resources), resources, ...(withheld && { withheld }) };
  }

  #changing(url: string): Map<string, EncodedResource> {
    const known = this.#changed.get(url);
    if (known) return known;
    const made = new Map(this.#snapshot.types.get(url)?.resources);
    this.#changed.set(url, made);
    return made;
  }

  #resources(url: string): ReadonlyMap<string, EncodedResource> {
    return this.#changed.get(url) ?? this.#snapshot.types.get(url)?.resources ?? new Map();
  }

  /** What a last good content needs. */
  #bring({ type, name }: Reference): void {
    const url = typeUrl(type);
    if (this.#resources(url).has(name)) return;
    const good = this.#lastGood(url, name);
    if (good) this.#put(url, name, good);
  }

  /** Everything that refers to what was left out. */
  #sendBack(gone: string, name: string): void {
    for (const url of this.#snapshot.types.keys()) {
      for (const resource of [...this.#resources(url).values()]) {
        if (!refersTo(url, resource, gone, name)) continue;
        const good = this.#lastGood(url, resource.name);
        const usable = good && !refersTo(url, good, gone, name);
        if (usable || url !== typeUrl(servedTypes.route)) this.#put(url, resource.name, usable ? good : undefined);
      }
    }
  }
}

function refersTo(url: string, resource: EncodedResource, to: string, name: string): boolean {
  return referencesIn(url, resource).some(each => typeUrl(each.type) === to && each.name === name);
}

/** What a resource refers to, read from its bytes; nothing if they are none of its type. */
const referencesByType = new Map<string, (resource: EncodedResource) => readonly Reference[]>(
  Object.values(servedTypes).map(type => [
    typeUrl(type),
    memo1(({ name, value }: EncodedResource): readonly Reference[] => {
      try {
        return referencesOf({ type, name, message: decode(type as MessageName, value) } as Resource);
      } catch {
        return [];
      }
    }),
  ]),
);

function referencesIn(url: string, resource: EncodedResource): readonly Reference[] {
  return referencesByType.get(url)?.(resource) ?? [];
}
