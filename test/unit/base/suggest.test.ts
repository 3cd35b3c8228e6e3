import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearest } from '../../../src/base/suggest.ts';

const keys = ['timeout', 'retries', 'match', 'to', 'on', 'idleTimeout', 'circuitBreakers'];

test('a slip of the finger finds the word', () => {
  for (const [slip, word] of [
    ['timeuot', 'timeout'],
    ['tiemot', 'timeout'],
    ['retry', 'retries'],
    ['mach', 'match'],
    ['mtach', 'match'],
    ['circuitBreaker', 'circuitBreakers'],
    ['circuit-breakers', 'circuitBreakers'],
    ['IDLETIMEOUT', 'idleTimeout'],
    ['too', 'to'],
  ] as const) {
    assert.equal(nearest(slip, keys), word, slip);
  }
});

test('another word finds nothing', () => {
  for (const text of ['weight', 'x', '', 'a', 'timeouts-per-try', 'y'.repeat(1000)]) {
    assert.equal(nearest(text, keys), undefined, text);
  }
});

test('the nearest wins, and the first of equally near ones', () => {
  assert.equal(nearest('catalog', ['catalog-v2', 'catalogs', 'catalo']), 'catalogs');
  assert.equal(didYouMean('v3', ['v1', 'v2']), 'did you mean "v1"?');
  assert.equal(didYouMean('v3', []), undefined);
});

test('a word is not suggested for itself', () => assert.equal(nearest('to', ['to']), undefined));
