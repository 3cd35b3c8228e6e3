import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readClusters } from '../../../src/sources/clusters-report.ts';

const host = (address: string, status: object = { eds_health_status: 'HEALTHY' }) => ({
  address: { socket_address: { address, port_value: 80 } },
  stats: [{ name: 'cx_total' }],
  health_status: status,
});
const told = new Set([...[1, 2, 3, 4, 5, 6].map(each => `10.0.0.${each}:80`), '[2001:db8::1]:80', 'unix:/run/a.sock']);
const a = new Map([['a', told]]);
const report = (hosts: readonly unknown[], name = 'catalog') =>
  readClusters(JSON.stringify({ cluster_statuses: [{ name, host_statuses: hosts }] }), new Map([[name, told]]));

describe('what an Envoy says of its endpoints', () => {
  it('is read by cluster and address, the worst first', () => {
    const said = report([
      host('10.0.0.1'),
      host('10.0.0.2', { failed_outlier_check: true, eds_health_status: 'HEALTHY' }),
      host('10.0.0.3', { failed_active_health_check: true, failed_outlier_check: true }),
      host('10.0.0.4', { failed_active_health_check: true, pending_active_hc: true }),
      host('10.0.0.5', { failed_active_degraded_check: true }),
      host('10.0.0.6', { failed_degraded_outlier_detection: true }),
      host('2001:db8::1', { failed_outlier_check: true }),
      { address: { pipe: { path: '/run/a.sock' } }, health_status: {} },
    ]).get('catalog');
    assert.deepEqual(
      [...(said?.hosts ?? [])],
      [
        '10.0.0.1:80',
        '10.0.0.2:80',
        '10.0.0.3:80',
        '10.0.0.4:80',
        '10.0.0.5:80',
        '10.0.0.6:80',
        '[2001:db8::1]:80',
        'unix:/run/a.sock',
      ],
    );
    assert.deepEqual(Object.fromEntries(said?.troubled ?? []), {
      '10.0.0.2:80': 'ejected',
      '10.0.0.3:80': 'failedCheck',
      '10.0.0.4:80': 'unchecked',
      '10.0.0.5:80': 'degraded',
      '10.0.0.6:80': 'degraded',
      '[2001:db8::1]:80': 'ejected',
    });
  });

  it('is forgotten as far as the proxy was told of no such thing', () => {
    const said = JSON.stringify({
      cluster_statuses: [
        { name: 'a', host_statuses: [host('10.0.0.1'), host('10.9.9.9', { failed_outlier_check: true })] },
        { name: 'b', host_statuses: [host('10.0.0.1')] },
      ],
    });
    assert.deepEqual(readClusters(said, a), new Map([['a', { hosts: new Set(['10.0.0.1:80']), troubled: new Map() }]]));
  });

  it('may be nothing', () => {
    assert.equal(readClusters('{}', a).size, 0);
    assert.equal(readClusters('{"cluster_statuses":[{"name":"a"}]}', a).get('a')?.hosts.size, 0);
    assert.equal(report([], '__proto__').get('__proto__')?.hosts.size, 0);
  });

  it('is refused where it makes no sense, and else passed over', () => {
    const wrong = [
      '',
      '[]',
      'null',
      '{"cluster_statuses":{}}',
      '{"cluster_statuses":[1]}',
      '{"cluster_statuses":[{"name":1}]}',
    ];
    for (const text of [...wrong, '{"cluster_statuses":[{"name":"a","host_statuses":[null]}]}', '[['.repeat(1e5)]) {
      assert.throws(() => readClusters(text, a), text.slice(0, 60));
    }
    const odd = report([{ address: 1 }, {}, { address: { socket_address: { address: 1, port_value: 'x' } } }]);
    assert.equal(odd.get('catalog')?.hosts.size, 0);
    assert.equal(report([host('10.0.0.1', { failed_outlier_check: 'true' })]).get('catalog')?.troubled.size, 0);
  });
});
