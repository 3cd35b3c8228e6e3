import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer as createPlainServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { certificates } from '../../../src/certificates.ts';
import { CertificateAuthority, type KeyPair } from '../../support/certificates.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { runHere } from './here.ts';

const day = 86_400_000;
const isRoot = process.getuid?.() === 0;

/** @param later milliseconds from now at which it is run */
const run = (args: readonly string[], later = 0) =>
  runHere(['cert', ...args], { certificates: async () => certificates, now: () => Date.now() + later });

async function good(args: readonly string[], later = 0): Promise<string> {
  const { code, out, err } = await run(args, later);
  assert.equal(code, 0, `${out}${err}`);
  return out;
}

/** What is refused, and that nothing was written then. */
async function refused(folder: string, args: readonly string[], words: RegExp, later = 0): Promise<void> {
  const before = readdirSync(folder).sort();
  const { code, out, err } = await run(args, later);
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, words);
  assert.deepEqual(readdirSync(folder).sort(), before);
}

/** A folder with an authority of ours. */
async function withAuthority(): Promise<string> {
  const folder = temporaryDirectory();
  await good(['ca', folder]);
  return folder;
}

const text = (...file: readonly string[]) => readFileSync(join(...file), 'utf8');
const certificateIn = (...file: readonly string[]) => new X509Certificate(text(...file));
const modeOf = (...file: readonly string[]) => statSync(join(...file)).mode & 0o777;
const issueIn = (folder: string, ...args: readonly string[]) => [
  ...['issue', ...args, '--ca', join(folder, 'ca.crt'), '--out', folder],
];

/** Files of pairs, by name. */
function written(pairs: Readonly<Record<string, KeyPair>>, folder = temporaryDirectory()): string {
  for (const [name, { certificate, key }] of Object.entries(pairs)) {
    writeFileSync(join(folder, `${name}.crt`), certificate);
    writeFileSync(join(folder, `${name}.key`), key, { mode: 0o600 });
  }
  return folder;
}

describe('switchyard cert ca', () => {
  it('makes an authority whose key only its owner can read, and that signs no other authorities', async () => {
    const folder = join(temporaryDirectory(), 'new');
    const { code, out, err } = await run(['ca', folder, '--name', 'Bücher und Co']);
    assert.equal(code, 0);
    assert.match(out, /^wrote .*new\/ca\.crt and ca\.key, good until \d{4}-\d\d-\d\d\n$/);
    assert.match(err, /keep .*ca\.key where nobody else comes/);
    assert.deepEqual(readdirSync(folder).sort(), ['ca.crt', 'ca.key']);
    assert.deepEqual([modeOf(folder), modeOf(folder, 'ca.key'), modeOf(folder, 'ca.crt')], [0o700, 0o600, 0o644]);
    const own = certificateIn(folder, 'ca.crt');
    assert.deepEqual([own.ca, own.subject, own.issuer], [true, 'CN=Bücher und Co', 'CN=Bücher und Co']);
    assert.ok(own.checkPrivateKey(createPrivateKey(text(folder, 'ca.key'))));
    assert.equal(own.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    const years = (Date.parse(own.validTo) - Date.now()) / (365 * day);
    assert.ok(years > 9.9 && years < 10.1, `${years}`);
    assert.ok(Date.parse(own.validFrom) < Date.now() - 60_000, 'also for clocks that are slow');
  });

  it('overwrites one only when it is forced to', async () => {
    const folder = await withAuthority();
    const before = text(folder, 'ca.key');
    await refused(
      folder,
      ['ca', folder],
      /ca\.crt and .*ca\.key exist already: nothing was written; --force overwrites/,
    );
    assert.equal(text(folder, 'ca.key'), before);
    await good(['ca', folder, '--force']);
    assert.notEqual(text(folder, 'ca.key'), before);
  });

  it('takes no name and no lifetime that make no sense', async () => {
    const folder = temporaryDirectory();
    for (const name of ['', ' ', 'x'.repeat(65), 'a\nb', 'a, O=b', '"x"', '#0c01', 'a\u202eb', 'a=b', '-']) {
      await refused(folder, ['ca', folder, `--name=${name}`], /--name .* must be 1 to 64 letters/);
    }
    for (const life of ['0', '-1d', '1', 'x', '9999999999999d', '36501d', '59s', '1e9d', 'NaNd', '']) {
      await refused(folder, ['ca', folder, `--lifetime=${life}`], /--lifetime .* is no time from 1m to 36500d/);
    }
    await good(['ca', folder, '--lifetime', '36500d']);
    assert.ok(Date.parse(certificateIn(folder, 'ca.crt').validTo) > Date.now() + 36_499 * day);
  });

  it('says where nothing can be written', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'file'), '');
    await refused(folder, ['ca', join(folder, 'file')], /nothing was written to .*file: E/);
    mkdirSync(join(folder, 'ca.key'));
    await refused(folder, ['ca', folder, '--force'], /ca\.key is there, and no file/);
  });
});

