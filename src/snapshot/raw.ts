import { typeUrl } from '../../proto/codec.ts';
import { servedTypes } from '../base/resource.ts';
import { contentHash } from './encode.ts';
import { checkVersion } from './raw-checks.ts';
import type { Snapshot, TypeSnapshot } from './snapshot.ts';
import { type ErrorCode, TypeDraft } from './type-draft.ts';

/** A resource of any type as bytes, for what the policy has no words for. */
export interface RawResource {
  /** `type.googleapis.com/` and the full name of the message. */
  readonly typeUrl: string;
  /** An `xdstp://` name is taken in its canonical form (R43). */
  readonly name: string;
  /** The serialised message. */
  readonly value: Uint8Array;
  /**
   * A hash of everything here if left out. A version given by hand must change whenever anything else does: equal
   * versions are not sent again.
   */
  readonly version?: string;
  /** Milliseconds after which a client drops it unless it hears of it again (R34). */
  readonly ttl?: number;
  /** Further names by which a client may ask for it (R46). */
  readonly aliases?: readonly string[];
  /** Only for who asks for it by name; the wildcard leaves it out (R24). */
  readonly onDemand?: boolean;
}

/** In place of a resource: why who asks for the name does not get it. Told to clients that know of such errors (R35). */
export interface RawError {
  readonly typeUrl: string;
  readonly name: string;
  readonly error: {
    /** After NOT_FOUND and PERMISSION_DENIED a client may drop what it has; after the others it keeps it. */
    readonly code: ErrorCode;
    readonly message: string;
  };
}

/**
 * Versions of types that are given by hand: one for all, or by type URL. As with those of resources, equal versions are
 * not sent again, so that each content needs one of its own; the same content under another version is sent over SotW.
 */
export type TypeVersions = string | Readonly<Record<string, string>>;

/**
 * A snapshot of resources as they are, unchecked. Whatever has the version that it has in `previous` is the very object
 * (R15). The order of `resources` is irrelevant; of two with one type and name the last wins. `longestRequest` says how
 * long clusters that are no more must linger (R37a).
 *
 * @throws Error when a version that was given by hand is empty, or that of another content in `previous`; when a name or
 * a version is ill-formed or has control characters; when a `ttl`, a `value` or the code of an error is none.
 */
export function rawSnapshot(
  key: string,
  resources: readonly (RawResource | RawError)[],
  previous?: Snapshot,
  { longestRequest, versions }: Pick<Snapshot, 'longestRequest'> & { readonly versions?: TypeVersions } = {},
): Snapshot {
  const byType = new Map<string, (RawResource | RawError)[]>();
  for (const url of [...Object.values(servedTypes).map(typeUrl), ...(previous?.types.keys() ?? [])])
    byType.set(url, []);
  for (const resource of resources) listed(byType, resource.typeUrl).push(resource);
  const types = new Map(
    [...byType].map(([url, list]) => {
      const draft = new TypeDraft(url, previous?.types.get(url), { anew: true });
      for (const each of list) draft.put(each);
      return [url, draft.end(versionFor(versions, url))];
    }),
  );
  const same = previous?.key === key && previous.longestRequest === longestRequest;
  if (same && [...types].every(([url, type]) => previous.types.get(url) === type)) return previous;
  return { key, version: overall(types), types, ...(longestRequest !== undefined && { longestRequest }) };
}

/** What is to be another in a snapshot. Of a name that is removed and put, what is put counts. */
export interface RawChange {
  readonly put?: readonly (RawResource | RawError)[];
  readonly remove?: readonly { readonly typeUrl: string; readonly name: string }[];
  /** Of the types that change; without one, a type in which something is another has the version of its content. */
  readonly versions?: TypeVersions;
}

/**
 * The snapshot with single resources changed, at the cost of the types that change. The very snapshot if nothing is
 * another. @throws Error as {@link rawSnapshot} does.
 */
export function changedSnapshot(snapshot: Snapshot, { put = [], remove = [], versions }: RawChange): Snapshot {
  const named = typeof versions === 'object' ? Object.keys(versions) : [];
  // Nothing is removed from a type that is not there, so that none is made.
  const less = remove.filter(each => snapshot.types.has(each.typeUrl));
  const touched = new Set([...put, ...less].map(each => each.typeUrl).concat(named));
  const types = new Map(snapshot.types);
  for (const url of touched) {
    const before = snapshot.types.get(url);
    const draft = new TypeDraft(url, before, { anew: false });
    for (const each of remove) if (each.typeUrl === url) draft.remove(each.name);
    for (const each of put) if (each.typeUrl === url) draft.put(each);
    types.set(url, draft.end(versionFor(versions, url)));
  }
  if ([...touched].every(url => types.get(url) === snapshot.types.get(url))) return snapshot;
  return { ...snapshot, version: overall(types), types };
}

function listed<T>(lists: Map<string, T[]>, key: string): T[] {
  const found = lists.get(key) ?? [];
  lists.set(key, found);
  return found;
}

function overall(types: ReadonlyMap<string, TypeSnapshot>): string {
  return contentHash([...types.values()].map(type => type.version).join('\n'));
}

function versionFor(versions: TypeVersions | undefined, url: string): string | undefined {
  const version = typeof versions === 'string' ? versions : versions?.[url];
  if (version !== undefined) checkVersion(version, url);
  return version;
}
