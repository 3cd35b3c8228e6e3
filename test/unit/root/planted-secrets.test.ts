import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { createSecureContext } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { Client, credentials } from '@grpc/grpc-js';
import { encode } from '../../../proto/codec.ts';
import { serviceDefinition } from '../../../proto/services.ts';
import { readToken } from '../../../src/admin/auth.ts';
import { millis } from '../../../src/base/units.ts';
import { createLog } from '../../../src/log.ts';
import { type RunningServer, startServer } from '../../../src/main.ts';
import { reach } from '../../../src/reach.ts';
import { operations } from '../../support/api-contract.ts';
import { CertificateAuthority } from '../../support/certificates.ts';
import { runCommand } from '../../support/cli.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { contentsOf, TlsFolder } from '../../support/tls-folder.ts';
import { until } from '../../support/until.ts';
import { XdsClient } from '../../support/xds-client.ts';
import { urls } from '../../support/xds-fixtures.ts';
import { runHere } from '../cli/here.ts';

/** What operators write into a policy so that others do not know it. */
const inPolicy = [
  'planted-bypass-11',
  'planted-check-22',
  'planted-metadata-33',
  'planted-added-44',
  'planted-wrong-55',
];
/** What callers send that proves who they are, or is meant to. */
const guesses = [
  'planted-guess-header-aaaaaaaaaaaaaaaa',
  'planted-guess-query-bbbbbbb',
  'planted-guess-cookie-ccccccc',
];

const policyText = `
services:
  catalog:
    endpoints: [{ address: "127.0.0.1:9" }, { address: "127.0.0.1:10" }]
    healthCheck: { http: { path: /health, headers: { authorization: "Bearer planted-check-22" } } }
  words:
    protocol: http2
    endpoints: [{ address: "127.0.0.1:11" }]
    healthCheck: { grpc: { metadata: { x-key: planted-metadata-33 } } }
gateways:
  public: { listeners: [{ port: 18999, protocol: http }] }
routes:
  shop:
    gateways: [public]
    hosts: ["*"]
    maintenance: { except: { headers: { x-operator: planted-bypass-11 } } }
    rules:
      - { name: words, match: { path: { prefix: /words } }, to: [{ service: words }] }
      - name: everyone
        requestHeaders: { set: { authorization: "Basic planted-added-44" } }
        to: [{ service: catalog }]
fleets:
  edge: { match: { id: "edge-*" }, gateways: [public], identity: { san: ["{id}"] } }
`;

const ca = new CertificateAuthority();
const folder = temporaryDirectory();
const [xdsFiles, adminFiles] = [new TlsFolder(), new TlsFolder()];
const log: string[] = [];
/** Everything that was said, by where. */
const said = new Map<string, string>();
let server: RunningServer;
let client: XdsClient;
let token: string;
let made: string;

const send = (path: string, init: Parameters<ReturnType<typeof reach>>[1] = {}) =>
  reach({ url: server.adminUrl, ca: ca.certificate })(path, {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...init.headers },
  });

async function hear(name: string, path: string, init: Parameters<typeof send>[1] = {}): Promise<number> {
  const response = await send(path, init);
  const headers = [...response.headers].map(each => each.join(': ')).join('\n');
  said.set(name, `${headers}\n${await response.text()}`);
  return response.status;
}

/** Lines in the middle of a key, each of which would give it away. */
const linesOf = (pem: string) => pem.split('\n').filter(line => line.length > 30 && !line.startsWith('-'));

/** Everything that must stand nowhere: keys, tokens, what they are recognised by, and what was tried. */
function secrets(): readonly string[] {
  const keys = [xdsFiles, adminFiles].flatMap(({ paths }) => linesOf(readFileSync(paths.key, 'utf8')));
  const hashes = readFileSync(join(folder, 'data', 'tokens.json'), 'utf8').match(/[\w+/=-]{40,}/g) ?? [];
  assert.ok(keys.length >= 4 && hashes.length > 0);
  return [...keys, token, made, ...hashes, ...guesses];
}

function found(wanted: readonly string[], texts: Iterable<readonly [string, string]>): readonly string[] {
  return [...texts].flatMap(([name, text]) =>
    wanted.flatMap(each => {
      const forms = [each, Buffer.from(each).toString('base64').replace(/=+$/, ''), Buffer.from(each).toString('hex')];
      const at = forms.map(form => text.indexOf(form)).find(index => index >= 0);
      return at === undefined ? [] : [`${name}: … ${text.slice(Math.max(0, at - 80), at + 60)}`];
    }),
  );
}

