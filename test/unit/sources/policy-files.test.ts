import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { documentsBy, readPolicyFiles, stampOf, statesIn } from '../../../src/sources/policy-files.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const never = new AbortController().signal;
const read = (path: string, moduleTimeoutMs = 10_000) => readPolicyFiles(path, { signal: never, moduleTimeoutMs });

/** Writes files into a folder of their own. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = temporaryDirectory();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

describe('reading policy files', () => {
  it('reads one file', async () => {
    const file = join(folderOf({ 'policy.yaml': 'services: {}\n' }), 'policy.yaml');
    assert.deepEqual(await read(file), {
      documents: [{ file, format: 'yaml', text: 'services: {}\n' }],
      problems: [],
      imported: [],
    });
  });

  it('reads the files of a folder in order, and only those of policy', async () => {
    const folder = folderOf({
      'b.yml': 'b',
      'a.json': '{}',
      'sub/c.yaml': 'c',
      'notes.txt': 'no policy',
      '.hidden.yaml': 'no policy',
      '_shared.yaml': 'no policy',
      'node_modules/x/y.yaml': 'no policy',
      'types.d.ts': 'no policy',
    });
    const { documents, problems } = await read(folder);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      documents.map(({ file, format }) => [file.slice(folder.length + 1), format]),
      [
        ['a.json', 'json'],
        ['b.yml', 'yaml'],
        ['sub/c.yaml', 'yaml'],
      ],
    );
  });

  it('follows links, as mounted volumes have them', async () => {
    const folder = folderOf({ '..v1/policy.yaml': 'v1' });
    symlinkSync('..v1', join(folder, '..data'));
    symlinkSync('..data/policy.yaml', join(folder, 'policy.yaml'));
    const { documents } = await read(folder);
    assert.deepEqual(
      documents.map(each => each.text),
      ['v1'],
    );
  });

  it('reads each folder once, though links lead round and round', async () => {
    const folder = folderOf({ 'a.yaml': 'a', 'sub/b.yaml': 'b', 'zub/c.yaml': 'c' });
    for (const link of ['1', '2', '3', '4', '5', '6', '7', '8']) {
      symlinkSync('.', join(folder, link));
      symlinkSync('..', join(folder, 'sub', link));
      symlinkSync('../sub', join(folder, 'zub', link));
    }
    const { documents, problems } = await read(folder);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      documents.map(each => each.file.slice(folder.length + 1)),
      ['a.yaml', 'sub/b.yaml', 'zub/c.yaml'],
    );
  });

  const refusals: Readonly<Record<string, readonly [make: () => string, code: string, words: RegExp]>> = {
    'a file that is not there': [() => join(temporaryDirectory(), 'no.yaml'), 'file.unreadable', /does not exist/],
    'a folder without policy': [() => folderOf({ 'a.txt': '' }), 'file.unreadable', /holds no file of policy/],
    'a file of another kind': [
      () => join(folderOf({ 'a.toml': '' }), 'a.toml'),
      'file.unknown_format',
      /by its ending/,
    ],
    'a file that is too large': [() => folderOf({ 'a.yaml': '#'.repeat(1024 * 1024 + 1) }), 'file.too_large', /larger/],
    'a file that is empty': [() => folderOf({ 'a.yaml': ' \n' }), 'file.unreadable', /is empty: was it cut off/],
    'a link to nowhere': [
      () => {
        const folder = temporaryDirectory();
        symlinkSync('nowhere', join(folder, 'a.yaml'));
        return folder;
      },
      'file.unreadable',
      /does not exist/,
    ],
    'a text that is not UTF-8': [
      () => {
        const folder = temporaryDirectory();
        writeFileSync(join(folder, 'a.yaml'), Buffer.from([0x61, 0xff, 0xfe]));
        return folder;
      },
      'file.unreadable',
      /is not UTF-8/,
    ],
  };
  for (const [what, [make, code, words]] of Object.entries(refusals)) {
    it(`reports ${what}`, async () => {
      const { documents, problems } = await read(make());
      assert.deepEqual(documents, []);
      assert.deepEqual(
        problems.map(each => each.code),
        [code],
      );
      assert.match(problems[0]!.message, words);
      assert.ok(problems[0]!.source);
    });
  }

  it('reports a file that may not be read', {
    skip: process.getuid?.() === 0 ? 'root may read everything' : false,
  }, async () => {
    const folder = folderOf({ 'a.yaml': '' });
    chmodSync(join(folder, 'a.yaml'), 0o000);
    assert.match((await read(folder)).problems[0]!.message, /may not be read by this user/);
  });

  it('reads a file of exactly the largest size', async () => {
    const { documents } = await read(folderOf({ 'a.yaml': '#'.repeat(1024 * 1024) }));
    assert.equal(documents[0]?.text.length, 1024 * 1024);
  });
});

describe('reading policy modules', () => {
  it('gives the default export as JSON, with its imports', async () => {
    const folder = folderOf({
      '_hosts.ts': 'export const hosts: readonly string[] = ["a.test"];',
      'policy.ts':
        'import { hosts } from "./_hosts.ts";\nexport default { routes: { shop: { hosts, absent: undefined } } };',
    });
    const { documents, problems, imported } = await read(folder);
    assert.deepEqual(problems, []);
    assert.deepEqual(documents, [
      { file: join(folder, 'policy.ts'), format: 'module', text: '{"routes":{"shop":{"hosts":["a.test"]}}}' },
    ]);
    assert.deepEqual(imported, [join(folder, '_hosts.ts')]);
  });

  it('finds the library wherever the module lies', async () => {
    const text = 'import { definePolicy } from "switchyard";\nexport default definePolicy({ services: {} });';
    const { documents, problems, imported } = await read(folderOf({ 'policy.ts': text }));
    assert.deepEqual(problems, []);
    assert.equal(documents[0]?.text, '{"services":{}}');
    assert.deepEqual(imported, []);
  });

  it('awaits a promise and runs the module anew each time', async () => {
    const file = join(folderOf({ 'policy.mjs': 'export default Promise.resolve({ at: 1 });' }), 'policy.mjs');
    assert.equal((await read(file)).documents[0]?.text, '{"at":1}');
    writeFileSync(file, 'export default Promise.resolve({ at: 2 });');
    assert.equal((await read(file)).documents[0]?.text, '{"at":2}');
  });

  const failures: Readonly<Record<string, readonly [text: string, words: RegExp, line: number]>> = {
    throws: ['const a = 1;\nthrow new Error("no luck");', /no luck/, 2],
    'is no TypeScript': ['const a = ;', /./, 1],
    'has no default export': ['export const a = 1;', /no default export/, 1],
    'exports a function': [
      'export default { services: { a: () => 1 } };',
      /the default export\.services\.a is a function/,
      1,
    ],
    'contains itself': ['const a = {}; a.b = a; export default a;', /contains itself/, 1],
    'exports NaN': ['export default { weight: Number.NaN };', /weight is NaN/, 1],
    'ends the process': ['process.exit(3);', /exit code 3/, 1],
    'throws later': [
      'setTimeout(() => { throw new Error("late"); });\nawait new Promise(() => setInterval(() => {}, 1000));',
      /late/,
      1,
    ],
    'throws what looks like a broken path': ['throw new Error("at (/a%zz:1:1)");', /%zz/, 1],
    'throws an error whose message is no text': [
      'throw Object.defineProperties(new Error("x"), { message: { value: 5 }, stack: { value: 6 } });',
      /5/,
      1,
    ],
    'throws what has no text': ['throw Object.create(null);', /./, 1],
    'posts messages of its own': [
      'import { parentPort } from "node:worker_threads"; parentPort.postMessage("loaded"); process.exit(4);',
      /exit code 4/,
      1,
    ],
    'imports what is not there': ['import "./no.ts";\nexport default {};', /Cannot find module/, 1],
  };
  for (const [what, [text, words, line]] of Object.entries(failures)) {
    it(`reports a module that ${what}`, async () => {
      const file = join(folderOf({ 'policy.ts': text }), 'policy.ts');
      const { documents, problems } = await read(file);
      assert.deepEqual(documents, []);
      assert.equal(problems[0]?.code, 'file.module_failed');
      assert.match(problems[0]!.message, words);
      assert.equal(problems[0]!.source?.file, file);
      assert.equal(problems[0]!.source?.line, line);
    });
  }

  it('keeps what a module prints out of our own output', async () => {
    const file = join(folderOf({ 'policy.ts': 'console.log("chatter"); export default {};' }), 'policy.ts');
    const reader = import.meta.resolve('../../../src/sources/policy-files.ts');
    const program = `import { readPolicyFiles } from '${reader}';
      await readPolicyFiles('${file}', { signal: new AbortController().signal });`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    assert.equal(stdout, '');
    assert.equal(stderr, 'chatter\n');
  });

  it('knows what stands in files that are as they were, unless they changed just before they were read', async () => {
    const folder = folderOf({ 'a.yaml': 'a', 'b.yaml': 'b', 'c.json': '{}', 'd.ts': 'export default {};' });
    const stamp = await stampOf(folder, []);
    const { documents } = await read(folder);
    const names = (at: number) => [...documentsBy(stamp, documents, at).keys()].map(file => file.slice(-6));
    assert.deepEqual(names(Date.now()), [], 'another change may leave the same state');
    assert.deepEqual(names(Date.now() + 60_000), ['a.yaml', 'b.yaml', 'c.json'], 'a module may import others');
    const known = documentsBy(stamp, documents, Date.now() + 60_000);
    writeFileSync(join(folder, 'b.yaml'), 'other');
    const states = statesIn(await stampOf(folder, []));
    const same = (file: string) => known.get(file)?.state === states.get(file);
    assert.deepEqual([...known.keys()].map(same), [true, false, true]);
    const again = await readPolicyFiles(folder, {
      signal: never,
      known: file => (same(file) ? known.get(file)?.document : undefined),
    });
    assert.deepEqual(
      again.documents.map((each, at) => each === documents[at]),
      [true, false, true, false],
    );
    assert.equal(again.documents[1]?.text, 'other');
  });

  it('ends a module that does not end', async () => {
    const { problems } = await read(folderOf({ 'policy.ts': 'for (;;) {}' }), 300);
    assert.match(problems[0]!.message, /not done after 300 ms/);
  });
});
