import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readJson } from '../../../src/policy/read-json.ts';
import { spanIn } from '../../../src/policy/source-map.ts';

function standard(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

test('reads every JSON value as JavaScript does', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), fc.constantFrom(undefined, 1, '\t'), (text, space) => {
      const spaced = JSON.stringify(JSON.parse(text), undefined, space);
      const { values, mistakes } = readJson(spaced);
      // Keys like __proto__ are refused and left out.
      if (mistakes.length === 0) assert.deepEqual(values[0]?.value, JSON.parse(spaced));
      else assert.ok(mistakes.every(({ code }) => code === 'syntax.forbidden_key'));
    }),
    { numRuns: 1500 },
  );
});

test('takes a text exactly when it is JSON', () => {
  const piece = fc.constantFrom(
    ...'{}[]:,"\\ \n-+.0123eEtnu',
    'true',
    'null',
    '"a"',
    '\\u00e9',
    '1.5',
    '01',
    '\t',
    "'",
    '//',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
      const text = pieces.join('');
      const expected = standard(text);
      const { values, mistakes } = readJson(text);
      const refused = mistakes.some(({ code }) => code === 'syntax.invalid');
      assert.equal(refused, expected === undefined, text);
      if (expected && mistakes.length === 0) assert.deepEqual(values[0]?.value, expected.value);
    }),
    { numRuns: 5000 },
  );
});

test('says where and what the mistake is', () => {
  const first = (text: string) => {
    const [mistake] = readJson(text).mistakes;
    return `${mistake?.offset} ${mistake?.message} (${mistake?.hint})`;
  };
  assert.equal(first('{"a":1,}'), '6 JSON allows no comma before } (remove the comma)');
  assert.match(first('{a: 1}'), /^1 "a" is not JSON here.*texts and keys stand in double quotes/);
  assert.match(first('{"a": \'b\'}'), /^6 .*double quotes only/);
  assert.match(first('{"a": 1'), /^7 the JSON ends too early; , or } should follow/);
  assert.match(first('{"a": "b\n"}'), /^6 this text has no closing quote/);
  assert.match(first('{"a": "\\x"}'), /^7 \\x is no escape/);
  assert.match(first('{"a": 1} {}'), /^9 "{" is not JSON here; nothing more/);
});

test('a byte order mark is passed over', () => {
  assert.deepEqual(readJson('\uFEFF{"a":1}').values[0]?.value, { a: 1 });
});

test('places are those of keys and of items', () => {
  const text = '{\n  "a": { "b": [10,\n 20] }\n}';
  const { values } = readJson(text);
  const [value] = values;
  assert.ok(value);
  const document = { file: 'f', text, root: value.place };
  const at = (...path: (string | number)[]) => {
    const { line, column } = spanIn(document, path);
    return `${line}:${column}`;
  };
  assert.equal(at('a'), '2:3');
  assert.equal(at('a', 'b'), '2:10');
  assert.equal(at('a', 'b', 0), '2:16');
  assert.equal(at('a', 'b', 1), '3:2');
  assert.equal(at('a', 'gone', 7), '2:3');
  assert.equal(at(), '1:1');
});
