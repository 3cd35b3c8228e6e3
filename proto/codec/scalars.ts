import type protobuf from 'protobufjs';
import type { ScalarType } from '../descriptors.ts';
import { expected, MessageFault } from './fault.ts';

/** Turns one value of a scalar type into bytes and back. */
export interface ScalarCodec {
  readonly wire: 0 | 1 | 2 | 5;
  /** Throws a `MessageFault` when the value is not of the type. */
  write(writer: protobuf.Writer, value: unknown): void;
  read(reader: protobuf.Reader): unknown;
  /** Whether a field without presence leaves the value out. */
  isDefault(value: unknown): boolean;
  /** The value that a map key stands for, since keys of objects are strings. */
  fromKey(key: string): unknown;
}

const INT32_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;
const FLOAT_DIGITS = [6, 7, 8, 9];

/** The part of a 64-bit integer that the writer reads. */
interface Halves {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

const isZero = (value: unknown) => value === 0 || value === '0';
const toNumber = (key: string) => (/^-?\d+$/.test(key) ? Number(key) : key);
const unchanged = (key: string) => key;

export const scalarCodecs: Readonly<Record<ScalarType, ScalarCodec>> = {
  double: {
    wire: 1,
    write: (writer, value) => void writer.double(float(value)),
    read: reader => reader.double(),
    isDefault: value => Object.is(value, 0),
    fromKey: toNumber,
  },
  float: {
    wire: 5,
    write: (writer, value) => void writer.float(single(value)),
    read: reader => shortest(reader.float()),
    isDefault: value => Object.is(value, 0),
    fromKey: toNumber,
  },
  int32: int32Codec(
    0,
    (writer, value) => writer.int32(value),
    reader => reader.int32(),
  ),
  sint32: int32Codec(
    0,
    (writer, value) => writer.sint32(value),
    reader => reader.sint32(),
  ),
  sfixed32: int32Codec(
    5,
    (writer, value) => writer.sfixed32(value),
    reader => reader.sfixed32(),
  ),
  uint32: uint32Codec(
    0,
    (writer, value) => writer.uint32(value),
    reader => reader.uint32(),
  ),
  fixed32: uint32Codec(
    5,
    (writer, value) => writer.fixed32(value),
    reader => reader.fixed32(),
  ),
  int64: int64Codec(
    0,
    true,
    (writer, value) => writer.int64(value),
    reader => reader.int64(),
  ),
  sint64: int64Codec(
    0,
    true,
    (writer, value) => writer.sint64(value),
    reader => reader.sint64(),
  ),
  sfixed64: int64Codec(
    1,
    true,
    (writer, value) => writer.sfixed64(value),
    reader => reader.sfixed64(),
  ),
  uint64: int64Codec(
    0,
    false,
    (writer, value) => writer.uint64(value),
    reader => reader.uint64(),
  ),
  fixed64: int64Codec(
    1,
    false,
    (writer, value) => writer.fixed64(value),
    reader => reader.fixed64(),
  ),
  bool: {
    wire: 0,
    write(writer, value) {
      if (typeof value !== 'boolean') throw expected('true or false', value);
      writer.bool(value);
    },
    read: reader => reader.bool(),
    isDefault: value => value === false,
    fromKey: key => (key === 'true' ? true : key === 'false' ? false : key),
  },
  string: {
    wire: 2,
    write(writer, value) {
      if (typeof value !== 'string') throw expected('a string', value);
      // Half a surrogate pair is no UTF-8, and would make the receiver refuse the whole response.
      if (!value.isWellFormed()) throw new MessageFault('the string is not valid Unicode');
      writer.string(value);
    },
    read: readString,
    isDefault: value => value === '',
    fromKey: unchanged,
  },
  bytes: {
    wire: 2,
    write: (writer, value) => void writer.bytes(bytesOf(value)),
    read: readBase64,
    isDefault: value => value === '' || (value instanceof Uint8Array && value.length === 0),
    fromKey: unchanged,
  },
};

/** Bytes given as such or as base64. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string') throw expected('base64 or bytes', value);
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw new MessageFault('the string is not base64');
  return Buffer.from(value, 'base64');
}

/** Bounds of a length-delimited value, with the reader moved behind it. Throws when it does not fit into the input. */
export function span(reader: protobuf.Reader): readonly [start: number, end: number] {
  const length = reader.uint32();
  const start = reader.pos;
  if (start + length > reader.len) throw new MessageFault('the input is cut off');
  reader.pos = start + length;
  return [start, start + length];
}

/** Reads a signed varint as a number where that is exact, else as decimal digits. */
export function readInt64(reader: protobuf.Reader): number | string {
  return afterVarint(reader, joined(reader.int64()));
}

/** The reader takes a varint for whole that is cut off at the very end of the input. */
function afterVarint<T>(reader: protobuf.Reader, value: T): T {
  if (reader.pos > reader.len || (reader.buf[reader.pos - 1] ?? 0) > 127)
    throw new MessageFault('the input is cut off');
  return value;
}

function joined(value: number | Halves): number | string {
  if (typeof value === 'number') return value;
  const { low, high, unsigned } = value;
  const upper = unsigned ? high >>> 0 : high;
  const sum = upper * 2 ** 32 + (low >>> 0);
  if (Number.isSafeInteger(sum)) return sum;
  return String((BigInt(upper) << 32n) | BigInt(low >>> 0));
}

/** A 64-bit integer from a number or decimal digits. */
function longOf(value: unknown, signed: boolean): number | Halves {
  if (typeof value === 'number' && Number.isSafeInteger(value) && (signed || value >= 0)) return value;
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) {
    const wide = BigInt(value);
    const fits = signed ? BigInt.asIntN(64, wide) === wide : BigInt.asUintN(64, wide) === wide;
    if (fits) {
      const bits = BigInt.asUintN(64, wide);
      return { low: Number(bits & 0xffffffffn) | 0, high: Number(bits >> 32n) | 0, unsigned: !signed };
    }
  }
  throw expected(signed ? 'a 64-bit whole number' : 'a 64-bit whole number of 0 or more', value);
}

