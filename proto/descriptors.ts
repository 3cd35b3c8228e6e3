import { readTable } from './tables.ts';

/** Scalar types of protobuf, by the names `.proto` files use. */
export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'sfixed32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes';

/**
 * How often a field stands in its message.
 *
 * `one` has no presence of its own (a scalar's default is not sent), `optional` has; a message in `one` always has.
 * `packed` and `repeated` are lists; `map` is an object.
 */
export type FieldLabel = 'one' | 'optional' | 'packed' | 'repeated' | 'map';

/** A field as the table stores it: number, name, type, label (`one` if absent), oneof, key type of a map. */
export type FieldRow = readonly [
  number: number,
  name: string,
  type: string,
  label?: FieldLabel,
  oneof?: string | null,
  keyType?: ScalarType,
];

/** Everything that turns messages into bytes and back, by full names without a leading dot. */
export interface DescriptorTable {
  /** Fields in order of their numbers. */
  readonly messages: Readonly<Record<string, readonly FieldRow[]>>;
  /** Numbers of each enum's values. The first name of a number is the one used in output. */
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

let table: DescriptorTable | undefined;

/** Fields of a message, or undefined when there is no message of that full name. */
export function fieldsOf(message: string): readonly FieldRow[] | undefined {
  const { messages } = descriptors();
  return Object.hasOwn(messages, message) ? messages[message] : undefined;
}

/** Numbers of an enum's values by name, or undefined when there is no enum of that full name. */
export function valuesOf(name: string): Readonly<Record<string, number>> | undefined {
  const { enums } = descriptors();
  return Object.hasOwn(enums, name) ? enums[name] : undefined;
}

/** The descriptors of every message of the Envoy API. Read from disk once. Throws when the build has not run. */
export function descriptors(): DescriptorTable {
  table ??= readTable<DescriptorTable>('descriptors.json');
  return table;
}
