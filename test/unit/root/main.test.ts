import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, describe, it } from 'node:test';
import { pino } from 'pino';
import { millis } from '../../../src/base/units.ts';
import { createLog } from '../../../src/log.ts';
import { type RunningServer, startServer } from '../../../src/main.ts';
import type { Settings } from '../../../src/settings.ts';
import { openXdsTls } from '../../../src/xds-tls.ts';
import { CertificateAuthority } from '../../support/certificates.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { contentsOf, TlsFolder } from '../../support/tls-folder.ts';
import { until } from '../../support/until.ts';
import { shopPolicy } from '../control/controller-world.ts';

const silent = pino({ level: 'silent' });
const running: RunningServer[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.close();
});

function settingsIn(folder: string, change: Partial<Settings> = {}): Settings {
  return {
    policy: join(folder, 'switchyard.yaml'),
    data: join(folder, 'data'),
    xds: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    adminHosts: new Set(),
    lingerLimit: millis(60_000),
    logLevel: 'silent',
    ...change,
  };
}

async function start(settings: Settings): Promise<RunningServer> {
  const server = await startServer(settings, silent);
  running.push(server);
  return server;
}

const accepted = (server: RunningServer, number = 1) =>
  until('a policy in force', () => server.control.accepted?.revision.number === number && server.control.accepted);

const versionsOf = (server: RunningServer) =>
  [...(server.board.current?.snapshots.values() ?? [])].map(each => each.version);

describe('the server', () => {
  it('serves a policy file, and takes a save', async () => {
    const folder = temporaryDirectory();
    const settings = settingsIn(folder);
    writeFileSync(settings.policy, shopPolicy());
    const server = await start(settings);
    await accepted(server);
    assert.equal((await fetch(`http://127.0.0.1:${server.adminPort}/readyz`)).status, 200);
    const before = versionsOf(server);
    writeFileSync(settings.policy, shopPolicy({ to: '[{ service: other }]' }));
    await accepted(server, 2);
    assert.notDeepEqual(versionsOf(server), before);
  });

  it('is up but not ready without a policy', async () => {
    const server = await start(settingsIn(temporaryDirectory()));
    await until('the problem', () => server.control.rejected);
    assert.equal(server.control.rejected?.problems[0]?.code, 'file.unreadable');
    assert.equal((await fetch(`http://127.0.0.1:${server.adminPort}/healthz`)).status, 200);
    assert.equal((await fetch(`http://127.0.0.1:${server.adminPort}/readyz`)).status, 503);
    assert.equal(server.board.current, undefined);
  });

  it('serves the same after a restart, at once, with a broken file or none', async () => {
    const folder = temporaryDirectory();
    const settings = settingsIn(folder);
    writeFileSync(settings.policy, shopPolicy());
    const first = await start(settings);
    await accepted(first);
    await first.control.shift({
      route: 'shop',
      rule: 'everyone',
      weights: { 'catalog@v1': 1, 'catalog@v2': 1 },
      by: 'me',
    });
    const versions = versionsOf(first);
    await first.close();
    for (const harm of [() => writeFileSync(settings.policy, 'services: [broken'), () => rmSync(settings.policy)]) {
      harm();
      const next = await start(settings);
      assert.deepEqual(versionsOf(next), versions, 'already when it begins to listen');
      await until('the problem', () => next.control.rejected);
      assert.deepEqual(versionsOf(next), versions);
      assert.equal(next.control.accepted?.overrides.length, 1);
      await next.close();
    }
  });

  it('shows the problems of all files, read or not', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'a.yaml'), 'servces: {}\n');
    writeFileSync(join(folder, 'b.mjs'), 'throw new Error("no");\n');
    const server = await start(settingsIn(folder, { policy: folder, data: temporaryDirectory() }));
    await until('the problems', () => server.control.rejected);
    assert.deepEqual(server.control.rejected?.problems.map(each => each.code).sort(), [
      'file.module_failed',
      'schema.unknown_key',
    ]);
  });

  it('keeps a bundle of each fleet on disk, and drops those of fleets that are gone (P2)', async () => {
    const folder = temporaryDirectory();
    const settings = settingsIn(folder);
    writeFileSync(settings.policy, shopPolicy());
    const server = await start(settings);
    const bundleOf = (fleet: string) => join(settings.data, 'bundles', `${fleet}.json`);
    await until('both bundles', () => existsSync(bundleOf('edge')) && existsSync(bundleOf('back')));
    assert.match(readFileSync(bundleOf('edge'), 'utf8'), /"catalog@v1"/);
    writeFileSync(settings.policy, shopPolicy().replace('  back: { match: { cluster: back }, gateways: [back] }', ''));
    await until('one bundle', () => !existsSync(bundleOf('back')));
    assert.ok(existsSync(bundleOf('edge')));
    await server.close();
  });

  it('says which address is taken, and leaves nothing behind', async () => {
    const folder = temporaryDirectory();
    const other = createServer();
    await new Promise<void>(done => other.listen(0, '127.0.0.1', done));
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const taken = { host: '127.0.0.1', port };
    await assert.rejects(startServer(settingsIn(folder, { xds: taken }), silent), /--xds HOST:PORT/);
    await assert.rejects(startServer(settingsIn(folder, { xdsRest: taken }), silent), /--xds-rest HOST:PORT/);
    await assert.rejects(startServer(settingsIn(folder, { admin: taken }), silent), /--admin HOST:PORT/);
    other.close();
    await start(settingsIn(folder));
  });

  it('asks for no names any more when it could not start', async () => {
    const folder = temporaryDirectory();
    const settings = settingsIn(folder);
    writeFileSync(
      settings.policy,
      shopPolicy({ endpoints: '[{ address: "localhost:80" }]', to: '[{ service: catalog }]' }),
    );
    const first = await start(settings);
    await accepted(first);
    await first.close();
    const other = createServer();
    await new Promise<void>(done => other.listen(0, '127.0.0.1', done));
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const main = join(import.meta.dirname, '../../../src/cli/main.ts');
    const flags = ['--policy', settings.policy, '--data', settings.data, '--xds', `127.0.0.1:${port}`];
    const ending = { timeout: 30_000, killSignal: 'SIGKILL' } as const;
    const child = spawn(process.execPath, [main, 'serve', ...flags], { stdio: 'ignore', ...ending });
    const [code] = await once(child, 'exit');
    other.close();
    assert.equal(code, 1);
  });

  it('does not share its data directory', async () => {
    const folder = temporaryDirectory();
    await start(settingsIn(folder));
    await assert.rejects(
      startServer(settingsIn(folder), silent),
      /is in use by process \d+: end it, or choose another/,
    );
  });

  it('can be closed twice', async () => {
    const server = await start(settingsIn(temporaryDirectory()));
    await Promise.all([server.close(), server.close()]);
    await assert.rejects(fetch(`http://127.0.0.1:${server.adminPort}/healthz`));
  });
});

