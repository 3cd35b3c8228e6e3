import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

/** The table of `docs/reference/xds.md` that shows which tests each rule of xDS has, made of the tests' names. */

const root = join(import.meta.dirname, '..', '..');
const page = join(root, 'docs/reference/xds.md');
const [begin, end] = ['<!-- made of the names of tests -->\n', '<!-- end -->'];
const folders = ['test/protocol', 'test/e2e', 'test/unit/xds', 'test/unit/snapshot', 'test/unit/fleet'];

/** Names of tests as they stand in a file: of `test`, `it`, `describe`, and of transcripts. */
function namesIn(text: string): readonly string[] {
  return [
    ...text.matchAll(/\b(?:test|it|describe)\(\s*(['"`])(.*?)\1|\b(?:name: |conversation\(\s*)(['"`])(.*?)\3/g),
  ].map(([, , called, , named]) => called ?? named ?? '');
}

/** The rules that a name starts with: `R18, R29: who comes back …`. */
function rulesOf(name: string): readonly string[] {
  return (/^((?:R\d+[a-z]?, )*R\d+[a-z]?)\b/.exec(name)?.[1] ?? '').split(', ').filter(rule => rule !== '');
}

/** Files of tests, this one apart, which has names of tests as texts. */
function testsIn(folder: string): readonly string[] {
  return readdirSync(join(root, folder)).filter(
    each => each.endsWith('.test.ts') && each !== basename(import.meta.filename),
  );
}

/** How many tests each file has for each rule. */
function testsByRule(): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const counts = new Map<string, Map<string, number>>();
  for (const folder of folders) {
    for (const file of testsIn(folder)) {
      for (const rule of namesIn(readFileSync(join(root, folder, file), 'utf8')).flatMap(rulesOf)) {
        const files = counts.get(rule) ?? new Map<string, number>();
        counts.set(rule, files.set(`${folder}/${file}`, (files.get(`${folder}/${file}`) ?? 0) + 1));
      }
    }
  }
  return counts;
}

/** Rules of xDS that a page explains, each in a row, but for those that it lists as having no test: `- R1: why`. */
function rulesToTest(text: string): readonly string[] {
  const excused = new Set([...text.matchAll(/^- (R\d+[a-z]?): \S/gm)].map(([, rule]) => rule));
  return [...text.matchAll(/^\| (R\d+[a-z]?) \| /gm)].map(([, rule = '']) => rule).filter(rule => !excused.has(rule));
}

function table(): string {
  const order = (rule: string): number => Number.parseInt(rule.slice(1), 10);
  const rows = [...testsByRule()]
    .sort(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1))
    .map(([rule, files]) => {
      const cells = [...files].map(([file, count]) => `[${file.replace('test/', '')}](../../${file}) (${count})`);
      return `| ${rule} | ${cells.join(', ')} |\n`;
    });
  return `| rule | tests that are named after it |\n| --- | --- |\n${rows.join('')}`;
}

test('the table of rules and tests is that of the tests', () => {
  const text = readFileSync(page, 'utf8');
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  assert.ok(from >= begin.length && to > from, `${page} has no place for the table`);
  const wanted = `\n${table()}\n`;
  if (process.env['UPDATE_DOCS']) writeFileSync(page, text.slice(0, from) + wanted + text.slice(to));
  const hint = 'docs/reference/xds.md is stale: run UPDATE_DOCS=1 npm test -- test/protocol/rules-table.test.ts';
  assert.ok(readFileSync(page, 'utf8').slice(from, from + wanted.length) === wanted, hint);
});

test('every rule has a test, or a reason why it has none', () => {
  const tested = testsByRule();
  const rules = rulesToTest(readFileSync(join(root, 'docs/reference/rules.md'), 'utf8'));
  assert.ok(rules.length > 40, 'the page of rules is not what it was');
  const untested = rules.filter(rule => !tested.has(rule));
  assert.deepEqual(
    untested,
    [],
    'name a test after each of these, or list it as `- R1: why` in docs/reference/rules.md',
  );
});

test('rules without a test are found, unless there is a reason', () => {
  const page =
    '| R1 | It is. |\n| R2 | It was. |\n| R37a | It will be. |\n| P3 | It shall. |\n\n- R2: it is gone\n- R37a:\n';
  assert.deepEqual(rulesToTest(page), ['R1', 'R37a']);
});

test('rules are read of names', () => {
  assert.deepEqual(rulesOf('R18, R29: who comes back'), ['R18', 'R29']);
  assert.deepEqual(rulesOf('R37a: endpoints'), ['R37a']);
  assert.deepEqual(rulesOf('nothing of R18'), []);
  assert.deepEqual(namesIn("test('R1: a', () => {\n  { name: `R2: ${b}` }\n  it(\n    'R3'"), [
    'R1: a',
    'R2: ${b}',
    'R3',
  ]);
});
