import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Listener } from '../../../proto/gen/envoy.config.listener.v3.ts';
import type { RouteConfiguration, RouteMatch } from '../../../proto/gen/envoy.config.route.v3.ts';
import { mismatch } from '../../../src/trace/mismatch.ts';
import { requestLine, tracedRequest } from '../../../src/trace/question.ts';
import { TraceError, traceReport } from '../../../src/trace/report.ts';

/** What a trace says in words; that it is what Envoy does is the matter of test/e2e/trace.test.ts. */
const request = tracedRequest({ host: 'shop.test', path: '/cart?user=7', port: undefined }, 'GET', {
  'X-Lane': 'alpha',
  cookie: 'lane="beta"',
});

const why = (match: RouteMatch) => mismatch(match, request)?.why;

describe('why a route is passed over', () => {
  const cases: readonly (readonly [RouteMatch, string | undefined])[] = [
    [{ prefix: '/' }, undefined],
    [{ path: '/' }, 'path is /cart, must be /'],
    [{ path: '/CART', case_sensitive: false }, undefined],
    [{ path_separated_prefix: '/car' }, 'path is /cart, must be /car or below it'],
    [{ safe_regex: { regex: '/c.' } }, 'path is /cart, must match the expression /c.'],
    [{ prefix: '/', headers: [{ name: ':method', string_match: { exact: 'POST' } }] }, 'method is GET, must be "POST"'],
    [
      { prefix: '/', headers: [{ name: 'x-lane', string_match: { prefix: 'be' } }] },
      'header x-lane is "alpha", must begin with "be"',
    ],
    [{ prefix: '/', headers: [{ name: 'x-beta' }] }, 'header x-beta is absent, must be there'],
    [{ prefix: '/', headers: [{ name: 'x-lane', present_match: false }] }, 'header x-lane is "alpha", must be absent'],
    [
      { prefix: '/', headers: [{ name: 'x-lane', string_match: { exact: 'alpha' }, invert_match: true }] },
      'header x-lane is "alpha", must not be "alpha"',
    ],
    [
      { prefix: '/', query_parameters: [{ name: 'user', string_match: { exact: '8' } }] },
      'query parameter user is "7", must be "8"',
    ],
    [{ prefix: '/', cookies: [{ name: 'lane', string_match: { exact: 'beta' } }] }, undefined],
    [
      { prefix: '/', cookies: [{ name: 'other', string_match: { safe_regex: { regex: '.*' } } }] },
      'cookie other is absent, must be there',
    ],
  ];
  for (const [match, words] of cases)
    it(words ?? `nothing: ${JSON.stringify(match)}`, () => assert.equal(why(match), words));

  it('is said in a few words, whatever the request holds: there may be thousands of routes', () => {
    const long = tracedRequest(
      { host: 'shop.test', path: `/${'x'.repeat(8000)}?user=${'7'.repeat(8000)}`, port: undefined },
      'GET',
      { 'x-lane': 'a'.repeat(8000), cookie: `lane=${'b'.repeat(8000)}` },
    );
    const other = { string_match: { exact: 'other' } };
    const matches: readonly RouteMatch[] = [
      { path: '/' },
      { prefix: '/', headers: [{ name: 'x-lane', ...other }] },
      { prefix: '/', headers: [{ name: ':path', ...other }] },
      { prefix: '/', query_parameters: [{ name: 'user', ...other }] },
      { prefix: '/', cookies: [{ name: 'lane', ...other }] },
    ];
    for (const match of matches) assert.ok((mismatch(match, long)?.why ?? 'nothing').length < 300);
  });
});

describe('a URL as people write it', () => {
  it('is taken as it is, odd paths with it', () => {
    assert.deepEqual(requestLine('http://shop.test:8080/a/../b?c#d'), {
      host: 'shop.test:8080',
      path: '/a/../b?c',
      port: 8080,
    });
    assert.deepEqual(requestLine('https://shop.test'), { host: 'shop.test', path: '/', port: undefined });
    assert.deepEqual(requestLine('https://shop.test?x=1'), { host: 'shop.test', path: '/?x=1', port: undefined });
    assert.deepEqual(requestLine('/cart'), { host: 'localhost', path: '/cart', port: undefined });
    for (const text of ['', 'shop.test/cart', 'ftp://shop.test/', 'http:///', '/a b'])
      assert.equal(requestLine(text), undefined);
  });

  it('takes its host from a header that says another', () => {
    const line = { host: 'localhost', path: '/', port: undefined };
    const { host, headers } = tracedRequest(line, 'GET', { Host: 'shop.test', 'X-A': ['1', '2'] });
    const lines = [
      ['x-a', '1'],
      ['x-a', '2'],
    ];
    assert.deepEqual([host, headers], ['shop.test', lines]);
  });
});

describe('which listener is meant', () => {
  const listener = (name: string, port: number): Listener => ({
    name,
    address: { socket_address: { address: '0.0.0.0', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              rds: { route_config_name: name },
            },
          },
        ],
      },
    ],
  });
  const table = (name: string): RouteConfiguration => ({
    name,
    virtual_hosts: [
      { name, domains: ['*'], routes: [{ name, match: { prefix: '/' }, direct_response: { status: 200 } }] },
    ],
  });
  const [web, other, third] = [listener('web', 80), listener('other', 81), listener('third', 82)];
  const of = (listeners: readonly Listener[], wanted?: string | number) =>
    traceReport({ listeners, table }, { request, ...(wanted === undefined ? {} : { listener: wanted }) }).listener;

  it('the one that is named, by its name or port; else the only one; else that of port 80', () => {
    assert.equal(of([web, other], 'other'), 'other');
    assert.equal(of([web, other], 81), 'other');
    assert.equal(of([other]), 'other');
    assert.equal(of([web, other, third]), 'web');
  });

  it('is asked for where it is not clear', () => {
    assert.throws(
      () => of([other, third]),
      (error: TraceError) => /several/.test(error.message) && /other \(port 81\), third/.test(error.hint),
    );
    assert.throws(() => of([web], 8080), TraceError);
    assert.throws(() => of([]), TraceError);
  });
});