type Write<T> = (writer: protobuf.Writer, value: T) => unknown;
type Read = (reader: protobuf.Reader) => unknown;
type ReadLong = (reader: protobuf.Reader) => number | Halves;

function int32Codec(wire: 0 | 5, write: Write<number>, read: Read): ScalarCodec {
  const check = (value: unknown): number => {
    if (typeof value === 'number' && (value | 0) === value) return value;
    throw expected(`a whole number from ${-INT32_MAX - 1} to ${INT32_MAX}`, value);
  };
  return {
    wire,
    write: (writer, value) => void write(writer, check(value)),
    read,
    isDefault: isZero,
    fromKey: toNumber,
  };
}

function uint32Codec(wire: 0 | 5, write: Write<number>, read: Read): ScalarCodec {
  const check = (value: unknown): number => {
    if (typeof value === 'number' && value >>> 0 === value) return value;
    throw expected(`a whole number from 0 to ${UINT32_MAX}`, value);
  };
  return {
    wire,
    write: (writer, value) => void write(writer, check(value)),
    read,
    isDefault: isZero,
    fromKey: toNumber,
  };
}

function int64Codec(wire: 0 | 1, signed: boolean, write: Write<number | Halves>, read: ReadLong): ScalarCodec {
  return {
    wire,
    write: (writer, value) => void write(writer, longOf(value, signed)),
    read: reader => {
      const value = joined(read(reader));
      return wire === 0 ? afterVarint(reader, value) : value;
    },
    isDefault: isZero,
    fromKey: unchanged,
  };
}

function float(value: unknown): number {
  if (typeof value === 'number') return value;
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
  throw expected('a number', value);
}

function single(value: unknown): number {
  const wide = float(value);
  if (Number.isFinite(wide) && !Number.isFinite(Math.fround(wide)))
    throw expected('a number within 32-bit range', wide);
  return wide;
}

/** The shortest number that is the same in 32 bits: 0.1 and not 0.10000000149011612. */
function shortest(value: number): number {
  for (const digits of FLOAT_DIGITS) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return value;
}

function readString(reader: protobuf.Reader): string {
  const [start, end] = span(reader);
  return view(reader).toString('utf8', start, end);
}

function readBase64(reader: protobuf.Reader): string {
  const [start, end] = span(reader);
  return view(reader).toString('base64', start, end);
}

/** Decoding starts from a `Buffer`, which the reader's type does not tell. */
function view(reader: protobuf.Reader): Buffer {
  return reader.buf as Buffer;
}
