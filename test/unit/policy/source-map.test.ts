import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { problem } from '../../../src/base/problem.ts';
import { parse } from '../../../src/policy/parse.ts';
import { locate, mergeSources, spanAt } from '../../../src/policy/source-map.ts';

const first = {
  file: 'a.yaml',
  format: 'yaml',
  text: 'services:\n  a:\n    endpoints:\n      - address: 10.0.0.1:80\n',
} as const;
const second = {
  file: 'b.json',
  format: 'json',
  text: '{"services":{"b":{}},\n"routes":{"r":{"rules":[{"to":[{"service":"a"}]}]}}}',
} as const;
const module = {
  file: 'c.ts',
  format: 'module',
  text: '{"fleets":{\n"f":{"match":{"id":"x"},"gateways":["g"]}}}',
} as const;
const { sources, policy } = parse([first, second, module]);

const at = (...path: (string | number)[]) => {
  const span = sources.spanOf(path);
  return span && `${span.file}:${span.line}:${span.column}`;
};

test('finds each resource in the file that declares it', () => {
  assert.ok(policy);
  assert.equal(at('services', 'a', 'endpoints', 0, 'address'), 'a.yaml:4:9');
  assert.equal(at('services', 'a', 'endpoints', 0), 'a.yaml:4:9');
  assert.equal(at('services', 'b'), 'b.json:1:14');
  assert.equal(at('routes', 'r', 'rules', 0, 'to', 0, 'service'), 'b.json:2:33');
  assert.equal(at('fleets', 'f', 'match'), 'c.ts:1:1');
});

test('what is not written stands where its nearest ancestor does', () => {
  assert.equal(at('services', 'a', 'endpoints', 0, 'weight'), 'a.yaml:4:9');
  assert.equal(at('services', 'a', 'endpoints', 5, 'weight'), 'a.yaml:3:5');
  assert.equal(at('services', 'a', 'timeout'), 'a.yaml:2:3');
  assert.equal(at('services', 'nobody'), 'a.yaml:1:1');
  assert.equal(at('routes'), 'b.json:2:1');
  assert.equal(at(), 'a.yaml:1:1');
});

test('of a resource that is declared twice, the first counts', () => {
  const twice = parse([first, { ...first, file: 'b.yaml' }]).sources;
  assert.equal(twice.spanOf(['services', 'a'])?.file, 'a.yaml');
});

test('locate fills in what is absent, and no more', () => {
  const known = { file: 'x', line: 7, column: 7 };
  const path = ['services', 'a'];
  const [without, having] = locate(
    [problem('service.no_endpoints', path, 'm'), { ...problem('service.no_endpoints', path, 'm'), source: known }],
    sources,
  );
  assert.deepEqual(without?.source, { file: 'a.yaml', line: 2, column: 3 });
  assert.equal(having?.source, known);
  const [lost] = locate([problem('policy.empty', [], 'm')], mergeSources([]));
  assert.equal(lost && 'source' in lost, false);
});

test('line and column of every offset', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'bb', '\n', '\r\n', 'é'), { maxLength: 20 }), fc.nat(), (parts, seed) => {
      const text = parts.join('');
      const offset = seed % (text.length + 1);
      const before = text.slice(0, offset).split('\n');
      const span = spanAt({ file: 'f', text, root: () => ({ offset: 0 }) }, offset);
      assert.deepEqual(span, { file: 'f', line: before.length, column: (before.at(-1)?.length ?? 0) + 1 });
    }),
  );
});
