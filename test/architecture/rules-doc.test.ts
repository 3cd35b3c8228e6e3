import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const page = 'docs/reference/rules.md';

/** Numbers of rules, as comments, names of tests and documents cite them. */
function citedIn(text: string): readonly string[] {
  return text.match(/\b[RP][1-9]\d?[a-z]?\b/g) ?? [];
}

/** Numbers that the page explains, one in a row of a table. */
function explainedIn(text: string): readonly string[] {
  return [...text.matchAll(/^\| ([RP]\d+[a-z]?) \| \S/gm)].map(([, number = '']) => number);
}

function textsBelow(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => /\.(ts|md)$/.test(file) && !/^gen\//.test(file) && !file.includes('architecture/rules-doc'))
    .filter(file => join(folder, file) !== page)
    .map(file => readFileSync(join(root, folder, file), 'utf8'));
}

test('every rule that is cited is explained once, and no other', () => {
  const cited = new Set(['src', 'test', 'proto', 'docs'].flatMap(textsBelow).flatMap(citedIn));
  assert.ok(cited.size > 20, 'what cites rules is not where it is looked for');
  assert.deepEqual(explainedIn(readFileSync(join(root, page), 'utf8')).toSorted(), [...cited].toSorted());
});

test('a number is seen wherever it stands, and words are not taken for numbers', () => {
  assert.deepEqual(citedIn('the order (R37a). P3, `R22`: but not XR22, RFC 8441, P100 or R0'), ['R37a', 'P3', 'R22']);
  assert.deepEqual(explainedIn('| rule | says |\n| R2 | It is.\nR3 is not\n| R4 |  |\n'), ['R2']);
});