describe('the log', () => {
  it('writes no secrets (P29)', () => {
    const lines: string[] = [];
    const sink = new Writable({
      write: (chunk, _, done) => {
        lines.push(String(chunk));
        done();
      },
    });
    const log = createLog('info', sink);
    log.info(
      { token: 'hush-1', request: { headers: { authorization: 'hush-2' } }, tls: { privateKey: 'hush-3' } },
      'hello',
    );
    assert.match(lines.join(''), /"msg":"hello"/);
    assert.doesNotMatch(lines.join(''), /hush/);
  });

  it('has no character that a terminal would obey', () => {
    const lines: string[] = [];
    const log = createLog('info', { write: line => void lines.push(line) });
    const node = 'a\u009b31m\u202eb\u001b\u200f\u2066\u007f\u061c';
    log.info({ node }, `${node} has connected`);
    assert.equal(lines.length, 1);
    assert.doesNotMatch(lines[0]!.trimEnd(), /[\p{Cc}\p{Bidi_Control}]/u);
    assert.equal(JSON.parse(lines[0]!).node, node);
  });
});

describe('the server over TLS', () => {
  const ca = new CertificateAuthority();
  const sound = contentsOf(ca, ['localhost']);

  it('P30: does not start with files that are not in order, and never in plain text instead', async () => {
    const folder = temporaryDirectory();
    const files = new TlsFolder();
    files.write({ ...sound, key: ca.issue({ names: ['localhost'] }).key });
    rmSync(files.paths.clientCa);
    const settings = settingsIn(folder, { xdsTls: { paths: files.paths, minVersion: 'TLSv1.3' } });
    await assert.rejects(start(settings), ({ message }: Error) => {
      assert.match(message, /^xDS cannot be served over TLS: --xds-client-ca .*ca\.crt: it does not exist; create it/);
      return true;
    });
    files.write({ clientCa: sound.clientCa });
    await assert.rejects(start(settings), /--xds-key .*tls\.key: the key is not that of the certificate in .*tls\.crt/);
    files.write(sound);
    await start(settings);
  });

  it('tells of what is wrong with the files that it follows, and when they end', async () => {
    const files = new TlsFolder();
    files.write(sound);
    const settings = { paths: files.paths, minVersion: 'TLSv1.3' } as const;
    const tls = await openXdsTls(settings, silent);
    const stop = new AbortController();
    const followed = tls.follow(stop.signal, { settle: 10, settleBad: 20, poll: 20 });
    const codes = (now = Date.now()) => tls.problems(now).map(each => `${each.code} ${each.source?.file}`);
    assert.deepEqual(codes(), []);
    const { certificate } = files.paths;
    assert.deepEqual(codes(Date.now() + 20 * 3_600_000), [
      `tls.certificate_expires ${certificate}`,
      `tls.certificate_expires ${files.paths.clientCa}`,
    ]);
    assert.match(tls.problems(Date.now() + 30 * 3_600_000)[0]?.message ?? '', /expired at .*: no proxy can connect/);
    files.write({ certificate: '' });
    await until('it is told', () => codes().length > 0);
    assert.deepEqual(codes(), [`tls.files_not_taken ${certificate}`]);
    const next = contentsOf(ca, ['localhost']);
    let told = 0;
    tls.onChange(() => told++);
    files.write(next);
    await until('it is taken', () => told === 1);
    assert.deepEqual([tls.material, codes()], [next, []]);
    stop.abort();
    await followed;
  });

  it('warns of fleets that nobody can be of, while xDS is in plain text', async () => {
    const folder = temporaryDirectory();
    const settings = settingsIn(folder);
    const policy = shopPolicy();
    writeFileSync(settings.policy, policy.replace(/gateways: \[public\] \}?/, 'identity: { san: ["{id}"] }, $&'));
    const lines: string[] = [];
    const log = createLog('warn', new Writable({ write: (line, _, done) => done(void lines.push(String(line))) }));
    running.push(await startServer(settings, log));
    await until('it is told', () => lines.some(line => line.includes('tls.needed_for_identity')));
  });
});
