import protobuf from 'protobufjs';
import { installedSources, loadProtos } from '../../../proto/build/load.ts';

let root: protobuf.Root | undefined;

/** The same `.proto` files, read by protobufjs' own reflection. */
export function oracleRoot(): protobuf.Root {
  root ??= loadProtos(installedSources()).root;
  return root;
}

/** JSON form of bytes, made from protobufjs' reflection, which shares no code with the codec. */
export function oracleDecode(type: string, bytes: Uint8Array): unknown {
  const found = oracleRoot().lookupType(type);
  return messageToJson(found, record(found.decode(bytes)));
}

type Fields = Readonly<Record<string, unknown>>;

function messageToJson(type: protobuf.Type, message: Fields): unknown {
  const name = type.fullName.slice(1);
  if (name === 'google.protobuf.Any') return anyToJson(message);
  if (name === 'google.protobuf.Duration') return `${seconds(message)}s`;
  if (name === 'google.protobuf.Timestamp') return timestamp(message);
  if (name === 'google.protobuf.FieldMask') return list(message.paths).join(',');
  if (name === 'google.protobuf.Struct') return mapValues(record(message.fields), valueToJson);
  if (name === 'google.protobuf.ListValue') return list(message.values).map(valueToJson);
  if (name === 'google.protobuf.Value') return valueToJson(message);
  if (/^google\.protobuf\.\w+Value$/.test(name)) return scalarToJson(type.fields.value, message.value);
  const json: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    // Lists and maps are always there, if only empty.
    if (!Object.hasOwn(message, field.name) || isEmpty(field, value)) continue;
    const one = (item: unknown) => scalarToJson(field, item);
    json[field.name] =
      field instanceof protobuf.MapField
        ? mapValues(plainKeys(field, record(value)), one)
        : field.repeated
          ? list(value).map(one)
          : one(value);
  }
  return json;
}

function isEmpty(field: protobuf.Field, value: unknown): boolean {
  return (field.repeated || field.map) && Object.keys(record(value)).length === 0;
}

/** Keys of 64 bits come as eight characters. */
function plainKeys(field: protobuf.MapField, map: Fields): Fields {
  if (!field.keyType.endsWith('64')) return map;
  const plain = (key: string) => String(protobuf.util.longFromHash(key, field.keyType === 'uint64'));
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [plain(key), value]));
}

function anyToJson(any: Fields): unknown {
  const url = String(any.type_url);
  const bytes = any.value as Uint8Array;
  const type = known(url.slice(url.lastIndexOf('/') + 1));
  if (!type) return { '@type': url, value: Buffer.from(bytes).toString('base64') };
  const json = messageToJson(type, record(type.decode(bytes)));
  return typeof json === 'object' && !Array.isArray(json) ? { '@type': url, ...json } : { '@type': url, value: json };
}

function known(name: string): protobuf.Type | undefined {
  try {
    return oracleRoot().lookupType(name);
  } catch {
    return undefined;
  }
}

function valueToJson(value: unknown): unknown {
  const message = record(value);
  if (Object.hasOwn(message, 'structValue')) return mapValues(record(record(message.structValue).fields), valueToJson);
  if (Object.hasOwn(message, 'listValue')) return list(record(message.listValue).values).map(valueToJson);
  for (const name of ['numberValue', 'stringValue', 'boolValue'])
    if (Object.hasOwn(message, name)) return message[name];
  return null;
}

function scalarToJson(field: protobuf.Field | undefined, value: unknown): unknown {
  const type = field?.resolvedType;
  if (type instanceof protobuf.Enum) return type.valuesById[Number(value)];
  if (type instanceof protobuf.Type) return messageToJson(type, record(value));
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (field?.type === 'float') return Number(Math.fround(Number(value)).toPrecision(7));
  if (/64$/.test(field?.type ?? '')) return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value;
}

function seconds(duration: Fields): string {
  const whole = String(duration.seconds);
  const nanos = Math.abs(Number(duration.nanos));
  return nanos === 0
    ? whole
    : `${whole}.${String(nanos)
        .padStart(9, '0')
        .replace(/(000)+$/, '')}`;
}

function timestamp(moment: Fields): string {
  return new Date(Number(moment.seconds) * 1000 + Number(moment.nanos) / 1e6).toISOString();
}

function mapValues(map: Fields, convert: (value: unknown) => unknown): unknown {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, convert(value)]));
}

function record(value: unknown): Fields {
  return value as Fields;
}

function list(value: unknown): readonly unknown[] {
  return value as readonly unknown[];
}
