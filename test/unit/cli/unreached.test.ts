import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unreached } from '../../../src/cli/unreached.ts';

test('of what OpenSSL says the reason is told, on one line', () => {
  const said =
    'write EPROTO 400D677E137F0000:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../deps/openssl/tlsany_meth.c:77:\n';
  const cause = Object.assign(new Error(said), { code: 'EPROTO' });
  assert.equal(
    unreached('https://127.0.0.1:18080', new TypeError('fetch failed', { cause }), 1000),
    'no admin API at https://127.0.0.1:18080 (wrong version number): it speaks plain text; call it with http:// and without --ca',
  );
});

test('what others say stays as it is', () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
  assert.match(
    unreached('http://127.0.0.1:1', cause, 1000),
    / \(connect ECONNREFUSED 127\.0\.0\.1:1\): is "switchyard serve" running\?/,
  );
});
