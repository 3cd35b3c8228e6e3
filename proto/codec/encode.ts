import protobuf from 'protobufjs/minimal.js';
import { type FieldRow, fieldsOf, type ScalarType, valuesOf } from '../descriptors.ts';
import { expected, located, MessageFault } from './fault.ts';
import { isObject, type JsonObject, MAX_DEPTH, typeOfUrl } from './object.ts';
import { bytesOf, scalarCodecs } from './scalars.ts';
import { isWellKnown, writeWellKnown } from './well-known.ts';

/** Writes a message's fields, without a length in front. `depth` counts the messages around it. */
export type WriteMessage = (writer: protobuf.Writer, message: unknown, depth: number) => void;

interface Element {
  readonly wire: number;
  /** Whether a field without presence leaves the value out. */
  isDefault(value: unknown): boolean;
  write(writer: protobuf.Writer, value: unknown, depth: number): void;
}

interface FieldWriter {
  readonly name: string;
  readonly number: number;
  readonly oneof: string | undefined;
  /** Whether `null` is a value of the field and not its absence. */
  readonly takesNull: boolean;
  write(writer: protobuf.Writer, value: unknown, depth: number): void;
}

type FieldWriters = ReadonlyMap<string, FieldWriter>;

const ANY = 'google.protobuf.Any';
const NULLABLE = 'google.protobuf.Value';
const messages = new Map<string, WriteMessage>();
const fieldTables = new Map<string, FieldWriters>();

/** The writer of a message type, made at first use. Throws when there is no such type. */
export function messageWriter(type: string): WriteMessage {
  let write = messages.get(type);
  if (!write) {
    write = compile(type);
    messages.set(type, write);
  }
  return write;
}

function compile(type: string): WriteMessage {
  if (type === ANY) return bounded(writeAny);
  if (isWellKnown(type)) return bounded((writer, value, depth) => writeWellKnown(type, writer, value, depth));
  const fields = fieldWriters(type);
  return bounded((writer, message, depth) => {
    if (!isObject(message)) throw expected('an object', message);
    writeFields(fields, writer, message, depth, false);
  });
}

function bounded(write: WriteMessage): WriteMessage {
  return (writer, message, depth) => {
    if (depth > MAX_DEPTH) throw new MessageFault(`nested deeper than ${MAX_DEPTH} messages`);
    write(writer, message, depth);
  };
}

function fieldWriters(type: string): FieldWriters {
  let fields = fieldTables.get(type);
  if (!fields) {
    const rows = fieldsOf(type);
    if (!rows) throw new MessageFault(`there is no message called ${type}`);
    fields = new Map(rows.map(row => [row[1], fieldWriter(row)]));
    fieldTables.set(type, fields);
  }
  return fields;
}

function writeFields(
  fields: FieldWriters,
  writer: protobuf.Writer,
  message: JsonObject,
  depth: number,
  insideAny: boolean,
): void {
  for (const field of presentFields(fields, message, insideAny)) {
    try {
      field.write(writer, message[field.name], depth);
    } catch (error) {
      throw located(error, field.name);
    }
  }
}

/** The fields that are set, by number. */
function presentFields(fields: FieldWriters, message: JsonObject, insideAny: boolean): readonly FieldWriter[] {
  const present: FieldWriter[] = [];
  for (const key of Object.keys(message)) {
    const field = fields.get(key);
    if (!field) {
      if (insideAny && key === '@type') continue;
      throw new MessageFault('unknown field').inside(key);
    }
    const value = message[key];
    if (value === undefined || (value === null && !field.takesNull)) continue;
    if (field.oneof !== undefined) refuseSecond(present, field);
    let at = present.length;
    for (let before = present[at - 1]; before && before.number > field.number; before = present[at - 1]) at--;
    if (at === present.length) present.push(field);
    else present.splice(at, 0, field);
  }
  return present;
}

function refuseSecond(present: readonly FieldWriter[], field: FieldWriter): void {
  const first = present.find(other => other.oneof === field.oneof);
  if (first) throw new MessageFault(`cannot be set together with ${first.name}`).inside(field.name);
}

function fieldWriter(row: FieldRow): FieldWriter {
  const [number, name, type, label = 'one', oneof] = row;
  return {
    name,
    number,
    oneof: oneof ?? undefined,
    takesNull: type === NULLABLE && label === 'one',
    write: label === 'map' ? mapWriter(row) : valueWriter(row),
  };
}