before(async () => {
  for (const files of [xdsFiles, adminFiles]) files.write(contentsOf(ca, ['localhost', '127.0.0.1']));
  const policy = join(folder, 'switchyard.yaml');
  writeFileSync(policy, policyText);
  const sink = new Writable({ write: (line, _, done) => done(void log.push(String(line))) });
  server = await startServer(
    {
      policy,
      data: join(folder, 'data'),
      xds: { host: '127.0.0.1', port: 0 },
      xdsTls: { paths: xdsFiles.paths, minVersion: 'TLSv1.3' },
      admin: { host: '127.0.0.1', port: 0 },
      adminTls: {
        paths: { certificate: adminFiles.paths.certificate, key: adminFiles.paths.key },
        minVersion: 'TLSv1.3',
      },
      adminHosts: new Set(),
      lingerLimit: millis(60_000),
      logLevel: 'trace',
    },
    createLog('trace', sink),
  );
  await until('a policy in force', () => server.control.accepted ?? server.control.rejected);
  assert.deepEqual(server.control.rejected?.problems ?? [], []);
  token = readToken(join(folder, 'data')) ?? '';
  const { certificate, key } = ca.issue({ names: ['edge-1'] });
  const context = createSecureContext({ ca: ca.certificate, cert: certificate, key });
  const channel = new Client(`127.0.0.1:${server.xdsPort}`, credentials.createFromSecureContext(context), {
    'grpc.ssl_target_name_override': 'localhost',
  });
  client = new XdsClient(channel, 'delta');
  client.delta({ typeUrl: urls.CDS, node: 'edge-1' });
  client.ack(await client.response(1));
});

after(async () => {
  client?.cancel();
  await server?.close();
});

