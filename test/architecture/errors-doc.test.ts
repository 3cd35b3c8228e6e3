import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { problemCodes } from '../../src/base/problem.ts';
import { maskText } from './imports.ts';
import { sourceFiles } from './layers.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

interface Section {
  readonly code: string;
  readonly severity: string | undefined;
  readonly explained: boolean;
}

/** The sections of the page: one heading of second rank per code, its severity, what is wrong and what to do. */
function sectionsOf(page: string): readonly Section[] {
  return page
    .split(/^## /m)
    .slice(1)
    .map(text => ({
      code: /^`([^`]+)`$/m.exec(text.split('\n')[0] ?? '')?.[1] ?? `not a code: ${text.split('\n')[0]}`,
      severity: /^\*\*(Error|Warning)\.\*\* \S/m.exec(text)?.[1]?.toLowerCase(),
      explained: /^\*What to do:\* \S.{10,}/m.test(text),
    }));
}

/** Strings of the code that have a problem code's form, whether or not there is such a code. */
function stringsOf(source: string): readonly string[] {
  const masked = maskText(source);
  return [...masked.matchAll(/(['"]) *\1/g)].map(match =>
    source.slice(match.index + 1, match.index + match[0].length - 1),
  );
}

const sections = sectionsOf(readFileSync(join(root, 'docs', 'errors.md'), 'utf8'));
const codes = Object.keys(problemCodes);

test('docs/errors.md has one section per code, in the order of the table, and no other', () => {
  assert.deepEqual(
    sections.map(({ code }) => code),
    codes,
  );
});

test('every section says the severity that the code has, and what to do', () => {
  const severities: Readonly<Record<string, string>> = problemCodes;
  assert.deepEqual(
    sections.filter(({ code, severity, explained }) => severity !== severities[code] || !explained),
    [],
  );
});

test('every code is reported by something in src', () => {
  const used = new Set(
    sourceFiles(join(root, 'src'))
      .filter(file => relative(root, file) !== join('src', 'base', 'problem.ts'))
      .flatMap(file => stringsOf(readFileSync(file, 'utf8'))),
  );
  assert.deepEqual(
    codes.filter(code => !used.has(code)),
    [],
  );
});

test('a missing, a doubled, an unknown and an unexplained section are seen', () => {
  const page =
    '# Errors\n\n## `a.b`\n\n**Error.** It is.\n\n*What to do:* mend what is broken.\n\n## a.c\n\n**Warning.** x\n';
  assert.deepEqual(sectionsOf(page), [
    { code: 'a.b', severity: 'error', explained: true },
    { code: 'not a code: a.c', severity: 'warning', explained: false },
  ]);
});

test('a code in a comment does not count as used', () => {
  assert.deepEqual(stringsOf("f('a.b'); // 'c.d'\n/* 'e.f' */ g(`h.i`, \"j.k\");"), ['a.b', 'j.k']);
});
