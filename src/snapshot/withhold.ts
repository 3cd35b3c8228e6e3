import { decode, type MessageName, typeUrl } from '../../proto/codec.ts';
import { memo1 } from '../base/memo.ts';
import { remember } from '../base/remember.ts';
import { type Resource, servedTypes } from '../base/resource.ts';
import { contentHash } from './encode.ts';
import { type Reference, referencesOf } from './references.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from './snapshot.ts';
import { versionOf } from './type-version.ts';

/** A resource at a content that is not to be sent, and what stands in its place; undefined: nothing. */
export interface Withheld {
  readonly typeUrl: string;
  readonly name: string;
  /** Of the content that is not to be sent. */
  readonly version: string;
  readonly instead: EncodedResource | undefined;
}

/** The content of a resource that was good before, of several one that `suits`; undefined if there was none. */
export type LastGood = (
  typeUrl: string,
  name: string,
  suits?: (resource: EncodedResource) => boolean,
) => EncodedResource | undefined;

/**
 * A snapshot without the contents that are withheld, and still consistent (R40):
 *
 * - what stands in their place brings along what it refers to, at its last good content;
 * - what refers to a resource that is left out, or leads to a cluster whose endpoints are, goes back to its last good
 *   content. Without one it stays: only what needs the one resource fails, and a client asks for most of them because it
 *   has what refers to them already.
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
  made.sendBackUsers();
  return made.end(quietly);
}

function versionIn({ types }: Snapshot, { typeUrl: url, name }: Withheld): string | undefined {
  return types.get(url)?.resources.get(name)?.version;
}

type Replacements = Map<string, EncodedResource | undefined>;

/** A snapshot in which resources are replaced by others. Lives no longer than the call of `withhold`. */
class Substitution {
  readonly #snapshot: Snapshot;
  readonly #lastGood: LastGood;
  /** By type and name; undefined: left out. */
  readonly #replaced = new Map<string, Replacements>();
  readonly #withheld = new Map<string, Set<string>>();
  /** Type and name of what was left out or is of no use, and whose users are not dealt with yet. */
  #left = new Set<string>();
  /** The same of all. */
  readonly #useless = new Set<string>();

  constructor(snapshot: Snapshot, lastGood: LastGood) {
    this.#snapshot = snapshot;
    this.#lastGood = lastGood;
  }

  withhold({ typeUrl: url, name, instead }: Withheld): void {
    const names = this.#withheld.get(url) ?? new Set(this.#snapshot.types.get(url)?.withheld);
    const aliases = this.#at(url, name)?.aliases ?? [];
    for (const each of [name, ...aliases]) names.add(each);
    this.#withheld.set(url, names);
    this.#put(url, name, instead);
  }

