import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { certifiedNames } from '../../../src/xds/certified-names.ts';
import { CertificateAuthority } from '../../support/certificates.ts';

const ca = new CertificateAuthority();

/** As Node writes them for a certificate. */
function written(names: readonly string[]): string | undefined {
  return new X509Certificate(ca.issue({ names, commonName: 'spiffe://shop/edge/edge-1' }).certificate).subjectAltName;
}

const read = (names: readonly string[]) => certifiedNames({ subjectaltname: written(names) });

test('P22: the names of a certificate are its URIs and host names', () => {
  const names = ['edge-1.internal', '10.0.0.1', 'spiffe://shop/edge/edge-1', '*.internal'];
  assert.deepEqual(read(names), { uris: ['spiffe://shop/edge/edge-1'], hosts: ['edge-1.internal', '*.internal'] });
  assert.deepEqual(read([]), { uris: [], hosts: [] }, 'the common name is none');
  assert.deepEqual(read(['10.0.0.1']), { uris: [], hosts: [] });
});

test('P22: no name is made of parts of another', () => {
  const inside = 'spiffe://shop/a, DNS:edge-1.internal';
  assert.deepEqual(read([inside]), { uris: [], hosts: [] }, 'it has a space');
  assert.deepEqual(read(['spiffe://shop/a,DNS:b']).uris, ['spiffe://shop/a,DNS:b']);
  assert.deepEqual(read(['spiffe://shop/a"b']).uris, ['spiffe://shop/a"b']);
  assert.deepEqual(read(['edge-1.internal\0.evil']), { uris: [], hosts: [] });
  assert.deepEqual(certifiedNames({ subjectaltname: 'DNS:a.internal, DNS:"b' }), { uris: [], hosts: [] });
});

test('P22: whatever stands in a name, it is read as it is or not at all', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab:,"\' \\\0DNSURI/\u00e9'), minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), texts => {
      const names = texts.map(each => `x:${each}`);
      const { uris, hosts } = read(names);
      assert.deepEqual(hosts, []);
      const visible = names.filter(each => /^[\x21-\x7e]+$/.test(each));
      assert.deepEqual(uris, visible);
    }),
  );
});
