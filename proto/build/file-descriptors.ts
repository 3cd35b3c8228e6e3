import protobuf from 'protobufjs';
import type { LoadedProtos, ProtoFile } from './load.ts';
import { withOptions } from './options.ts';

/** A message of `descriptor.proto` as a plain object, with the field names of the file. */
type Descriptor = Readonly<Record<string, unknown>>;

/** What a file declares outside of any message. */
export type Declared = protobuf.Type | protobuf.Enum | protobuf.Service | protobuf.Field;

/** What each file declares, in the order of its text. */
export function declarationsOf({ root, files }: LoadedProtos): ReadonlyMap<string, readonly Declared[]> {
  const found = new Map<string, Declared[]>([...files.keys()].map(name => [name, []]));
  const collect = (namespace: protobuf.NamespaceBase): void => {
    for (const child of namespace.nestedArray) {
      if (isDeclared(child)) found.get(child.filename ?? '')?.push(child);
      else if (child instanceof protobuf.Namespace) collect(child);
    }
  };
  collect(root);
  return found;
}

function isDeclared(child: protobuf.ReflectionObject): child is Declared {
  return [protobuf.Type, protobuf.Enum, protobuf.Service, protobuf.Field].some(kind => child instanceof kind);
}

/**
 * The bytes of a file's `FileDescriptorProto`: what protoc makes of it and of its overlay, without comments, options of the
 * file (which are for generated code) and JSON names (which follow from the names).
 */
export function fileDescriptor(root: protobuf.Root, file: ProtoFile, declared: readonly Declared[]): Uint8Array {
  const type = root.lookupType('google.protobuf.FileDescriptorProto');
  const only = <T>(kind: abstract new (...args: never[]) => T): readonly T[] =>
    declared.filter((each): each is Declared & T => each instanceof kind);
  const publicImports = [...file.imports.keys()].filter(at => file.publicImports.has(file.imports[at] ?? ''));
  const descriptor: Descriptor = {
    name: file.name,
    package: file.package,
    dependency: file.imports,
    public_dependency: publicImports,
    message_type: only(protobuf.Type).map(message),
    enum_type: only(protobuf.Enum).map(enumeration),
    service: only(protobuf.Service).map(service),
    extension: only(protobuf.Field).map(each => field(each)),
    syntax: file.syntax,
  };
  return type.encode(type.fromObject(descriptor)).finish();
}

function message(type: protobuf.Type): Descriptor {
  const oneofs = declaredFirst(type.oneofsArray);
  const fields = together(type.fieldsArray.filter(each => !each.declaringField));
  const nested = <T>(kind: abstract new (...args: never[]) => T): readonly T[] =>
    type.nestedArray.filter((each): each is protobuf.ReflectionObject & T => each instanceof kind);
  const entries = fields.filter(each => each instanceof protobuf.MapField).map(mapEntry);
  return withOptions(type, 'MessageOptions', {
    name: type.name,
    field: fields.map(each => field(each, each.partOf ? oneofs.indexOf(each.partOf) : undefined)),
    extension: nested(protobuf.Field).map(each => field(each)),
    nested_type: [...nested(protobuf.Type).map(message), ...entries],
    enum_type: nested(protobuf.Enum).map(enumeration),
    extension_range: ranges(type.extensions),
    oneof_decl: oneofs.map(each => withOptions(each, 'OneofOptions', { name: each.name })),
    reserved_range: ranges(type.reserved),
    reserved_name: type.reserved?.filter(each => typeof each === 'string'),
  });
}

/** Those that stand for `optional` come last. */
function declaredFirst(oneofs: readonly protobuf.OneOf[]): readonly protobuf.OneOf[] {
  const [declared, optional]: [protobuf.OneOf[], protobuf.OneOf[]] = [[], []];
  for (const each of oneofs) (each.fieldsArray.some(isOptional) ? optional : declared).push(each);
  return [...declared, ...optional];
}

function isOptional(each: protobuf.Field): boolean {
  return each.options?.proto3_optional === true;
}

/** The members of a oneof must follow one another, and an overlay adds some at the end. */
function together(fields: readonly protobuf.Field[]): readonly protobuf.Field[] {
  return [...new Set(fields.flatMap(each => each.partOf?.fieldsArray ?? [each]))];
}

/** Numbers in brackets, the second of which is the last that belongs to it. */
function ranges(of: readonly (string | number[])[] | undefined, beyond = 1): readonly Descriptor[] {
  const numbers = of?.filter(each => typeof each !== 'string') ?? [];
  return numbers.map(([start = 0, end = start]) => ({ start, end: end + beyond }));
}

function field(each: protobuf.Field, oneof?: number): Descriptor {
  const map = each instanceof protobuf.MapField;
  const type = map ? { type: 'TYPE_MESSAGE', type_name: `${each.parent?.fullName}.${entryName(each)}` } : typeOf(each);
  const fallback = each.options?.default;
  return withOptions(each, 'FieldOptions', {
    name: fieldName(each),
    number: each.id,
    label: map || each.repeated ? 'LABEL_REPEATED' : each.required ? 'LABEL_REQUIRED' : 'LABEL_OPTIONAL',
    ...type,
    ...(each.extend !== undefined && { extendee: each.extensionField?.parent?.fullName }),
    ...(fallback !== undefined && { default_value: String(fallback) }),
    ...(oneof !== undefined && { oneof_index: oneof }),
    ...(isOptional(each) && { proto3_optional: true }),
  });
}

/** As in the file. The parser's own copy of `struct.proto` has camel case instead. */
export function fieldName({ name, parent }: protobuf.Field): string {
  if (parent?.fullName !== '.google.protobuf.Value') return name;
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
}

function typeOf({ type, resolvedType }: protobuf.FieldBase): Descriptor {
  if (resolvedType === null) return { type: `TYPE_${type.toUpperCase()}` };
  const kind = resolvedType instanceof protobuf.Enum ? 'TYPE_ENUM' : 'TYPE_MESSAGE';
  return { type: kind, type_name: resolvedType.fullName };
}

function entryName(map: protobuf.MapField): string {
  const words = map.name.split('_').map(word => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join('')}Entry`;
}

function mapEntry(map: protobuf.MapField): Descriptor {
  const key = { type: `TYPE_${map.keyType.toUpperCase()}` };
  return {
    name: entryName(map),
    field: [
      { name: 'key', number: 1, label: 'LABEL_OPTIONAL', ...key },
      { name: 'value', number: 2, label: 'LABEL_OPTIONAL', ...typeOf(map) },
    ],
    options: { map_entry: true },
  };
}

function enumeration(type: protobuf.Enum): Descriptor {
  return withOptions(type, 'EnumOptions', {
    name: type.name,
    value: Object.entries(type.values).map(([name, number]) => {
      const options = type.valuesOptions?.[name] ?? {};
      return withOptions(type, 'EnumValueOptions', { name, number }, options);
    }),
    reserved_range: ranges(type.reserved, 0),
    reserved_name: type.reserved?.filter(each => typeof each === 'string'),
  });
}

function service(each: protobuf.Service): Descriptor {
  return withOptions(each, 'ServiceOptions', { name: each.name, method: each.methodsArray.map(method) });
}

function method(each: protobuf.Method): Descriptor {
  return withOptions(each, 'MethodOptions', {
    name: each.name,
    input_type: each.resolvedRequestType?.fullName,
    output_type: each.resolvedResponseType?.fullName,
    ...(each.requestStream === true && { client_streaming: true }),
    ...(each.responseStream === true && { server_streaming: true }),
  });
}