describe('switchyard cert issue', () => {
  it('makes certificates of servers, for host names and IP addresses', async () => {
    const folder = await withAuthority();
    const names = ['Xds.Internal', '*.shop.internal', '10.0.0.5', '[2001:DB8:0::5]'];
    const out = await good(issueIn(folder, 'xds', '--server', ...names));
    assert.match(out, /xds\.crt and xds\.key: xds\.internal, \*\.shop\.internal, 10\.0\.0\.5, 2001:db8::5, good until/);
    assert.deepEqual([modeOf(folder, 'xds.key'), modeOf(folder, 'xds.crt')], [0o600, 0o644]);
    const [own, ca] = [certificateIn(folder, 'xds.crt'), certificateIn(folder, 'ca.crt')];
    assert.ok(own.checkIssued(ca) && own.verify(ca.publicKey) && !own.ca);
    assert.ok(own.checkPrivateKey(createPrivateKey(text(folder, 'xds.key'))));
    for (const host of ['xds.internal', 'a.shop.internal']) assert.ok(own.checkHost(host), host);
    assert.equal(own.checkHost('other.internal'), undefined);
    for (const ip of ['10.0.0.5', '2001:db8::5']) assert.ok(own.checkIP(ip), ip);
    assert.deepEqual(own.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    const days = (Date.parse(own.validTo) - Date.now()) / day;
    assert.ok(days > 89 && days < 91, `${days}`);
  });

  it('makes certificates of clients, for URIs and host names, with the name of each for {id}', async () => {
    const folder = await withAuthority();
    const uses = ['--client', 'spiffe://shop/edge/{id}', '{id}.edge.internal'];
    const out = await good(issueIn(folder, 'edge-1', 'edge-2', 'edge-1', ...uses, '-o', 'json'));
    const { made } = JSON.parse(out) as { made: { certificate: string; names: string[] }[] };
    assert.deepEqual(
      made.map(each => each.names),
      ['edge-1', 'edge-2'].map(id => [`${id}.edge.internal`, `spiffe://shop/edge/${id}`]),
    );
    const own = certificateIn(folder, 'edge-2.crt');
    assert.equal(own.subjectAltName, 'DNS:edge-2.edge.internal, URI:spiffe://shop/edge/edge-2');
    assert.deepEqual(own.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.notEqual(own.serialNumber, certificateIn(folder, 'edge-1.crt').serialNumber);
    await good(issueIn(folder, 'both', '--server', 'shop.internal', '--client', 'spiffe://shop/service/shop'));
    assert.deepEqual(certificateIn(folder, 'both.crt').keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  });

  it('renews by --force, with the owner and the rights that there were, but the key is for one alone', async () => {
    const folder = await withAuthority();
    const args = issueIn(folder, 'edge-1', '--client', 'spiffe://shop/edge/{id}');
    await good(args);
    await refused(folder, args, /edge-1\.crt and .*edge-1\.key exist already/);
    const before = text(folder, 'edge-1.key');
    const [certificate, key] = [join(folder, 'edge-1.crt'), join(folder, 'edge-1.key')];
    chmodSync(certificate, 0o640);
    chmodSync(key, 0o640);
    if (isRoot) for (const file of [certificate, key]) chownSync(file, 65_534, 65_534);
    await good([...args, '--force']);
    assert.notEqual(text(key), before);
    assert.deepEqual([modeOf(certificate), modeOf(key)], [0o640, 0o600]);
    if (isRoot) assert.deepEqual([statSync(certificate).uid, statSync(key).uid], [65_534, 65_534]);
    assert.ok(certificateIn(certificate).checkPrivateKey(createPrivateKey(text(key))));
  });

  it('lets no certificate outlive its authority', async () => {
    const folder = temporaryDirectory();
    await good(['ca', folder, '--lifetime', '10d']);
    const args = issueIn(folder, 'edge-1', '--client', 'spiffe://shop/edge/{id}');
    await refused(
      folder,
      [...args, '--lifetime', '11d'],
      /longer than the authority .* lasts, until .*\nhint: ask for 9d/,
    );
    await refused(folder, [...args, '--lifetime', '2d'], /\nhint: ask for 23h, or make/, 9 * day);
    await refused(folder, [...args, '--lifetime', '2h'], /\nhint: ask for \d\dm, or make/, 10 * day - 3_540_000);
    await refused(folder, [...args, '--lifetime', '2h'], /until .*\nhint: make a new authority/, 10 * day - 30_000);
    const { code, err } = await run(args);
    assert.equal(code, 0);
    assert.match(err, /warning: the authority in .* ends at/);
    assert.equal(certificateIn(folder, 'edge-1.crt').validTo, certificateIn(folder, 'ca.crt').validTo);
    await refused(
      folder,
      [...args, '--force'],
      /ca\.crt: the authority expired at .*\nhint: make a new authority/,
      11 * day,
    );
    await refused(folder, [...args, '--force'], /valid only from .*\nhint: look at the clock/, -day);
  });

  it('brings along what leads from an authority in between to its own', async () => {
    const root = new CertificateAuthority('root');
    const between = new CertificateAuthority('between', { issuer: root });
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'ca.crt'), between.certificate + root.certificate);
    writeFileSync(join(folder, 'ca.key'), between.key);
    await good(issueIn(folder, 'xds', '--server', 'xds.internal'));
    const blocks = text(folder, 'xds.crt').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const [own, next, none] = blocks.map(each => new X509Certificate(each));
    assert.equal(none, undefined, 'the root is known already, or not to be believed');
    assert.ok(next && own?.checkIssued(next) && own.verify(next.publicKey));
    assert.equal(next.subject, 'CN=between');
  });

  it('takes no names that could not be what is meant', async () => {
    const folder = await withAuthority();
    const bad = (args: readonly string[], words: RegExp) => refused(folder, issueIn(folder, ...args), words);
    for (const name of ['', 'a b', '../a', '.a', 'a/b', 'x'.repeat(65), 'ä']) {
      await bad([name, '--server', 'a'], /must be 1 to 64 letters, digits, dots/);
    }
    for (const name of [
      'a b',
      '*',
      '*.internal',
      'a.*.internal',
      '**.a.b',
      '10.0.0',
      '10.0.0.256',
      'http://a',
      'a..b',
      '',
    ]) {
      await bad(['xds', '--server', name], /--server ".*" is not a host name, \*\.DOMAIN\.TLD or an IP address/);
    }
    await bad(['xds', '--server', 'xds.internal:18000'], /without its port: xds\.internal/);
    for (const name of [
      'spiffe://shop/a b',
      'spiffe://shop/*',
      'spiffe:',
      'spiffe://shop/{node}',
      'spiffe://x/"',
      ' ',
      '*.a.b',
    ]) {
      await bad(['edge-1', '--client', name], /--client ".*" is no/);
    }
    await bad(['edge-1', '--client', `spiffe://shop/${'x'.repeat(2048)}`], /--client .* is no URI/);
    await bad(['edge-1'], /say what it is for: --server NAME.*--client URI/);
    await bad(['ca', '--server', 'a', '--force'], /ca\.crt is the authority itself: choose another name/);
  });

  it('never writes over its authority, under whatever name that goes', async () => {
    const folder = await withAuthority();
    const [elsewhere, link] = [temporaryDirectory(), join(temporaryDirectory(), 'link')];
    symlinkSync(folder, link);
    for (const name of ['ca.crt', 'ca.key']) symlinkSync(join(folder, name), join(elsewhere, name));
    const before = ['ca.crt', 'ca.key'].map(name => text(folder, name));
    const over = (ca: string, out: string) =>
      refused(
        folder,
        ['issue', 'ca', '--server', 'a', '--force', '--ca', join(ca, 'ca.crt'), '--out', out],
        /ca\.crt is the authority itself: choose another name/,
      );
    await over(folder, link);
    await over(elsewhere, folder);
    assert.deepEqual(
      ['ca.crt', 'ca.key'].map(name => text(folder, name)),
      before,
    );
  });

  it('says what is wrong with an authority', async () => {
    const folder = await withAuthority();
    const ca = new CertificateAuthority('other');
    const leaf = ca.issue({ names: ['a.internal'] });
    const ed = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    const passphrase = { cipher: 'aes-256-cbc', passphrase: 'x' } as const;
    const encrypted = createPrivateKey(leaf.key)
      .export({ type: 'pkcs8', format: 'pem', ...passphrase })
      .toString();
    const cases: readonly (readonly [string | undefined, string | undefined, RegExp])[] = [
      [undefined, leaf.key, /a\.crt: it does not exist\nhint: make an authority with "switchyard cert ca"/],
      [ca.certificate, undefined, /a\.key: it does not exist/],
      ['', ca.key, /a\.crt: there is no certificate in PEM in it\nhint: it begins with -----BEGIN CERTIFICATE-----/],
      [ca.key, ca.certificate, /a\.crt: there is no certificate .*\nhint: it holds a private key: name the other file/],
      [ca.certificate, 'x', /a\.key: there is no private key in PEM in it/],
      [ca.certificate.slice(0, 200), ca.key, /a\.crt: a certificate in it is cut off/],
      [ca.certificate.replace(/\n[A-Za-z0-9+/]{20}/, '\n'), ca.key, /a\.crt: a certificate in it is damaged/],
      [ca.certificate, ca.key.replace(/\n[A-Za-z0-9+/]{20}/, '\n'), /a\.key: the key is damaged or cut off/],
      [ca.certificate, encrypted, /a\.key: the key is encrypted\nhint: write it without passphrase: openssl pkey/],
      [ca.certificate, leaf.key, /a\.key: the key is not that of the authority in .*a\.crt\nhint: .* --ca-key/],
      [ca.certificate, ed.toString(), /the key is not that of the authority/],
      [
        leaf.certificate,
        leaf.key,
        /a\.crt: its first certificate is not one of an authority \(CA:TRUE\)\nhint: .* --ca/,
      ],
      ['x'.repeat(10 * 1024 * 1024), ca.key, /a\.crt: it has more than 1048576 bytes/],
    ];
    for (const [certificate, key, words] of cases) {
      const at = temporaryDirectory();
      if (certificate !== undefined) writeFileSync(join(at, 'a.crt'), certificate);
      if (key !== undefined) writeFileSync(join(at, 'a.key'), key);
      const args = ['issue', 'x', '--server', 'a.internal', '--ca', join(at, 'a.crt'), '--out', folder];
      await refused(folder, args, words);
    }
  });

  it('leaves nothing of what a full disk did not take, and what was there', {
    skip: !isRoot && 'only root mounts',
  }, async t => {
    const from = await withAuthority();
    const folder = temporaryDirectory();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'pipe' });
    } catch (error) {
      return t.skip(`no file system can be mounted here: ${(error as Error).message}`);
    }
    t.after(() => execFileSync('umount', ['-l', folder]));
    const args = ['issue', 'xds', '--server', 'a', '--ca', join(from, 'ca.crt'), '--out', folder];
    await good(args);
    const before = [text(folder, 'xds.crt'), text(folder, 'xds.key')];
    assert.throws(() => writeFileSync(join(folder, 'filler'), Buffer.alloc(1 << 20)), { code: 'ENOSPC' });
    // There is room for the key, and none for the certificate.
    writeFileSync(join(folder, 'filler'), Buffer.alloc(statSync(join(folder, 'filler')).size - 4096));
    await refused(folder, [...args, '--force'], /nothing was written to .*: ENOSPC/);
    assert.deepEqual([text(folder, 'xds.crt'), text(folder, 'xds.key')], before);
  });
});

