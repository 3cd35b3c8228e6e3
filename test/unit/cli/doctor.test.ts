import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { redacted } from '../../../src/cli/doctor/redact.ts';
import type { CliHost } from '../../../src/cli/host.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { now, token } from '../admin/admin-world.ts';
import { AdminHere, edge } from './admin-here.ts';
import { goodMachine } from './good-machine.ts';
import { runHere } from './here.ts';

const key = ['-----BEGIN EC PRIVATE KEY-----', 'MHcCAQEEIPlantedPlantedPlanted', '-----END EC PRIVATE KEY-----'].join(
  '\n',
);

/** Planted secrets, and texts that hold them, as policies, bootstraps and logs do. */
const planted: Readonly<Record<string, string>> = {
  'a private key': key,
  'a private key on one line': `{"inline_string":"${key.replaceAll('\n', '\\n')}"}`,
  'a key in a block': `private_key: |\n  ${key.replaceAll('\n', '\n  ')}\nnext: 1\n`,
  'a block of anything': 'password: |\n  PlantedPlanted\n  Planted\n',
  'a header of a policy':
    '      requestHeaders: { set: { authorization: "Bearer PlantedPlanted1", x-api-key: Planted-2 } }',
  'a field of JSON': '{ "client_secret": "Planted\\"3", "port": 1 }',
  'a cookie': "    set-cookie: 'session=Planted4'",
  'a variable': 'DB_PASSWORD=Planted5 PORT=1',
  'a URL': 'postgres://app:Planted6@10.0.0.1/db and https://x/?token=Planted7&a=b',
  'a header in a log': '{"headers":{"Authorization":"Basic UGxhbnRlZDg="}}',
  'a web token': 'x eyJhbGciPlanted.eyJzdWIPlanted.c2lnPlanted y',
};

describe('what looks like a secret', () => {
  for (const [name, text] of Object.entries(planted)) {
    it(`is removed: ${name}`, () => assert.doesNotMatch(redacted(text), /Planted|UGxhbnRlZDg/));
  }

  it('is removed where it is known to be one, and the rest stays', () => {
    assert.equal(redacted(`a ${token} b`, [token]), 'a [removed] b');
    const plain = 'services:\n  web: { endpoints: [{ address: "10.0.0.1:80" }] } # tokens of callers\nport: 80\n';
    assert.equal(redacted(plain), plain);
    assert.equal(redacted('{ "token": null, "tokens": 3 }'), '{ "token": null, "tokens": 3 }');
    assert.equal(JSON.parse(redacted('{ "secret": "x\\"y", "a": 1 }')).a, 1);
  });
});

describe('switchyard doctor bundle', () => {
  const here = new AdminHere();
  const policy = `services: { web: { endpoints: [{ address: "10.0.0.1:80" }] } }\n# ${planted['a header of a policy']}\n`;
  const host = (more: Partial<CliHost> = {}): Partial<CliHost> => ({
    now: () => now,
    machine: async () => goodMachine,
    readDocuments: async () => ({
      documents: [{ file: 'a/switchyard.yaml', format: 'yaml', text: policy }],
      problems: [],
    }),
    preflight: async () => [],
    adminTarget: here.target,
    ...more,
  });

  /** The files of an archive, as tar unpacks them. */
  function unpacked(file: string): ReadonlyMap<string, string> {
    const folder = temporaryDirectory();
    execFileSync('tar', ['-xzf', file, '-C', folder], { timeout: 20_000 });
    const root = join(folder, 'switchyard-doctor');
    const names = readdirSync(root, { recursive: true, withFileTypes: true }).filter(each => each.isFile());
    return new Map(
      names.map(each => [
        join(each.parentPath, each.name).slice(root.length + 1),
        readFileSync(join(each.parentPath, each.name), 'utf8'),
      ]),
    );
  }

  it('has all that there is, and none of the planted keys', async () => {
    here.world.accept();
    here.world.connect(1, 'edge-1', edge);
    const folder = temporaryDirectory();
    const file = join(folder, 'report.tar.gz');
    const [log, bootstrap] = [join(folder, 'log'), join(folder, 'envoy-edge.yaml')];
    writeFileSync(log, `${Object.values(planted).join('\n')}\nadmin token ${token}\n`);
    writeFileSync(bootstrap, `node: { id: edge-1 }\n${planted['a key in a block']}`);
    const { code, out, err } = await runHere(
      ['doctor', 'bundle', file, '--log', log, '--bootstrap', bootstrap],
      host(),
    );
    assert.deepEqual([code, err], [0, '']);
    const files = unpacked(file);
    assert.deepEqual(
      [...files.keys()].sort(),
      out
        .match(/^ {2}\S+$/gm)
        ?.map(each => each.trim())
        .sort(),
    );
    for (const name of [
      'MANIFEST.txt',
      'about.json',
      'check.txt',
      'log.txt',
      'server/proxies.json',
      'server/metrics.txt',
      'policy/1-switchyard.yaml',
      'bootstraps/1-envoy-edge.yaml',
    ]) {
      assert.ok(files.has(name), name);
    }
    const all = [...files.values()].join('\n');
    assert.doesNotMatch(all, /Planted|UGxhbnRlZDg/);
    assert.ok(!all.includes(token));
    assert.match(files.get('server/proxies.json') ?? '', /"id": "edge-1"/);
    assert.match(files.get('bootstraps/1-envoy-edge.yaml') ?? '', /id: edge-1/);
    for (const name of [...files.keys()].filter(each => each.endsWith('.json'))) JSON.parse(files.get(name) ?? '');
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('works without a server, and says what it has not', async () => {
    const file = join(temporaryDirectory(), 'report.tar.gz');
    const nobody = { adminTarget: () => ({ url: 'http://127.0.0.1:1', token, dataFolder: '/data' }) };
    const { code, out } = await runHere(['doctor', 'bundle', file, '--log', '/nowhere'], host(nobody));
    assert.equal(code, 0);
    assert.match(out, /not had: server: no server runs here/);
    assert.match(out, /not had: log\.txt: ENOENT/);
    const files = unpacked(file);
    assert.deepEqual([...files.keys()].sort(), ['MANIFEST.txt', 'about.json', 'check.txt', 'policy/1-switchyard.yaml']);
  });

  it('overwrites nothing unless told to, and says where it cannot write', async () => {
    const file = join(temporaryDirectory(), 'report.tar.gz');
    writeFileSync(file, 'mine');
    const refused = await runHere(['doctor', 'bundle', file], host());
    assert.deepEqual([refused.code, refused.out], [1, '']);
    assert.equal(readFileSync(file, 'utf8'), 'mine');
    assert.equal((await runHere(['doctor', 'bundle', file, '--force'], host())).code, 0);
    const nowhere = await runHere(['doctor', 'bundle', join(file, 'x')], host());
    assert.match(nowhere.err, /^error: .*report\.tar\.gz\/x/);
  });
});
