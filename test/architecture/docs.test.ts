import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse as parseYaml } from 'yaml';
import { parse } from '../../src/policy/parse.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const pages = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...['docs', 'examples', 'bench', 'proto/overlay'].flatMap(pagesIn),
];
const textOf = (page: string) => readFileSync(join(root, page), 'utf8');

function pagesIn(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md') && !name.includes('node_modules'))
    .map(name => join(folder, name));
}

/** Where a page leads to within the checkout; code, in which brackets mean something else, left out. */
function linksOf(text: string): readonly string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '`');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter(each => !/^[a-z]+:/.test(each));
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)];
  const plain = (heading: string) => heading.replaceAll(/\]\([^)]*\)/g, '').toLowerCase();
  return new Set(
    headings.map(([, heading = '']) =>
      plain(heading)
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function brokenLinks(page: string): readonly string[] {
  return linksOf(textOf(page)).flatMap(link => {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : relative(root, join(root, dirname(page), path));
    if (!existsSync(join(root, target))) return [`${page}: ${link} leads nowhere`];
    if (anchor === undefined || statSync(join(root, target)).isDirectory()) return [];
    return anchorsOf(textOf(target)).has(anchor) ? [] : [`${page}: ${link} names no heading of ${target}`];
  });
}

test('links between pages lead to a page, and to a heading of it', () => {
  assert.deepEqual(pages.flatMap(brokenLinks), []);
});

test('every decision has a number of its own, without a gap, which its title bears', () => {
  const decisions = readdirSync(join(root, 'docs/adr')).toSorted();
  decisions.forEach((name, index) => {
    const number = index + 1;
    assert.ok(name.startsWith(`${String(number).padStart(4, '0')}-`), `${name} should be number ${number}`);
    assert.ok(textOf(join('docs/adr', name)).startsWith(`# ${number}. `), `${name} has another number in its title`);
  });
});

test('the readme leads to every guide', () => {
  const guides = readdirSync(join(root, 'docs/guides')).map(name => `docs/guides/${name}`);
  const linked = new Set(linksOf(textOf('README.md')).map(link => link.split('#')[0]));
  assert.deepEqual(
    guides.filter(guide => !linked.has(guide)),
    [],
  );
});

const versionPlace = { path: { after: '/api', strip: true } };

/** What the YAML of pages may be a part of, so that a page can show what it is about and no more. */
const frames: readonly ((shown: unknown) => unknown)[] = [
  shown => shown,
  shown => ({ services: { shown } }),
  shown => ({ services: { shown: { endpoints: shown } } }),
  shown => ({ services: { shown: { endpoints: [], apiVersioning: { in: versionPlace, ...Object(shown) } } } }),
  shown => ({ routes: { shown: { gateways: ['public'], rules: [{ to: [{ service: 'shown' }], ...Object(shown) }] } } }),
  shown => ({ routes: { shown: { gateways: ['public'], rules: shown } } }),
];

function mistakesIn(policy: unknown): readonly string[] {
  const text = JSON.stringify(policy);
  const { problems } = parse([{ file: 'shown.json', format: 'json', text }]);
  return problems.filter(each => each.severity === 'error').map(each => `${each.path.join('.')}: ${each.message}`);
}

/** What is wrong with policies that a page shows; what belongs to other programs is known by words of theirs. */
function wrongIn(page: string): readonly string[] {
  const blocks = [...textOf(page).matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
  return blocks.flatMap(text => {
    if (/@type|dynamic_resources|image: |^repos:/.test(text)) return [];
    const shown: unknown = parseYaml(text);
    const found = frames.map(frame => mistakesIn(frame(shown)));
    return found.some(mistakes => mistakes.length === 0) ? [] : [`${page}: ${found[0]?.join('; ')}\n${text}`];
  });
}

test('policies that pages show are valid', () => {
  assert.deepEqual(pages.flatMap(wrongIn), []);
});
