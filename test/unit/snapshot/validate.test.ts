import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { any, type MessageTypes } from '../../../proto/codec.ts';
import { fieldsOf } from '../../../proto/descriptors.ts';
import { type FieldRules, fieldRules } from '../../../proto/rules.ts';
import { messageCheck } from '../../../src/snapshot/message-checks.ts';
import { findViolations } from '../../../src/snapshot/validate.ts';
import { valueCheck } from '../../../src/snapshot/value-checks.ts';
import { translate } from '../../../src/translate/translate.ts';
import { fleetsOf, goldenCases } from '../../support/golden-case.ts';
import { edgesOf } from './planted-values.ts';
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

  it('opens extensions in maps, however deep they stand', () => {
    const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
    const bad = any(options, { explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 0 } } });
    const found = violations('envoy.config.cluster.v3.Cluster', {
      name: 'a',
      typed_extension_protocol_options: { [options]: bad },
      load_balancing_policy: {
        policies: [
          {
            typed_extension_config: {
              name: 'ring',
              typed_config: any('envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash', {
                minimum_ring_size: 0,
              }),
            },
          },
        ],
      },
    });
    assert.deepEqual(found, [
      `typed_extension_protocol_options["${options}"].explicit_http_config.http2_protocol_options.max_concurrent_streams: must be at least 1`,
      'load_balancing_policy.policies[0].typed_extension_config.typed_config.minimum_ring_size: must be at least 1',
    ]);
    const session = 'envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute';
    const cookie = 'envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState';
    const perRoute = any(session, {
      stateful_session: {
        session_state: { name: 'cookie', typed_config: any(cookie, { cookie: { name: '', ttl: '-1s' } }) },
      },
    });
    const route = { match: { prefix: '/' }, route: { cluster: 'a' }, typed_per_filter_config: { session: perRoute } };
    const host = { name: 'a', domains: ['*'], routes: [route], typed_per_filter_config: { session: perRoute } };
    const at = 'typed_per_filter_config["session"].stateful_session.session_state.typed_config.cookie';
    assert.deepEqual(violations('envoy.config.route.v3.RouteConfiguration', { virtual_hosts: [host] }), [
      `virtual_hosts[0].routes[0].${at}.name: must not be empty`,
      `virtual_hosts[0].routes[0].${at}.ttl: must be at least 0s`,
      `virtual_hosts[0].${at}.name: must not be empty`,
      `virtual_hosts[0].${at}.ttl: must be at least 0s`,
    ]);
  });
});

describe('every field rule of the API', () => {
  /** What is said of a field itself, of an item in it or of a key of it, and not of what lies deeper. */
  const about = (type: string, message: object, name: string): readonly string[] =>
    messageCheck(type)(message).flatMap(({ path, message: text }) => {
      const rest = path.startsWith(name) ? path.slice(name.length) : '.';
      const own = rest === '' || /^\[(?:\d+|"(?:[^"\\]|\\.)*")\]$/.test(rest);
      // That is said of a message, which here is an item without anything in it.
      return own && !text.startsWith('needs one of') ? [text] : [];
    });
  const planted = { good: 0, bad: 0, absent: 0, oneofs: 0 };

  for (const [type, { fields = {}, oneofs = {} }] of Object.entries(fieldRules())) {
    it(`${type}: takes what is at the edge and finds what is beyond it`, () => {
      for (const [name, rules] of Object.entries(fields)) {
        const [, , fieldType, label = 'one', oneof] = fieldsOf(type)!.find(row => row[1] === name)!;
        const { good, bad } = rules.value ? edgesOf(rules.value, fieldType) : { good: [], bad: [] };
        assert.ok(bad.length > 0 || !rules.value || harmless(rules.value), `nothing is planted for ${name}`);
        for (const each of good) assert.deepEqual(about(type, { [name]: each }, name), [], `${name} ${show(each)}`);
        for (const each of bad) assert.notDeepEqual(about(type, { [name]: each }, name), [], `${name} ${show(each)}`);
        planted.good += good.length;
        planted.bad += bad.length;
        const absent = about(type, {}, name);
        if (rules.required && typeof oneof !== 'string') assert.deepEqual(absent, ['is required'], name);
        else if (label === 'optional' || typeof oneof === 'string' || (label === 'one' && isMessage(fieldType)))
          assert.deepEqual(absent, [], name);
        else {
          const empty = label === 'map' ? {} : label === 'one' ? (defaults[fieldType] ?? 0) : [];
          assert.deepEqual(absent, about(type, { [name]: empty }, name), name);
        }
        planted.absent++;
      }
      for (const members of Object.values(oneofs)) {
        const needs = { path: '', message: `needs one of ${members.join(', ')}` };
        const finds = (message: object) => messageCheck(type)(message).some(each => isDeepStrictEqual(each, needs));
        assert.ok(finds({}));
        for (const member of members) assert.ok(!finds({ [member]: {} }), member);
        planted.oneofs++;
      }
    });
  }

  it('was tried', () => {
    for (const [what, count] of Object.entries(planted)) assert.ok(count > 120, `${what}: only ${count}`);
  });

  const show = (value: unknown) => JSON.stringify(value).slice(0, 80);
  const isMessage = (type: string) => fieldsOf(type) !== undefined || type.startsWith('google.protobuf.');
  const defaults: Readonly<Record<string, unknown>> = { string: '', bytes: '', bool: false };
  /** A least length of 0, and a bound that no number of JavaScript can tell from the next. */
  const harmless = (rules: NonNullable<FieldRules['value']>): boolean =>
    rules.kind === 'number'
      ? Number(rules.lte) > Number.MAX_SAFE_INTEGER
      : Object.values(rules).every(each => each === rules.kind || each === 0);
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
