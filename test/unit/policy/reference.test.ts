import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Field, listFields } from '../../../src/policy/fields.ts';
import { policyJsonSchema } from '../../../src/policy/json-schema.ts';
import { Policy } from '../../../src/policy/kinds.ts';
import { renderReference } from '../../../src/policy/reference.ts';
import { type AnySchema, coreOf } from '../../../src/policy/schema-walk.ts';

const page = join(dirname(fileURLToPath(import.meta.url)), '../../../docs/reference/policy.md');
const fields = listFields();
const paths = fields.map(({ path }) => path);

test('docs/reference/policy.md says what the schemas say', () => {
  const expected = renderReference();
  if (process.env['UPDATE_DOCS']) {
    mkdirSync(dirname(page), { recursive: true });
    writeFileSync(page, expected);
  }
  const hint = 'docs/reference/policy.md is stale: run UPDATE_DOCS=1 node --test test/unit/policy/reference.test.ts';
  assert.equal(readFileSync(page, 'utf8'), expected, hint);
});

test('every field of every depth is listed once', () => {
  assert.equal(new Set(paths).size, paths.length);
  for (const path of [
    'services.*.healthCheck.http.path',
    'services.*.endpoints[].inbound.application',
    'services.*.loadBalancing.hashBy[].cookie.ttl',
    'services.*.loadBalancing.slowStart.window',
    'services.*.apiVersioning.versions.*.sunset',
    'gateways.*.listeners[].to[].weight',
    'routes.*.rules[].match.headers.*.exact',
    'routes.*.rules[].match.path.template',
    'fleets.*.sidecar.upstreams[].port',
  ]) {
    assert.ok(paths.includes(path), path);
  }
  assert.deepEqual(
    [...keysOf(Policy)].filter(key => !paths.some(path => path.split(/[.[\]*]+/).at(-1) === key)),
    [],
  );
});

/** Keys of all mappings, found by zod's own description of the schema. */
function keysOf(schema: z.ZodType): ReadonlySet<string> {
  const keys = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { properties, ...rest } = node as Record<string, unknown>;
    for (const [key, child] of Object.entries((properties ?? {}) as Record<string, unknown>)) {
      keys.add(key);
      visit(child);
    }
    for (const [key, child] of Object.entries(rest)) if (key !== 'examples' && key !== 'default') visit(child);
  };
  visit(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  return keys;
}

test('every field has a text and an example', () => {
  assert.deepEqual(
    fields.filter(({ doc }) => !/^[`A-Z].*[.!]$/s.test(doc.doc) || doc.example === undefined).map(({ path }) => path),
    [],
  );
});

test('every field that may be left out says what happens then', () => {
  const choices = new Set<string>();
  collectChoices(Policy, '', choices);
  assert.ok(choices.has('services.*.healthCheck.http'));
  const silent = ({ path, required, doc }: Field) => !required && doc.why === undefined && !choices.has(path);
  assert.deepEqual(
    fields.filter(silent).map(({ path }) => path),
    [],
  );
});

/** Fields of which one must be given, as the mapping says itself when it is empty. */
function collectChoices(schema: AnySchema, path: string, found: Set<string>): void {
  const core = coreOf(schema);
  if (core.kind === 'list') collectChoices(core.item, `${path}[]`, found);
  if (core.kind === 'record') collectChoices(core.value, `${path}.*`, found);
  if (core.kind === 'union') for (const option of core.options) collectChoices(option, path, found);
  if (core.kind !== 'object') return;
  for (const issue of z.safeParse(schema, {}).error?.issues ?? []) {
    const [, names = ''] = /^needs (?:exactly|at least) one of ([\w, ]+)/.exec(issue.message) ?? [];
    if (issue.path.length === 0) for (const name of names.split(', ')) found.add(`${path}.${name}`);
  }
  for (const [key, child] of Object.entries(core.shape))
    collectChoices(child, path === '' ? key : `${path}.${key}`, found);
}

test('every example is valid for one form of its field', () => {
  const wrong = fields.filter(({ doc, schemas }) => !schemas.some(schema => z.safeParse(schema, doc.example).success));
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test('the reason of a default begins with the default, where it is a single value', () => {
  const wrong = fields.filter(field => {
    const value = field.default;
    if (typeof value !== 'string' && typeof value !== 'number') return false;
    return value !== '' && !field.doc.why?.startsWith(String(value));
  });
  assert.deepEqual(
    wrong.map(({ path, doc }) => `${path}: ${doc.why}`),
    [],
  );
});

test('the JSON Schema allows what the examples say, and no unknown keys', () => {
  const schema = policyJsonSchema();
  assert.equal(schema['additionalProperties'], false);
  const text = JSON.stringify(schema);
  assert.match(text, /"connectTimeout":\{[^}]*"pattern":"\^\(0\|/);
  assert.ok(!text.includes('"why"'));
});
