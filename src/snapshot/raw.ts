import { Buffer } from 'node:buffer';
import { typeUrl } from '../../proto/codec.ts';
import { compareText } from '../base/compare.ts';
import { servedTypes } from '../translate/resource.ts';
import { versionOf } from './build.ts';
import { contentHash } from './encode.ts';
import { canonicalName } from './names.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from './snapshot.ts';
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

/**
 * A snapshot of resources as they are, unchecked. Whatever has the version that it has in `previous` is the very object
 * (R15). The order of `resources` is irrelevant; of two with one type and name the last wins.
 */
export function rawSnapshot(key: string, resources: readonly RawResource[], previous?: Snapshot): Snapshot {
  const byType = new Map<string, RawResource[]>();
  for (const url of [...Object.values(servedTypes).map(typeUrl), ...(previous?.types.keys() ?? [])])
    byType.set(url, []);
  for (const resource of resources) {
    const ofType = byType.get(resource.typeUrl);
    if (ofType) ofType.push(resource);
    else byType.set(resource.typeUrl, [resource]);
  }
  const types = new Map([...byType].map(([url, list]) => [url, rawType(url, list, previous?.types.get(url))]));
  if (previous?.key === key && [...types].every(([url, type]) => previous.types.get(url) === type)) return previous;
  return { key, version: contentHash([...types.values()].map(type => type.version).join('\n')), types };
}

function rawType(url: string, resources: readonly RawResource[], previous: TypeSnapshot | undefined): TypeSnapshot {
  const byName = new Map(resources.map(resource => [canonicalName(resource.name), resource]));
  const encoded = new Map(
    [...byName]
      .sort(([a], [b]) => compareText(a, b))
      .map(([name, resource]) => {
        const fresh = encodeRaw(name, resource);
        const known = previous?.resources.get(name);
        return [name, known?.version === fresh.version ? known : fresh];
      }),
  );
  const version = versionOf(url, encoded);
  return previous?.version === version ? previous : { typeUrl: url, version, resources: encoded };
}

function encodeRaw(name: string, resource: RawResource): EncodedResource {
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
