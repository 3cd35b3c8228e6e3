import { Buffer } from 'node:buffer';
import { delimited, textField } from '../../src/snapshot/wire.ts';
import { eachField } from '../../src/xds/wire.ts';

/** What a test's client writes and reads, byte by byte: the server's counterpart. */

export interface ReadResource {
  readonly name: string;
  readonly content: string;
  /** Delta only. */
  readonly version?: string;
  /** It has a time to live. */
  readonly limited?: boolean;
}

export interface ReadError {
  readonly name: string;
  readonly code: number;
  readonly message: string;
}

export interface ReadResponse {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ReadResource[];
  readonly removed: readonly string[];
  readonly errors: readonly ReadError[];
  readonly controlPlane: string;
  /** Type URLs of the `Any`s. */
  readonly anyTypes: readonly string[];
}

export interface SotwFields {
  readonly typeUrl: string;
  readonly node?: string | undefined;
  /** `client_features` of the node. */
  readonly features?: readonly string[];
  /** `user_agent_name` of the node. */
  readonly userAgent?: string | undefined;
  readonly version?: string | undefined;
  readonly names?: readonly string[];
  readonly nonce?: string;
  readonly error?: string | undefined;
}

export interface DeltaFields {
  readonly typeUrl: string;
  readonly node?: string | undefined;
  /** `client_features` of the node. */
  readonly features?: readonly string[];
  /** `user_agent_name` of the node. */
  readonly userAgent?: string | undefined;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly has?: Readonly<Record<string, string>> | undefined;
  readonly nonce?: string;
  readonly error?: string | undefined;
}

function text(field: number, value: string | undefined): readonly Uint8Array[] {
  return value ? [textField(field, value)] : [];
}

function status(field: number, message: string | undefined): readonly Uint8Array[] {
  return message === undefined ? [] : [delimited(field, Buffer.from([8, 13]), ...text(2, message))];
}

function node(
  field: number,
  { node: id, features = [], userAgent }: Pick<SotwFields, 'node' | 'features' | 'userAgent'>,
): readonly Uint8Array[] {
  if (id === undefined) return [];
  const further = features.map(each => textField(10, each));
  return [delimited(field, textField(1, id), ...text(6, userAgent), ...further)];
}

export function writeSotw(fields: SotwFields): Buffer {
  const { typeUrl, version, names = [], nonce, error } = fields;
  const list = names.map(name => textField(3, name));
  return Buffer.concat([
    ...text(1, version),
    ...node(2, fields),
    ...list,
    ...text(4, typeUrl),
    ...text(5, nonce),
    ...status(6, error),
  ]);
}

export function writeDelta(fields: DeltaFields): Buffer {
  const { typeUrl, subscribe = [], unsubscribe = [], has = {}, nonce, error } = fields;
  return Buffer.concat([
    ...node(1, fields),
    ...text(2, typeUrl),
    ...subscribe.map(name => textField(3, name)),
    ...unsubscribe.map(name => textField(4, name)),
    ...Object.entries(has).map(([name, version]) => delimited(5, textField(1, name), textField(2, version))),
    ...text(6, nonce),
    ...status(7, error),
  ]);
}

export function readResponse(variant: 'sotw' | 'delta', bytes: Uint8Array): ReadResponse {
  const texts = { typeUrl: '', version: '', nonce: '', controlPlane: '' };
  const resources: ReadResource[] = [];
  const removed: string[] = [];
  const errors: ReadError[] = [];
  const anyTypes: string[] = [];
  eachField(bytes, (field, reader) => {
    if (field === 1) texts.version = reader.string();
    else if (field === 2)
      resources.push(variant === 'sotw' ? readAny(reader.bytes(), anyTypes) : readWrapped(reader.bytes(), anyTypes));
    else if (field === 4) texts.typeUrl = reader.string();
    else if (field === 5) texts.nonce = reader.string();
    else if (variant === 'delta' && field === 6) removed.push(reader.string());
    else if (field === (variant === 'sotw' ? 7 : 9)) errors.push(readError(reader.bytes()));
    else if (field === (variant === 'sotw' ? 6 : 7)) texts.controlPlane = readText(reader.bytes(), 1);
    else return false;
    return true;
  });
  return { ...texts, resources, removed, errors, anyTypes };
}

function readError(bytes: Uint8Array): ReadError {
  const read = { name: '', code: 0, message: '' };
  eachField(bytes, (field, reader) => {
    if (field === 1) read.name = readText(reader.bytes(), 1);
    else if (field === 2) {
      const status = reader.bytes();
      read.message = readText(status, 2);
      eachField(status, (inner, its) => {
        if (inner !== 1) return false;
        read.code = its.int32();
        return true;
      });
    } else return false;
    return true;
  });
  return read;
}

function readText(bytes: Uint8Array, wanted: number): string {
  let found = '';
  eachField(bytes, (field, reader) => {
    if (field !== wanted) return false;
    found = reader.string();
    return true;
  });
  return found;
}

function readAny(bytes: Uint8Array, anyTypes: string[]): ReadResource {
  let value = new Uint8Array();
  const type = readText(bytes, 1);
  eachField(bytes, (field, reader) => {
    if (field !== 2) return false;
    value = Uint8Array.from(reader.bytes());
    return true;
  });
  if (type === 'type.googleapis.com/envoy.service.discovery.v3.Resource') return readWrapped(value, anyTypes);
  anyTypes.push(type);
  return { name: readText(value, 1), content: readText(value, 15) };
}

function readWrapped(bytes: Uint8Array, anyTypes: string[]): ReadResource {
  let any: ReadResource = { name: '', content: '' };
  eachField(bytes, (field, reader) => {
    if (field !== 2) return false;
    any = readAny(reader.bytes(), anyTypes);
    return true;
  });
  const name = readText(bytes, 3);
  const about = { version: readText(bytes, 1), limited: hasField(bytes, 6) };
  if (any.name === '') return { name, content: '', ...about };
  if (name !== any.name) throw new Error(`the wrapper names ${name}, the resource ${any.name}`);
  return { ...any, ...about };
}

function hasField(bytes: Uint8Array, wanted: number): boolean {
  let found = false;
  eachField(bytes, field => {
    found ||= field === wanted;
    return false;
  });
  return found;
}
