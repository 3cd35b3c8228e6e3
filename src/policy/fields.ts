import { z } from 'zod';
import type { FieldDoc } from './field.ts';
import { Policy } from './kinds.ts';
import { type AnySchema, choicesOf, coreOf, objectsAt } from './schema-walk.ts';

/** One field of the policy, as users write it. */
export interface Field {
  /** `services.*.endpoints[].weight`: `*` stands for any name, `[]` for any item. */
  readonly path: string;
  readonly doc: FieldDoc;
  /** Schemas of the field: several where forms of the same thing have it. */
  readonly schemas: readonly AnySchema[];
  readonly required: boolean;
  /** The default as it would be written; absent where there is none, or where the fields inside have them. */
  readonly default?: unknown;
  /** Forms that have the field, where not all do: `policy: ringHash`. */
  readonly forms: readonly string[];
}

/** All fields of the policy, each once, in the order of the schemas. */
export function listFields(): readonly Field[] {
  const found = new Map<string, Field>();
  walk(Policy, '', [], found);
  return [...found.values()];
}

function walk(schema: AnySchema, path: string, forms: readonly string[], found: Map<string, Field>): void {
  const core = coreOf(schema);
  if (core.kind === 'list') walk(core.item, `${path}[]`, [], found);
  else if (core.kind === 'record') walk(core.value, `${path}.*`, [], found);
  else if (core.kind === 'union') {
    const { discriminator } = core;
    const shared = discriminator === undefined ? new Set<string>() : sharedKeys(schema);
    for (const option of core.options) {
      walkShape(option, path, key => (shared.has(key) ? [] : formOf(option, discriminator)), found);
    }
  } else if (core.kind === 'object') walkShape(schema, path, () => forms, found);
}

function walkShape(
  schema: AnySchema,
  path: string,
  formsOf: (key: string) => readonly string[],
  found: Map<string, Field>,
): void {
  const core = coreOf(schema);
  if (core.kind !== 'object') {
    walk(schema, path, [], found);
    return;
  }
  for (const [key, child] of Object.entries(core.shape)) {
    const inner = path === '' ? key : `${path}.${key}`;
    found.set(inner, merge(found.get(inner), describeField(inner, child, formsOf(key))));
    walk(child, inner, [], found);
  }
}

/** Keys that every form of a discriminated union has. */
function sharedKeys(schema: AnySchema): ReadonlySet<string> {
  const shapes = objectsAt(schema, undefined);
  const [first = {}] = shapes;
  return new Set(Object.keys(first).filter(key => shapes.every(shape => Object.hasOwn(shape, key))));
}

function formOf(option: AnySchema, discriminator: string | undefined): readonly string[] {
  const core = coreOf(option);
  const tag = discriminator !== undefined && core.kind === 'object' ? core.shape[discriminator] : undefined;
  return tag ? (choicesOf(tag) ?? []).map(choice => `${discriminator}: ${String(choice)}`) : [];
}

function describeField(path: string, schema: AnySchema, forms: readonly string[]): Field {
  const meta = z.globalRegistry.get(schema) ?? {};
  const text = (key: string) => (typeof meta[key] === 'string' ? { [key]: meta[key] } : {});
  const examples = Array.isArray(meta['examples']) ? meta['examples'] : [];
  const doc: FieldDoc = {
    doc: meta.description ?? '',
    ...text('unit'),
    ...text('why'),
    ...text('unseen'),
    ...text('placeholder'),
    ...(examples.length > 0 ? { example: examples[0] } : {}),
  };
  const required = schema._zod.optin === undefined;
  const value = defaultOf(schema);
  return { path, doc, schemas: [schema], required, forms, ...(value === undefined ? {} : { default: value }) };
}

/** An empty mapping as a default only opens the door to the defaults inside. */
function defaultOf(schema: AnySchema): unknown {
  if (schema instanceof z.core.$ZodOptional) return defaultOf(schema._zod.def.innerType);
  if (!(schema instanceof z.core.$ZodDefault) && !(schema instanceof z.core.$ZodPrefault)) return undefined;
  const value: unknown = schema._zod.def.defaultValue;
  const opens = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
  return opens ? undefined : value;
}

function merge(known: Field | undefined, next: Field): Field {
  if (!known) return next;
  const same = known.doc.doc.includes(next.doc.doc);
  const doc = same ? known.doc : { ...known.doc, doc: `${known.doc.doc} ${next.doc.doc}` };
  const schemas = [...new Set([...known.schemas, ...next.schemas])];
  return { ...known, doc, schemas, forms: [...new Set([...known.forms, ...next.forms])] };
}
