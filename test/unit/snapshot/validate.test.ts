import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MessageTypes } from '../../../proto/codec.ts';
import type { FieldRules } from '../../../proto/rules.ts';
import { messageCheck } from '../../../src/snapshot/message-checks.ts';
import { findViolations } from '../../../src/snapshot/validate.ts';
import { valueCheck } from '../../../src/snapshot/value-checks.ts';
import { translate } from '../../../src/translate/translate.ts';
import { fleetsOf, goldenCases } from '../../support/golden-case.ts';
import { assignment, cluster, httpListener, routeTable, tcpListener } from './resources.ts';

function violations<K extends keyof MessageTypes>(type: K, message: MessageTypes[K]): readonly string[] {
  return messageCheck(type)(message).map(each => `${each.path}: ${each.message}`);
}

const check = { timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1 };

describe('findViolations', () => {
  it('finds nothing wrong with good resources', () => {
    const good = [cluster('a'), assignment('a'), httpListener('l', 'r'), tcpListener('t', 'a'), routeTable('r', 'a')];
    for (const each of good) assert.deepEqual(findViolations(each), []);
  });

  it('finds nothing wrong with any golden policy', () => {
    const resources = goldenCases().flatMap(fleetsOf).flatMap(translate);
    assert.ok(resources.length > 0);
    for (const each of resources) assert.deepEqual(findViolations(each), [], each.name);
  });

  it('looks at an absent scalar as its default', () => {
    assert.deepEqual(violations('envoy.config.cluster.v3.Cluster', {}), ['name: must not be empty']);
  });

  it('finds a required message that is absent, and leaves others alone', () => {
    assert.deepEqual(
      violations('envoy.config.core.v3.HealthCheck', { ...check, timeout: undefined, tcp_health_check: {} }),
      ['timeout: is required'],
    );
  });

  it('finds a oneof that is not set', () => {
    assert.deepEqual(violations('envoy.config.core.v3.HealthCheck', check), [
      ': needs one of http_health_check, tcp_health_check, grpc_health_check, custom_health_check',
    ]);
  });

  it('compares durations', () => {
    assert.deepEqual(violations('envoy.config.cluster.v3.Cluster', { name: 'a', connect_timeout: '0s' }), [
      'connect_timeout: must be more than 0s',
    ]);
    assert.deepEqual(violations('envoy.config.cluster.v3.Cluster', { name: 'a', dns_refresh_rate: '0.001s' }), [
      'dns_refresh_rate: must be more than 0.001s',
    ]);
    assert.deepEqual(violations('envoy.config.cluster.v3.Cluster', { name: 'a', dns_refresh_rate: '0.002s' }), []);
  });

  it('compares wrapped numbers, and not those that are absent', () => {
    const outlier = (percent: number | undefined) =>
      violations('envoy.config.cluster.v3.Cluster', {
        name: 'a',
        outlier_detection: { max_ejection_percent: percent },
      });
    assert.deepEqual(outlier(101), ['outlier_detection.max_ejection_percent: must be at most 100']);
    assert.deepEqual(outlier(100), []);
    assert.deepEqual(outlier(undefined), []);
  });

  it('goes into lists and names the place', () => {
    const endpoints = [
      { lb_endpoints: [{ load_balancing_weight: 1 }, { load_balancing_weight: 0 }] },
      {
        priority: 129,
        lb_endpoints: [{ endpoint: { address: { socket_address: { address: '', port_value: 65_536 } } } }],
      },
    ];
    assert.deepEqual(violations('envoy.config.endpoint.v3.ClusterLoadAssignment', { cluster_name: 'a', endpoints }), [
      'endpoints[0].lb_endpoints[1].load_balancing_weight: must be at least 1',
      'endpoints[1].lb_endpoints[0].endpoint.address.socket_address.address: must not be empty',
      'endpoints[1].lb_endpoints[0].endpoint.address.socket_address.port_value: must be at most 65535',
      'endpoints[1].priority: must be at most 128',
    ]);
  });

  it('goes into extensions', () => {
    const bad = tcpListener('t', 'a');
    const config = {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      cluster: 'a',
    };
    const message = { name: 't', filter_chains: [{ filters: [{ name: 'tcp', typed_config: config }] }] };
    assert.deepEqual(findViolations({ ...bad, message } as typeof bad), [
      { path: 'filter_chains[0].filters[0].typed_config.stat_prefix', message: 'must not be empty' },
    ]);
  });

  it('leaves an extension alone that it does not know', () => {
    const config = { '@type': 'type.googleapis.com/example.Unknown', value: 'AAAA' };
    assert.deepEqual(violations('envoy.config.listener.v3.Filter', { name: 'x', typed_config: config }), []);
  });

  it('counts the items of lists', () => {
    assert.deepEqual(violations('envoy.config.route.v3.VirtualHost', { name: 'a', domains: [] }), [
      'domains: must hold 1 or more',
    ]);
    assert.deepEqual(violations('envoy.config.route.v3.VirtualHost', { name: 'a' }), ['domains: must hold 1 or more']);
  });

  it('checks the items of lists', () => {
    assert.deepEqual(violations('envoy.config.route.v3.VirtualHost', { name: 'a', domains: ['*', 'a\nb'] }), [
      'domains[1]: holds a character that such a text may not hold',
    ]);
  });

  it('takes names and numbers of enums', () => {
    const typed = (type: unknown) => violations('envoy.config.cluster.v3.Cluster', { name: 'a', type: type as 'EDS' });
    assert.deepEqual(typed('EDS'), []);
    assert.deepEqual(typed(3), []);
    assert.deepEqual(typed(77), ['type: must be one of the known values']);
  });

  it('works for every message that has rules', async () => {
    const { fieldRules } = await import('../../../proto/rules.ts');
    for (const type of Object.keys(fieldRules())) assert.ok(Array.isArray(messageCheck(type)({})), type);
  });
});

