import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '../../../proto/codec.ts';
import type { Cluster } from '../../../proto/gen/envoy.config.cluster.v3.ts';
import type { Resource } from '../../../src/base/resource.ts';
import { bundle } from '../../../src/snapshot/bundle.ts';
import { type BootstrapOptions, bootstrap } from '../../../src/translate/bootstrap.ts';
import { assignment, cluster, httpListener, routeTable, tcpListener } from './resources.ts';

const options: BootstrapOptions = {
  node: { id: 'edge-1', cluster: 'edge' },
  xds: ['127.0.0.1:18000'],
  variant: 'delta',
  streams: 'ads',
  admin: '127.0.0.1:9901',
  maxHeapBytes: 1024 ** 3,
  maxConnections: 1000,
};
const base = bootstrap(options);

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

  it('needs nothing from us for a fleet and a bootstrap with streams of single types either', () => {
    const own = bootstrap({ ...options, streams: 'perType' });
    const source = own.dynamic_resources?.cds_config;
    assert.ok(source);
    const a: Resource = {
      ...cluster('a'),
      message: { ...cluster('a').message, eds_cluster_config: { eds_config: source } } as Cluster,
    };
    const text = JSON.stringify(bundle([a, assignment('a')], own));
    for (const word of ['"ads"', 'api_config_source', 'eds_cluster_config', 'rtds'])
      assert.ok(!text.includes(word), word);
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
