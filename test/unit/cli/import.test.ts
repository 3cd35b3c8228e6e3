import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { schemaFile } from '../../../src/cli/init/policy.ts';
import { parse } from '../../../src/policy/parse.ts';
import { runHere } from './here.ts';

const folder = mkdtempSync(join(tmpdir(), 'switchyard-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
function written(name: string, text: string | Buffer): string {
  writeFileSync(at(name), text);
  return at(name);
}
const run = (...args: readonly string[]) => runHere(['import', ...args], { preflight: () => Promise.resolve([]) });

const good = written('good.conf', 'server { listen 80; location / { proxy_pass http://10.0.0.1:80; } }\n');
const partly = written('partly.conf', 'server {\n  listen 80;\n  auth_basic x;\n  return 204;\n}\n');
const haproxy = written('a.cfg', 'listen a\n mode http\n bind :80\n server a 10.0.0.1:80\n');

describe('switchyard import', () => {
  it('prints a policy, and exits with 0 where all was taken', async () => {
    for (const args of [
      ['nginx', good],
      ['haproxy', haproxy],
    ]) {
      const { code, out, err } = await run(...args);
      assert.deepEqual([code, err], [0, '']);
      assert.deepEqual(parse([{ file: 'a', format: 'yaml', text: out }]).problems, []);
    }
  });

  it('exits with 2 where something was left out, and says what and where', async () => {
    const { code, out, err } = await run('nginx', partly);
    assert.equal(code, 2);
    assert.match(err, /partly\.conf:3:3: warning: "auth_basic x" is left out.*\[import\.left_out\]/);
    assert.match(out, /# .*partly\.conf:3: "auth_basic x" is left out/);
  });

  it('writes nothing with --strict where something was left out', async () => {
    const { code, out } = await run('nginx', partly, '--strict', '--out', at('strict.yaml'));
    assert.deepEqual([code, out], [1, '']);
    assert.ok(!readdirSync(folder).includes('strict.yaml'));
    assert.equal((await run('nginx', good, '--strict')).code, 0);
  });

  it('prints JSON', async () => {
    const { code, out } = await run('nginx', partly, '-o', 'json');
    assert.equal(code, 2);
    assert.deepEqual(Object.keys(JSON.parse(out)), ['gateways', 'routes', 'fleets']);
  });

  it('writes a file, with the JSON Schema beside it, and overwrites one with --force only', async () => {
    const out = at('new/policy.yaml');
    const first = await run('nginx', good, '--out', out);
    assert.deepEqual([first.code, first.out], [0, `wrote ${out}\n`]);
    assert.deepEqual(readdirSync(at('new')).sort(), [schemaFile, 'policy.yaml'].sort());
    const before = readFileSync(out, 'utf8');
    const second = await run('haproxy', haproxy, '--out', out);
    assert.equal(second.code, 1);
    assert.match(second.err, /is there already: nothing was written; --force overwrites/);
    assert.equal(readFileSync(out, 'utf8'), before);
    assert.equal((await run('haproxy', haproxy, '--out', out, '--force')).code, 0);
    assert.notEqual(readFileSync(out, 'utf8'), before);
  });

  it('says what cannot be written', async () => {
    const { code, err } = await run('nginx', good, '--out', join(good, 'policy.yaml'));
    assert.equal(code, 1);
    assert.match(err, /cannot write .*policy\.yaml/);
    mkdirSync(at('folder'));
    assert.equal((await run('nginx', good, '--out', at('folder'), '--force')).code, 1);
  });

  it('writes nothing that a server would not take', async () => {
    const fault = { code: 'envoy.refused', severity: 'error', message: 'no', path: [] } as const;
    const { code, out, err } = await runHere(['import', 'nginx', good], { preflight: () => Promise.resolve([fault]) });
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /nothing was written/);
  });

  it('exits with 1 for what cannot be read, and says where', async () => {
    symlinkSync('/dev/zero', at('zero'));
    const cases = {
      [at('gone')]: /gone:1:1: error: .*cannot be read/,
      [at('zero')]: /zero:1:1: error: .*it is no file/,
      [written('binary', Buffer.from([0, 255, 1]))]: /binary:1:1: error: .*no text in UTF-8/,
      [written('large', ' '.repeat(4_194_305))]: /large:1:1: error: .*larger than/,
      [written('open', 'http {\n server {')]: /open:2:2: error: .*never ends/,
      [written('round', 'a;\ninclude round;')]: /round:2:1: error: .*includes itself/,
    };
    for (const [file, expected] of Object.entries(cases)) {
      const { code, out, err } = await run('nginx', file);
      assert.deepEqual([code, out], [1, ''], file);
      assert.match(err, expected);
    }
    assert.equal((await run('haproxy', at('gone'))).code, 1);
  });

  it('follows patterns of include as the shell does', async () => {
    mkdirSync(at('sites'));
    for (const [index, name] of ['a1.conf', 'b2.conf', 'c3.conf', '.hidden1.conf', 'a1.txt'].entries())
      written(`sites/${name}`, `server { listen ${8001 + index}; return 204; }\n`);
    const ports = async (pattern: string) => {
      const { out } = await run('nginx', written('main.conf', `http { include ${pattern}; }`), '-o', 'json');
      return Object.keys((JSON.parse(out || '{}') as { gateways?: object }).gateways ?? {}).map(each => each.slice(-1));
    };
    assert.deepEqual(await ports('sites/*.conf'), ['1', '2', '3']);
    assert.deepEqual(await ports('s*/[a-b]?.conf'), ['1', '2']);
    assert.deepEqual(await ports('sites/[!a]*.conf'), ['2', '3']);
    assert.deepEqual(await ports(`${folder}/sites/*1.*`), ['1', '5']);
    assert.deepEqual(await ports('gone/*.conf'), []);
    assert.deepEqual(await ports(`sites/${'*a'.repeat(40)}*b`), []);
  });
});
