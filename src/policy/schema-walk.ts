import { z } from 'zod';

/** Reading the schemas themselves: what generated documentation and hints are made from. */

export type AnySchema = z.core.$ZodType;

/** What a schema is underneath optional, default, prefault and transformations: what users write. */
export type Core =
  | { readonly kind: 'object'; readonly shape: Readonly<Record<string, AnySchema>> }
  | { readonly kind: 'record'; readonly key: AnySchema; readonly value: AnySchema }
  | { readonly kind: 'list'; readonly item: AnySchema }
  | { readonly kind: 'union'; readonly options: readonly AnySchema[]; readonly discriminator: string | undefined }
  | { readonly kind: 'leaf'; readonly schema: AnySchema };

/** The schema of what users write, without optional, default, prefault and what a pipe makes of it. */
export function inputOf(schema: AnySchema): AnySchema {
  if (schema instanceof z.core.$ZodOptional || schema instanceof z.core.$ZodNullable)
    return inputOf(schema._zod.def.innerType);
  if (schema instanceof z.core.$ZodDefault || schema instanceof z.core.$ZodPrefault)
    return inputOf(schema._zod.def.innerType);
  if (schema instanceof z.core.$ZodNonOptional || schema instanceof z.core.$ZodReadonly)
    return inputOf(schema._zod.def.innerType);
  if (schema instanceof z.core.$ZodPipe) return inputOf(schema._zod.def.in);
  return schema;
}

export function coreOf(schema: AnySchema): Core {
  const input = inputOf(schema);
  if (input instanceof z.core.$ZodObject) return { kind: 'object', shape: input._zod.def.shape };
  if (input instanceof z.core.$ZodRecord)
    return { kind: 'record', key: input._zod.def.keyType, value: input._zod.def.valueType };
  if (input instanceof z.core.$ZodArray) return { kind: 'list', item: input._zod.def.element };
  if (input instanceof z.core.$ZodUnion) {
    const discriminator = input instanceof z.core.$ZodDiscriminatedUnion ? input._zod.def.discriminator : undefined;
    return { kind: 'union', options: input._zod.def.options, discriminator };
  }
  return { kind: 'leaf', schema: input };
}

/** The values that a literal or an enum allows; undefined for other schemas. */
export function choicesOf(schema: AnySchema): readonly unknown[] | undefined {
  const input = inputOf(schema);
  if (input instanceof z.core.$ZodEnum) return Object.values(input._zod.def.entries);
  if (input instanceof z.core.$ZodLiteral) return input._zod.def.values;
  if (input instanceof z.core.$ZodUnion) {
    const options = input._zod.def.options.map(choicesOf);
    return options.every(option => option !== undefined) ? options.flat() : undefined;
  }
  return undefined;
}

/** The schemas for a text that a value in this place may be meant as. */
export function textSchemas(schema: AnySchema): readonly z.core.$ZodString[] {
  const input = inputOf(schema);
  if (input instanceof z.core.$ZodString) return [input];
  return input instanceof z.core.$ZodUnion ? input._zod.def.options.flatMap(textSchemas) : [];
}

/** The object schemas that a value in this place may be meant as; of a discriminated union, the one it names. */
export function objectsAt(schema: AnySchema, value: unknown): readonly Readonly<Record<string, AnySchema>>[] {
  const core = coreOf(schema);
  if (core.kind === 'object') return [core.shape];
  if (core.kind !== 'union') return [];
  const { discriminator } = core;
  const all = core.options.flatMap(option => objectsAt(option, value));
  if (discriminator === undefined || !isRecord(value)) return all;
  const named = all.filter(shape => {
    const tag = shape[discriminator];
    return tag !== undefined && choicesOf(tag)?.includes(value[discriminator]);
  });
  return named.length > 0 ? named : all;
}

/** The schemas that a step from `value` to `value[part]` may lead to. */
function childrenAt(schema: AnySchema, value: unknown, part: string | number): readonly AnySchema[] {
  const core = coreOf(schema);
  if (core.kind === 'list') return [core.item];
  if (core.kind === 'record') return [core.value];
  if (core.kind === 'object') return ownChild(core.shape, part);
  if (core.kind === 'leaf') return [];
  const objects = objectsAt(schema, value).flatMap(shape => ownChild(shape, part));
  if (objects.length > 0) return objects;
  return core.options.flatMap(option => (coreOf(option).kind === 'object' ? [] : childrenAt(option, value, part)));
}

function ownChild(shape: Readonly<Record<string, AnySchema>>, part: string | number): readonly AnySchema[] {
  const child = Object.hasOwn(shape, part) ? shape[part] : undefined;
  return child ? [child] : [];
}

/** One step of the way from a resource to a value in it. */
export interface Step {
  readonly schemas: readonly AnySchema[];
  readonly value: unknown;
}

/** The way to `path`: first the resource itself, then one step per part. */
export function stepsTo(schema: AnySchema, value: unknown, path: readonly PropertyKey[]): readonly Step[] {
  const steps: Step[] = [{ schemas: [schema], value }];
  for (const part of path) {
    const last = steps.at(-1);
    if (!last || typeof part === 'symbol') break;
    const schemas = last.schemas.flatMap(each => childrenAt(each, last.value, part));
    steps.push({ schemas, value: valueAt(last.value, part) });
  }
  return steps;
}

function valueAt(value: unknown, part: PropertyKey): unknown {
  if (Array.isArray(value)) return typeof part === 'number' ? value[part] : undefined;
  return isRecord(value) && typeof part === 'string' && Object.hasOwn(value, part) ? value[part] : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
