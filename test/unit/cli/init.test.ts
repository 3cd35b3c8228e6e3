import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { policyText } from '../../../src/cli/init/policy.ts';
import { systemdFiles } from '../../../src/cli/init/systemd.ts';
import type { CliRun } from '../../support/cli.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { runHere } from './here.ts';

/** `UPDATE_DOCS=1` writes what comes out; read it before committing it. */
const update = process.env['UPDATE_DOCS'] === '1';

const init = (folder: string, ...args: readonly string[]) => runHere(['init', folder, ...args]);

/** Runs it with a person who gives these answers, and tells what was asked. */
async function asked(
  folder: string,
  args: readonly string[],
  answers: readonly string[],
): Promise<CliRun & { readonly questions: readonly string[] }> {
  const questions: string[] = [];
  const rest = [...answers];
  const ask = async (question: string) => {
    questions.push(question);
    const answer = rest.shift();
    assert.ok(answer !== undefined, `no answer to ${question}`);
    return answer;
  };
  return { ...(await runHere(['init', folder, ...args], { ask })), questions };
}

const textOf = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8');

describe('switchyard init', () => {
  it('asks for what no flag says, and writes only once its summary is confirmed', async () => {
    const folder = join(temporaryDirectory(), 'shop');
    const answers = ['systemd', 'shop', '10.0.0.1:80, 10.0.0.2:80', '8080', 'edge-1 edge-2', '', ''];
    const { code, out, err, questions } = await asked(folder, [], answers);
    assert.equal(code, 0, err);
    assert.match(err, /These files are written:\n {2}.*switchyard\.yaml\n/);
    assert.equal(questions.length, answers.length);
    assert.equal(questions.at(-1), 'Write them? [Y/n] ');
    assert.match(out, /wrote .*envoy-edge-2\.yaml\n/);
    const policy = parse(textOf(folder, 'switchyard.yaml'));
    assert.deepEqual(policy.services.shop.endpoints, [{ address: '10.0.0.1:80' }, { address: '10.0.0.2:80' }]);
    assert.equal(policy.gateways.public.listeners[0].port, 8080);
    assert.ok(existsSync(join(folder, 'systemd/switchyard.service')));
  });

  it('puts its files in the place of others as a whole, and follows no link', async () => {
    const folder = temporaryDirectory();
    assert.equal((await init(folder)).code, 0);
    const [file, other] = [join(folder, 'switchyard.yaml'), join(folder, 'other.txt')];
    const before = statSync(file);
    chmodSync(file, 0o640);
    assert.equal((await init(folder, '--force')).code, 0);
    const after = statSync(file);
    assert.equal(after.mode & 0o777, 0o640);
    assert.notEqual(after.ino, before.ino, 'another file: who reads the old one reads it to its end');
    writeFileSync(other, 'precious');
    rmSync(file);
    symlinkSync(other, file);
    for (const flags of [[], ['--force']]) {
      const { code, err } = await init(folder, ...flags);
      assert.equal(code, 1);
      assert.match(err, /switchyard\.yaml is there, and no file/);
    }
    rmSync(other);
    const { code } = await init(folder, '--force');
    assert.equal(code, 1, 'nor one that leads nowhere');
    assert.equal(existsSync(other), false);
  });

  it('writes nothing where that is not confirmed, and asks again what makes no sense', async () => {
    const folder = join(temporaryDirectory(), 'shop');
    const answers = ['docker', 'hand', 'Shop!', '', 'nowhere', '', '99999', '', '', '', 'n'];
    const { code, out, err } = await asked(folder, [], answers);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /answer systemd or compose or hand\n/);
    assert.match(err, /"nowhere" is not an address like HOST:PORT\n/);
    assert.match(err, /that is no port from 1 to 65535\n/);
    assert.match(err, /error: nothing was written\n$/);
    assert.ok(!existsSync(folder));
  });

  it('asks nothing that flags say, and nothing at all with --yes', async () => {
    const flags = ['--run', 'compose', '--service', 'a', '--endpoint', 'a:80', '--port', '80', '--node', 'edge-1'];
    const some = await asked(join(temporaryDirectory(), 'x'), flags, ['']);
    assert.deepEqual([some.code, some.questions], [0, ['Write them? [Y/n] ']]);
    const none = await asked(join(temporaryDirectory(), 'x'), ['--yes'], []);
    assert.equal(none.code, 0);
  });

  it('makes a policy of what it is told, whose fleet has the Envoys', async () => {
    const folder = temporaryDirectory();
    const { code } = await init(
      folder,
      '--cluster',
      'front',
      '--service',
      'shop',
      '--endpoint',
      '10.0.0.1:80',
      '--node',
      'a',
      'b',
    );
    assert.equal(code, 0);
    assert.equal(parse(textOf(folder, 'switchyard.yaml')).fleets.edge.match.cluster, 'front');
    assert.deepEqual(readdirSync(folder).sort(), [
      '.policy.schema.json',
      'envoy-a.yaml',
      'envoy-b.yaml',
      'switchyard.yaml',
    ]);
    for (const id of ['a', 'b'])
      assert.deepEqual(parse(textOf(folder, `envoy-${id}.yaml`)).node, { id, cluster: 'front' });
  });

  it('tells editors where the schema is', async () => {
    const folder = temporaryDirectory();
    await init(folder);
    const [first = ''] = textOf(folder, 'switchyard.yaml').split('\n');
    const [, name = ''] = /^# yaml-language-server: \$schema=(\S+)$/.exec(first) ?? [];
    assert.equal(JSON.parse(textOf(folder, name)).title, 'Switchyard policy');
  });

  it('says of what units could not see where it may stand', async () => {
    const program = ['/home/ada/node', '/opt/switchyard/main.js'];
    const { code, err } = await runHere(
      ['init', temporaryDirectory(), '--run', 'systemd', '--envoy-bin', '/root/envoy'],
      { program },
    );
    assert.equal(code, 0);
    assert.deepEqual(
      [...err.matchAll(/in place of (.*)$/gm)].map(([, name]) => name),
      ['/home/ada/node', '/root/envoy'],
    );
  });

  it('leaves units that are there alone, and everything beside them', async () => {
    const folder = temporaryDirectory();
    mkdirSync(join(folder, 'systemd'));
    writeFileSync(join(folder, 'systemd/switchyard.env'), 'mine');
    const { code, err } = await init(folder, '--run', 'systemd');
    assert.equal(code, 1);
    assert.match(err, /switchyard\.env exists already: nothing was written/);
    assert.deepEqual(readdirSync(folder), ['systemd']);
  });

  it('refuses what could not work', async () => {
    for (const [args, message] of [
      [['--service', 'Shop'], /--service "Shop" must be/],
      [['--endpoint', 'x'], /--endpoint "x" is not an address/],
      [['--port', '0'], /--port 0: that is no port/],
      [['--node', 'a/b', 'c'], /--node a\/b cannot be the name of a file/],
    ] as const) {
      const { code, out, err } = await init(temporaryDirectory(), ...args);
      assert.deepEqual([code, out], [1, ''], args.join(' '));
      assert.match(err, message);
    }
  });
});

