import type protobuf from 'protobufjs';
import type { ScalarType } from '../descriptors.ts';
import { expected, located, MessageFault } from './fault.ts';
import { isObject, MAX_DEPTH, setKey } from './object.ts';
import { readInt64, type ScalarCodec, scalarCodecs, span } from './scalars.ts';
import { formatDuration, formatTimestamp, type Moment, parseDuration, parseTimestamp } from './time.ts';
import { readFields } from './wire.ts';

/** A message whose JSON form is not an object with its fields. */
interface WellKnown {
  write(writer: protobuf.Writer, value: unknown, depth: number): void;
  read(reader: protobuf.Reader, end: number, depth: number): unknown;
}

const { bool, double, string } = scalarCodecs;

const wellKnown: ReadonlyMap<string, WellKnown> = new Map([
  ['google.protobuf.Duration', moment('a duration such as "0.250s"', parseDuration, formatDuration)],
  ['google.protobuf.Timestamp', moment('a time such as "2026-01-31T12:00:00Z"', parseTimestamp, formatTimestamp)],
  ['google.protobuf.BoolValue', wrapper('bool', false)],
  ['google.protobuf.BytesValue', wrapper('bytes', '')],
  ['google.protobuf.DoubleValue', wrapper('double', 0)],
  ['google.protobuf.FloatValue', wrapper('float', 0)],
  ['google.protobuf.Int32Value', wrapper('int32', 0)],
  ['google.protobuf.Int64Value', wrapper('int64', 0)],
  ['google.protobuf.StringValue', wrapper('string', '')],
  ['google.protobuf.UInt32Value', wrapper('uint32', 0)],
  ['google.protobuf.UInt64Value', wrapper('uint64', 0)],
  ['google.protobuf.FieldMask', { write: writeMask, read: readMask }],
  ['google.protobuf.Struct', { write: writeStruct, read: readStruct }],
  ['google.protobuf.ListValue', { write: writeList, read: readList }],
  ['google.protobuf.Value', { write: writeValue, read: readValue }],
]);

/** Whether a type has a JSON form of its own. `Any` has one too and stands elsewhere, since it holds any message. */
export function isWellKnown(type: string): boolean {
  return wellKnown.has(type);
}

/** Writes the fields of a well-known type, given its JSON form. */
export function writeWellKnown(type: string, writer: protobuf.Writer, value: unknown, depth: number): void {
  codecOf(type).write(writer, value, depth);
}

/** Reads the fields of a well-known type up to `end` into its JSON form. */
export function readWellKnown(type: string, reader: protobuf.Reader, end: number, depth: number): unknown {
  return codecOf(type).read(reader, end, depth);
}

function codecOf(type: string): WellKnown {
  const codec = wellKnown.get(type);
  if (!codec) throw new Error(`${type} has no JSON form of its own`);
  return codec;
}

function moment(what: string, parse: (text: string) => Moment, format: (moment: Moment) => string): WellKnown {
  return {
    write(writer, value) {
      if (typeof value !== 'string') throw expected(what, value);
      const { seconds, nanos } = parse(value);
      if (seconds !== 0) writer.uint32(8).int64(seconds);
      if (nanos !== 0) writer.uint32(16).int32(nanos);
    },
    read(reader, end) {
      let seconds = 0;
      let nanos = 0;
      readFields(reader, end, (number, wire) => {
        if (wire !== 0 || number > 2) return false;
        if (number === 1) seconds = Number(readInt64(reader));
        else nanos = reader.int32();
        return true;
      });
      return format({ seconds, nanos });
    },
  };
}

function wrapper(type: ScalarType, empty: unknown): WellKnown {
  const codec: ScalarCodec = scalarCodecs[type];
  return {
    write(writer, value) {
      if (!codec.isDefault(value)) codec.write(writer.uint32(8 | codec.wire), value);
    },
    read(reader, end) {
      let value = empty;
      readFields(reader, end, (number, wire) => {
        if (number !== 1 || wire !== codec.wire) return false;
        value = codec.read(reader);
        return true;
      });
      return value;
    },
  };
}

