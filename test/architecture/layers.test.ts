import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { importsOf, maskText } from './imports.ts';
import { allowed, sourceFiles, violationsIn } from './layers.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

test('every import of src and proto keeps to the layers', () => {
  const found = violationsIn(root).map(({ file, line, message }) => `${file}:${line}: ${message}`);
  assert.deepEqual(found, []);
});

test('the scan sees every import statement that a line begins with', () => {
  const files = sourceFiles(join(root, 'src'));
  assert.ok(files.length > 20, 'src is not where it is looked for');
  for (const file of files) {
    const source = readFileSync(file, 'utf8');
    const expected = [...source.matchAll(/^import /gm)].length;
    const seen = importsOf(source).filter(({ line }) => source.split('\n')[line - 1]?.startsWith('import ')).length;
    assert.equal(seen, expected, relative(root, file));
  }
});

/** Every file of ours that is loaded together with one, by what is left of imports when a program runs. */
function loadedWith(entry: string): ReadonlySet<string> {
  const loaded = new Set([entry]);
  // Grows while it is gone through.
  for (const file of loaded) {
    for (const { specifier, typesOnly } of importsOf(readFileSync(join(root, file), 'utf8'))) {
      if (specifier?.startsWith('.') && !typesOnly) loaded.add(relative(root, join(root, dirname(file), specifier)));
    }
  }
  return loaded;
}

test('the library loads nothing of the policy, the store, the admin API or the command line', () => {
  const loaded = [...loadedWith('src/index.ts')];
  const folders = new Set(loaded.map(file => dirname(file)));
  assert.ok(loaded.length > 50 && folders.has('src/xds'), 'the walk does not reach the server');
  // What types a policy is a function that returns what it is given.
  const own = loaded
    .filter(file => file !== 'src/index.ts' && file !== 'src/policy/define.ts')
    .map(file => dirname(file));
  assert.deepEqual([...new Set(own)].sort(), [
    'proto',
    'proto/codec',
    'src/base',
    'src/fleet',
    'src/library',
    'src/snapshot',
    'src/xds',
    'src/xds/http2',
  ]);
  assert.ok(loadedWith('src/main.ts').has('src/policy/parse.ts'), 'the walk does not find what it looks for');
});

