import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import type { TlsFault } from '../../../src/sources/pem.ts';
import type { TlsReading } from '../../../src/sources/tls-check.ts';
import { followTlsFiles, readTlsFiles } from '../../../src/sources/tls-files.ts';
import { CertificateAuthority } from '../../support/certificates.ts';
import { contentsOf, type TlsContents, TlsFolder } from '../../support/tls-folder.ts';
import { until } from '../../support/until.ts';

const ca = new CertificateAuthority('shop');
const names = ['xds.internal'];
const sound = contentsOf(ca, names);
const hour = 3_600_000;

async function faults(change: Partial<TlsContents>): Promise<readonly string[]> {
  const files = new TlsFolder();
  files.write({ ...sound, ...change });
  const reading = await readTlsFiles(change.clientCrl === undefined ? files.paths : files.allPaths);
  assert.ok(reading.kind === 'bad', 'they were taken');
  return reading.faults.map(({ file, why, remedy }) => `${file.slice(files.folder.length + 1)}: ${why}; ${remedy}`);
}

describe('the files of TLS', () => {
  it('are read, with the ends of what is in them', async () => {
    const files = new TlsFolder();
    files.write(sound);
    const reading = await readTlsFiles(files.paths);
    assert.ok(reading.kind === 'good');
    assert.deepEqual(reading.material, sound);
    assert.ok(Math.abs(reading.certificate.to - Date.now() - 24 * hour) < 60_000);
  });

  it('may hold a chain and several authorities, some of which have expired', async () => {
    const issuing = new CertificateAuthority('issuing', { issuer: ca });
    const pair = issuing.issue({ names });
    const old = new CertificateAuthority('old', { from: -2 * hour, to: -hour });
    const files = new TlsFolder();
    files.write({
      ...pair,
      certificate: pair.certificate + issuing.certificate,
      clientCa: old.certificate + ca.certificate,
    });
    assert.equal((await readTlsFiles(files.paths)).kind, 'good');
  });

  it('may have lists of revoked certificates, of which the first to be out of date counts', async () => {
    const files = new TlsFolder();
    files.write({ ...sound, clientCrl: ca.revoke([ca.issue({ names })]) + ca.revoke([], hour) });
    const reading = await readTlsFiles(files.allPaths);
    assert.ok(reading.kind === 'good');
    assert.ok(Math.abs((reading.clientCrl?.to ?? 0) - Date.now() - hour) < 60_000);
  });

  const other = ca.issue({ names });
  const issuing = new CertificateAuthority('issuing', { issuer: ca });
  const issued = issuing.issue({ names });
  const encrypted = createPrivateKey(sound.key)
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
  const broken = sound.certificate.replace(/\n[^\n]{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  const cases: readonly (readonly [string, Partial<TlsContents>, RegExp])[] = [
    ['a certificate that is cut off', { certificate: sound.certificate.slice(0, 200) }, /^tls\.crt: .*cut off/],
    ['one that is damaged', { certificate: broken }, /^tls\.crt: .*damaged/],
    ['an empty file', { certificate: '' }, /^tls\.crt: there is no certificate in PEM/],
    ['a key in place of it', { certificate: sound.key }, /^tls\.crt: .*name the other file/],
    [
      'one that has expired',
      ca.issue({ names, from: -2 * hour, to: -hour }),
      /^tls\.crt: the certificate "CN=xds\.internal" expired at .*renew/,
    ],
    ['one of tomorrow', ca.issue({ names, from: hour }), /^tls\.crt: .*valid only from/],
    ['the key of another', { key: other.key }, /^tls\.key: the key is not that of the certificate in .*tls\.crt/],
    [
      'a chain in the wrong order',
      { ...issued, certificate: issuing.certificate + issued.certificate },
      /^tls\.crt: .*not the first/,
    ],
    ['a key that is cut off', { key: sound.key.slice(0, 100) }, /^tls\.key: .*cut off/],
    ['a key that is encrypted', { key: encrypted }, /^tls\.key: .*encrypted; .*openssl pkey/],
    ['no key', { key: sound.certificate }, /^tls\.key: there is no private key/],
    ['no authority', { clientCa: other.certificate }, /^ca\.crt: .*CA:TRUE/],
    [
      'an authority that has expired',
      { clientCa: new CertificateAuthority('old', { from: -2, to: -1 }).certificate },
      /^ca\.crt: none .*valid now/,
    ],
    ['a list of revoked certificates that is out of date', { clientCrl: ca.revoke([], -1) }, /^ca\.crl: .*renewed by/],
    ['a list that is cut off', { clientCrl: ca.revoke([]).slice(0, 100) }, /^ca\.crl: .*cut off/],
    [
      'a list that is damaged',
      { clientCrl: ca.revoke([]).replace(/\n[^\n]{20}/, '\nAAAAAAAA') },
      /^ca\.crl: .*damaged/,
    ],
    ['a certificate in place of a list', { clientCrl: ca.certificate }, /^ca\.crl: .*no list of revoked/],
    [
      'DER',
      { clientCa: Buffer.from([0x30, 0x82, 0xff]) as unknown as string },
      /^ca\.crt: it is not text; turn DER into PEM/,
    ],
  ];
  for (const [what, change, says] of cases) {
    it(`are refused with file and remedy: ${what}`, async () => {
      const found = await faults(change);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] ?? '', says);
      assert.ok(!found.join().includes(sound.key.slice(60, 90)));
    });
  }

  it('that cannot be read are told all at once', async () => {
    const files = new TlsFolder();
    files.write({ certificate: sound.certificate });
    mkdirSync(files.paths.clientCa);
    const reading = await readTlsFiles(files.paths);
    assert.ok(reading.kind === 'bad');
    assert.deepEqual(
      reading.faults.map(each => each.file),
      [files.paths.key, files.paths.clientCa],
    );
    assert.match(reading.faults[0]?.why ?? '', /does not exist/);
  });
});

