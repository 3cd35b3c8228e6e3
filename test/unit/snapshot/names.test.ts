import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalName, globAround, isGlob } from '../../../src/snapshot/names.ts';

test('R43: spellings of one name have one form', () => {
  for (const [name, form] of [
    ['xdstp://a/T/p', 'xdstp://a/T/p'],
    ['xdstp://a/T/p?z=1&b=2', 'xdstp://a/T/p?b=2&z=1'],
    ['xdstp://a/T/%70?b=%32', 'xdstp://a/T/p?b=2'],
    ['xdstp://a/T/p%2fq', 'xdstp://a/T/p%2Fq'],
    ['xdstp://a/T/ü', 'xdstp://a/T/%C3%BC'],
    ['xdstp://a/T/p?b', 'xdstp://a/T/p?b='],
    ['xdstp:///T/p?', 'xdstp:///T/p'],
    // What cannot be decoded, and what is of no such form, is taken as it stands.
    ['xdstp://a/T/%zz?z=1&b=2', 'xdstp://a/T/%zz?z=1&b=2'],
    ['plain?z=1&b=%32', 'plain?z=1&b=%32'],
  ] as const) {
    assert.equal(canonicalName(name), form);
  }
});

test('R43: a form is its own form, whatever the name', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab/?&=%2F#*:ü~ ') }), text => {
      const form = canonicalName(`xdstp://${text}`);
      assert.equal(canonicalName(form), form);
    }),
    { numRuns: 2000 },
  );
});

test('R44: a glob holds what lies directly below it and has the same parameters', () => {
  assert.equal(globAround('xdstp://a/T/p/m?k=1'), 'xdstp://a/T/p/*?k=1');
  assert.equal(globAround('xdstp://a/T/p/q/m'), 'xdstp://a/T/p/q/*');
  assert.equal(globAround('a/b'), undefined);
  assert.deepEqual(['xdstp://a/T/*?k=1', 'xdstp://a/T/m', 'a/*', '*'].map(isGlob), [true, false, false, false]);
});
