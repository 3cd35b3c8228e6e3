import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../../src/base/problem.ts';
import { type PolicyDocument, parse } from '../../../src/policy/parse.ts';

const yaml = (text: string, file = 'a.yaml'): PolicyDocument => ({ file, format: 'yaml', text });
const json = (text: string, file = 'a.json'): PolicyDocument => ({ file, format: 'json', text });
const lines = (...documents: PolicyDocument[]) => parse(documents).problems.map(formatProblem);

test('defaults are filled in and durations become milliseconds', () => {
  const { policy, problems } = parse([yaml('services: { catalog: { connectTimeout: 1.5s } }')]);
  assert.deepEqual(problems, []);
  assert.equal(policy?.services['catalog']?.connectTimeout, 1500);
  assert.equal(policy?.services['catalog']?.protocol, 'http');
  assert.deepEqual(policy?.routes, {});
});

test('YAML, JSON and the value of a module make the same policy', () => {
  const value = {
    services: { a: { endpoints: [{ address: '10.0.0.1:80' }] } },
    fleets: { e: { match: { id: 'e' }, gateways: ['g'] } },
  };
  const text = JSON.stringify(value);
  const policies = (['yaml', 'json', 'module'] as const).map(format => parse([{ file: 'p', format, text }]).policy);
  assert.ok(policies[0]);
  assert.deepEqual(policies[1], policies[0]);
  assert.deepEqual(policies[2], policies[0]);
});

test('documents of several files, and of one file, are merged; their order does not count', () => {
  const one = yaml('services: { b: {} }\n---\nservices: { a: {} }\n');
  const two = json('{"routes":{"r":{"rules":[{"respond":{"status":200}}]}}}');
  const merged = parse([one, two]);
  assert.deepEqual(merged.problems, []);
  assert.deepEqual(Object.keys(merged.policy?.services ?? {}), ['a', 'b']);
  assert.equal(JSON.stringify(parse([two, one]).policy), JSON.stringify(merged.policy));
});

test('a name that is declared twice names both places', () => {
  assert.deepEqual(lines(yaml('services:\n  a: {}\n'), yaml('services:\n  b: {}\n  a: {}\n', 'b.yaml')), [
    'b.yaml:3:3: error policy.duplicate_name services.a: "a" is declared twice among the services: here and at a.yaml:2:3 (remove one of them, or give it another name)',
  ]);
});

test('a mistake in one resource, document or file hides none in the others', () => {
  const codes = parse([
    yaml('services: { a: { protocol: htp }, b: { timeout: 5 } }\n---\nroutes: { r: {} }'),
    yaml('a: [', 'b.yaml'),
    json('{"fleets":{"f":{}},}', 'c.json'),
  ]).problems.map(each => `${each.source?.file} ${each.code}`);
  assert.deepEqual(codes, [
    'a.yaml schema.invalid_value',
    'a.yaml schema.invalid_type',
    'a.yaml schema.missing',
    'b.yaml syntax.invalid',
    'c.json syntax.invalid',
  ]);
});

test('values of modules have no place but their file', () => {
  assert.deepEqual(lines({ file: 'p.ts', format: 'module', text: '{"services":{\n\n"a":{"timeout":5}}}' }), [
    'p.ts:1:1: error schema.invalid_type services.a.timeout: must be a text, is 5 (give it a unit: 5s or 5ms)',
  ]);
});

test('an unchanged resource of an unchanged document stays the same object', () => {
  const kept = yaml('services: { a: {} }');
  const first = parse([kept, yaml('services: { b: {} }', 'b.yaml')]).policy;
  const second = parse([kept, yaml('services: { b: { timeout: 1s } }', 'b.yaml')]).policy;
  assert.ok(first?.services['a']);
  assert.equal(second?.services['a'], first.services['a']);
});

test('an empty section is no mistake; an empty policy is one', () => {
  assert.deepEqual(lines(yaml('services: { a: {} }\nroutes:\n')), []);
  assert.deepEqual(
    parse([yaml('# nothing yet\n')]).problems.map(each => `${each.severity} ${each.code}`),
    ['warning file.empty', 'error policy.empty'],
  );
  assert.equal(parse([]).policy, undefined);
});

test('a $schema for editors is allowed', () => {
  assert.deepEqual(lines(json('{"$schema":"https://example.com/policy.json","services":{"a":{}}}')), []);
});

const policyWords = [
  'services',
  'routes',
  'gateways',
  'fleets',
  'a',
  'rules',
  'match',
  'to',
  'endpoints',
  'address',
  'policy',
  'loadBalancing',
  '__proto__',
  'toString',
  '<<',
  '10.0.0.1:80',
  '1s',
  'path',
  'prefix',
  '/',
  'listeners',
  'protocol',
  'tcp',
  '',
];
const word = fc.oneof(fc.constantFrom(...policyWords), fc.string());
const tree = fc.letrec<{ node: unknown }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.array(fc.tuple(word, tie('node')), { maxLength: 5 }).map(entries => Object.fromEntries(entries)),
  ),
})).node;
const format = fc.constantFrom('yaml' as const, 'json' as const, 'module' as const);

function neverThrows(document: PolicyDocument): void {
  const { policy, problems } = parse([document]);
  assert.equal(
    policy === undefined,
    problems.some(each => each.severity === 'error'),
  );
  for (const each of problems) {
    assert.ok(each.source && each.source.line >= 1 && each.source.column >= 1, formatProblem(each));
    assert.equal(each.source.file, document.file);
  }
}

test('never throws: arbitrary text', () => {
  const syntax = fc
    .array(
      fc.constantFrom(
        ...'[]{}:,-?&*!|>\'"%@`# \n\t\\',
        '- ',
        ': ',
        '---\n',
        '<<: ',
        '&a ',
        '*a ',
        'services:',
        '  ',
        '!!map ',
        '%YAML 1.1\n',
        '\uFEFF',
        '\0',
        '\uD800',
      ),
      { maxLength: 60 },
    )
    .map(parts => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), syntax), format, (text, kind) =>
      neverThrows({ file: 'x', format: kind, text }),
    ),
    { numRuns: 1500 },
  );
});

test('never throws: arbitrary values', () => {
  fc.assert(
    fc.property(tree, format, (value, kind) =>
      neverThrows({ file: 'x', format: kind, text: JSON.stringify(value) ?? '' }),
    ),
    { numRuns: 1500 },
  );
});

test('never throws: arbitrary values in the place of every kind', () => {
  fc.assert(
    fc.property(tree, tree, tree, tree, (services, routes, gateways, fleets) =>
      neverThrows({
        file: 'x',
        format: 'json',
        text: JSON.stringify({
          services: { a: services },
          routes: { a: routes },
          gateways: { a: gateways },
          fleets: { a: fleets },
        }),
      }),
    ),
    { numRuns: 1000 },
  );
});
