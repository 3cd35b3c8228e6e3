import { Buffer } from 'node:buffer';
import { typeUrl } from '../../proto/codec.ts';
import { contentHash, plainEntries } from './encode.ts';
import { canonicalName } from './names.ts';
import type { RawResource } from './raw.ts';
import type { EncodedResource } from './snapshot.ts';
import { delimited, textField, varintLength, writeVarint } from './wire.ts';

/** A resource as it is sent, under its canonical name (R43). */
export function encodeRaw(name: string, resource: RawResource): EncodedResource {
  const { typeUrl: url, value } = resource;
  const aliases = [...new Set((resource.aliases ?? []).map(canonicalName))];
  const version = resource.version ?? rawVersion(resource, aliases);
  const onDemand = resource.onDemand && ({ onDemand: true } as const);
  if (aliases.length === 0 && resource.ttl === undefined)
    return { name, version, ...plainEntries(url, name, version, value), ...onDemand };
  const any = [textField(1, url), ...(value.length > 0 ? [delimited(2, value)] : [])];
  const body = delimited(2, ...any);
  const about = [textField(3, name), textField(1, version), ...aliases.map(alias => textField(4, alias))];
  return {
    name,
    version,
    // Of our own, since what was given may be changed by whoever gave it.
    value: body.subarray(body.length - value.length),
    sotwEntry: body,
    deltaEntry: delimited(2, ...about, body),
    ...(aliases.length > 0 && { aliases }),
    ...onDemand,
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
