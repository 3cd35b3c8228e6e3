import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readClusters as readWalk } from '../../../src/sources/clusters-report.ts';
import { JsonWalk } from '../../../src/sources/json-walk.ts';

const readClusters = (text: string, wanted: Parameters<typeof readWalk>[1]) => readWalk(new JsonWalk(text), wanted);

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
  it('is read by cluster and address, the worst first', async () => {
    const said = (
      await report([
        host('10.0.0.1'),
        host('10.0.0.2', { failed_outlier_check: true, eds_health_status: 'HEALTHY' }),
        host('10.0.0.3', { failed_active_health_check: true, failed_outlier_check: true }),
        host('10.0.0.4', { failed_active_health_check: true, pending_active_hc: true }),
        host('10.0.0.5', { failed_active_degraded_check: true }),
        host('10.0.0.6', { failed_degraded_outlier_detection: true }),
        host('2001:db8::1', { failed_outlier_check: true }),
        { address: { pipe: { path: '/run/a.sock' } }, health_status: {} },
      ])
    ).get('catalog');
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

  it('is forgotten as far as the proxy was told of no such thing', async () => {
    const said = JSON.stringify({
      cluster_statuses: [
        { name: 'a', host_statuses: [host('10.0.0.1'), host('10.9.9.9', { failed_outlier_check: true })] },
        { name: 'b', host_statuses: [host('10.0.0.1')] },
      ],
    });
    assert.deepEqual(
      await readClusters(said, a),
      new Map([['a', { hosts: new Set(['10.0.0.1:80']), troubled: new Map() }]]),
    );
  });

  it('may be nothing', async () => {
    assert.equal((await readClusters('{}', a)).size, 0);
    assert.equal((await readClusters('{"cluster_statuses":[{"name":"a"}]}', a)).get('a')?.hosts.size, 0);
    assert.equal((await report([], '__proto__')).get('__proto__')?.hosts.size, 0);
  });

  it('is refused where it makes no sense, and else passed over', async () => {
    const wrong = [
      '',
      '[]',
      'null',
      '{"cluster_statuses":{}}',
      '{"cluster_statuses":[1]}',
      '{"cluster_statuses":[{"name":1}]}',
    ];
    for (const text of [...wrong, '{"cluster_statuses":[{"name":"a","host_statuses":[null]}]}', '[['.repeat(1e5)]) {
      await assert.rejects(readClusters(text, a), text.slice(0, 60));
    }
    const odd = await report([{ address: 1 }, {}, { address: { socket_address: { address: 1, port_value: 'x' } } }]);
    assert.equal(odd.get('catalog')?.hosts.size, 0);
    assert.equal((await report([host('10.0.0.1', { failed_outlier_check: 'true' })])).get('catalog')?.troubled.size, 0);
  });

  it('costs nobody their turn, whatever it is, up to the largest answer', async () => {
    const all = 2 * 1024 * 1024;
    const filled = (piece: (at: number) => string) => {
      const pieces: string[] = [];
      for (let [at, length] = [0, 0]; length < all; at++) length += pieces[pieces.push(piece(at)) - 1]?.length ?? 0;
      return pieces.join(',');
    };
    const members = filled(at => `"key-${at}":${at}`);
    const hostile = {
      'many hosts': `{"cluster_statuses":[{"name":"a","host_statuses":[${filled(() => JSON.stringify(host('10.0.0.1')))}]}]}`,
      'many small hosts': `{"cluster_statuses":[{"name":"a","host_statuses":[${filled(() => '{}')}]}]}`,
      'many clusters': `{"cluster_statuses":[${filled(at => `{"name":"${at}"}`)}]}`,
      'many members': `{${members}}`,
      'members of a cluster': `{"cluster_statuses":[{"name":"a",${members}}]}`,
      'members of a host': `{"cluster_statuses":[{"name":"a","host_statuses":[{${members}}]}]}`,
      'one long value': `{"else":{${members}}}`,
      'deep lists': `{"else":${'['.repeat(all)}`,
      'a long text': `{"cluster_statuses":[{"name":"${'x'.repeat(all)}"}]}`,
      'a text of escapes': `{"else":"${'\\\\'.repeat(all / 2)}"}`,
    };
    for (const [what, text] of Object.entries(hostile)) {
      let longest = 0;
      const { parse } = JSON;
      JSON.parse = (...given: Parameters<typeof parse>) => {
        longest = Math.max(longest, given[0].length);
        return parse(...given);
      };
      let turns = 0;
      let next = setImmediate(function count() {
        turns += 1;
        next = setImmediate(count);
      });
      const read = await readClusters(text, a).then(
        () => true,
        () => false,
      );
      clearImmediate(next);
      JSON.parse = parse;
      assert.ok(longest <= 64 * 1024, `${what}: ${longest} characters were parsed at once`);
      if (read) assert.ok(turns >= 4, `${what}: ${turns} turns`);
    }
  });
});
