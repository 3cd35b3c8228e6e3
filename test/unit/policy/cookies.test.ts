import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LoadBalancing } from '../../../src/policy/load-balancing.ts';
import { Sessions } from '../../../src/policy/sessions.ts';
import { Sticky } from '../../../src/policy/sticky.ts';

const hashedBy = (cookie: object) => LoadBalancing.safeParse({ policy: 'ringHash', hashBy: [{ cookie }] }).success;
const stickyBy = (name: string) => Sticky.safeParse({ hashBy: [{ cookie: { name } }] }).success;
const session = (path: string) => Sessions.safeParse({ cookie: { name: 'lane', path } }).success;

/** Envoy writes both into Set-Cookie as they are. */
describe('names and paths of cookies', () => {
  it('hold nothing that would be another attribute, or another header', () => {
    for (const bad of ['a\r\nx-evil: 1', 'a\0', 'a; Domain=evil', 'ä', '\u2028']) {
      assert.ok(!hashedBy({ name: bad, ttl: '1h' }) && !stickyBy(bad), JSON.stringify(bad));
      assert.ok(!hashedBy({ name: 'lane', ttl: '1h', path: `/${bad}` }) && !session(`/${bad}`), JSON.stringify(bad));
    }
    assert.ok(!stickyBy('') && !stickyBy('a=b') && !stickyBy('a'.repeat(129)) && !session('shop'));
  });

  it('may be what applications use', () => {
    for (const name of ['lane', 'user[id]', '__Host-id', "a!#$%&'*+.^_`|~"]) {
      assert.ok(hashedBy({ name, ttl: '1h' }) && stickyBy(name), name);
    }
    for (const path of ['/', '/shop/a-b_c.d~e', '/a%20b', '/a b']) {
      assert.ok(hashedBy({ name: 'lane', ttl: '1h', path }) && session(path), path);
    }
  });
});