function valueWriter([number, , type, label = 'one', oneof]: FieldRow): FieldWriter['write'] {
  const element = elementOf(type);
  const tag = ((number << 3) | element.wire) >>> 0;
  if (label === 'packed') return packedWriter(number, element);
  if (label === 'repeated') {
    return (writer, list, depth) => {
      eachItem(list, item => element.write(writer.uint32(tag), item, depth));
    };
  }
  const explicit = label === 'optional' || typeof oneof === 'string';
  return (writer, value, depth) => {
    if (explicit || !element.isDefault(value)) element.write(writer.uint32(tag), value, depth);
  };
}

function packedWriter(number: number, element: Element): FieldWriter['write'] {
  const tag = ((number << 3) | 2) >>> 0;
  return (writer, list, depth) => {
    if (Array.isArray(list) && list.length === 0) return;
    writer.uint32(tag).fork();
    eachItem(list, item => element.write(writer, item, depth));
    writer.ldelim();
  };
}

function eachItem(list: unknown, write: (item: unknown) => void): void {
  if (!Array.isArray(list)) throw expected('a list', list);
  for (const [index, item] of list.entries()) {
    try {
      write(item);
    } catch (error) {
      throw located(error, `[${index}]`);
    }
  }
}

/** Entries go out in order of their keys, so that equal maps are equal bytes. */
function mapWriter([number, , type, , , keyType = 'string']: FieldRow): FieldWriter['write'] {
  const tag = ((number << 3) | 2) >>> 0;
  const key = scalarCodecs[keyType];
  const element = elementOf(type);
  return (writer, map, depth) => {
    if (!isObject(map)) throw expected('an object', map);
    for (const name of Object.keys(map).sort()) {
      try {
        key.write(
          writer
            .uint32(tag)
            .fork()
            .uint32(8 | key.wire),
          key.fromKey(name),
        );
        element.write(writer.uint32(16 | element.wire), map[name], depth);
        writer.ldelim();
      } catch (error) {
        throw located(error, `[${JSON.stringify(name)}]`);
      }
    }
  };
}

function elementOf(type: string): Element {
  if (Object.hasOwn(scalarCodecs, type)) return scalarCodecs[type as ScalarType];
  const values = valuesOf(type);
  return values ? enumElement(type, values) : messageElement(type);
}

function enumElement(type: string, values: Readonly<Record<string, number>>): Element {
  const numberOf = (value: unknown): number => {
    if (typeof value === 'number' && (value | 0) === value) return value;
    if (typeof value !== 'string') throw expected(`the name of a ${type}`, value);
    const number = Object.hasOwn(values, value) ? values[value] : undefined;
    if (number === undefined) throw new MessageFault(`"${value}" is not a value of ${type}`);
    return number;
  };
  return {
    wire: 0,
    isDefault: value => numberOf(value) === 0,
    write: (writer, value) => void writer.int32(numberOf(value)),
  };
}

function messageElement(type: string): Element {
  let body: WriteMessage | undefined;
  return {
    wire: 2,
    isDefault: () => false,
    write(writer, value, depth) {
      body ??= messageWriter(type);
      body(writer.fork(), value, depth + 1);
      writer.ldelim();
    },
  };
}

/** A known type's fields stand beside `@type`; an unknown type's bytes stand in `value`. */
function writeAny(writer: protobuf.Writer, any: unknown, depth: number): void {
  if (!isObject(any)) throw expected('an object', any);
  const url = any['@type'];
  if (typeof url !== 'string') throw expected('a type URL', url).inside('@type');
  if (url !== '') scalarCodecs.string.write(writer.uint32(10), url);
  const value = anyValue(typeOfUrl(url), any, depth);
  if (value.length > 0) writer.uint32(18).bytes(value);
}

function anyValue(type: string, any: JsonObject, depth: number): Uint8Array {
  if (isWellKnown(type) || type === ANY || fieldsOf(type) === undefined) {
    const surplus = Object.keys(any).find(key => key !== '@type' && key !== 'value');
    if (surplus !== undefined) throw new MessageFault(`unknown field of ${type}`).inside(surplus);
    try {
      return isWellKnown(type) || type === ANY
        ? nested(messageWriter(type), any.value, depth)
        : bytesOf(any.value ?? '');
    } catch (error) {
      throw located(error, 'value');
    }
  }
  return nested(
    (writer, message) => writeFields(fieldWriters(type), writer, message as JsonObject, depth + 1, true),
    any,
    depth,
  );
}

function nested(write: WriteMessage, message: unknown, depth: number): Uint8Array {
  if (depth >= MAX_DEPTH) throw new MessageFault(`nested deeper than ${MAX_DEPTH} messages`);
  const writer = protobuf.Writer.create();
  write(writer, message, depth + 1);
  return writer.finish();
}
