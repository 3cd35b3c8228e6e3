import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, describe, it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { readToken } from '../../../src/admin/auth.ts';
import { millis } from '../../../src/base/units.ts';
import { AdminClient, readPolicy } from '../../../src/client.ts';
import { createLog } from '../../../src/log.ts';
import { type RunningServer, startServer } from '../../../src/main.ts';
import { type Reached, reach } from '../../../src/reach.ts';
import type { Settings } from '../../../src/settings.ts';
import { CertificateAuthority, type KeyPair } from '../../support/certificates.ts';
import { runCommand } from '../../support/cli.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { contentsOf, TlsFolder } from '../../support/tls-folder.ts';
import { until } from '../../support/until.ts';
import { runHere } from '../cli/here.ts';
import { shopPolicy } from '../control/controller-world.ts';

const running: RunningServer[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.close();
});

interface Started {
  readonly server: RunningServer;
  readonly folder: string;
  readonly data: string;
  readonly token: string;
  readonly lines: readonly string[];
}

async function start(change: Partial<Settings>, folder = temporaryDirectory()): Promise<Started> {
  const policy = join(folder, 'switchyard.yaml');
  writeFileSync(policy, shopPolicy());
  const data = join(folder, 'data');
  const lines: string[] = [];
  const log = createLog('info', new Writable({ write: (line, _, done) => done(void lines.push(String(line))) }));
  const server = await startServer(
    {
      policy,
      data,
      xds: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      adminHosts: new Set(),
      lingerLimit: millis(60_000),
      logLevel: 'info',
      ...change,
    },
    log,
  );
  running.push(server);
  await until('a policy in force', () => server.control.accepted);
  const token = readToken(data);
  assert.ok(token);
  return { server, folder, data, token, lines };
}

const ca = new CertificateAuthority('operators');
const names = ['localhost', '127.0.0.1'];

async function startSecure(pair: Partial<KeyPair> = {}, withClients = false) {
  const files = new TlsFolder();
  files.write({ ...contentsOf(ca, names), ...pair });
  const { certificate, key, clientCa } = files.paths;
  const paths = { certificate, key, ...(withClients && { clientCa }) };
  return { ...(await start({ adminTls: { paths, minVersion: 'TLSv1.3' } })), files };
}

/** What the command line says that is told to reach a server so. */
async function said(token: string, where: Reached): Promise<string> {
  const { out, err } = await runHere(['status'], {
    adminTarget: () => ({ url: where.url, send: reach(where), token, dataFolder: '.' }),
  });
  return err === '' ? `good: ${out}` : err;
}

describe('the admin API over TLS', () => {
  it('is reached by commands and the typed client that know its authority', async () => {
    const { server, token, data, folder } = await startSecure();
    const { adminUrl: url } = server;
    assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/);
    const client = new AdminClient({ url, ca: ca.certificate, token });
    assert.equal((await client.call(readPolicy, {})).body.revision?.number, 1);
    const file = join(folder, 'ca.crt');
    writeFileSync(file, ca.certificate);
    const byUrl = await runCommand(['history', '--admin', url, '--ca', file, '--data', data], { cwd: folder });
    assert.deepEqual([byUrl.err, byUrl.code], ['', 0]);
    const env = { SWITCHYARD_ADMIN: url.slice('https://'.length), SWITCHYARD_CA: file, SWITCHYARD_DATA: data };
    assert.equal((await runCommand(['get', 'services', '-o', 'name'], { cwd: folder, env })).code, 0);
    const events = await runCommand(['events', '-o', 'name'], { cwd: folder, env });
    assert.equal(events.code, 0);
  });

  it('is told from what it is not, each time with the remedy (P30)', async () => {
    const { server, token } = await startSecure();
    const { adminUrl: url } = server;
    assert.match(await said(token, { url, ca: ca.certificate }), /^good: /);
    const other = new CertificateAuthority('operators');
    const unknown =
      /^error: no admin API at https:.*\): its certificate is of no authority that is known here; .* --ca\n/;
    assert.match(await said(token, { url, ca: other.certificate }), unknown);
    assert.match(await said(token, { url }), unknown);
    assert.match(
      await said(token, { url: url.replace('https', 'http') }),
      /\): it broke off; if it serves TLS, call it/,
    );
    const plain = await start({});
    const asSecure = plain.server.adminUrl.replace('http', 'https');
    assert.match(
      await said(token, { url: asSecure, ca: ca.certificate }),
      /\): it speaks plain text; call it with http:/,
    );
    const foreign = await startSecure(ca.issue({ names: ['elsewhere'] }));
    assert.match(
      await said(token, { url: foreign.server.adminUrl, ca: ca.certificate }),
      /\): its certificate is for other names/,
    );
    await assert.rejects(shaken(server, { maxVersion: 'TLSv1.2' }), /protocol version/i);
  });

  it('is not believed once its certificate has expired, and says so before', async () => {
    const { server, token } = await startSecure(ca.issue({ names, to: 3000 }));
    const asked = { url: server.adminUrl, ca: ca.certificate };
    await until('it has expired', async () => /\): renew its certificate/.test(await said(token, asked)));
    const headers = { authorization: `Bearer ${token}` };
    const send = reach({ ...asked, url: server.adminUrl });
    await assert.rejects(send('/api/v1/policy', { headers }), { code: 'CERT_HAS_EXPIRED' });
  });

  it('has a new certificate without a restart, and goes on with the old while the new is bad', async () => {
    const { server, files, lines } = await startSecure();
    const serial = async () => (await shaken(server)).serialNumber;
    const first = await serial();
    files.write({ certificate: '' });
    await until('it is told', () => lines.some(line => line.includes('a TLS file was not taken')));
    assert.equal(await serial(), first);
    const next = ca.issue({ names });
    files.write(next);
    await until('new connections have it', async () => (await serial()) !== first);
  });

  it('wants a certificate of its callers if it was given authorities for them', async () => {
    const { server, token, lines } = await startSecure({}, true);
    const { adminUrl: url } = server;
    const mine = ca.issue({ names: ['ada'] });
    const stranger = new CertificateAuthority('strangers').issue({ names: ['eve'] });
    const own = { cert: mine.certificate, key: mine.key };
    assert.match(await said(token, { url, ca: ca.certificate, ...own }), /^good: /);
    const wanted =
      /\): it .*certificate of .*caller.*, name one with --cert and --key\n|caller; name one with --cert and --key\n/;
    assert.match(await said(token, { url, ca: ca.certificate }), wanted);
    const foreign = { cert: stranger.certificate, key: stranger.key };
    assert.match(await said(token, { url, ca: ca.certificate, ...foreign }), wanted);
    await until('they are told of', () => lines.filter(line => line.includes('was not let in')).length === 2);
    const told = lines.join('');
    assert.match(told, /a client was not let in to the admin API/);
    assert.match(told, /the client has no certificate/);
    assert.match(told, /is of no authority in --admin-client-ca/);
    const metrics = await reach({ url, ca: ca.certificate, ...own })('/metrics', {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.match(await metrics.text(), /^switchyard_admin_tls_refusals_total 2$/m);
  });

  it('does not start with files that are not in order, and never in plain text instead (P30)', async () => {
    const expired = ca.issue({ names, from: -7_200_000, to: -3_600_000 });
    await assert.rejects(
      startSecure(expired),
      /^Error: the admin API cannot be served over TLS: --admin-cert .*expired/,
    );
    const { key } = ca.issue({ names });
    await assert.rejects(startSecure({ key }), /: --admin-key .*the key is not that of the certificate/);
  });
});

