import { Buffer } from 'node:buffer';
import { typeUrl } from '../../proto/codec.ts';
import { compareText } from '../base/compare.ts';
import { servedTypes } from '../translate/resource.ts';
import { versionOf } from './build.ts';
import { contentHash } from './encode.ts';
import { canonicalName } from './names.ts';
import type { EncodedResource, ResourceError, Snapshot, TypeSnapshot } from './snapshot.ts';
import { delimited, textField, varintLength, writeVarint } from './wire.ts';

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
    readonly code: keyof typeof codes;
    readonly message: string;
  };
}

/** Of `google.rpc.Code`, those that mean something to clients here. */
const codes = { UNKNOWN: 2, NOT_FOUND: 5, PERMISSION_DENIED: 7, INTERNAL: 13, UNAVAILABLE: 14 } as const;

/**
 * A snapshot of resources as they are, unchecked. Whatever has the version that it has in `previous` is the very object
 * (R15). The order of `resources` is irrelevant; of two with one type and name the last wins. `longestRequest` says how
 * long clusters that are no more must linger (R37a).
 */
export function rawSnapshot(
  key: string,
  resources: readonly (RawResource | RawError)[],
  previous?: Snapshot,
  { longestRequest }: Pick<Snapshot, 'longestRequest'> = {},
): Snapshot {
  const byType = new Map<string, (RawResource | RawError)[]>();
  for (const url of [...Object.values(servedTypes).map(typeUrl), ...(previous?.types.keys() ?? [])])
    byType.set(url, []);
  for (const resource of resources) {
    const ofType = byType.get(resource.typeUrl);
    if (ofType) ofType.push(resource);
    else byType.set(resource.typeUrl, [resource]);
  }
  const types = new Map([...byType].map(([url, list]) => [url, rawType(url, list, previous?.types.get(url))]));
  const same = previous?.key === key && previous.longestRequest === longestRequest;
  if (same && [...types].every(([url, type]) => previous.types.get(url) === type)) return previous;
  const version = contentHash([...types.values()].map(type => type.version).join('\n'));
  return { key, version, types, ...(longestRequest !== undefined && { longestRequest }) };
}

function rawType(
  url: string,
  given: readonly (RawResource | RawError)[],
  previous: TypeSnapshot | undefined,
): TypeSnapshot {
  const byName = new Map(given.map(each => [canonicalName(each.name), each]));
  const resources = new Map<string, EncodedResource>();
  const errors = new Map<string, ResourceError>();
  for (const [name, each] of [...byName].sort(([a], [b]) => compareText(a, b))) {
    if ('error' in each) {
      errors.set(name, { code: codes[each.error.code], message: each.error.message });
      continue;
    }
    const fresh = encodeRaw(name, each);
    const known = previous?.resources.get(name);
    resources.set(name, known?.version === fresh.version ? known : fresh);
  }
  const version = versionWith(errors, versionOf(url, resources));
  if (previous?.version === version) return previous;
  return { typeUrl: url, version, resources, ...(errors.size > 0 && { errors }) };
}

/** Errors are content too. */
function versionWith(errors: ReadonlyMap<string, ResourceError>, version: string): string {
  return errors.size === 0 ? version : contentHash(JSON.stringify([version, ...errors]));
}

/** A resource as it is sent, under its canonical name (R43). */
export function encodeRaw(name: string, resource: RawResource): EncodedResource {
  const { typeUrl: url, value } = resource;
  const aliases = [...new Set((resource.aliases ?? []).map(canonicalName))];
  const version = resource.version ?? rawVersion(resource, aliases);
  const any = [textField(1, url), ...(value.length > 0 ? [delimited(2, value)] : [])];
  const body = delimited(2, ...any);
  const about = [textField(3, name), textField(1, version), ...aliases.map(alias => textField(4, alias))];
  return {
    name,
    version,
    value,
    sotwEntry: body,
    deltaEntry: delimited(2, ...about, body),
    ...(aliases.length > 0 && { aliases }),
    ...(resource.onDemand && { onDemand: true }),
    ...(resource.ttl !== undefined && { limited: limitedEntries(resource.ttl, about, body) }),
  };
}

/** Equal to that of a resource of the same bytes that the policy makes, as long as there is nothing but bytes. */
function rawVersion({ value, ttl, onDemand }: RawResource, aliases: readonly string[]): string {
  if (ttl === undefined && !onDemand && aliases.length === 0) return contentHash(value);
  return contentHash(Buffer.concat([Buffer.from(JSON.stringify([ttl ?? null, onDemand === true, aliases])), value]));
}

const wrapperUrl = typeUrl('envoy.service.discovery.v3.Resource');

/** The wrapper with a time to live, and without a body as delta's sign of life (R34). */
function limitedEntries(
  ttl: number,
  about: readonly Uint8Array[],
  body: Uint8Array,
): NonNullable<EncodedResource['limited']> {
  const limit = delimited(6, duration(ttl));
  const full = Buffer.concat([...about, body, limit]);
  return {
    ttl,
    sotwEntry: delimited(2, textField(1, wrapperUrl), delimited(2, full)),
    deltaEntry: delimited(2, full),
    deltaBeat: delimited(2, ...about, limit),
  };
}

/** A `google.protobuf.Duration` of whole milliseconds. */
function duration(milliseconds: number): Uint8Array {
  return Buffer.concat([
    number(1, Math.floor(milliseconds / 1000)),
    number(2, Math.round(milliseconds % 1000) * 1_000_000),
  ]);
}

function number(field: number, value: number): Uint8Array {
  if (value === 0) return new Uint8Array();
  const bytes = new Uint8Array(1 + varintLength(value));
  bytes[0] = field << 3;
  writeVarint(bytes, 1, value);
  return bytes;
}
