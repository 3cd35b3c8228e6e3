import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '../../../proto/codec.ts';
import { bundle } from '../../../src/snapshot/bundle.ts';
import { bootstrap } from '../../../src/translate/bootstrap.ts';
import { assignment, cluster, httpListener, routeTable, tcpListener } from './resources.ts';

const base = bootstrap({
  node: { id: 'edge-1', cluster: 'edge' },
  xds: ['127.0.0.1:18000'],
  variant: 'delta',
  admin: '127.0.0.1:9901',
  maxHeapBytes: 1024 ** 3,
  maxConnections: 1000,
});

describe('bundle', () => {
  const made = bundle(
    [
      cluster('a'),
      cluster('empty'),
      assignment('a'),
      httpListener('l', 'r'),
      tcpListener('t', 'a'),
      routeTable('r', 'a'),
    ],
    base,
  );

  it('is a bootstrap', () => assert.ok(encode('envoy.config.bootstrap.v3.Bootstrap', made).length > 0));

  it('holds clusters with their endpoints inside, none over EDS', () => {
    const clusters = made.static_resources?.clusters ?? [];
    const a = clusters.find(each => each.name === 'a');
    assert.equal(a?.type, 'STATIC');
    assert.equal(a?.eds_cluster_config, undefined);
    assert.deepEqual(a?.load_assignment, assignment('a').message);
    assert.deepEqual(clusters.find(each => each.name === 'empty')?.load_assignment, { cluster_name: 'empty' });
    assert.deepEqual(
      clusters.filter(each => each.type === 'EDS'),
      [],
    );
  });

  it('holds listeners with their routes inside', () => {
    const [http, tcp] = made.static_resources?.listeners ?? [];
    const config = http?.filter_chains?.[0]?.filters?.[0]?.typed_config;
    assert.equal(config?.['rds'], undefined);
    assert.deepEqual(config?.['route_config'], routeTable('r', 'a').message);
    assert.deepEqual(tcp, tcpListener('t', 'a').message);
  });

  it('keeps who the proxy is and its limits, and needs nothing from us', () => {
    assert.deepEqual(made.node, base.node);
    assert.deepEqual(made.admin, base.admin);
    assert.deepEqual(made.overload_manager, base.overload_manager);
    assert.equal(made.dynamic_resources, undefined);
    assert.ok(!JSON.stringify(made).includes('"ads"'));
    assert.equal(made.cluster_manager, undefined);
    assert.ok(!JSON.stringify(made).includes('rtds'));
  });

  it('keeps what else the proxy was told', () => {
    const detection = { event_log_path: '/var/log/outliers.log' };
    const told = bundle([], { ...base, cluster_manager: { ...base.cluster_manager, outlier_detection: detection } });
    assert.deepEqual(told.cluster_manager, { outlier_detection: detection });
    assert.deepEqual(
      told.static_resources?.clusters?.map(each => each.name),
      ['switchyard/xds'],
    );
  });
});