/** The certificate of the server, as a client without any of its own sees it. */
async function shaken({ adminPort }: RunningServer, more: { readonly maxVersion?: 'TLSv1.2' } = {}) {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port: adminPort, ca: ca.certificate, ...more });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate();
  } finally {
    socket.destroy();
  }
}

describe('the admin API on a socket of the machine', () => {
  it('is reached by commands and the typed client, by its user alone unless told otherwise', async () => {
    const folder = temporaryDirectory();
    const path = join(folder, 'admin.sock');
    const { server, token, data } = await start({ admin: { path, mode: 0o600 } }, folder);
    assert.equal(server.adminUrl, `unix:${path}`);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const client = new AdminClient({ url: server.adminUrl, token });
    assert.equal((await client.call(readPolicy, {})).status, 200);
    const env = { SWITCHYARD_ADMIN: `unix:${path}`, SWITCHYARD_DATA: data };
    const run = (...args: readonly string[]) => runCommand(args, { cwd: folder, env });
    assert.equal((await run('drain', 'catalog', '--force')).err, '');
    assert.match((await run('audit')).out, /unix socket/);
    assert.equal((await run('events', '-o', 'name')).code, 0);
    const wrong = await run('status', '--token', 'x'.repeat(40));
    assert.match(wrong.err, /^error: Not authorised: /, 'who may use the socket still needs a token');
  });

  it('has the rights that it was given', async () => {
    const path = join(temporaryDirectory(), 'admin.sock');
    const umask = process.umask(0o077);
    try {
      await start({ admin: { path, mode: 0o660 } });
      assert.equal(statSync(path).mode & 0o777, 0o660);
      assert.equal(process.umask(), 0o077, 'nothing else has');
    } finally {
      process.umask(umask);
    }
  });

  it('is taken over from a dead server, never from a living one or a file', async () => {
    const folder = temporaryDirectory();
    const path = join(folder, 'admin.sock');
    const admin = { path, mode: 0o600 };
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const dead = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(dead.stdout, 'data');
    await assert.rejects(start({ admin }), {
      message: `the admin address unix:${path} is taken: choose another with --admin unix:PATH`,
    });
    dead.kill('SIGKILL');
    await once(dead, 'exit');
    assert.ok(existsSync(path), 'it left its socket behind');
    const { server, token } = await start({ admin });
    assert.match(await said(token, { url: server.adminUrl }), /^good: /);
    await server.close();
    assert.equal(existsSync(path), false, 'it takes its own away');
    writeFileSync(path, 'a file of somebody');
    await assert.rejects(start({ admin }), /cannot listen on the admin address unix:.* \(it is there, and no socket\)/);
    assert.equal(readFileSync(path, 'utf8'), 'a file of somebody');
    await assert.rejects(
      start({ admin: { path: join(folder, 'none', 'a.sock'), mode: 0o600 } }),
      /cannot listen on the/,
    );
  });

  it('is said not to be there, or to be shut', async () => {
    const path = join(temporaryDirectory(), 'admin.sock');
    assert.match(
      await said('x', { url: `unix:${path}` }),
      /^error: no admin API at unix:.*ENOENT.*is "switchyard serve" run/,
    );
  });
});