interface Followed {
  readonly files: TlsFolder;
  readonly taken: TlsReading[];
  readonly refused: (readonly TlsFault[])[];
}

async function follow(t: TestContext, first: (files: TlsFolder) => void): Promise<Followed> {
  const files = new TlsFolder();
  first(files);
  const stop = new AbortController();
  const followed: Followed = { files, taken: [], refused: [] };
  const reading = await readTlsFiles(files.paths);
  assert.ok(reading.kind === 'good');
  const sink = {
    take: (each: TlsReading) => followed.taken.push(each),
    refuse: (each: readonly TlsFault[]) => followed.refused.push(each),
  };
  const timing = { settle: 20, settleBad: 60, poll: 50, recheck: 100 };
  const report = (message: string) => assert.fail(message);
  const done = followTlsFiles(files.paths, reading.material, sink, { signal: stop.signal, timing, report });
  t.after(async () => {
    stop.abort();
    await done;
  });
  return followed;
}

const certificateIn = (reading: TlsReading | undefined) => reading?.kind === 'good' && reading.material.certificate;

describe('files of TLS that are followed', () => {
  const next = contentsOf(ca, names);

  it('are taken when a new pair has taken their place', async t => {
    const { files, taken, refused } = await follow(t, each => each.write(sound));
    files.write(next);
    await until('it is taken', () => taken.length > 0);
    assert.equal(certificateIn(taken.at(-1)), next.certificate);
    assert.deepEqual(refused, []);
  });

  it('are taken when they are written over where they lie', async t => {
    const { files, taken } = await follow(t, each => each.write(sound));
    writeFileSync(files.paths.key, next.key);
    writeFileSync(files.paths.certificate, next.certificate);
    await until('it is taken', () => certificateIn(taken.at(-1)) === next.certificate);
  });

  it('are taken when a link to their folder is turned', async t => {
    const { files, taken, refused } = await follow(t, each => each.turn(sound));
    for (const each of [next, contentsOf(ca, names)]) {
      files.turn(each);
      await until('it is taken', () => certificateIn(taken.at(-1)) === each.certificate);
    }
    assert.deepEqual(refused, []);
  });

  it('are left when they are bad, once told, and taken when they are mended', async t => {
    const { files, taken, refused } = await follow(t, each => each.write(sound));
    files.write({ certificate: next.certificate });
    await until('it is told', () => refused.length > 0);
    assert.match(refused[0]?.[0]?.why ?? '', /not that of the certificate/);
    files.write({ certificate: next.certificate.slice(0, 100) });
    await until('the next is told', () => refused.length > 1);
    rmSync(files.paths.certificate);
    await until('and that it has gone', () => refused.at(-1)?.[0]?.why === 'it does not exist');
    assert.deepEqual(taken, []);
    files.write(next);
    await until('it is taken', () => certificateIn(taken.at(-1)) === next.certificate);
    chmodSync(files.paths.key, 0o600);
    assert.equal(taken.length, 1);
  });

  it('are taken when time makes them good', async t => {
    const { files, taken, refused } = await follow(t, each => each.write(sound));
    // Seconds are cut off in certificates.
    const soon = ca.issue({ names, from: 3_000 });
    files.write(soon);
    await until('it is told', () => refused.length > 0);
    await until('it is taken', () => certificateIn(taken.at(-1)) === soon.certificate);
    assert.equal(refused.length, 1);
  });
});
