import { hash } from 'node:crypto';
import { encode, typeUrl } from '../../proto/codec.ts';
import { memo1 } from '../base/memo.ts';
import type { Resource, ServedType } from '../translate/resource.ts';
import type { EncodedResource } from './snapshot.ts';
import { delimited, textField } from './wire.ts';

/** Fields of the discovery messages that entries are written for. */
const anyTypeUrl = 1;
const anyValue = 2;
const responseResources = 2;
const resourceVersion = 1;
const resourceBody = 2;
const resourceName = 3;

/**
 * A resource's bytes, made once however many fleets and streams send them. Throws when the message is not of its type,
 * which is a bug of the translation.
 */
export const encodeResource: (resource: Resource) => EncodedResource = memo1(resource =>
  encodeAs(resource.type, resource),
);

function encodeAs<T extends ServedType>(type: T, resource: Resource): EncodedResource {
  const bytes = encode(type, resource.message as Resource<T>['message']);
  const version = contentHash(bytes);
  const any = [textField(anyTypeUrl, typeUrl(type)), ...(bytes.length > 0 ? [delimited(anyValue, bytes)] : [])];
  const sotwEntry = delimited(responseResources, ...any);
  return {
    name: resource.name,
    version,
    // The entry ends with the message: one copy less to keep.
    value: sotwEntry.subarray(sotwEntry.length - bytes.length),
    sotwEntry,
    deltaEntry: delimited(
      responseResources,
      textField(resourceVersion, version),
      delimited(resourceBody, ...any),
      textField(resourceName, resource.name),
    ),
  };
}

/** 16 hexadecimal digits: 64 bits of SHA-256, stable over restarts and replicas (R48). */
export function contentHash(content: string | Uint8Array): string {
  return hash('sha256', content, 'hex').slice(0, 16);
}
