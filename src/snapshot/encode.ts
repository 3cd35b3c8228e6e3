import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { encode, typeUrl } from '../../proto/codec.ts';
import { memo1 } from '../base/memo.ts';
import type { Resource, ServedType } from '../base/resource.ts';
import type { EncodedResource } from './snapshot.ts';
import { varintLength, writeVarint } from './wire.ts';

/** First bytes of length-delimited fields: number and wire type. */
const tag = (field: number) => (field << 3) | 2;
const typeUrlTag = tag(1);
/** `resources` of both responses, and `resource` of the wrapper in a delta response: all of them are field 2. */
const resourceTag = tag(2);
const anyValueTag = tag(2);
const versionTag = tag(1);
const nameTag = tag(3);

/**
 * A resource's bytes, made once however many fleets and streams send them. Throws when the message is not of its type,
 * which is a bug of the translation.
 */
export const encodeResource: (resource: Resource) => EncodedResource = memo1(resource =>
  encodeAs(resource.type, resource),
);

function encodeAs<T extends ServedType>(type: T, resource: Resource): EncodedResource {
  const value = encode(type, resource.message as Resource<T>['message']);
  const version = contentHash(value);
  return { name: resource.name, version, ...plainEntries(typeUrl(type), resource.name, version, value) };
}

/**
 * A resource of which there is nothing but its bytes. Both entries lie in one piece of memory, a copy of its own; the second
 * holds the first once more, since the field numbers agree.
 */
export function plainEntries(
  url: string,
  name: string,
  version: string,
  value: Uint8Array,
): Pick<EncodedResource, 'value' | 'sotwEntry' | 'deltaEntry'> {
  const urlLength = Buffer.byteLength(url);
  const any = fieldLength(urlLength) + (value.length > 0 ? fieldLength(value.length) : 0);
  const sotw = fieldLength(any);
  const nameLength = Buffer.byteLength(name);
  const versionLength = Buffer.byteLength(version);
  const wrapper = fieldLength(versionLength) + sotw + fieldLength(nameLength);
  const bytes = Buffer.allocUnsafeSlow(sotw + fieldLength(wrapper));

  let at = writeHead(bytes, 0, resourceTag, any);
  at = writeHead(bytes, at, typeUrlTag, urlLength);
  at += bytes.write(url, at, 'utf8');
  if (value.length > 0) {
    at = writeHead(bytes, at, anyValueTag, value.length);
    bytes.set(value, at);
  }

  at = writeHead(bytes, sotw, resourceTag, wrapper);
  at = writeHead(bytes, at, versionTag, versionLength);
  at += bytes.write(version, at, 'utf8');
  at += bytes.copy(bytes, at, 0, sotw);
  at = writeHead(bytes, at, nameTag, nameLength);
  bytes.write(name, at, 'utf8');

  return {
    value: bytes.subarray(sotw - value.length, sotw),
    sotwEntry: bytes.subarray(0, sotw),
    deltaEntry: bytes.subarray(sotw),
  };
}

function fieldLength(content: number): number {
  return 1 + varintLength(content) + content;
}

function writeHead(bytes: Uint8Array, at: number, first: number, length: number): number {
  bytes[at] = first;
  return writeVarint(bytes, at + 1, length);
}

/** 16 hexadecimal digits: 64 bits of SHA-256, stable over restarts and replicas (R48). */
export function contentHash(content: string | Uint8Array): string {
  return hash('sha256', content, 'hex').slice(0, 16);
}
