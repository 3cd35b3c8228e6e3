import { Buffer } from 'node:buffer';

/** A length-delimited field: tag, length, content. Field numbers up to 15, so that the tag is one byte. */
export function delimited(field: number, ...content: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of content) length += part.length;
  const bytes = Buffer.allocUnsafeSlow(1 + varintLength(length) + length);
  bytes[0] = (field << 3) | 2;
  let at = writeVarint(bytes, 1, length);
  for (const part of content) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Tag and length of such a field, whose content follows. */
export function fieldHead(field: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + varintLength(length));
  bytes[0] = (field << 3) | 2;
  writeVarint(bytes, 1, length);
  return bytes;
}

/** A text field. */
export function textField(field: number, text: string): Uint8Array {
  return delimited(field, Buffer.from(text, 'utf8'));
}

/** Bytes that a length or another whole number takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Writes a whole number. @returns the place after it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let place = at;
  let rest = value;
  while (rest > 127) {
    bytes[place++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  bytes[place++] = rest;
  return place;
}
