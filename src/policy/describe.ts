import { z } from 'zod';
import { quote } from './document.ts';
import type { AnySchema } from './schema-walk.ts';

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

/** `must be a list`: what a schema of this type wants. */
export function expected(type: string): string {
  return `must be ${kinds[type] ?? type}`;
}

/** A value as a message names it. */
export function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'empty';
  if (typeof value === 'string') return `the text ${quote(value)}`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : String(value);
}

/** `for example 250ms`: the documented example of the first schema that has one. */
export function example(schemas: readonly AnySchema[]): string | undefined {
  for (const schema of schemas) {
    const examples = z.globalRegistry.get(schema)?.['examples'];
    if (Array.isArray(examples) && examples.length > 0) return `for example ${inline(examples[0])}`;
  }
  return undefined;
}

/** A value in YAML's flow style, as short as it can be read back. */
export function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${inline(key)}: ${inline(inner)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  if (typeof value !== 'string') return String(value);
  const plain = /^[A-Za-z/][\w./@%:-]*(?<!:)$|^\d+(ms|s|m|h|d|%)$|^\d+(\.\d+){3}(:\d+)?$/.test(value);
  const special = /^(true|false|null|yes|no|on|off|y|n)$/i.test(value);
  return plain && !(special && value !== 'off' && value !== 'on') ? value : JSON.stringify(value);
}
