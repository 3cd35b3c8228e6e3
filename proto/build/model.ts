import protobuf from 'protobufjs';
import { isWanted } from './load.ts';

/** A field, reduced to what the generated files need. */
export interface FieldModel {
  readonly name: string;
  readonly number: number;
  /** A scalar name such as `uint32`, or the full name of a message or enum. */
  readonly type: string;
  readonly label: 'one' | 'optional' | 'packed' | 'repeated' | 'map';
  /** Scalar name of a map's key. */
  readonly keyType?: string;
  readonly oneof?: string;
  readonly deprecated: boolean;
  /** Value of `(validate.rules)`, as the parser read it. */
  readonly validation?: unknown;
}

export interface MessageModel {
  readonly name: string;
  readonly package: string;
  /** Sorted by number. */
  readonly fields: readonly FieldModel[];
  /** Oneofs of which one member must be set. */
  readonly requiredOneofs: readonly string[];
}

export interface EnumModel {
  readonly name: string;
  readonly package: string;
  readonly values: Readonly<Record<string, number>>;
}

export interface MethodModel {
  readonly name: string;
  readonly request: string;
  readonly response: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /** Path of the REST form, where the API declares one. */
  readonly post?: string;
}

export interface ServiceModel {
  readonly name: string;
  readonly methods: readonly MethodModel[];
}

/** Everything the build emits, sorted by name. */
export interface ApiModel {
  readonly messages: readonly MessageModel[];
  readonly enums: readonly EnumModel[];
  readonly services: readonly ServiceModel[];
}

/** The v3 messages and services of the root, with every message and enum that they reach. */
export function modelOf(root: protobuf.Root): ApiModel {
  const messages = new Map<string, MessageModel>();
  const enums = new Map<string, EnumModel>();
  const services: ServiceModel[] = [];
  const pending: (protobuf.Type | protobuf.Enum)[] = [];
  collect(root, pending, services);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const name = fullName(next);
    if (next instanceof protobuf.Enum) {
      enums.set(name, { name, package: packageOf(next), values: { ...next.values } });
    } else if (!messages.has(name)) {
      messages.set(name, messageModel(next));
      for (const field of next.fieldsArray) if (field.resolvedType) pending.push(field.resolvedType);
    }
  }
  return {
    messages: [...messages.values()].sort(byName),
    enums: [...enums.values()].sort(byName),
    services: services.sort(byName),
  };
}

function collect(
  namespace: protobuf.NamespaceBase,
  types: (protobuf.Type | protobuf.Enum)[],
  services: ServiceModel[],
): void {
  for (const child of namespace.nestedArray) {
    const wanted = isWanted(child.filename ?? '') || isWellKnown(child);
    if (child instanceof protobuf.Service) {
      if (wanted) services.push(serviceModel(child));
    } else if (child instanceof protobuf.Type || child instanceof protobuf.Enum) {
      if (wanted && !isAnnotation(child)) types.push(child);
    }
    if (child instanceof protobuf.Namespace) collect(child, types, services);
  }
}

/** Well-known types travel inside `Any` without any field naming them. */
function isWellKnown(object: protobuf.ReflectionObject): boolean {
  return /^\.google\.protobuf\.(Any|Duration|Empty|FieldMask|Struct|Timestamp|\w+Value)$/.test(object.fullName);
}

/** Messages that describe protos themselves; no proxy speaks them. */
function isAnnotation(object: protobuf.ReflectionObject): boolean {
  return /^\.(xds|udpa)\.annotations\./.test(object.fullName);
}

function messageModel(type: protobuf.Type): MessageModel {
  return {
    name: fullName(type),
    package: packageOf(type),
    fields: type.fieldsArray.map(fieldModel).sort((a, b) => a.number - b.number),
    requiredOneofs: type.oneofsArray
      .filter(oneof => oneof.options?.['(validate.required)'] === true)
      .map(oneof => oneof.name)
      .sort(),
  };
}

function fieldModel(field: protobuf.Field): FieldModel {
  const validation = parsedOption(field, '(validate.rules)');
  const oneof = field.partOf && !field.options?.proto3_optional ? field.partOf.name : undefined;
  return {
    name: field.name,
    number: field.id,
    type: field.resolvedType ? fullName(field.resolvedType) : field.type,
    label: labelOf(field),
    ...(field instanceof protobuf.MapField && { keyType: field.keyType }),
    ...(oneof !== undefined && { oneof }),
    deprecated: field.options?.deprecated === true,
    ...(validation !== undefined && { validation }),
  };
}

function labelOf(field: protobuf.Field): FieldModel['label'] {
  if (field.map) return 'map';
  if (field.repeated) return field.packed && isPackable(field) ? 'packed' : 'repeated';
  return field.options?.proto3_optional === true ? 'optional' : 'one';
}

function isPackable(field: protobuf.Field): boolean {
  if (field.resolvedType) return field.resolvedType instanceof protobuf.Enum;
  return field.type !== 'string' && field.type !== 'bytes';
}

function serviceModel(service: protobuf.Service): ServiceModel {
  const methods = service.methodsArray.map(method => {
    const post = method.options?.['(google.api.http).post'];
    return {
      name: method.name,
      request: fullName(method.resolvedRequestType),
      response: fullName(method.resolvedResponseType),
      requestStream: method.requestStream === true,
      responseStream: method.responseStream === true,
      ...(typeof post === 'string' && { post }),
    };
  });
  return { name: fullName(service), methods };
}

/** Reads a message-valued option. The flattened `options` lose options whose message is empty, so they are no source. */
function parsedOption(field: protobuf.Field, name: string): unknown {
  const parsed: unknown = field.parsedOptions;
  if (!Array.isArray(parsed)) return undefined;
  return parsed.find(option => typeof option === 'object' && option !== null && name in option)?.[name];
}

function fullName(object: protobuf.ReflectionObject | null): string {
  if (object === null) throw new Error('a type is not resolved');
  return object.fullName.slice(1);
}

function packageOf(object: protobuf.ReflectionObject): string {
  let parent = object.parent;
  while (parent instanceof protobuf.Type) parent = parent.parent;
  return parent ? parent.fullName.slice(1) : '';
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
