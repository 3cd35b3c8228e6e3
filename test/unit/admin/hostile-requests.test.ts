import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type RunningAdmin, startAdmin } from '../../../src/admin/server.ts';
import { world as controlled, shopPolicy } from '../control/controller-world.ts';
import { AdminWorld, token } from './admin-world.ts';

let world: AdminWorld;
let admin: RunningAdmin;

before(async () => {
  world = new AdminWorld();
  const { submit, controller: control, board } = controlled();
  await submit(shopPolicy());
  admin = await startAdmin({ ...world.options, control, board });
});
after(() => admin.close());

/** What comes back for bytes, until the server closes, or has been silent for a while. */
function say(bytes: string | readonly string[]): Promise<string> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port: admin.port });
    let heard = '';
    socket.setTimeout(1500, () => socket.destroy());
    socket.on('data', chunk => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
    for (const each of [bytes].flat()) socket.write(each, 'latin1');
  });
}

const auth = `authorization: Bearer ${token}`;

/** A request with its last words: the server then closes. */
function request(line: string, headers: readonly string[] = [], body = '', host = '127.0.0.1:18080'): string {
  const given = [`host: ${host}`, 'connection: close', ...headers];
  return `${line} HTTP/1.1\r\n${given.join('\r\n')}\r\n\r\n${body}`;
}

const statusOf = (heard: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1] ?? 0);
const answersIn = (heard: string) => heard.match(/HTTP\/1\.1 \d{3}/g)?.length ?? 0;

const json = 'content-type: application/json';
const level = '{"level":"error"}';
const sized = (text: string) => `content-length: ${text.length}`;

describe('what a web page may make a browser send (P28)', () => {
  const write = (headers: readonly string[], host?: string) =>
    request('PUT /api/v1/log-level', [auth, sized(level), ...headers], level, host);

  const cases: readonly (readonly [string, string, number])[] = [
    [
      'what a page of ours would send',
      write([json, 'origin: http://127.0.0.1:18080', 'sec-fetch-site: same-origin']),
      200,
    ],
    ['a page of another site', write([json, 'origin: http://evil.example', 'sec-fetch-site: cross-site']), 403],
    ['another port of this machine', write([json, 'origin: http://127.0.0.1:3000', 'sec-fetch-site: same-site']), 403],
    ['a sandboxed page', write([json, 'origin: null']), 403],
    ['an image or a form, which say no origin', write([json, 'sec-fetch-site: cross-site']), 403],
    ['a form', write(['content-type: application/x-www-form-urlencoded']), 415],
    ['a form in plain text', write(['content-type: text/plain']), 415],
    ['a form in parts', write(['content-type: multipart/form-data; boundary=x']), 415],
    ['a type with a tab, which some take for another', write(['content-type: text/plain\t;application/json']), 415],
    ['no type', write([]), 415],
    ['a name that was bound to this address', write([json], 'rebound.example:18080'), 403],
    ['… with the address as its first label', write([json], '127.0.0.1.rebound.example'), 403],
    ['… that ends in localhost', write([json], 'evil-localhost:18080'), 403],
    ['… below localhost', write([json], 'a.localhost:18080'), 403],
    ['an address with a user', write([json], 'evil@127.0.0.1'), 400],
    ['two hosts', write([json, 'host: rebound.example']), 403],
    [
      'a preflight',
      request('OPTIONS /api/v1/log-level', ['origin: http://evil.example', 'access-control-request-method: PUT']),
      403,
    ],
    [
      'a preflight for a network that is private',
      request('OPTIONS /api/v1/log-level', [auth, 'access-control-request-private-network: true']),
      404,
    ],
    [
      'a cookie in place of a token',
      request('GET /api/v1/policy', [`cookie: token=${token}; authorization=${token}`]),
      401,
    ],
    ['a token in the address', request(`GET /api/v1/policy?token=${token}&access_token=${token}`), 401],
  ];
  for (const [name, bytes, status] of cases) {
    it(`${name}: ${status}`, async () => {
      const heard = await say(bytes);
      assert.equal(statusOf(heard), status, heard.slice(0, 300));
      assert.doesNotMatch(heard, /access-control-allow|set-cookie/i);
    });
  }

  it('is never shown within a page, run as a script, guessed, or kept', async () => {
    for (const [line, more] of [
      ['GET /healthz', []],
      ['GET /api/v1/policy', [auth]],
      ['GET /api/v1/policy', []],
      ['GET /metrics', [auth]],
      ['GET /api/v1/nothing', [auth]],
      ['GET /api/v1/proxies?limit=x', [auth]],
      ['GET /healthz', ['origin: http://evil.example']],
    ] as const) {
      const heard = await say(request(line, more));
      for (const header of [
        /^x-frame-options: DENY\r$/im,
        /^content-security-policy: default-src 'none'; frame-ancestors 'none'\r$/im,
        /^x-content-type-options: nosniff\r$/im,
        /^cross-origin-resource-policy: same-origin\r$/im,
        /^referrer-policy: no-referrer\r$/im,
        /^cache-control: no-store\r$/im,
        /^x-request-id: [\w-]+\r$/im,
      ])
        assert.match(heard, header, `${line}\n${heard.slice(0, 900)}`);
      assert.doesNotMatch(heard, /^(x-powered-by|server): /im);
    }
  });
});