describe('the compose file of init', () => {
  it('runs nothing as root, shows nothing to other machines, and lets Envoys find the server', async () => {
    const folder = temporaryDirectory();
    assert.equal((await init(folder, '--run', 'compose', '--node', 'edge-1', 'edge-2')).code, 0);
    const { services } = parse(textOf(folder, 'compose.yaml'));
    assert.deepEqual(Object.keys(services), ['switchyard', 'edge-1', 'edge-2']);
    for (const each of Object.values<Record<string, unknown>>(services)) {
      assert.match(String(each['user']), /^[1-9]/);
      assert.deepEqual([each['read_only'], each['cap_drop']], [true, ['ALL']]);
      for (const port of (each['ports'] as string[] | undefined) ?? []) assert.match(port, /^127\.0\.0\.1:/);
    }
    const { static_resources } = parse(textOf(folder, 'envoy-edge-1.yaml'));
    const [{ endpoint }] = static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints;
    assert.equal(endpoint.address.socket_address.address, 'switchyard');
    assert.deepEqual(services['edge-1'].volumes, ['./envoy-edge-1.yaml:/etc/envoy/envoy.yaml:ro']);
  });

  it('has an image by the time that it is started', async () => {
    const { out } = await init(temporaryDirectory(), '--run', 'compose');
    assert.match(
      out,
      /\n {2}docker build -f compose\/Dockerfile -t switchyard \. .*\n {2}docker compose -f .* up -d\n$/,
    );
  });
});

