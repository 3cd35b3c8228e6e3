import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkRegex, maxProgramSize, sizeOf } from '../../../src/policy/check-regex.ts';
import { atTheLimit, regexSizes } from '../../support/regex-sizes.ts';

test('programs are counted as Envoy counts them', () => {
  assert.deepEqual(
    regexSizes.map(([pattern]) => [pattern, sizeOf(pattern)]),
    regexSizes,
  );
});

test('the limit is taken and one more is not', () => {
  for (const [taken, refused] of atTheLimit) {
    assert.equal(checkRegex(taken), undefined);
    assert.equal(sizeOf(taken), maxProgramSize);
    const mistake = checkRegex(refused);
    assert.equal(mistake?.code, 'schema.regex_too_complex');
    assert.ok(mistake.message.includes(`${maxProgramSize + 1} instructions`), mistake.message);
  }
});

test('what RE2 does not know is refused with the reason', () => {
  const hint = (pattern: string) => {
    const mistake = checkRegex(pattern);
    assert.equal(mistake?.code, 'schema.invalid_regex', pattern);
    return mistake.hint;
  };
  assert.match(hint('/(?!admin).*'), /look-ahead/);
  assert.match(hint('(?<=a)b'), /look-behind/);
  assert.match(hint('(a|b)\\1'), /back-reference/);
  assert.match(hint('a++'), /possessive/);
  assert.match(hint('(?>a)b'), /atomic/);
  for (const pattern of ['[', '(', ')', '*', 'a{1001}', '[z-a]', '[[:nope:]]', '\\p{Nope}', 'a**']) hint(pattern);
});

test('letters beyond ASCII are refused where Envoy would take them for bytes', () => {
  for (const pattern of ['[é]', '[^ü]+', '[\\]é]', 'é+', 'é{2}', 'aé?', '\\p{Greek}', '\\x{100}']) {
    assert.equal(checkRegex(pattern)?.code, 'schema.invalid_regex', pattern);
  }
  for (const pattern of ['é', '(?:é)+', '(?:é|ü)', '/caf(é|e)', '\\[é\\]']) {
    assert.equal(checkRegex(pattern), undefined, pattern);
  }
});

test('patterns that are hard for a backtracking engine, or large, are judged at once', () => {
  const hard = [
    '(a+)+$',
    '(a*)*b',
    '(a|a)*c',
    '(x+x+)+y',
    '([a-zA-Z]+)*$',
    '(.*)*(.*)*(.*)*x',
    `${'a?'.repeat(30)}${'a'.repeat(30)}`,
  ];
  const large = [
    '\\pL{1000}',
    '(?:\\pL{30}){30}',
    '(.*){10}(.*){100}',
    `${'('.repeat(500)}a${')'.repeat(500)}`,
    `${'(?:a|'.repeat(200)}${')'.repeat(200)}`,
    '[\\pL\\pN]'.repeat(100),
    '((a{10}){10}){10}',
  ];
  for (const pattern of [...hard, ...large]) checkRegex(pattern);
  const before = process.cpuUsage();
  for (const pattern of hard) checkRegex(pattern);
  for (const pattern of large) checkRegex(pattern);
  const { user, system } = process.cpuUsage(before);
  assert.ok((user + system) / 1000 < 50 * (hard.length + large.length), `${(user + system) / 1000} ms`);
});

test('never throws', () => {
  const pieces = [
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '*',
    '+',
    '?',
    '|',
    '^',
    '$',
    '\\',
    '.',
    '-',
    'a',
    'é',
    '(?i)',
    '(?:',
    '(?P<n>',
    '\\b',
    '\\pL',
    '{2,3}',
    '[^',
    '\uD800',
    '\0',
    '\n',
    '[:alpha:]',
    '\\Q',
    '\\E',
  ];
  const pattern = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 25 }).map(parts => parts.join('')),
  );
  fc.assert(
    fc.property(pattern, text => {
      const mistake = checkRegex(text);
      assert.ok(mistake === undefined || mistake.hint.length > 10);
    }),
    { numRuns: 3000 },
  );
});
