import { z } from 'zod';
import { formats } from './field.ts';
import { type Kind, kinds, Policy } from './kinds.ts';
import type { AnySchema } from './schema-walk.ts';

/**
 * JSON Schema (2020-12) of what users write, for editors: it knows keys, types and examples. What needs more (names
 * that must exist, regular expressions, rules between fields) is checked by `parse` alone.
 */
export function policyJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = jsonSchema(Policy);
  return { ...schema, title: 'Switchyard policy', properties: { $schema: { type: 'string' }, ...schema.properties } };
}

/** The same of one resource. */
export function kindJsonSchema(kind: Kind): Readonly<Record<string, unknown>> {
  const { $schema: _, ...schema } = jsonSchema(kinds[kind].schema);
  return { ...schema, description: kinds[kind].doc };
}

function jsonSchema(schema: AnySchema) {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const format = formats.get(zodSchema);
      if (format && jsonSchema.type === 'string') jsonSchema.pattern = format.pattern;
      withVariables(jsonSchema);
      // No format of JSON Schema; its pattern says the same.
      if (jsonSchema.format === 'starts_with') delete jsonSchema.format;
      // Our own words beside the standard ones; editors show the description only.
      if (typeof jsonSchema['why'] === 'string' && jsonSchema.description !== undefined) {
        jsonSchema.description += `\n\nDefault: ${jsonSchema['why']}.`;
      }
      for (const key of ['why', 'unseen', 'unit', 'placeholder']) delete jsonSchema[key];
    },
  });
}

const variable = '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\\}';

/** Where variables of the environment may stand, texts that hold one are good, too. */
function withVariables(schema: z.core.JSONSchema.BaseSchema): void {
  const { placeholder } = schema;
  if (placeholder === undefined) return;
  if (schema.description !== undefined)
    schema.description += ' May hold a variable of the environment, with or without a default.';
  if (placeholder === 'number') {
    const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
    if (type === undefined) return;
    const number = { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum };
    for (const key of Object.keys(number)) delete schema[key];
    const set = Object.entries(number).filter(([, value]) => value !== undefined);
    schema.anyOf = [Object.fromEntries(set), { type: 'string', pattern: `^${variable}$` }];
    return;
  }
  for (const each of [schema, schema.items]) {
    if (typeof each !== 'object' || Array.isArray(each) || each.pattern === undefined) continue;
    each.pattern = `(${each.pattern})|${variable}`;
  }
}
