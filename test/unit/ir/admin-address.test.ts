import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adminPlace } from '../../../src/ir/admin-address.ts';
import { FleetAdmin } from '../../../src/policy/fleet-admin.ts';

const within = ['10.0.0.0/8'];
const facts = { id: 'edge-1', metadata: { admin: '10.0.0.9:9902', port: '9903' }, peer: '10.0.0.5:41234' };
const place = (address: string, of = facts) => adminPlace(FleetAdmin.parse({ address, within }), of);

describe('the admin address of a proxy', () => {
  it('is made of what is known of it', () => {
    const expected = {
      '10.0.0.1:9901': { kind: 'ip', ip: '10.0.0.1', port: 9901 },
      '{peer}:9901': { kind: 'ip', ip: '10.0.0.5', port: 9901 },
      '{id}.proxies.internal:9901': { kind: 'host', host: 'edge-1.proxies.internal', port: 9901 },
      '{metadata.admin}': { kind: 'ip', ip: '10.0.0.9', port: 9902 },
      '{peer}:{metadata.port}': { kind: 'ip', ip: '10.0.0.5', port: 9903 },
    };
    for (const [text, address] of Object.entries(expected)) {
      const found = place(text);
      assert.deepEqual(found.kind === 'place' && found.address, address, text);
    }
    const six = place('{peer}:9901', { ...facts, peer: '[2001:db8::1]:4000' });
    assert.deepEqual(six.kind === 'place' && six.address, { kind: 'ip', ip: '2001:db8::1', port: 9901 });
  });

  it('is none where something is missing, or makes no address', () => {
    const why = (text: string, of = facts) => {
      const found = place(text, of);
      return found.kind === 'none' ? found.why : assert.fail(text);
    };
    assert.match(why('{metadata.other}'), /it has no metadata.other/);
    assert.match(why('{metadata.constructor}'), /it has no metadata.constructor/);
    assert.match(why('{peer}:9901', { ...facts, peer: 'unix:/run/xds.sock' }), /it has no peer/);
    assert.match(why('{id}:9901', { ...facts, id: 'a/b@c' }), /is no address/);
    assert.match(
      why('{metadata.admin}', { ...facts, metadata: { admin: 'unix:/run/a.sock', port: '' } }),
      /is no address/,
    );
    const none = adminPlace(undefined, facts);
    assert.match(none.kind === 'none' ? none.why : '', /declares no admin/);
  });

  it('is refused in the policy when nothing could make one of it', () => {
    for (const address of ['', '{peer}', '{node}:1', '{peer}:99999', 'unix:/run/a.sock', '{metadata.a b}:1', 'a b:1']) {
      assert.ok(!FleetAdmin.safeParse({ address, within }).success, address);
    }
    for (const wrong of [[], ['10.0.0.1/8'], ['db.internal']]) {
      assert.ok(!FleetAdmin.safeParse({ address: '{peer}:9901', within: wrong }).success, wrong.join());
    }
  });
});