describe('valueCheck', () => {
  const cases: readonly (readonly [NonNullable<FieldRules['value']>, unknown, string | undefined])[] = [
    [{ kind: 'number', type: 'uint32', gte: 5, lt: 10 }, 5, undefined],
    [{ kind: 'number', type: 'uint32', gte: 5, lt: 10 }, 10, 'must be less than 10'],
    [{ kind: 'number', type: 'uint64', gt: 5 }, '5', 'must be more than 5'],
    [{ kind: 'number', type: 'uint32', gte: 10, lt: 5 }, 7, 'must be less than 5 or must be at least 10'],
    [{ kind: 'number', type: 'uint32', gte: 10, lt: 5 }, 4, undefined],
    [{ kind: 'number', type: 'uint32', gte: 10, ignore_empty: true }, 0, undefined],
    [{ kind: 'string', max_bytes: 3 }, 'äb', undefined],
    [{ kind: 'string', max_bytes: 2 }, 'äb', 'must have 2 bytes or fewer'],
    [{ kind: 'string', max_len: 2 }, '😀b', undefined],
    [{ kind: 'string', min_len: 3 }, '😀b', 'must have 3 characters or more'],
    [{ kind: 'string', in: ['a', 'b'] }, 'c', 'must be one of a, b'],
    [{ kind: 'string', in: ['a', 'b'], ignore_empty: true }, '', undefined],
    [{ kind: 'string', prefix: '/' }, 'a', 'must begin with "/"'],
    [{ kind: 'string', pattern: '^[^?#]+[^?#/]$' }, '/a/', 'must match ^[^?#]+[^?#/]$'],
    [
      { kind: 'string', well_known_regex: 'HTTP_HEADER_NAME' },
      'x y',
      'holds a character that such a text may not hold',
    ],
    [{ kind: 'string', well_known_regex: 'HTTP_HEADER_NAME', strict: false }, 'x y', undefined],
    [{ kind: 'string', well_known_regex: 'HTTP_HEADER_NAME', strict: false }, '', undefined],
    [{ kind: 'string', well_known_regex: 'HTTP_HEADER_NAME' }, ':x-y,z', undefined],
    [{ kind: 'string', well_known_regex: 'HTTP_HEADER_VALUE' }, 'a\tb', undefined],
    [
      { kind: 'string', well_known_regex: 'HTTP_HEADER_VALUE' },
      'a\x01',
      'holds a character that such a text may not hold',
    ],
    [{ kind: 'bytes', min_len: 3 }, 'AAA=', 'must have 3 bytes or more'],
    [{ kind: 'bytes', max_len: 2 }, new Uint8Array(3), 'must have 2 bytes or fewer'],
    [{ kind: 'bool', const: true }, false, 'must be true'],
    [{ kind: 'duration', gte: '0.001s', lte: '1s' }, '1.001s', 'must be at most 1s'],
  ];
  for (const [rules, value, expected] of cases) {
    it(`${JSON.stringify(rules)} of ${JSON.stringify(value)}`, () => {
      assert.ok(rules.kind !== 'repeated' && rules.kind !== 'map');
      assert.equal(valueCheck(rules, '')(value), expected);
    });
  }

  it('refuses a rule that it does not know', () => {
    assert.throws(() => valueCheck({ kind: 'string', email: true }, ''), /"email"/);
    assert.throws(() => valueCheck({ kind: 'any', in: [] }, ''), /"any"/);
  });
});
