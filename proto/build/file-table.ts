import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs';
import type { FileTable } from '../files.ts';
import { type Declared, declarationsOf, fieldName, fileDescriptor } from './file-descriptors.ts';
import type { LoadedProtos } from './load.ts';

/** Every file of the API as a `FileDescriptorProto`, and what is declared where. */
export function fileTable(loaded: LoadedProtos): FileTable {
  const declarations = declarationsOf(loaded);
  const files = [...loaded.files.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const table = new Declarations();
  const bytes = files.map((file, at) => {
    const declared = declarations.get(file.name) ?? [];
    for (const each of declared) table.declare(at, each);
    return [file.name, Buffer.from(fileDescriptor(loaded.root, file, declared)).toString('base64')] as const;
  });
  return { files: bytes, symbols: table.symbols, extensions: table.extensions };
}

class Declarations {
  readonly symbols: Record<string, readonly [file: number, ...members: string[]]> = {};
  readonly extensions: Record<string, Record<string, number>> = {};

  declare(file: number, object: Declared): void {
    if (object instanceof protobuf.Type) this.#message(file, object);
    else if (object instanceof protobuf.Service) this.#add(file, object, names(object.methodsArray));
    else if (object instanceof protobuf.Field) this.#extension(file, object);
    else this.#enumeration(file, object);
  }

  #message(file: number, type: protobuf.Type): void {
    const nested = type.nestedArray.filter(each => each instanceof protobuf.Enum);
    const fields = type.fieldsArray.filter(each => !each.declaringField);
    const values = nested.flatMap(each => Object.keys(each.values));
    this.#add(file, type, [...fields.map(fieldName), ...names(type.oneofsArray), ...values]);
    for (const each of nested) this.#add(file, each, []);
    for (const each of type.nestedArray) {
      if (each instanceof protobuf.Type) this.#message(file, each);
      else if (each instanceof protobuf.Field) this.#extension(file, each);
    }
  }

  /** Its values are named as if they stood beside it. */
  #enumeration(file: number, type: protobuf.Enum): void {
    this.#add(file, type, []);
    const scope = fullName(type.parent);
    for (const value of Object.keys(type.values)) this.symbols[`${scope}.${value}`] = [file];
  }

  #extension(file: number, field: protobuf.Field): void {
    this.#add(file, field, []);
    const message = fullName(field.extensionField?.parent ?? null);
    this.extensions[message] = { ...this.extensions[message], [field.id]: file };
  }

  #add(file: number, object: protobuf.ReflectionObject, members: readonly string[]): void {
    this.symbols[fullName(object)] = [file, ...members];
  }
}

function names(objects: readonly protobuf.ReflectionObject[]): readonly string[] {
  return objects.map(each => each.name);
}

function fullName(object: protobuf.ReflectionObject | null): string {
  if (object === null) throw new Error('an extension is not resolved');
  return object.fullName.slice(1);
}
