import { Buffer } from 'node:buffer';
import { readTable } from './tables.ts';

/** Every file of the API, for those who ask a server what it serves. */
export interface FileTable {
  /** Its name, and its `FileDescriptorProto` in base64. */
  readonly files: readonly (readonly [name: string, descriptor: string])[];
  /**
   * Messages, enums, services, extensions, and values of enums outside of messages, by full name: index of the file, and
   * the names of what else is declared in it: fields, oneofs, methods, values of its enums.
   */
  readonly symbols: Readonly<Record<string, readonly [file: number, ...members: string[]]>>;
  /** Index of the file that declares an extension, by the full name of the extended message and by number. */
  readonly extensions: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

let table: FileTable | undefined;
let indices: ReadonlyMap<string, number> | undefined;

/** The table is read from disk by the first who needs it. Throws when the build has not run. */
function files(): FileTable {
  table ??= readTable<FileTable>('files.json');
  return table;
}

/** Bytes of the `FileDescriptorProto` of a file, or undefined when there is none of that name. */
export function fileDescriptor(name: string): Buffer | undefined {
  indices ??= new Map(files().files.map(([each], at) => [each, at]));
  const at = indices.get(name);
  const descriptor = at === undefined ? undefined : files().files[at]?.[1];
  return descriptor === undefined ? undefined : Buffer.from(descriptor, 'base64');
}

/** Name of the file that declares a symbol: a message, field, oneof, enum, value, service, method or extension. */
export function fileOfSymbol(symbol: string): string | undefined {
  const found = rowOf(symbol);
  if (found) return nameOf(found[0]);
  const dot = symbol.lastIndexOf('.');
  const scope = dot < 0 ? undefined : rowOf(symbol.slice(0, dot));
  return scope?.includes(symbol.slice(dot + 1), 1) ? nameOf(scope[0]) : undefined;
}

/** Name of the file that declares the extension of a message with that number. */
export function fileOfExtension(message: string, number: number): string | undefined {
  const file = extensionsOf(message)[number];
  return file === undefined ? undefined : nameOf(file);
}

/** Numbers of the extensions of a message, or undefined when there is no such symbol. */
export function extensionNumbers(message: string): readonly number[] | undefined {
  return rowOf(message) && Object.keys(extensionsOf(message)).map(Number);
}

function extensionsOf(message: string): Readonly<Record<string, number>> {
  const { extensions } = files();
  return (Object.hasOwn(extensions, message) ? extensions[message] : undefined) ?? {};
}

function rowOf(symbol: string): FileTable['symbols'][string] | undefined {
  const { symbols } = files();
  return Object.hasOwn(symbols, symbol) ? symbols[symbol] : undefined;
}

function nameOf(file: number): string | undefined {
  return files().files[file]?.[0];
}
