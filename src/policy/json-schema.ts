import { z } from 'zod';
import { formats } from './field.ts';
import { Policy } from './kinds.ts';

/**
 * JSON Schema (2020-12) of what users write, for editors: it knows keys, types and examples. What needs more (names
 * that must exist, regular expressions, rules between fields) is checked by `parse` alone.
 */
export function policyJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(Policy, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const format = formats.get(zodSchema);
      if (format && jsonSchema.type === 'string') jsonSchema.pattern = format.pattern;
      // Our own words beside the standard ones; editors show the description only.
      for (const key of ['why', 'unseen', 'unit']) delete jsonSchema[key];
    },
  });
  return { ...schema, title: 'Switchyard policy', properties: { $schema: { type: 'string' }, ...schema.properties } };
}
