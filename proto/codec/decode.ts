import protobuf from 'protobufjs/minimal.js';
import { type FieldRow, fieldsOf, type ScalarType, valuesOf } from '../descriptors.ts';
import { located, MessageFault } from './fault.ts';
import { MAX_DEPTH, setKey, typeOfUrl } from './object.ts';
import { scalarCodecs, span } from './scalars.ts';
import { isWellKnown, readWellKnown } from './well-known.ts';
import { readFields } from './wire.ts';

type Fields = Record<string, unknown>;

/** Reads a message up to `end`; fields of an object that is there already are kept unless the input has them. */
export type ReadMessage = (reader: protobuf.Reader, end: number, depth: number, into?: unknown) => unknown;

interface Element {
  readonly wire: number;
  /** Value of a map entry that has none. */
  empty(): unknown;
  /** `before` is what an earlier occurrence of the field gave. */
  read(reader: protobuf.Reader, depth: number, before: unknown): unknown;
}

interface FieldReader {
  readonly name: string;
  /** Reads the value, or says false to a wire type that the field never has. */
  take(reader: protobuf.Reader, wire: number, fields: Fields, depth: number): boolean;
}

type FieldReaders = ReadonlyMap<number, FieldReader>;

const ANY = 'google.protobuf.Any';
const messages = new Map<string, ReadMessage>();

/** The reader of a message type, made at first use. Throws when there is no such type. */
export function messageReader(type: string): ReadMessage {
  let read = messages.get(type);
  if (!read) {
    read = compile(type);
    messages.set(type, read);
  }
  return read;
}

/** A reader over bytes, as the codecs need it. */
export function readerOf(bytes: Uint8Array): protobuf.Reader {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return protobuf.Reader.create(buffer);
}

function compile(type: string): ReadMessage {
  if (type === ANY) return bounded(readAny);
  if (isWellKnown(type)) return bounded((reader, end, depth) => readWellKnown(type, reader, end, depth));
  const rows = fieldsOf(type);
  if (!rows) throw new MessageFault(`there is no message called ${type}`);
  let fields: FieldReaders | undefined;
  return bounded((reader, end, depth, into) => {
    fields ??= new Map(rows.map(row => [row[0], fieldReader(row, rows)]));
    return readInto(fields, reader, end, depth, isFields(into) ? into : {});
  });
}

function bounded(read: ReadMessage): ReadMessage {
  return (reader, end, depth, into) => {
    if (depth > MAX_DEPTH) throw new MessageFault(`nested deeper than ${MAX_DEPTH} messages`);
    return read(reader, end, depth, into);
  };
}

function readInto(readers: FieldReaders, reader: protobuf.Reader, end: number, depth: number, fields: Fields): Fields {
  let current: FieldReader | undefined;
  try {
    readFields(reader, end, (number, wire) => {
      current = readers.get(number);
      return current?.take(reader, wire, fields, depth) ?? false;
    });
  } catch (error) {
    throw current ? located(error, current.name) : error;
  }
  return fields;
}

function fieldReader(row: FieldRow, rows: readonly FieldRow[]): FieldReader {
  const [, name, type, label = 'one', oneof] = row;
  if (label === 'map') return { name, take: mapTaker(row) };
  const element = elementOf(type);
  if (label === 'packed' || label === 'repeated') return { name, take: listTaker(name, element) };
  const rivals = typeof oneof === 'string' ? rows.filter(other => other[4] === oneof && other[1] !== name) : [];
  return {
    name,
    take(reader, wire, fields, depth) {
      if (wire !== element.wire) return false;
      for (const rival of rivals) delete fields[rival[1]];
      fields[name] = element.read(reader, depth, fields[name]);
      return true;
    },
  };
}

/** Lists of numbers come packed or not, whatever their declaration says. */
function listTaker(name: string, element: Element): FieldReader['take'] {
  return (reader, wire, fields, depth) => {
    const packed = wire === 2 && element.wire !== 2;
    if (!packed && wire !== element.wire) return false;
    const existing = fields[name];
    const list: unknown[] = Array.isArray(existing) ? existing : [];
    fields[name] = list;
    if (!packed) {
      list.push(element.read(reader, depth, undefined));
      return true;
    }
    const [start, end] = span(reader);
    reader.pos = start;
    while (reader.pos < end) list.push(element.read(reader, depth, undefined));
    if (reader.pos !== end) throw new MessageFault('the input is cut off');
    return true;
  };
}

function mapTaker([, name, type, , , keyType = 'string']: FieldRow): FieldReader['take'] {
  const keyCodec = scalarCodecs[keyType];
  const element = elementOf(type);
  const emptyKey = keyType === 'string' ? '' : keyType === 'bool' ? 'false' : '0';
  return (reader, wire, fields, depth) => {
    if (wire !== 2) return false;
    const [start, end] = span(reader);
    reader.pos = start;
    let key = emptyKey;
    let value: unknown;
    readFields(reader, end, (number, partWire) => {
      if (number === 1 && partWire === keyCodec.wire) key = String(keyCodec.read(reader));
      else if (number === 2 && partWire === element.wire) value = element.read(reader, depth, value);
      else return false;
      return true;
    });
    const existing = fields[name];
    const map: Fields = isFields(existing) ? existing : {};
    fields[name] = map;
    setKey(map, key, value === undefined ? element.empty() : value);
    return true;
  };
}

function elementOf(type: string): Element {
  if (Object.hasOwn(scalarCodecs, type)) return scalarElement(type as ScalarType);
  const values = valuesOf(type);
  return values ? enumElement(values) : messageElement(type);
}

function scalarElement(type: ScalarType): Element {
  const codec = scalarCodecs[type];
  const empty = type === 'bool' ? false : type === 'string' || type === 'bytes' ? '' : 0;
  return { wire: codec.wire, empty: () => empty, read: reader => codec.read(reader) };
}

/** A number without a name stays a number, so that a newer peer's values survive. */
function enumElement(values: Readonly<Record<string, number>>): Element {
  const names = new Map<number, string>();
  for (const [name, number] of Object.entries(values)) if (!names.has(number)) names.set(number, name);
  const named = (number: number) => names.get(number) ?? number;
  return { wire: 0, empty: () => named(0), read: reader => named(reader.int32()) };
}

function messageElement(type: string): Element {
  let body: ReadMessage | undefined;
  return {
    wire: 2,
    empty() {
      return messageReader(type)(readerOf(new Uint8Array()), 0, 0);
    },
    read(reader, depth, before) {
      body ??= messageReader(type);
      const [start, end] = span(reader);
      reader.pos = start;
      return body(reader, end, depth + 1, before);
    },
  };
}

/** A type that is not in the descriptors keeps its bytes, as base64 in `value`. */
function readAny(reader: protobuf.Reader, end: number, depth: number): unknown {
  let url = '';
  let bytes: readonly [start: number, end: number] = [reader.pos, reader.pos];
  readFields(reader, end, (number, wire) => {
    if (wire !== 2 || number > 2) return false;
    if (number === 1) url = String(scalarCodecs.string.read(reader));
    else bytes = span(reader);
    return true;
  });
  const type = typeOfUrl(url);
  const value = Buffer.from(reader.buf.buffer, reader.buf.byteOffset + bytes[0], bytes[1] - bytes[0]);
  if (isWellKnown(type) || type === ANY)
    return { '@type': url, value: messageReader(type)(readerOf(value), value.length, depth + 1) };
  if (fieldsOf(type) === undefined) return { '@type': url, value: value.toString('base64') };
  return messageReader(type)(readerOf(value), value.length, depth + 1, { '@type': url });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
