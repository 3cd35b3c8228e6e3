import { types } from 'node:util';
import type { RawError, RawResource } from './raw.ts';

/** Of `google.rpc.Code`, those that mean something to clients here. */
export const errorCodes = { UNKNOWN: 2, NOT_FOUND: 5, PERMISSION_DENIED: 7, INTERNAL: 13, UNAVAILABLE: 14 } as const;

/** @throws Error of what cannot be sent, or would make two sets one: see {@link checkVersion}. */
export function checkRaw(given: RawResource | RawError): void {
  if (!isLine(given.name))
    throw new Error(`the name ${JSON.stringify(given.name)} of type ${typeOf(given)} ${mustBeLine}`);
  if ('error' in given) checkError(given);
  else checkResource(given);
}

/** Versions of sets are made of lines, so that a text of several lines could stand for other sets. */
export function checkVersion(version: string, of: string): void {
  if (version === '') throw new Error(`the version of ${of} is empty, which stands for none`);
  if (!isLine(version)) throw new Error(`the version ${JSON.stringify(version)} of ${of} ${mustBeLine}`);
}

function checkResource(given: RawResource): void {
  const { value, version, ttl } = given;
  if (!types.isUint8Array(value))
    throw new Error(`the value of ${named(given)} is no Uint8Array: give the bytes of its message`);
  if (version !== undefined) checkVersion(version, named(given));
  if (ttl !== undefined && !(Number.isFinite(ttl) && ttl >= 0))
    throw new Error(`the ttl of ${named(given)} is ${ttl}: give milliseconds, 0 or more`);
}

function checkError(given: RawError): void {
  const { code } = given.error;
  if (Object.hasOwn(errorCodes, code)) return;
  const known = Object.keys(errorCodes).join(', ');
  throw new Error(`the error code "${code}" of ${named(given)} is unknown: give one of ${known}`);
}

function typeOf({ typeUrl }: RawResource | RawError): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

function named(given: RawResource | RawError): string {
  return `${typeOf(given)} ${JSON.stringify(given.name)}`;
}

const mustBeLine = 'must be well-formed text without control characters';

function isLine(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}