  #at(url: string, name: string): EncodedResource | undefined {
    const replaced = this.#replaced.get(url);
    return replaced?.has(name) ? replaced.get(name) : this.#snapshot.types.get(url)?.resources.get(name);
  }

  #put(url: string, name: string, resource: EncodedResource | undefined): void {
    if (!resource && this.#at(url, name)) this.#leave(`${url} ${name}`);
    const replaced = this.#replaced.get(url) ?? new Map();
    this.#replaced.set(url, replaced.set(name, resource));
    for (const { type, name: needed } of resource ? referencesIn(url, resource) : [])
      this.#bring(typeUrl(type), needed);
  }

  #leave(key: string): void {
    if (this.#useless.has(key)) return;
    this.#left.add(key);
    this.#useless.add(key);
  }

  /** What a last good content needs. */
  #bring(url: string, name: string): void {
    const good = this.#at(url, name) ? undefined : this.#lastGood(url, name);
    if (good) this.#put(url, name, good);
  }

  /** Everything that refers to what was left out, if it has a last good content that does not. */
  sendBackUsers(): void {
    while (this.#left.size > 0) {
      const left = this.#left;
      this.#left = new Set();
      for (const [url, type] of this.#snapshot.types) {
        const users = [...left].flatMap(each => usersIn(type).get(each) ?? []);
        for (const name of new Set([...users, ...(this.#replaced.get(url)?.keys() ?? [])])) {
          const resource = this.#at(url, name);
          if (resource && refersTo(left, url, resource)) this.#sendBack(left, url, name);
        }
      }
    }
  }

  #sendBack(left: ReadonlySet<string>, url: string, name: string): void {
    const suits = (resource: EncodedResource): boolean => !refersTo(left, url, resource);
    const good = this.#lastGood(url, name, suits);
    if (good && suits(good)) this.#put(url, name, good);
    // A cluster without endpoints is as little use as one that is not there; of an aggregate one, any member will do.
    else if (url === typeUrl(servedTypes.cluster) && !this.#hasMember(url, name)) this.#leave(`${url} ${name}`);
  }

  #hasMember(url: string, name: string): boolean {
    const resource = this.#at(url, name);
    const needs = resource ? referencesIn(url, resource) : [];
    return needs.some(
      each => typeUrl(each.type) === url && this.#at(url, each.name) && !this.#useless.has(`${url} ${each.name}`),
    );
  }

  end(quietly: boolean): Snapshot {
    const types = new Map(
      [...this.#snapshot.types].map(([url, type]) => {
        const replaced = this.#replaced.get(url);
        return [url, replaced ? substitute(type, replaced, quietly ? this.#withheld.get(url) : undefined) : type];
      }),
    );
    const version = contentHash([...types.values()].map(type => type.version).join('\n'));
    return { ...this.#snapshot, version, types };
  }
}

/** Names of those that refer to something, by type and name of that. */
const usersIn = memo1(({ typeUrl: url, resources }: TypeSnapshot): ReadonlyMap<string, readonly string[]> => {
  const users = new Map<string, string[]>();
  for (const resource of resources.values()) {
    for (const { type, name } of referencesIn(url, resource)) {
      const key = `${typeUrl(type)} ${name}`;
      const known = users.get(key);
      if (known) known.push(resource.name);
      else users.set(key, [resource.name]);
    }
  }
  return users;
});

/** Sets that were made of a set and are in use somewhere. */
const substitutes = memo1((_type: TypeSnapshot) => new Map<string, WeakRef<TypeSnapshot>>());
const MOST_SUBSTITUTES = 256;

/**
 * What a client holds of a set that has acknowledged this version: the set itself, or one that was made of it by
 * withholding. Undefined where it is of another set, so that the client has yet to come to this one.
 */
export function heldOf(set: TypeSnapshot, acked: string | undefined): TypeSnapshot | undefined {
  if (acked === undefined) return undefined;
  if (acked === set.version) return set;
  for (const each of substitutes(set).values()) {
    const made = each.deref();
    if (made?.version === acked) return made;
  }
  return undefined;
}

/** The same replacements in the same set give the same set, so that who holds it is sent nothing. */
function substitute(
  type: TypeSnapshot,
  replaced: Replacements,
  withheld: ReadonlySet<string> | undefined,
): TypeSnapshot {
  const known = substitutes(type);
  const versions = [...replaced].map(([name, resource]) => JSON.stringify([name, resource?.version]));
  // There may be thousands of names, and of them more would be remembered than of the set.
  const key = contentHash(JSON.stringify([versions.sort(), [...(withheld ?? [])].sort(), withheld !== undefined]));
  const same = known.get(key)?.deref();
  if (same) return same;
  const present = [...new Map<string, EncodedResource | undefined>([...type.resources, ...replaced])];
  const resources = new Map(
    present.flatMap(([name, each]) => (each ? [[name, each] as const] : [])).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const made = { ...type, version: versionOf(type.typeUrl, resources), resources, ...(withheld && { withheld }) };
  // Those of which nobody has any use any more are counted as well.
  remember(known, key, new WeakRef(made), MOST_SUBSTITUTES);
  return made;
}

function refersTo(left: ReadonlySet<string>, url: string, resource: EncodedResource): boolean {
  return referencesIn(url, resource).some(({ type, name }) => left.has(`${typeUrl(type)} ${name}`));
}

/** Types that refer to something. */
const referring = [servedTypes.cluster, servedTypes.listener, servedTypes.route];

/** What a resource refers to, read from its bytes; nothing if they are none of its type. */
const referencesByType = new Map<string, (resource: EncodedResource) => readonly Reference[]>(
  referring.map(type => [
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
