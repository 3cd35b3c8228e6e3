import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Field } from '../../src/policy/fields.ts';
import { coveredFields } from './covers.ts';

/** A test source and its name. */
export interface TestSource {
  readonly file: string;
  readonly text: string;
}

/** All end-to-end tests of the checkout. */
export function endToEndTests(): readonly TestSource[] {
  const folder = path.join(import.meta.dirname, '..', 'e2e');
  return readdirSync(folder)
    .filter(file => file.endsWith('.test.ts'))
    .map(file => ({ file: `test/e2e/${file}`, text: readFileSync(path.join(folder, file), 'utf8') }));
}

/** What is wrong between the fields of the policy and what tests say they show. Empty when nothing is. */
export function coverageMistakes(fields: readonly Field[], tests: readonly TestSource[]): readonly string[] {
  const byPath = new Map(fields.map(field => [field.path, field]));
  const calls = tests.flatMap(({ file, text }) => coveredFields(text).map(call => ({ ...call, file })));
  const unknown = calls
    .filter(({ field }) => !byPath.has(field))
    .map(({ file, line, field }) => `${file}:${line}: the policy has no field ${field}`);
  const shown = new Set(calls.flatMap(({ field }) => byPath.get(field)?.schemas ?? []));
  const isNamed = (field: Field) => field.schemas.some(schema => shown.has(schema));
  // A form that stands in several places, such as retries of services and of rules, need be shown in one of them; and
  // what only holds other fields is shown by each of them.
  const isShown = (field: Field) => isNamed(field) || fields.some(each => isInside(each, field) && isNamed(each));
  const forgotten = fields
    .filter(field => field.doc.unseen === undefined && !isShown(field))
    .map(({ path: name }) => `${name}: no end-to-end test shows its effect, and no reason says why it cannot be seen`);
  const contradicted = fields
    .filter(field => field.doc.unseen !== undefined && isNamed(field))
    .map(({ path: name }) => `${name}: a test shows it, so it need not say that it cannot be seen`);
  return [...unknown, ...forgotten, ...contradicted];
}

const isInside = (inner: Field, outer: Field) =>
  inner.path.startsWith(outer.path) && /^[.[]/.test(inner.path.slice(outer.path.length));