test('no file of src is longer than 400 lines', () => {
  const long = sourceFiles(join(root, 'src'))
    .map(file => ({ file: relative(root, file), lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > 400);
  assert.deepEqual(long, []);
});

function plant(t: TestContext, files: Readonly<Record<string, string>>): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-layers-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries({ 'proto/codec.ts': '', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return violationsIn(folder).map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

test('a planted violation of each kind is found', t => {
  const planted: Readonly<Record<string, string>> = {
    'src/base/a.ts': "import { x } from '../policy/x.ts';",
    'src/policy/b.ts': "export * from '../ir/ir.ts';",
    'src/policy/c.ts': "const a = 1;\nexport const load = () => import('../control/controller.ts');",
    'src/ir/d.ts': "export type R = import('../translate/route.ts').Route;",
    'src/translate/e.ts': "import { schema, type T } from '../policy/route.ts';",
    'src/translate/f.ts': "import { z } from 'zod';",
    'src/snapshot/g.ts': "import { readFileSync } from 'node:fs';",
    'src/snapshot/h.ts': "import { randomBytes } from 'node:crypto';",
    'src/snapshot/i.ts': "import { route } from '../translate/route.ts';",
    'src/xds/j.ts': "import type { Server } from '@grpc/grpc-js';",
    'src/xds/k.ts': 'export const now = () => Date.now();',
    'src/fleet/l.ts': "import { service } from '../xds/service.ts';",
    'src/admin/m.ts': 'export const home = process.env.HOME;',
    'src/cli/n.ts': "import { server } from '../admin/server.ts';",
    'src/control/o.ts': "import '../xds/service.ts';",
    'src/store/p.ts': "import leftPad from 'left-pad';",
    'src/store/q.ts': "import { readFileSync } from 'fs';",
    'src/control/r.ts': 'export const load = (name: string) => import(name);',
    'src/extra/s.ts': 'export const x = 1;',
    'src/policy/t.ts': "import { codec } from '../../proto/codec.ts';",
    'src/admin/v.ts': "import { pino } from 'pino';",
    'src/main.ts': "import { demo } from '../demo/main.ts';",
    'proto/u.ts': "import { x } from '../src/base/x.ts';",
  };
  const found = plant(t, planted);
  assert.deepEqual(found.map(each => each.split(':')[0]).sort(), Object.keys(planted).sort(), found.join('\n'));
  assert.ok(found.some(each => each.startsWith('src/policy/c.ts:2: policy may not import src/control/controller.ts')));
});

test('what the layers allow is let pass', t => {
  const found = plant(t, {
    'src/base/a.ts': "import { isIP } from 'node:net';\n// import { x } from '../policy/x.ts';",
    'src/policy/b.ts':
      "import { z } from 'zod';\nimport { parse } from '../base/a.ts';\nimport { other } from './c.ts';",
    'src/translate/c.ts': "import type { T } from '../policy/b.ts';\nimport { type U } from '../policy/b.ts';",
    'src/translate/d.ts': "import { codec } from '../../proto/codec.ts';",
    'src/snapshot/e.ts': "import { createHash } from 'node:crypto';\nimport type { R } from '../base/resource.ts';",
    'src/xds/grpc-js.ts': "import { Server } from '@grpc/grpc-js';\nexport const now = () => Date.now();",
    'src/fleet/f.ts': "import type { E } from '../xds/events.ts';",
    'src/sources/g.ts': 'export const load = (name: string) => import(name);',
    'src/admin/i.ts': "import type { Logger } from 'pino';",
    'src/settings.ts': 'export const home = process.env.HOME;',
    'src/cli/main.ts': "import { x } from '../main.ts';\nimport { y } from './h.ts';",
    'src/main.ts': "import { x } from './xds/service.ts';\nimport { z } from 'zod';",
    'src/cli/h.ts': "export const text = `import x from '../xds/service.ts' ${1 + 1} process.env`;",
  });
  assert.deepEqual(found, []);
});

test('text that looks like code is not taken for it', () => {
  const source = [
    "const a = 'import b from \"c\"'; // import d from 'e'",
    '/* export * from "f" */',
    "const g = `${h(`import('i')`)} import('j')`;",
    "const k = /import ('l')\\/[/']/.test(m) ? n / o / p : q;",
    "import { r } from 's';",
  ].join('\n');
  assert.deepEqual(
    importsOf(source).map(({ specifier, line }) => [specifier, line]),
    [['s', 5]],
  );
  assert.equal(maskText(source).length, source.length);
});

test('every form of import is told apart', () => {
  const forms: readonly (readonly [string, string | undefined, boolean, readonly string[] | undefined])[] = [
    ["import { a, type B as C } from 'x';", 'x', false, ['a', 'B']],
    ["import {\n  type A,\n  type B,\n} from 'x';", 'x', true, ['A', 'B']],
    ["import type { A } from 'x';", 'x', true, ['A']],
    ["import a, { b } from 'x';", 'x', false, undefined],
    ["import type A from 'x';", 'x', true, undefined],
    ["import * as a from 'x';", 'x', false, undefined],
    ["import 'x';", 'x', false, undefined],
    ["export { a } from 'x';", 'x', false, ['a']],
    ["export type { A } from 'x';", 'x', true, ['A']],
    ["export * as a from 'x';", 'x', false, undefined],
    ["const a = await import('x');", 'x', false, undefined],
    ['const a = await import(`x`);', undefined, false, undefined],
    ["let a: import('x').A;", 'x', true, undefined],
    ["type A = import('x').A;", 'x', true, undefined],
  ];
  for (const [source, specifier, typesOnly, names] of forms) {
    assert.deepEqual(importsOf(source), [{ line: 1, specifier, typesOnly, names }], source);
  }
});

/** The rows of the tables of the architecture page, by what stands in their first column. */
const architecture = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
const rows = [...architecture.matchAll(/^\| (.*?) \| (.*?) \|(?: (.*?) \|)?$/gm)];

/** `policy's types`, `admin/api.ts` and `xds' events` → the folder. */
const folderOf = (place: string) => /^`?([a-z]+)/.exec(place)?.[1] ?? place;

test('the architecture page says of each folder what it may import', () => {
  const shown = rows.flatMap(([, folder = '', , imports]) =>
    imports === undefined || !folder.startsWith('`')
      ? []
      : [[folder.replaceAll('`', ''), [...new Set(imports.split(', ').map(folderOf))].sort()] as const],
  );
  const held = Object.entries(allowed).map(
    ([folder, places]) => [folder, [...new Set(places.map(folderOf))].sort()] as const,
  );
  assert.deepEqual(Object.fromEntries(shown), Object.fromEntries(held));
});

test('the architecture page names each file of src itself, and each folder beside it', () => {
  const here = readdirSync(join(root, 'src')).filter(name => name.endsWith('.ts'));
  const ignored = new Set(['dist', 'docs', 'node_modules', 'src']);
  const beside = readdirSync(root, { withFileTypes: true })
    .filter(each => each.isDirectory() && !each.name.startsWith('.') && !ignored.has(each.name))
    .map(each => each.name);
  const unnamed = [...here, ...beside].filter(name => !architecture.includes(`\`${name}\``));
  assert.deepEqual(unnamed, []);
  const files = rows.flatMap(([, first = '']) => [...first.matchAll(/`([\w-]+\.ts)`/g)].map(([, name = '']) => name));
  assert.deepEqual(
    files.filter(name => !here.includes(name)),
    [],
  );
});
