import protobuf from 'protobufjs/minimal.js';
import { messageReader, readerOf } from './codec/decode.ts';
import { messageWriter } from './codec/encode.ts';
import { MessageFault } from './codec/fault.ts';
import { isWellKnown } from './codec/well-known.ts';
import { fieldsOf } from './descriptors.ts';
import type { Any } from './gen/google.protobuf.ts';
import type { MessageTypes } from './gen/message-types.ts';

export type { MessageTypes } from './gen/message-types.ts';

/** Full name of a message, such as `envoy.config.cluster.v3.Cluster`. */
export type MessageName = keyof MessageTypes;

/** A message with its type: fields beside `@type`, or `value` for a type with a JSON form of its own or unknown to us. */
export type AnyMessage = Any;

const URL_PREFIX = 'type.googleapis.com/';
const ANY: MessageName = 'google.protobuf.Any';

/**
 * The bytes of a message given in JSON form: proto3 JSON with the field names of the `.proto` files.
 *
 * Equal messages give equal bytes, whatever the order of their keys. Throws an error that starts with the place, such as
 * `Cluster.load_assigment: unknown field`, when the message is not of its type; translation never makes such a message,
 * so this is a bug of ours.
 */
export function encode<K extends MessageName>(type: K, message: MessageTypes[K]): Uint8Array {
  try {
    const writer = protobuf.Writer.create();
    messageWriter(type)(writer, message, 0);
    return writer.finish();
  } catch (error) {
    throw placed(error, type);
  }
}

/**
 * The JSON form of a message's bytes. Fields that the descriptors lack are dropped; an `Any` of an unknown type keeps its
 * bytes, and an enum value without a name its number. Numbers may be NaN or infinite.
 *
 * Takes bytes from anyone: whatever they are, the result is a message or an error, after work in proportion to them.
 */
export function decode<K extends MessageName>(type: K, bytes: Uint8Array): MessageTypes[K] {
  try {
    return messageReader(type)(readerOf(bytes), bytes.length, 0) as MessageTypes[K];
  } catch (error) {
    throw placed(error, type);
  }
}

/** The message as an `Any`, for fields such as `typed_config`. Shares the message's values. */
export function any<K extends MessageName>(type: K, message: MessageTypes[K]): AnyMessage {
  const url = typeUrl(type);
  if (isWellKnown(type) || type === ANY) return { '@type': url, value: message };
  return { '@type': url, ...(message as object) };
}

/** The name by which `Any` and xDS call a message type. */
export function typeUrl<K extends MessageName>(type: K): `type.googleapis.com/${K}` {
  return `${URL_PREFIX}${type}`;
}

/** Whether the codec knows a message of that full name. */
export function isMessageName(name: string): name is MessageName {
  return fieldsOf(name) !== undefined;
}

function placed(error: unknown, type: string): Error {
  const root = type.slice(type.lastIndexOf('.') + 1);
  if (!(error instanceof MessageFault)) {
    return new Error(`${root}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const joint = error.path === '' || error.path.startsWith('[') ? '' : '.';
  return new Error(`${root}${joint}${error.path}: ${error.reason}`, { cause: error });
}