function writeMask(writer: protobuf.Writer, value: unknown): void {
  if (typeof value !== 'string') throw expected('field paths joined by commas', value);
  for (const path of value.split(',')) {
    if (path !== '')
      string.write(
        writer.uint32(10),
        path.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
      );
  }
}

function readMask(reader: protobuf.Reader, end: number): string {
  const paths: string[] = [];
  readFields(reader, end, (number, wire) => {
    if (number !== 1 || wire !== 2) return false;
    paths.push(String(string.read(reader)).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
    return true;
  });
  return paths.join(',');
}

function writeStruct(writer: protobuf.Writer, value: unknown, depth: number): void {
  if (!isObject(value)) throw expected('an object', value);
  for (const key of Object.keys(value).sort()) {
    const field = value[key];
    if (field === undefined) continue;
    try {
      string.write(writer.uint32(10).fork().uint32(10), key);
      writeValue(writer.uint32(18).fork(), field, depth + 1);
      writer.ldelim().ldelim();
    } catch (error) {
      throw located(error, `[${JSON.stringify(key)}]`);
    }
  }
}

function writeList(writer: protobuf.Writer, value: unknown, depth: number): void {
  if (!Array.isArray(value)) throw expected('a list', value);
  for (const [index, item] of value.entries()) {
    try {
      writeValue(writer.uint32(10).fork(), item, depth + 1);
      writer.ldelim();
    } catch (error) {
      throw located(error, `[${index}]`);
    }
  }
}

function writeValue(writer: protobuf.Writer, value: unknown, depth: number): void {
  if (depth > MAX_DEPTH) throw new MessageFault(`nested deeper than ${MAX_DEPTH} messages`);
  if (value === null) {
    writer.uint32(8).int32(0);
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw expected('a finite number', value);
    double.write(writer.uint32(17), value);
  } else if (typeof value === 'string') {
    string.write(writer.uint32(26), value);
  } else if (typeof value === 'boolean') {
    bool.write(writer.uint32(32), value);
  } else if (Array.isArray(value)) {
    writeList(writer.uint32(50).fork(), value, depth + 1);
    writer.ldelim();
  } else {
    writeStruct(writer.uint32(42).fork(), value, depth + 1);
    writer.ldelim();
  }
}

function readStruct(reader: protobuf.Reader, end: number, depth: number): unknown {
  const struct: Record<string, unknown> = {};
  readFields(reader, end, (number, wire) => {
    if (number !== 1 || wire !== 2) return false;
    let key = '';
    let value: unknown = null;
    readSpan(reader, entryEnd =>
      readFields(reader, entryEnd, (part, partWire) => {
        if (partWire !== 2 || part > 2) return false;
        if (part === 1) key = String(string.read(reader));
        else value = readSpan(reader, valueEnd => readValue(reader, valueEnd, depth + 1));
        return true;
      }),
    );
    setKey(struct, key, value);
    return true;
  });
  return struct;
}

function readList(reader: protobuf.Reader, end: number, depth: number): unknown {
  const list: unknown[] = [];
  readFields(reader, end, (number, wire) => {
    if (number !== 1 || wire !== 2) return false;
    list.push(readSpan(reader, itemEnd => readValue(reader, itemEnd, depth + 1)));
    return true;
  });
  return list;
}

function readValue(reader: protobuf.Reader, end: number, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new MessageFault(`nested deeper than ${MAX_DEPTH} messages`);
  let value: unknown = null;
  readFields(reader, end, (number, wire) => {
    if (number === 1 && wire === 0) {
      reader.int32();
      value = null;
    } else if (number === 2 && wire === 1) value = reader.double();
    else if (number === 3 && wire === 2) value = string.read(reader);
    else if (number === 4 && wire === 0) value = reader.bool();
    else if (number === 5 && wire === 2) value = readSpan(reader, inner => readStruct(reader, inner, depth + 1));
    else if (number === 6 && wire === 2) value = readSpan(reader, inner => readList(reader, inner, depth + 1));
    else return false;
    return true;
  });
  return value;
}

function readSpan<T>(reader: protobuf.Reader, read: (end: number) => T): T {
  const [start, end] = span(reader);
  reader.pos = start;
  return read(end);
}
