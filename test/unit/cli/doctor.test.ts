import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { problem } from '../../../src/base/problem.ts';
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
  'a header in a policy within JSON': JSON.stringify({ text: 'set:\n  authorization: "Token Planted9"\n' }),
  'a block in a policy within JSON': JSON.stringify({ text: 'a:\n  secret: |\n    Planted10\n' }),
  'a first field of a policy within JSON': JSON.stringify({ text: 'x: 1\ntoken: Planted11\n' }),
  'a password of several words': 'a:\n  password: correct Planted12\n',
  'a quote within quotes': "password: 'it''s Planted13'\n",
  'a header of a bootstrap in JSON': '{"header":{"key":"authorization","value":"Planted18"}}',
  'a header with a scheme of its own': 'authorization: Token Planted22\n',
  'a token of Switchyard': 'x switchyard_6615e352b529_Planted23lt3ddkirdSh5T6YMjD0nbekSdY02cFVyYx7D1uf7mns y',
  'a URL with a token': 'https://Planted24@10.0.0.1/',
  'headers of other names': 'x-auth: Planted25\nsigningKey: Planted26\naccess_key: Planted27\npwd: Planted28\n',
  'lines of a log':
    '{"msg":"a","headers":[{"name":"cookie","value":"Planted29"}]}\n{"msg":"\\"password\\": \\"Planted30\\""}\n',
  'a comment': 'a: 1 # password: Planted31\n',
  'a file that is no YAML': 'a: [\n  password: Planted32 Planted33\n',
  'a document after another': 'a: 1\n---\nsecret: Planted34\n',
  'a web token': 'x eyJhbGciPlanted.eyJzdWIPlanted.c2lnPlanted y',
};

/** The same, told by what stands around it. */
const structured: Readonly<Record<string, string>> = {
  'a text over several lines': 'secret: "abc\n  Planted14"\n',
  'items of a list': 'tokens:\n  - Planted15\n  - Planted15b\n',
  'items of a list on one line': 'passwords: [Planted16, "Planted16b"]\n',
  'a header of a bootstrap': '- header:\n    key: x-api-key\n    value: Planted17\n',
  'what a header is compared with':
    'match: { headers: [{ name: authorization, string_match: { exact: Planted19 } }] }\n',
  'a value that is used again': 'a: &p Planted20\npassword: *p\n',
  'a value with an anchor': 'password: &p Planted21\n',
};

const blanks = {
  JSON: '{"shop": {"database password": "Planted8"}}',
  'JSON, a key of an API': '{"Api key": "Planted8"}',
  YAML: 'shop:\n  "database password": Planted8\n  token of shop: Planted8\n',
  'a text': 'cannot read {: }\ndatabase password: Planted8 and more Planted8\n',
  'a text, in the middle of the name': 'cannot read {: }\npassword of shop: Planted8\n',
  'a line of words': '{\nthe answer was {"access token ": "Planted8", "api key"=\'Planted8\'}\n',
};

describe('what looks like a secret', () => {
  for (const [name, text] of Object.entries({ ...planted, ...structured })) {
    it(`is removed: ${name}`, () => assert.doesNotMatch(redacted(text), /Planted|UGxhbnRlZDg/));
  }

  for (const [where, text] of Object.entries(blanks)) {
    it(`is removed where its name has blanks: ${where}`, () => assert.doesNotMatch(redacted(text), /Planted8/));
  }

  it('is removed where it is known to be one, and the rest stays', () => {
    assert.equal(redacted(`a ${token} b`, [token]), 'a [removed] b');
    const plain = 'services:\n  web: { endpoints: [{ address: "10.0.0.1:80" }] } # tokens of callers\nport: 80\n';
    assert.equal(redacted(plain), plain);
    const sessions =
      'sticky: cookie\nsessions: { cookie: { name: SID, ttl: 1h } } # as is\nauthor: ada\nauthority: a.b\n';
    assert.equal(redacted(sessions), sessions);
    assert.equal(
      redacted('a:\n    - password: "x"   # old\n      port: 80\n'),
      'a:\n    - password: "[removed]"   # old\n      port: 80\n',
    );
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

  it('says that the policy is not in it, and why', async () => {
    const missing = problem('file.unreadable', [], './switchyard.yaml does not exist', 'say where it is with --policy');
    const none = host({ readDocuments: async () => ({ documents: [], problems: [missing] }) });
    const { out } = await runHere(['doctor', 'bundle', join(temporaryDirectory(), 'a.tar.gz')], none);
    assert.match(out, / {2}not had: policy: \.\/switchyard\.yaml does not exist; say where it is with --policy\n/);
  });

  it('has all that there is, and none of the planted keys', async () => {
    here.world.accept();
    here.world.connect(1, 'edge-1', edge);
    const folder = temporaryDirectory();
    const file = join(folder, 'report.tar.gz');
    const [log, bootstrap] = [join(folder, 'log'), join(folder, 'envoy-edge.yaml')];
    writeFileSync(log, `${Object.values(planted).join('\n')}\nadmin token ${token}\n`);
    const documents = [`node: { id: edge-1 }\n${planted['a key in a block']}`, ...Object.values(structured)];
    writeFileSync(bootstrap, documents.join('---\n'));
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
