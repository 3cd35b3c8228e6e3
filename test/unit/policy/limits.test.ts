import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePolicy } from '../../../src/policy/define.ts';
import { type PolicyDocument, parse } from '../../../src/policy/parse.ts';

const codes = (text: string, format: PolicyDocument['format'] = 'yaml') =>
  parse([{ file: 'p', format, text }]).problems.map(({ code, source }) => `${code} ${source?.line}:${source?.column}`);
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const list = (depth: number) => `services: ${'['.repeat(depth)}${']'.repeat(depth)}`;

test('a document has at most 1 MiB, counted in bytes', () => {
  const comment = (bytes: number) => `services: { a: {} } #${'x'.repeat(bytes - 21)}`;
  assert.deepEqual(codes(comment(1_048_576)), []);
  assert.deepEqual(codes(comment(1_048_577)), ['file.too_large 1:1']);
  assert.deepEqual(codes(`#${'é'.repeat(524_288)}`), ['file.too_large 1:1']);
  assert.deepEqual(codes(`"${'x'.repeat(1_048_576)}"`, 'json'), ['file.too_large 1:1']);
});

test('64 levels are read and 65 are too deep', () => {
  assert.deepEqual(codes(nested(64), 'json'), ['schema.unknown_key 1:2']);
  assert.deepEqual(codes(nested(65), 'json'), ['syntax.too_deep 1:321']);
  assert.deepEqual(codes(list(63)), ['schema.invalid_type 1:1']);
  assert.deepEqual(codes(list(64)), ['syntax.too_deep 1:74', 'schema.invalid_type 1:1']);
});

test('endless nesting is refused before it is built', () => {
  for (const text of ['[', '{', '- ', '? ', 'a: {b: ', '[{']) {
    const found = codes(text.repeat(10_000));
    assert.equal(found.length, 1, text);
    assert.match(found[0] ?? '', /^syntax\.(too_deep|invalid) /, text);
  }
  assert.deepEqual(codes('['.repeat(10_000), 'json'), ['syntax.too_deep 1:65']);
});

test('aliases stand for what they name, at most 100 times and 50000 values in all', () => {
  const uses = (count: number) =>
    `services:\n  a: &a { timeout: 1s }\n${Array.from({ length: count }, (_, index) => `  b${index}: *a\n`).join('')}`;
  const { policy } = parse([{ file: 'p', format: 'yaml', text: uses(100) }]);
  assert.equal(policy?.services['b99']?.timeout, 1000);
  assert.deepEqual(codes(uses(101)), ['syntax.too_many_aliases 103:9']);
  const layers = Array.from(
    { length: 9 },
    (_, index) => `l${index + 1}: &l${index + 1} [${'*l'.concat(`${index}, `).repeat(10)}]`,
  );
  assert.ok(
    codes(`l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n${layers.join('\n')}`).some(code =>
      code.startsWith('syntax.too_many_aliases'),
    ),
  );
});

test('a mistake inside an alias is shown where the alias stands', () => {
  assert.deepEqual(codes('services:\n  a: &a { timeout: 1 }\n  b: *a\n'), [
    'schema.invalid_type 2:11',
    'schema.invalid_type 3:6',
  ]);
});

test('an alias of what it stands in is refused', () => {
  assert.deepEqual(codes('services: &s\n  a: *s\n'), ['syntax.invalid 2:6']);
});

test('keys that reach into objects are refused everywhere', () => {
  for (const key of ['__proto__', 'constructor', 'prototype']) {
    assert.deepEqual(codes(`services: { a: {} }\n${key}: {}`), ['syntax.forbidden_key 2:1']);
    assert.deepEqual(codes(`{"services":{"a":{"versions":{"${key}":{}}}}}`, 'json'), ['syntax.forbidden_key 1:31']);
  }
  parse([{ file: 'p', format: 'json', text: '{"__proto__":{"polluted":true}}' }]);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('YAML of another version, and tags, are refused', () => {
  assert.deepEqual(codes('%YAML 1.1\n---\nservices: { a: {} }\n'), ['syntax.invalid 1:1']);
  assert.deepEqual(codes('services: !mapping { a: {} }\n'), ['syntax.invalid 1:11']);
  assert.deepEqual(codes('services: { a: { timeout: !seconds 1 } }\n'), ['syntax.invalid 1:27']);
});

test('words of YAML 1.1 are texts: on, off, yes', () => {
  const text = 'services: { a: { outlierDetection: off, retries: { on: [reset] } } }';
  const { policy, problems } = parse([{ file: 'p', format: 'yaml', text }]);
  assert.deepEqual(problems, []);
  assert.equal(policy?.services['a']?.outlierDetection, 'off');
  assert.deepEqual(policy?.services['a']?.retries.on, ['reset']);
});

test('a day stays a text', () => {
  const versions = '{ v1: { sunset: 2027-06-30 } }';
  const text = `services: { a: { apiVersioning: { in: { header: {} }, versions: ${versions} } } }`;
  const { policy } = parse([{ file: 'p', format: 'yaml', text }]);
  assert.equal(policy?.services['a']?.apiVersioning?.versions['v1']?.sunset, '2027-06-30');
});

test('definePolicy gives back what it is given', () => {
  const input = { services: { a: { timeout: '1s' } } };
  assert.equal(definePolicy(input), input);
});