const example = new URL('../../../examples/systemd/', import.meta.url).pathname;
const answers = {
  folder: '/etc/switchyard',
  program: ['/usr/local/bin/switchyard'],
  envoy: '/usr/local/bin/envoy',
  xds: '127.0.0.1:18000',
  nodes: ['edge-1'],
};

/** Directives of a unit, section by section. */
const lines = (text: string) => text.split('\n').filter(line => line !== '' && !line.startsWith('#'));

/** What keeps a unit from doing harm. */
const needed = [
  'NoNewPrivileges=yes',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'ProtectKernelTunables=yes',
  'ProtectKernelModules=yes',
  'ProtectControlGroups=yes',
  'RestrictSUIDSGID=yes',
  'RestrictNamespaces=yes',
  'LockPersonality=yes',
  'SystemCallFilter=@system-service',
  'SystemCallArchitectures=native',
];

describe('examples/systemd', () => {
  const files = new Map([...systemdFiles(answers)].map(([name, text]) => [name.replace('systemd/', ''), text]));

  it('is what init writes', () => {
    for (const [name, text] of files) {
      if (update) writeFileSync(join(example, name), text);
      assert.equal(textOf(example, name), text, name);
    }
    const policy = policyText({ service: 'web', endpoints: ['127.0.0.1:8080'], port: 80, cluster: 'edge' });
    const hinted = policy.replace(/\$schema=\S+/, '$$schema=../../schema/policy.schema.json');
    if (update) writeFileSync(join(example, 'switchyard.yaml'), hinted);
    assert.equal(textOf(example, 'switchyard.yaml'), hinted);
  });

  for (const name of ['switchyard.service', 'switchyard-envoy@.service']) {
    it(`${name} is not root, and is hardened`, () => {
      const found = lines(files.get(name) ?? '');
      for (const each of needed) assert.ok(found.includes(each), each);
      assert.match(found.find(each => each.startsWith('User=')) ?? '', /^User=switchyard/);
      const rights = found.filter(each => each.startsWith('CapabilityBoundingSet='));
      assert.deepEqual(rights, [
        name === 'switchyard.service' ? 'CapabilityBoundingSet=' : 'CapabilityBoundingSet=CAP_NET_BIND_SERVICE',
      ]);
    });
  }

  it('listens for this machine alone until it is told otherwise', () => {
    const settings = lines(files.get('switchyard.env') ?? '');
    assert.deepEqual(
      settings.filter(each => /XDS|ADMIN/.test(each)),
      ['SWITCHYARD_XDS=127.0.0.1:18000', 'SWITCHYARD_ADMIN=127.0.0.1:18080'],
    );
    const others = systemdFiles({ ...answers, xds: '0.0.0.0:18000' }).get('systemd/switchyard.env') ?? '';
    assert.match(others, /^SWITCHYARD_XDS=0\.0\.0\.0:18000\nSWITCHYARD_XDS_CERT=\/etc\/switchyard\/tls\/xds\.crt$/m);
  });

  it('has room for the socket of the admin API', () => {
    const found = lines(files.get('switchyard.service') ?? '');
    assert.ok(found.includes('RuntimeDirectory=switchyard') && found.includes('RuntimeDirectoryMode=0750'));
    assert.match(found.find(each => each.startsWith('RestrictAddressFamilies=')) ?? '', /\bAF_UNIX\b/);
    assert.match(files.get('switchyard.env') ?? '', /^# SWITCHYARD_ADMIN=unix:\/run\/switchyard\/admin\.sock$/m);
  });

  const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find(existsSync);
  it('is taken by systemd itself', { skip: analyze === undefined && 'there is no systemd-analyze here' }, () => {
    const folder = temporaryDirectory();
    const units = ['switchyard.service', 'switchyard-envoy@.service'].map(name => join(folder, name));
    for (const unit of units) {
      // Programs must be there.
      const text = (files.get(unit.split('/').at(-1) ?? '') ?? '').replaceAll(/\/usr\/local\/bin\/\w+/g, '/bin/true');
      writeFileSync(unit, text);
    }
    const run = (...args: readonly string[]) =>
      execFileSync(analyze ?? '', args, { timeout: 30_000, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
    assert.equal(run('verify', '--man=no', ...units), '');
    for (const unit of units) run('security', '--offline=yes', '--threshold=25', unit);
  });
});