describe('secrets (P29)', () => {
  it('that callers send, right ones and wrong ones', async () => {
    const body = JSON.stringify({ name: 'ci', role: 'admin' });
    const json = { 'content-type': 'application/json' };
    const answer = await send('/api/v1/tokens', { method: 'POST', headers: json, body });
    made = ((await answer.json()) as { token: string }).token;
    assert.ok(made.length > 30);
    const [header = '', query = '', cookie = ''] = guesses;
    for (const [status, path, headers] of [
      [401, '/api/v1/policy', { authorization: `Bearer ${header}` }],
      [401, '/api/v1/policy', { authorization: `Basic ${header}` }],
      [401, '/api/v1/policy', { authorization: `Bearer ${token}x` }],
      [404, `/api/v1/nothing?token=${query}&access_token=${query}`, {}],
      [400, `/api/v1/proxies?state=pending&limit=x&token=${query}`, {}],
      [200, '/api/v1/policy', { cookie: `session=${cookie}`, 'x-api-key': header }],
      [403, '/api/v1/policy', { origin: 'http://evil.example', cookie }],
    ] as const) {
      assert.equal(await hear(`GET ${path} with ${Object.keys(headers)}`, path, { headers }), status, path);
    }
    const write = { method: 'PUT', headers: json };
    assert.equal(await hear('broken', `/api/v1/log-level?token=${query}`, { ...write, body: '{"' }), 400);
    assert.equal(await hear('unknown', '/api/v1/log-level', { ...write, body: `{"token":"${header}"}` }), 422);
    assert.equal(await hear('no path', `/api/v1/tokens?token=${query}`, { ...write, body: `"${header}"` }), 404);
  });

  it('while there is something to tell of everything', async () => {
    const json = { 'content-type': 'application/json' };
    const drained = { method: 'PATCH', headers: json, body: '{"state":"draining"}' };
    assert.equal(
      await hear('drain', '/api/v1/services/catalog/endpoints/127.0.0.1:9?force=true', drained),
      200,
      said.get('drain'),
    );
    const spec = {
      endpoints: [{ address: '127.0.0.1:12' }],
      healthCheck: { http: { headers: { a: 'planted-wrong-55\n' } } },
    };
    const wrong = { method: 'POST', headers: json, body: JSON.stringify({ name: 'mine', spec }) };
    assert.equal(await hear('a wrong write', '/api/v1/services', wrong), 422);
    const text = policyText.replace('planted-added-44"', 'planted-wrong-55\\n"');
    writeFileSync(join(folder, 'switchyard.yaml'), text);
    await until('a save is refused', () => server.control.rejected);
    // A quote that is not closed: what follows is no YAML.
    writeFileSync(join(folder, 'switchyard.yaml'), policyText.replace('planted-added-44"', 'planted-wrong-55'));
    const isSyntax = () => server.control.rejected?.problems[0]?.code.startsWith('syntax.');
    await until('another is', isSyntax);
  });

  it('are in no answer to a question', async () => {
    const values: Readonly<Record<string, string>> = {
      id: 'edge-1',
      number: '1',
      other: '1',
      fleet: 'edge',
      service: 'catalog',
      route: 'shop',
      rule: 'everyone',
      address: '127.0.0.1:9',
    };
    const named: Readonly<Record<string, string>> = {
      services: 'catalog',
      routes: 'shop',
      gateways: 'public',
      fleets: 'edge',
    };
    const gets = operations.filter(each => each.method === 'get');
    assert.ok(gets.length > 20);
    const statuses = new Map<string, number>();
    for (const { id, path } of gets) {
      const kind = path.split('/')[3] ?? '';
      const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
        encodeURIComponent((name === 'name' ? named[kind] : values[name]) ?? 'edge'),
      );
      const query: Readonly<Record<string, string>> = {
        traceRequest: '?fleet=edge&path=/',
        readProxyHistory: '?at=2020-01-01T00:00:00Z',
      };
      statuses.set(id, await hear(`GET ${url}`, `${url}${query[id] ?? ''}`));
    }
    const good = [...statuses].filter(([, status]) => status === 200);
    assert.ok(good.length >= gets.length - 4, JSON.stringify([...statuses].filter(([, status]) => status !== 200)));
    assert.deepEqual(found(secrets(), said), []);
  });

  it('are in nothing that commands print', async () => {
    const target = () => ({
      url: server.adminUrl,
      send: reach({ url: server.adminUrl, ca: ca.certificate }),
      token,
      dataFolder: join(folder, 'data'),
    });
    const backup = join(temporaryDirectory(), 'all.backup');
    for (const line of [
      'status -o json',
      'config edge-1 -o json',
      'get services/catalog -o yaml',
      'history -o json',
      'revision show 1 -o json',
      'audit -o json',
      'events -o json',
      'token list -o json',
      'health -o json',
      `backup ${backup}`,
    ]) {
      const { out, err } = await runHere(line.split(' '), { adminTarget: target });
      said.set(`switchyard ${line}`, out + err);
    }
    said.set('backup', gunzipSync(readFileSync(backup)).toString());
    assert.deepEqual(found(secrets(), said), []);
  });

  it('are in nothing that is printed of policies, with a server or without, and in no archive for bug reports', async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'other.yaml'), policyText.replace('127.0.0.1:10"', '127.0.0.1:13"'));
    writeFileSync(join(cwd, 'server.log'), log.join(''));
    const data = join(folder, 'data');
    const { key, certificate } = xdsFiles.paths;
    const authority = join(cwd, 'ca.pem');
    writeFileSync(authority, ca.certificate);
    const env = { SWITCHYARD_CA: authority, SWITCHYARD_DATA: data };
    const there = ['--admin', server.adminUrl];
    for (const [args, code] of [
      [['translate', 'other.yaml'], 0],
      [['validate', 'other.yaml'], 0],
      [['diff', 'other.yaml', ...there], 2],
      [['diff', 'other.yaml', '-o', 'json', ...there], 2],
      [['check', '-o', 'json', '--xds-cert', certificate, '--xds-key', key, ...there], undefined],
      [['doctor', 'bundle', 'all.tar.gz', '--policy', 'other.yaml', '--log', 'server.log', ...there], 0],
    ] as const) {
      const { out, err, code: found } = await runCommand(args, { cwd, env });
      if (code !== undefined) assert.equal(found, code, `${args.join(' ')}: ${out}${err}`);
      said.set(`switchyard ${args.slice(0, 2).join(' ')} with ${args.length}`, out + err);
    }
    const archive = gunzipSync(readFileSync(join(cwd, 'all.tar.gz'))).toString('latin1');
    assert.match(archive, /catalog/);
    said.set('switchyard doctor: the archive', archive);
    assert.deepEqual(found(secrets(), said), []);
    assert.deepEqual(found(inPolicy, [['the archive', archive]]), []);
  });

  it('are in no client status', async () => {
    const { FetchClientStatus } = serviceDefinition('envoy.service.status.v3.ClientStatusDiscoveryService');
    const request = Buffer.from(encode('envoy.service.status.v3.ClientStatusRequest', {}));
    const same = (bytes: Buffer) => bytes;
    const answer = await new Promise<Buffer>((resolve, reject) => {
      client.channel.makeUnaryRequest(FetchClientStatus?.path ?? '', same, same, request, (error, value) =>
        value ? resolve(value) : reject(error),
      );
    });
    assert.ok(answer.length > 500);
    said.set('client status', answer.toString('latin1'));
    assert.deepEqual(found(secrets(), said), []);
  });

  it('are in no file but their own, and in no log', () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(each => each.isFile());
    const texts = files
      .filter(each => !['admin-token', 'tokens.json'].includes(each.name))
      .map(each => [each.name, readFileSync(join(each.parentPath, each.name), 'latin1')] as const);
    assert.ok(texts.length > 3);
    assert.deepEqual(found(secrets(), [...texts, ['log', log.join('')]]), []);
  });

  it('of a policy are in no log, metric, event, audit entry or list, nor in what is said of mistakes', () => {
    const about =
      /^(GET \/(metrics|readyz|healthz|api\/v1\/(events|audit|proxies|tokens|quarantines|history|log-level|openapi\.json))$|a wrong write|switchyard (events|audit|history|health|token))/;
    const texts = [...said].filter(([name]) => about.test(name));
    assert.ok(texts.length > 10);
    assert.ok(log.join('').includes('policy was not taken'));
    assert.deepEqual(found(inPolicy, [...texts, ['log', log.join('')]]), []);
  });
});
