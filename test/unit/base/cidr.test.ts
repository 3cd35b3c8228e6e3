import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAllowed, parseCidr } from '../../../src/base/cidr.ts';

const ranges = (...texts: readonly string[]) =>
  texts.map(text => {
    const range = parseCidr(text);
    assert.ok(range, text);
    return range;
  });
const allowed = (ip: string, ...texts: readonly string[]) => isAllowed(ip, ranges(...texts));

describe('ranges of addresses', () => {
  it('hold what begins alike', () => {
    assert.ok(allowed('10.1.2.3', '10.0.0.0/8'));
    assert.ok(!allowed('11.1.2.3', '10.0.0.0/8'));
    assert.ok(allowed('10.0.0.7', '10.0.0.7'));
    assert.ok(!allowed('10.0.0.8', '10.0.0.7'));
    assert.ok(allowed('2001:db8::1', '2001:db8::/32'));
    assert.ok(allowed('2001:0DB8:0::1', '192.0.2.0/24', '2001:db8::1/128'));
    assert.ok(!allowed('2001:db9::1', '2001:db8::/32'));
    assert.ok(allowed('203.0.113.9', '0.0.0.0/0'));
    assert.ok(!allowed('203.0.113.9', '::/0'));
  });

  it('let loopback, link-local and hidden forms in only where they say nothing else', () => {
    for (const ip of ['127.0.0.1', '169.254.169.254', '0.0.0.0', '168.63.129.16', '100.100.100.200']) {
      assert.ok(!allowed(ip, '0.0.0.0/0'), ip);
      assert.ok(allowed(ip, '0.0.0.0/0', `${ip}/32`), ip);
    }
    assert.ok(allowed('127.0.0.9', '127.0.0.0/8'));
    assert.ok(!allowed('127.0.0.9', '126.0.0.0/7'));
    for (const ip of [
      '::1',
      '::',
      'fe80::1',
      'fd00:ec2::254',
      '::ffff:127.0.0.1',
      '::ffff:10.0.0.1',
      '64:ff9b::7f00:1',
    ]) {
      assert.ok(!allowed(ip, '::/0', '127.0.0.0/8', '10.0.0.0/8'), ip);
      assert.ok(allowed(ip, `${ip}/128`), ip);
    }
  });

  it('are none for other texts', () => {
    for (const text of [
      '',
      'a',
      '10.0.0.0/33',
      '10.0.0.1/8',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      '::1/129',
      'fe80::1%eth0',
      '10.0.0',
    ]) {
      assert.equal(parseCidr(text), undefined, text);
    }
    assert.ok(!allowed('localhost', '0.0.0.0/0'));
    assert.ok(!allowed('fe80::1%eth0', 'fe80::/10'));
  });
});