interface Shown {
  readonly good: boolean;
  readonly files: readonly {
    readonly file: string;
    readonly state: string;
    readonly certificates: readonly Record<string, unknown>[];
    readonly keys: readonly Record<string, unknown>[];
    readonly faults: readonly { readonly why: string; readonly remedy: string }[];
  }[];
}

async function shown(args: readonly string[], later = 0) {
  const { code, out, err } = await run(['show', ...args, '-o', 'json'], later);
  assert.equal(err, '');
  const { good: allGood, files } = JSON.parse(out) as Shown;
  return { code, good: allGood, files, faults: files.flatMap(each => each.faults.map(({ why }) => why)) };
}

describe('switchyard cert show', () => {
  it('says whom certificates name, who has signed them, what they are good for and until when', async () => {
    const folder = await withAuthority();
    await good(issueIn(folder, 'xds', '--server', 'xds.internal', '10.0.0.5', '::1'));
    await good(issueIn(folder, 'edge-1', '--client', 'spiffe://shop/edge/{id}', '--lifetime', '1d'));
    const { code, good: allGood, files } = await shown([folder]);
    assert.deepEqual([code, allGood], [0, true]);
    const of = (name: string) => files.find(each => each.file === join(folder, name));
    const [own] = of('xds.crt')?.certificates ?? [];
    assert.deepEqual(own?.['names'], ['xds.internal', '10.0.0.5', '::1']);
    assert.deepEqual([own?.['goodFor'], own?.['daysLeft'], own?.['state']], [['server'], 89, 'good']);
    assert.deepEqual([own?.['signedBy'], own?.['key']], [join(folder, 'ca.crt'), 'EC P-256']);
    assert.equal(own?.['fingerprint'], certificateIn(folder, 'xds.crt').fingerprint256);
    assert.deepEqual(of('edge-1.crt')?.certificates[0]?.['goodFor'], ['client']);
    assert.deepEqual(of('ca.crt')?.certificates[0]?.['goodFor'], ['authority']);
    assert.deepEqual(of('xds.key')?.keys[0], { kind: 'EC P-256', of: [join(folder, 'xds.crt')], state: 'good' });
    assert.match(await good(['show', folder]), /all good\n$/);
    const wide = await good(['show', join(folder, 'edge-1.crt'), '-o', 'wide']);
    assert.match(
      wide,
      /spiffe:\/\/shop\/edge\/edge-1 +client .* CN=edge-1 +CN=Switchyard +EC P-256 +([0-9A-F]{2}:){31}/,
    );
  });

  it('tells by its exit code what has ended and what is to be renewed, the worst first', async () => {
    const folder = await withAuthority();
    await good(issueIn(folder, 'long', '--server', 'a', '--lifetime', '100d'));
    await good(issueIn(folder, 'short', '--server', 'a', '--lifetime', '10d'));
    const files = ['long', 'short'].map(name => join(folder, `${name}.crt`));
    const state = async (later: number, ...more: readonly string[]) => {
      const { code, files: all } = await shown([...files, ...more], later);
      return [code, ...all.map(each => each.state)];
    };
    assert.deepEqual(await state(0), [0, 'good', 'good']);
    assert.deepEqual(await state(0, '--expires-within', '30d'), [2, 'good', 'soon']);
    assert.deepEqual(await state(0, '--expires-within', '101d'), [2, 'soon', 'soon']);
    assert.deepEqual(await state(8.5 * day), [2, 'good', 'soon']);
    assert.deepEqual(await state(8.5 * day, '--expires-within', '1d'), [0, 'good', 'good']);
    assert.deepEqual(await state(11 * day), [1, 'good', 'expired']);
    assert.deepEqual(await state(-day), [1, 'notYet', 'notYet']);
    const { out, code } = await run(['show', ...files], 11 * day);
    assert.equal(code, 1);
    assert.match(out, /STATE\n.*short\.crt .* -2 +expired\n.*long\.crt .* good\n1 file expired or broken\n$/);
    assert.equal((await run(['show', ...files, '-o', 'name'], 11 * day)).out, `${files[1]}\n`);
    await refused(folder, ['show', ...files, '--expires-within', 'soon'], /--expires-within "soon" is no time/);
  });

  it('finds what does not belong together', async () => {
    const [ca, namesake] = [new CertificateAuthority('shop'), new CertificateAuthority('shop')];
    const pair = ca.issue({ names: ['a.internal'] });
    const folder = written({ a: pair, b: { ...ca.issue({ names: ['b'] }), key: pair.key } });
    const at = (name: string) => join(folder, name);
    assert.deepEqual((await shown([at('a.crt'), at('a.key')])).faults, []);
    assert.deepEqual((await shown([at('a.key')])).faults, [], 'a key alone is nobody else’s');
    const { code, faults } = await shown([at('b.crt'), at('b.key')]);
    assert.deepEqual([code, faults], [1, ['the key is not that of any of these certificates']]);
    writeFileSync(at('ca.crt'), namesake.certificate);
    assert.match(
      String((await shown([at('a.crt'), at('ca.crt')])).faults),
      /not signed by the authority in .*ca\.crt, although/,
    );
    writeFileSync(at('ca.crt'), namesake.certificate + ca.certificate);
    const both = await shown([at('a.crt'), at('ca.crt')]);
    assert.deepEqual([both.code, both.faults], [0, []], 'two authorities of a change');
    chmodSync(at('a.key'), 0o640);
    assert.deepEqual((await shown([at('a.key')])).faults, ['the private key can be read by others than its owner']);
  });

  it('finds chains with a gap, or the wrong way round', async () => {
    const root = new CertificateAuthority('root');
    const between = new CertificateAuthority('between', { issuer: root });
    const { certificate } = between.issue({ names: ['a'] });
    const file = join(temporaryDirectory(), 'a.crt');
    const faultsOf = async (...chain: readonly string[]) => {
      writeFileSync(file, chain.join(''));
      return (await shown([file])).faults;
    };
    assert.deepEqual(await faultsOf(certificate, between.certificate, root.certificate), []);
    assert.deepEqual(await faultsOf(certificate, root.certificate), [
      'its certificate 1 is not signed by the one that follows it',
    ]);
    assert.deepEqual(await faultsOf(between.certificate, certificate), [
      'a certificate of an authority stands before one that is for use',
    ]);
  });

  it('says what cannot be read, and goes on with the rest', async () => {
    const ca = new CertificateAuthority('shop');
    const pair = ca.issue({ names: ['a'] });
    const folder = written({ a: pair });
    const files: Readonly<Record<string, string | Buffer>> = {
      'big.pem': Buffer.alloc(10 * 1024 * 1024),
      'cut.crt': pair.certificate.slice(0, 200),
      'der.cer': new X509Certificate(pair.certificate).raw,
      'nothing.pem': 'hello',
      'list.crl': ca.revoke([pair], -1),
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    writeFileSync(join(folder, 'notes.txt'), 'not looked at');
    const { code, files: found, faults } = await shown([folder, join(folder, 'gone.crt')]);
    assert.equal(code, 1);
    assert.deepEqual(
      found.map(({ file, state }) => `${file.slice(folder.length + 1)} ${state}`),
      [
        'a.crt good',
        'a.key good',
        'big.pem broken',
        'cut.crt broken',
        'der.cer broken',
        'list.crl expired',
        'nothing.pem broken',
        'gone.crt broken',
      ],
    );
    assert.deepEqual(faults, [
      'it has more than 1048576 bytes',
      'a certificate in it is cut off',
      'it is not text',
      'there is no certificate, key or list of revoked ones in PEM in it',
      'it does not exist',
    ]);
    const { out } = await run(['show', join(folder, 'gone.crt')]);
    assert.match(out, /gone\.crt +broken\n.*gone\.crt: it does not exist\n {2}hint: create it, or mend the path\n/);
    await refused(folder, ['show', temporaryDirectory()], /has no \.crt, \.cer, \.pem, \.key or \.crl file/);
  });

  it('lets no certificate write on the terminal', async () => {
    const { certificate } = new CertificateAuthority('shop').issue({
      names: ['a\u001b[2Jb'],
      commonName: 'c\u001b[2J',
    });
    const file = join(temporaryDirectory(), 'a.crt');
    writeFileSync(file, certificate);
    for (const format of ['table', 'wide', 'json', 'yaml']) {
      const { code, out } = await run(['show', file, '-o', format]);
      assert.equal(code, 0);
      assert.ok(!out.includes('\u001b'), format);
    }
  });

  it('shows what a server that runs proves itself with, also to those whom it does not let in', {
    timeout: 60_000,
  }, async t => {
    const sockets = new Set<Socket>();
    const keep = (socket: Socket) => void sockets.add(socket);
    t.after(() => sockets.forEach(each => void each.destroy()));
    const folder = await withAuthority();
    await good(issueIn(folder, 'xds', '--server', 'localhost', '127.0.0.1'));
    await good(issueIn(folder, 'other', '--server', 'other.internal'));
    const listening = async (name: string, requestCert: boolean) => {
      const [cert, key, ca] = [text(folder, `${name}.crt`), text(folder, `${name}.key`), text(folder, 'ca.crt')];
      const server = createServer({ cert, key, ca, requestCert, rejectUnauthorized: requestCert });
      server.on('tlsClientError', (_, socket) => socket.destroy());
      server.on('secureConnection', socket => socket.on('error', () => {}));
      server.on('connection', keep);
      t.after(() => server.close());
      await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    for (const requestCert of [false, true]) {
      const at = await listening('xds', requestCert);
      const { code, faults, files } = await shown([at, join(folder, 'ca.crt')]);
      assert.deepEqual([code, faults], [0, []]);
      const [own] = files[0]?.certificates ?? [];
      assert.deepEqual([files[0]?.file, own?.['names']], [at, ['localhost', '127.0.0.1']]);
      assert.equal(own?.['signedBy'], join(folder, 'ca.crt'));
    }
    assert.deepEqual((await shown([await listening('other', true)])).faults, [
      'its certificate does not name 127.0.0.1, by which it was called',
    ]);
    const plain = createPlainServer(socket => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    plain.on('connection', keep);
    t.after(() => plain.close());
    await new Promise<void>(done => plain.listen(0, '127.0.0.1', done));
    const { port } = plain.address() as AddressInfo;
    assert.deepEqual((await shown([`127.0.0.1:${port}`])).faults, ['it does not speak TLS']);
    plain.close();
    assert.match(String((await shown([`127.0.0.1:${port}`])).faults), /cannot be reached: connect ECONNREFUSED/);
  });

  it('without a file looks at what serve would take', async () => {
    const folder = await withAuthority();
    const of = { ...certificates, ofServer: () => [join(folder, 'ca.crt')] };
    const { out } = await runHere(['cert', 'show', '-o', 'wide'], { certificates: async () => of });
    assert.match(out, /ca\.crt +authority +CN=Switchyard +signing/);
    const none = await runHere(['cert', 'show'], { certificates: async () => ({ ...of, ofServer: () => [] }) });
    assert.match(none.err, /"serve" has no certificates by its environment: name files, or a folder/);
  });
});
