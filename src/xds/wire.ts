import protobuf, { type Reader } from 'protobufjs/minimal.js';

/** Reading of the few fields that the discovery service needs, without the rest of a message. */

/**
 * Calls `take` for each field of a message; it reads the value and returns true, or leaves it to be skipped. Throws when
 * the bytes are no protobuf message.
 */
export function eachField(bytes: Uint8Array, take: (field: number, reader: Reader) => boolean): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const at = reader.pos;
    if (!take(tag >>> 3, reader)) {
      reader.pos = at;
      reader.skipType(tag & 7);
    }
  }
}

/** Texts of a `google.protobuf.Struct`; numbers and truth values as texts, nulls and lists left out. */
export type Tree = readonly (readonly [key: string, value: string | Tree])[];

const MAX_DEPTH = 8;

/** The `Struct` that the reader stands before. Parts that are nested too deeply are left out. */
export function readTree(reader: Reader): Tree {
  return treeOf(reader.bytes(), 0);
}

function treeOf(bytes: Uint8Array, depth: number): Tree {
  const tree: [string, string | Tree][] = [];
  if (depth > MAX_DEPTH) return tree;
  eachField(bytes, (field, reader) => {
    if (field !== 1) return false;
    const entry = entryOf(reader.bytes(), depth);
    if (entry) tree.push(entry);
    return true;
  });
  return tree;
}

function entryOf(bytes: Uint8Array, depth: number): [string, string | Tree] | undefined {
  let key = '';
  let value: string | Tree | undefined;
  eachField(bytes, (field, reader) => {
    if (field === 1) key = reader.string();
    else if (field === 2) value = textOrTree(reader.bytes(), depth);
    else return false;
    return true;
  });
  return value === undefined ? undefined : [key, value];
}

function textOrTree(bytes: Uint8Array, depth: number): string | Tree | undefined {
  let value: string | Tree | undefined;
  eachField(bytes, (field, reader) => {
    if (field === 2) value = String(reader.double());
    else if (field === 3) value = reader.string();
    else if (field === 4) value = String(reader.bool());
    else if (field === 5) value = treeOf(reader.bytes(), depth + 1);
    else return false;
    return true;
  });
  return value;
}
