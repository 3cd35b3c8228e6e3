import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { formatProblem, problemCodes } from '../../../src/base/problem.ts';
import { documentProblems } from '../../../src/ir/check-draft.ts';
import { type PolicyDocument, parse } from '../../../src/policy/parse.ts';

/** Each file of `test/golden/problems` is a policy with mistakes; the `.txt` of its name is what users are told. */
const folder = fileURLToPath(new URL('../../golden/problems/', import.meta.url));
const formats: Readonly<Record<string, PolicyDocument['format']>> = { '.yaml': 'yaml', '.json': 'json' };
const files = readdirSync(folder).filter(file => formats[extname(file)]);

for (const file of files) {
  test(`problems of ${file}`, () => {
    const format = formats[extname(file)] ?? 'yaml';
    const parsed = parse([{ file, format, text: readFileSync(join(folder, file), 'utf8') }]);
    assert.equal(parsed.policy, undefined);
    const problems = documentProblems(parsed);
    const text = `${problems.map(formatProblem).join('\n')}\n`;
    const golden = join(folder, `${file}.txt`);
    if (process.env['UPDATE_GOLDEN'] === '1' || !existsSync(golden)) writeFileSync(golden, text);
    assert.equal(text, readFileSync(golden, 'utf8'));
  });
}

test('every code of files, syntax and schema is among them, or has a test of its own', () => {
  const texts = files.map(file => readFileSync(join(folder, `${file}.txt`), 'utf8')).join('');
  // Of sources, which read files; and of limits and merging, which a golden would have to be huge or double for.
  const elsewhere = /^file\.|too_deep|too_many_aliases|policy\./;
  const missing = Object.keys(problemCodes).filter(
    code => /^(file|syntax|schema|policy)\./.test(code) && !elsewhere.test(code) && !texts.includes(` ${code} `),
  );
  assert.deepEqual(missing, []);
});