describe('requests that proxies and servers read differently (P28)', () => {
  const smuggled = request('PUT /api/v1/log-level', [auth, json, sized(level)], level);
  const post = (headers: readonly string[], body: string) =>
    request('PUT /api/v1/log-level', [auth, json, ...headers], body);
  const cases: readonly (readonly [string, string, readonly number[]])[] = [
    ['a length and chunks', post([sized(level), 'transfer-encoding: chunked'], `0\r\n\r\n${smuggled}`), [400]],
    ['two lengths', post([sized(level), 'content-length: 0'], level), [400]],
    ['a length with a sign', post(['content-length: +17'], level), [400]],
    ['chunks in another spelling', post(['transfer-encoding: xchunked'], `0\r\n\r\n${smuggled}`), [400, 501]],
    ['chunks, and then not', post(['transfer-encoding: chunked, identity'], `0\r\n\r\n${smuggled}`), [400, 501]],
    ['a space before the colon', request('GET /healthz', ['transfer-encoding : chunked']), [400]],
    ['a line that goes on', request('GET /healthz', ['x: a\r\n b: c']), [400]],
    ['a header without a name', request('GET /healthz', [': x']), [400]],
    ['a NUL in a header', request('GET /healthz', ['x: a\0b']), [400]],
    ['a lone line feed', 'GET /healthz HTTP/1.1\nhost: 127.0.0.1\nconnection: close\n\n', [400]],
    ['no host', 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n', [400]],
    ['a chunk that lies about its length', post(['transfer-encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n'), [400]],
    [
      'a chunk of more than a number can say',
      post(['transfer-encoding: chunked'], `${'f'.repeat(17)}\r\n{}\r\n`),
      [400, 413],
    ],
    ['a version that there is not', 'GET /healthz HTTP/9.9\r\nhost: 127.0.0.1\r\n\r\n', [400, 505]],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
    ['no method that there is', request('FETCH /healthz'), [400]],
    ['a tunnel', 'CONNECT evil.example:443 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n', [0, 400, 404]],
    ['an upgrade', request('GET /api/v1/policy', ['upgrade: websocket', 'sec-websocket-version: 13']), [401]],
    ['TRACE, which would give the token back', request('TRACE /api/v1/policy', [auth]), [400, 404, 405]],
    ['another server in the line', request('GET http://evil.example/api/v1/policy', [auth]), [400, 403]],
    ['headers of more than 16 KiB', request('GET /healthz', [`x: ${'a'.repeat(17_000)}`]), [431]],
    [
      'very many headers',
      request(
        'GET /healthz',
        Array.from({ length: 3000 }, (_, n) => `h${n}: ${n}`),
      ),
      [200, 431],
    ],
    ['an endless line', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`, [414, 431]],
    ['a body that is said to be too large', post(['content-length: 1048577'], ''), [413]],
    [
      'one that is too large in chunks',
      post(['transfer-encoding: chunked'], `110000\r\n${'a'.repeat(0x110000)}\r\n0\r\n\r\n`),
      [413],
    ],
    ['a large body without a token', request('PUT /api/v1/restore', ['content-length: 999999999']), [401]],
    ['compressed, to grow when it is read', post([sized(level), 'content-encoding: gzip'], level), [415]],
  ];
  for (const [name, bytes, statuses] of cases) {
    it(`${name}: ${statuses.filter(each => each > 0).join(' or ')}`, async () => {
      const before = world.options.log.level;
      const heard = await say(bytes);
      assert.ok(statuses.includes(statusOf(heard)), `${heard.slice(0, 300)}`);
      assert.ok(answersIn(heard) <= 1, `what was hidden in it was answered:\n${heard}`);
      assert.equal(world.options.log.level, before);
      assert.equal(statusOf(await say(request('GET /healthz'))), 200, 'it goes on');
    });
  }

  it('asks each of several requests on a connection for its token', async () => {
    const first = `GET /api/v1/policy HTTP/1.1\r\nhost: 127.0.0.1\r\n${auth}\r\n\r\n`;
    const heard = await say([first, request('GET /api/v1/policy')]);
    assert.deepEqual(heard.match(/HTTP\/1\.1 \d{3}/g), ['HTTP/1.1 200', 'HTTP/1.1 401']);
  });
});

describe('names that lead elsewhere (P28)', () => {
  const names = [
    '..',
    '../..',
    '..\\..',
    '.',
    'admin-token',
    '../../admin-token',
    '__proto__',
    'constructor',
    'a\0b',
    'a\nb',
    'x'.repeat(5000),
  ];
  const coded = (name: string) => [
    ...new Set([encodeURIComponent(name), encodeURIComponent(name).replaceAll('.', '%2e')]),
  ];
  const places = ['services', 'routes', 'tokens', 'fleets', 'proxies', 'revisions'];

  it('find nothing, and make nothing', async () => {
    for (const place of places) {
      for (const part of names.flatMap(coded)) {
        for (const url of [
          `/api/v1/${place}/${part}`,
          `/api/v1/${place}/${part}/snapshot`,
          `/api/v1/${place}/${part}/config`,
        ]) {
          const read = await say(request(`GET ${url}`, [auth]));
          assert.ok([400, 404, 431].includes(statusOf(read)), `GET ${url}: ${read.slice(0, 400)}`);
          assert.ok(!read.includes(token), url);
        }
        if (place !== 'services' || part === 'admin-token') continue;
        const spec = '{"endpoints":[{"address":"10.0.0.1:80"}]}';
        const url = `/api/v1/${place}/${part}`;
        const made = await say(request(`PUT ${url}`, [auth, json, sized(spec)], spec));
        assert.ok(statusOf(made) >= 400 && statusOf(made) < 500, `PUT ${url}: ${made.slice(-600)}`);
      }
    }
    assert.equal(Object.hasOwn(Object.prototype, 'endpoints'), false);
  });

  it('do not reach what needs a token by another spelling', async () => {
    for (const path of [
      '//api/v1/policy',
      '/API/v1/policy',
      '/api/v1/policy/',
      '/api//v1/policy',
      '/healthz/../api/v1/policy',
      '/healthz/%2e%2e/api/v1/policy',
      '/healthz%2f..%2fapi/v1/policy',
      '/healthz;/api/v1/policy',
      '/api/v1/policy%00',
      '/api/v1/policy#/healthz',
      '/api/v1/policy?/healthz',
      '\\api\\v1\\policy',
    ]) {
      const heard = await say(request(`GET ${path}`));
      assert.ok([400, 401].includes(statusOf(heard)), `${path}: ${heard.slice(0, 200)}`);
    }
  });

  it('do not change what objects are made of', async () => {
    const body = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"level":"error"}';
    const heard = await say(request('PUT /api/v1/log-level', [auth, json, sized(body)], body));
    assert.equal(statusOf(heard), 422);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });
});
